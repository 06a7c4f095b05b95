"""The router of invocations: who listens, who is reached, what is refused, how it ends."""

from __future__ import annotations

import http.client
import json
import socket
import threading

import pytest

from stepstack.errors import StackError
from stepstack.stacks.lambda_router import LambdaPlace, RouterMember

HOST = "127.0.0.1"
INVOKE = "/2015-03-31/functions/{}/invocations"


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture
def members(port):
    """Makes members of one run: `members("gw0", url)`; all of them leave in the end, the router last."""
    made = []

    def member(worker, url="http://127.0.0.1:1", run="s"):
        made.append(RouterMember(LambdaPlace(port, worker, run), HOST, url))
        return made[-1]

    yield member
    for one in reversed(made):
        one.leave(seconds=0)


def ask(port, method, path, body=b"{}", **headers):
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def invoke(port, name, body=b"{}", **headers):
    return ask(port, "POST", INVOKE.format(name), body, **headers)


def test_a_function_is_found_by_its_alias(port, members, answering):
    members("gw0", answering((200, b'"from gw0"'))).join()
    members("gw1", answering((200, b'"from gw1"'))).join()

    assert invoke(port, "price:gw0")[2] == b'"from gw0"'
    assert invoke(port, "price%3Agw1")[2] == b'"from gw1"'
    assert invoke(port, "arn:aws:lambda:us-east-1:123456789012:function:price:gw1")[2] == b'"from gw1"'


def test_a_process_alone_gets_every_function(port, members, answering):
    members("main", answering((200, b'"mine"'))).join()

    assert invoke(port, "price")[2] == b'"mine"'
    assert invoke(port, "price:live")[2] == b'"mine"'


def test_among_several_a_name_without_an_alias_is_refused_and_says_what_to_do(port, members):
    members("gw0").join()

    status, headers, body = invoke(port, "price")

    assert (status, headers["x-amzn-ErrorType"]) == (404, "ResourceNotFoundException")
    assert json.loads(body)["Message"].endswith("name this one by its ARN, lambda_functions['price'])")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/2015-03-31/functions"),
        ("POST", "/"),
        ("PUT", "/2015-03-31/functions/price/code"),
        ("DELETE", "/2015-03-31/functions/price"),
    ],
    ids=["CreateFunction", "other services", "UpdateFunctionCode", "DeleteFunction"],
)
def test_nothing_but_invocations_is_passed_on(port, members, answering, method, path):
    members("main", answering((200, b'"passed on"'))).join()

    assert ask(port, method, path)[0] == 404


@pytest.mark.parametrize("headers", [{"Origin": "http://example.com"}, {"Sec_Fetch_Site": "cross-site"}], ids=["Origin", "Sec-Fetch-Site"])
def test_web_pages_are_turned_away(port, members, answering, headers):
    members("main", answering((200, b'"passed on"'))).join()

    assert invoke(port, "price", **headers)[0] == 403


def test_a_body_of_unknown_or_great_length_is_refused(port, members):
    members("main").join()

    # Only the heads are sent: whoever still sends when the router hangs up may not see its answer.
    assert invoke(port, "price", body=None, Transfer_Encoding="chunked")[0] == 411
    assert invoke(port, "price", body=None, Content_Length=str(8 * 1024 * 1024))[0] == 413


def test_a_process_that_does_not_answer_is_told(port, members, unused_url):
    members("gw0", unused_url).join()

    status, _, body = invoke(port, "price:gw0")

    assert status == 502
    assert b"the process that has price:gw0 does not answer" in body


def test_another_runs_member_is_not_taken_in(port, members):
    members("gw0").join()

    with pytest.raises(StackError, match="another test run, or another program, listens there"):
        members("gw0", run="another").join()


def test_another_program_at_the_port_is_told(members, answering, port):
    url = answering((404, b"no"))
    member = RouterMember(LambdaPlace(int(url.rpartition(":")[2])), HOST, "http://127.0.0.1:1")

    with pytest.raises(StackError, match="another test run, or another program, listens there"):
        member.join()


def test_an_address_that_is_not_this_machines_is_told(port):
    member = RouterMember(LambdaPlace(port), "192.0.2.77", "http://127.0.0.1:1")

    with pytest.raises(StackError, match=r"functions cannot be served at 192.0.2.77.*set STEPSTACK_LAMBDA_HOST"):
        member.join()


def test_the_router_stays_until_the_others_have_left(port, members, answering):
    first, second = members("gw0"), members("gw1", answering((200, b'"still there"')))
    first.join()
    second.join()
    leaving = threading.Thread(target=first.leave)
    leaving.start()

    assert invoke(port, "price:gw1")[2] == b'"still there"'
    second.leave()
    leaving.join(10)

    assert not leaving.is_alive()
    with pytest.raises(OSError, match="refused"):
        invoke(port, "price:gw1")


def test_a_member_that_was_killed_is_not_waited_for(port, members, unused_url):
    router = members("gw0")
    router.join()
    members("gw1", unused_url).join()

    router.leave(seconds=60)

    with pytest.raises(OSError, match="refused"):
        invoke(port, "price:gw1")


def test_whoever_comes_after_the_router_is_the_next_one(port, members, answering):
    first = members("gw0")
    first.join()
    first.leave()
    members("gw1", answering((200, b'"next"'))).join()

    assert invoke(port, "price:gw1")[2] == b'"next"'


def dropped_invocation(port):
    with pytest.raises((OSError, http.client.HTTPException)):
        invoke(port, "price")


def test_invocations_under_way_are_dropped_at_the_end(port, members):
    """A function that never answers keeps no thread of the router."""
    with socket.create_server((HOST, 0)) as silent:
        router = members("main", f"http://{HOST}:{silent.getsockname()[1]}")
        router.join()
        under_way = threading.Thread(target=dropped_invocation, args=(port,))
        under_way.start()
        connection, _ = silent.accept()
        connection.recv(1)

        router.leave()
        under_way.join(10)
        connection.close()

    assert not [thread for thread in threading.enumerate() if "lambda-router" in thread.name]
    assert not under_way.is_alive()
