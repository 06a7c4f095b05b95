"""Clients that behave badly: one clear answer each, and the server lives on."""

from __future__ import annotations

import json
import socket

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


def test_work_can_be_run_in_the_loop_of_the_stack(stack):
    assert "activities" in stack.run(stack.service.call("ListActivities", {}))
