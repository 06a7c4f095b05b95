"""Clients that behave badly: one clear answer each, and the server lives on."""

from __future__ import annotations

import json
import select
import socket
import threading

import pytest

from stepstack.api import connection, server
from stepstack.assembly import Settings, embedded_stack

from .conftest import RawClient, request


def lives(stack):
    client = RawClient(stack.port)
    client.send(request())
    status, _ = client.answer()
    client.close()
    return status == 200


def test_a_connection_is_kept_for_many_requests(connect):
    client = connect()
    for _ in range(3):
        client.send(request())
        assert client.answer()[0] == 200


def test_requests_sent_ahead_are_answered_in_order(connect):
    client = connect()
    client.send(request() + request("Nonsense") + request())
    assert [client.answer()[0] for _ in range(3)] == [200, 400, 200]


def test_requests_sent_ahead_by_a_client_that_then_closes_its_half_are_all_answered(connect):
    client = connect()
    client.send(request() + request("Nonsense") + request())
    client.end_sending()
    assert client.received().count(b"HTTP/1.1 ") == 3


def test_a_client_that_sends_ahead_and_reads_nothing_is_not_read_on(connect, stack):
    client = connect()
    requests = request() * 1000
    sent = 0
    client.socket.setblocking(False)
    while sent < 100_000_000 and select.select([], [client.socket], [], 0.5)[1]:
        sent += client.socket.send(requests[sent % len(requests) :])
    assert sent < 100_000_000
    assert lives(stack)


def test_requests_sent_ahead_in_thousands_are_all_answered(connect):
    client = connect()
    sender = threading.Thread(target=lambda: (client.send(request() * 5000), client.end_sending()))
    sender.start()
    assert client.received().count(b"HTTP/1.1 200") == 5000
    sender.join()


def test_a_client_that_closes_its_half_still_gets_its_answer(connect):
    client = connect()
    client.send(request())
    client.end_sending()
    assert b"200 OK" in client.received()


def test_a_client_that_closes_its_half_within_a_request_is_let_go(connect, stack):
    client = connect()
    client.send(request(body=b"{}      ")[:-4])
    client.end_sending()
    assert client.received() == b""
    assert lives(stack)


def test_a_worker_that_goes_away_while_it_polls_leaves_the_task_to_the_next(connect):
    client = connect()
    activity = json.loads(call(client, "CreateActivity", {"name": "polled"})[1])["activityArn"]
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": activity, "End": True}}})
    params = {"name": "polled", "definition": definition, "roleArn": "arn:aws:iam::123456789012:role/test"}
    machine = json.loads(call(client, "CreateStateMachine", params)[1])["stateMachineArn"]
    gone = connect()
    gone.send(request("GetActivityTask", json.dumps({"activityArn": activity}).encode()))
    gone.end_sending()
    assert gone.received() == b""
    call(client, "StartExecution", {"stateMachineArn": machine, "input": "[1]"})
    status, task = call(client, "GetActivityTask", {"activityArn": activity})
    assert (status, json.loads(task)["input"]) == (200, "[1]")


def call(client, operation, params):
    client.send(request(operation, json.dumps(params).encode()))
    return client.answer()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
def test_an_operation_is_called_by_post_alone(connect, method):
    client = connect()
    client.send(request().replace(b"POST", method.encode(), 1))
    received = client.received()
    assert received.startswith(b"HTTP/1.1 405")
    assert (b"is called by POST" in received) is (method != "HEAD")


@pytest.mark.parametrize("head", [b"HEAD", b"GET"])
def test_a_client_that_closes_its_half_gets_the_head_and_the_whole_body_of_its_answer(connect, head):
    client = connect()
    client.send(head + b" /_stepstack/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    client.end_sending()
    received = client.received()
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b"}") is (head == b"GET")


def test_a_client_that_expects_to_be_asked_for_its_body_gets_its_whole_answer(connect):
    client = connect()
    client.send(request("ListActivities", b"{}", b"Expect: 100-continue"))
    client.end_sending()
    received = client.received()
    assert b"100 Continue" in received
    assert received.endswith(b"}")


def test_http_1_0_is_answered_and_the_connection_closed(connect):
    client = connect()
    client.send(request().replace(b"HTTP/1.1", b"HTTP/1.0"))
    received = client.received()
    assert b"200 OK" in received
    assert b"connection: close" in received


def test_a_chunked_body_is_read(connect):
    client = connect()
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert client.answer()[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"\x00" * 100],
    ids=["no http", "tls", "version", "zeros"],
)
def test_what_is_no_http_is_refused(connect, stack, garbage):
    client = connect()
    client.send(garbage)
    assert client.received().startswith(b"HTTP/1.1 400")
    assert lives(stack)


def test_a_head_without_end_is_refused(connect, stack):
    client = connect()
    client.send(b"POST / HTTP/1.1\r\n")
    received = b""
    try:
        for number in range(2000):
            client.send(b"X-Header-%d: %s\r\n" % (number, b"x" * 100))
        received = client.received()
    except OSError:
        received = b"HTTP/1.1 400"
    assert received.startswith(b"HTTP/1.1 400")
    assert lives(stack)


def test_a_connection_that_sends_no_request_is_closed_in_time(monkeypatch):
    monkeypatch.setattr(connection, "HEAD_DEADLINE_SECONDS", 0.05)
    with embedded_stack(Settings.from_environment({}), with_services=False) as stack:
        silent, slow = RawClient(stack.port), RawClient(stack.port)
        slow.send(b"POST / HTTP/1.1\r\nHost:")
        assert silent.received() == slow.received() == b""
        silent.close()
        slow.close()


def test_a_body_larger_than_allowed_is_refused_before_it_is_sent(connect, stack):
    client = connect()
    client.send(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nContent-Length: 99999999\r\n\r\n")
    assert client.received().startswith(b"HTTP/1.1 413")
    assert lives(stack)


CHUNKED = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSStepFunctions.ListActivities\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        CHUNKED + b"\r\nzz\r\n{}",
        CHUNKED + b"\r\n" + b"f" * 20 + b"\r\n{}",
        CHUNKED + b"Content-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        request("ListActivities", b"{}", b"Content-Length: 3"),
        request().replace(b"Content-Length: 2", b"Content-Length: -2"),
        b"GET / HTTP/1.1\nHost: 127.0.0.1\n\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: \x00\r\n\r\n",
    ],
    ids=["chunk size", "huge chunk", "length and chunks", "two lengths", "negative length", "line feeds", "nul"],
)
def test_a_head_or_a_body_that_is_ambiguous_is_refused(connect, stack, wrong):
    client = connect()
    client.send(wrong)
    assert client.received().startswith(b"HTTP/1.1 400")
    assert lives(stack)


def test_chunks_without_end_are_refused_when_they_are_too_many(connect, stack):
    client = connect()
    client.send(CHUNKED + b"\r\n")
    received = b""
    try:
        for _ in range(200):
            client.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        received = client.received()
    except OSError:
        received = b"HTTP/1.1 413"
    assert received.startswith(b"HTTP/1.1 413")
    assert lives(stack)


DEPTH = 100_000
DEEP = "[" * DEPTH + "]" * DEPTH
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
ROLE = "arn:aws:iam::123456789012:role/test"


def jsonata(expression):
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": {"Type": "Pass", "Output": expression, "End": True}}})


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        (DEEP, "TOO_DEEPLY_NESTED"),
        (json.dumps(PASS).replace("true", DEEP), "TOO_DEEPLY_NESTED"),
        (jsonata(json.loads("[" * 300 + '"{% 1 %}"' + "]" * 300)), "SCHEMA_VALIDATION_FAILED"),
        (jsonata("{% " + "(" * 40_000 + "1" + ")" * 40_000 + " %}"), "INVALID_JSONATA_EXPRESSION"),
        (json.dumps(PASS).replace("{", '{"TimeoutSeconds": 1e400, ', 1), "SCHEMA_VALIDATION_FAILED"),
        ("x" * 1_048_576, "INVALID_JSON_DESCRIPTION"),
    ],
    ids=["deep", "deep member", "deep template", "deep expression", "infinite", "one long word"],
)
def test_a_definition_that_is_too_much_is_refused_in_a_few_words(connect, definition, code):
    client = connect()
    status, answer = call(client, "CreateStateMachine", {"name": "too-much", "definition": definition, "roleArn": ROLE})
    assert (status, code in answer.decode()) == (400, True)
    assert len(answer) < 2000


@pytest.mark.parametrize("text", [DEEP, "1e400", "9" * 5000, "{"], ids=["deep", "infinite", "digits", "half"])
def test_an_input_or_an_output_that_is_too_much_is_refused(connect, text):
    client = connect()
    machine = json.loads(call(client, "CreateStateMachine", {"name": "pass", "definition": json.dumps(PASS), "roleArn": ROLE})[1])
    status, answer = call(client, "StartExecution", {"stateMachineArn": machine["stateMachineArn"], "input": text})
    assert (status, "InvalidExecutionInput" in answer.decode()) == (400, True)
    status, answer = call(client, "SendTaskSuccess", {"taskToken": "x", "output": text})
    assert (status, json.loads(answer)["__type"].rpartition("#")[2] in {"InvalidOutput", "InvalidToken"}) == (400, True)


def test_others_are_answered_while_an_expression_does_not_end(connect, monkeypatch):
    monkeypatch.setattr("stepstack.query.time_bound.PATIENCE_SECONDS", 0.01)
    client, other = connect(), connect()
    definition = jsonata("{% ($f := function($n) { $f($n) }; $f(1)) %}")
    machine = json.loads(call(client, "CreateStateMachine", {"name": "endless", "definition": definition, "roleArn": ROLE})[1])
    execution = json.loads(call(client, "StartExecution", {"stateMachineArn": machine["stateMachineArn"]})[1])
    assert call(other, "ListActivities", {})[0] == 200
    status, answer = call(other, "StopExecution", {"executionArn": execution["executionArn"]})
    assert status == 200, answer
    described = json.loads(call(other, "DescribeExecution", {"executionArn": execution["executionArn"]})[1])
    assert described["status"] == "ABORTED"


def test_beyond_the_limit_the_longest_idle_connection_makes_room(monkeypatch):
    monkeypatch.setattr(server, "connection_limit", lambda: 5)
    with embedded_stack(Settings.from_environment({}), with_services=False) as stack:
        clients = [RawClient(stack.port) for _ in range(20)]
        clients[-1].send(request())
        assert clients[-1].answer()[0] == 200
        assert clients[0].received() == b""
        for client in clients:
            client.close()


def test_a_stack_that_is_closed_frees_its_port_and_may_be_closed_twice():
    stack = embedded_stack(Settings.from_environment({}), with_services=False)
    stack.close()
    stack.close()
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", stack.port))


def test_requests_under_way_at_the_end_are_cut_off_without_a_word(monkeypatch, caplog):
    """A worker that polls, and a client that waits for an execution."""
    monkeypatch.setattr(server, "SHUTDOWN_SECONDS", 0.05)
    definition = json.dumps({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1000, "End": True}}})
    with embedded_stack(Settings.from_environment({}), with_services=False) as stack:
        call = stack.service.call
        activity = stack.run(call("CreateActivity", {"name": "poll"}))["activityArn"]
        role = "arn:aws:iam::123456789012:role/r"
        machine = stack.run(call("CreateStateMachine", {"name": "wait", "type": "EXPRESS", "definition": definition, "roleArn": role}))
        polling, waiting = RawClient(stack.port), RawClient(stack.port)
        polling.send(request("GetActivityTask", json.dumps({"activityArn": activity}).encode()))
        waiting.send(request("StartSyncExecution", json.dumps({"stateMachineArn": machine["stateMachineArn"]}).encode()))
        assert lives(stack)
    assert (polling.received(), waiting.received()) == (b"", b"")
    assert caplog.records == []
    polling.close()
    waiting.close()


def test_work_can_be_run_in_the_loop_of_the_stack(stack):
    assert "activities" in stack.run(stack.service.call("ListActivities", {}))
