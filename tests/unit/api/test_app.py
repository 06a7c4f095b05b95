"""Requests in, responses and AWS's errors out."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from stepstack.api import body

from .conftest import PASS, ROLE


def test_an_operation_answers_aws_json_with_a_request_id(browser):
    answer = browser.call("CreateStateMachine", {"name": "m", "definition": PASS, "roleArn": ROLE})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-amzn-requestid"])
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert isinstance(answer.value["creationDate"], float)


def test_an_error_of_the_service_has_its_type_and_message(browser):
    answer = browser.call("DescribeStateMachine", {"stateMachineArn": "nonsense"})
    assert answer.status == 400
    assert answer.value["__type"] == "com.amazonaws.swf.service.v2.model#InvalidArn"
    assert answer.value["message"] == "Invalid Arn: 'Invalid ARN prefix: nonsense'"


@pytest.mark.parametrize(
    "text",
    [b"nonsense", b"[]", b'"a"', b"\xff\xfe{}", b"[" * 100_000, b'{"a": NaN}', b'{"maxResults": ' + b"9" * 5000 + b"}"],
    ids=["word", "array", "string", "no utf-8", "deep", "nan", "huge number"],
)
def test_a_body_that_is_no_json_object_is_a_serialization_exception(browser, text):
    answer = browser.call("ListStateMachines", text=text)
    assert answer.status == 400
    assert answer.error[0] == "SerializationException"


def test_an_empty_body_is_an_empty_object(browser):
    assert browser.call("ListStateMachines", text=b"").value == {"stateMachines": []}


def test_an_unknown_operation_is_told(browser):
    assert browser.call("MakeCoffee").error == ("UnknownOperationException", "Step Functions has no operation 'MakeCoffee'")


@pytest.mark.parametrize("path", ["/execute-api/abc/Prod/a", "/lambda-url/abc/"])
def test_a_web_page_may_call_a_deployed_api_and_nothing_else_by_its_path(make_browser, path):
    async def fallback(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": b"an api"})

    browser = make_browser(fallback)
    page = {"origin": "https://shop.example", "x-amz-target": "AWSStepFunctions.ListStateMachines"}
    assert browser.request(path=path, headers=page).body == b"an api"
    for other in ("/", "/bucket", path.replace("-", "%2D"), f"/x{path}"):
        assert browser.request(path=other, headers=page).status == 403
    assert browser.request(path=path, headers={**page, "host": "attacker.example"}).status == 403


def test_another_services_request_goes_to_the_fallback(make_browser):
    async def fallback(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    browser = make_browser(fallback)
    answer = browser.request(path="/bucket", headers={"x-amz-target": "DynamoDB_20120810.ListTables"})
    assert (answer.status, answer.body) == (201, b"/bucket")


@pytest.mark.parametrize("headers", [{"x-amz-target": "DynamoDB_20120810.ListTables"}, {}], ids=["another service", "no target"])
def test_without_a_fallback_another_services_request_is_refused(browser, headers):
    assert browser.request(headers=headers).status == 400


def test_a_fault_of_ours_is_an_internal_error_and_the_next_request_is_answered(browser, monkeypatch, caplog):
    async def broken(operation, params):
        raise KeyError(operation)

    with monkeypatch.context() as patched:
        patched.setattr(browser.service, "call", broken)
        answer = browser.call("ListStateMachines")
    assert (answer.status, answer.error[0]) == (500, "InternalServerError")
    assert "ListStateMachines failed" in caplog.text
    assert browser.call("ListStateMachines").status == 200


def test_a_body_in_pieces_is_put_together(browser):
    parts = [b'{"max', b'Results"', b": 3}"]
    answer = browser.request(headers={"x-amz-target": "AWSStepFunctions.ListStateMachines"}, parts=parts)
    assert answer.value == {"stateMachines": []}


def test_a_body_over_the_limit_is_refused_before_and_while_it_is_read(browser, monkeypatch):
    target = {"x-amz-target": "AWSStepFunctions.ListStateMachines"}
    announced = browser.request(headers={**target, "content-length": str(body.BODY_LIMIT_BYTES + 1)})
    arriving = browser.request(headers=target, parts=[b" " * (body.BODY_LIMIT_BYTES // 2)] * 3)
    assert [announced.status, arriving.status] == [413, 413]
    assert announced.headers["connection"] == arriving.headers["connection"] == "close"


def test_a_body_that_does_not_arrive_in_time_is_refused():
    async def silent():
        await asyncio.Event().wait()

    async def read():
        with pytest.raises(body.BodyError) as caught:
            await body.read_body(silent, None, deadline_seconds=0.01)
        return caught.value.status

    assert asyncio.run(read()) == 408


def test_a_client_that_leaves_within_its_body_is_not_answered(browser):
    assert browser.request(headers={"x-amz-target": "AWSStepFunctions.ListStateMachines"}, parts=[b"{"], leaves=True) is None


def test_a_poll_for_a_task_ends_when_its_client_leaves(browser):
    arn = browser.call("CreateActivity", {"name": "act"}).value["activityArn"]
    headers = {"x-amz-target": "AWSStepFunctions.GetActivityTask"}
    assert browser.request(headers=headers, body=json.dumps({"activityArn": arn}).encode(), hangs_up=True) is None
    assert not any(browser.service.activity_tasks._workers.values())


def test_health_answers_and_takes_no_post(browser):
    assert browser.request("GET", "/_stepstack/health").value["status"] == "ok"
    assert browser.request("HEAD", "/_stepstack/health").body == b""
    assert browser.request("POST", "/_stepstack/health").status == 405


def test_reset_forgets_everything_here_and_in_the_other_services(make_browser):
    resets = []

    async def reset():
        resets.append(1)

    browser = make_browser(reset=reset)
    browser.call("CreateActivity", {"name": "act"})
    assert browser.request("POST", "/_stepstack/reset").status == 200
    assert browser.call("ListActivities").value == {"activities": []}
    assert resets == [1]
    assert browser.request("GET", "/_stepstack/reset").status == 405


def test_a_path_of_ours_that_is_not_there_is_told(browser):
    assert browser.request("GET", "/_stepstack/none").status == 404


def test_answers_hold_any_text_that_json_can(browser):
    arn = browser.call("CreateStateMachine", {"name": "m", "definition": PASS, "roleArn": ROLE}).value["stateMachineArn"]
    started = browser.call("StartExecution", {"stateMachineArn": arn, "input": '"\ud800 \u00e9"'}).value
    described = browser.call("DescribeExecution", {"executionArn": started["executionArn"]})
    assert described.value["input"] == '"\ud800 \u00e9"'


def test_the_lifespan_protocol_is_answered(browser):
    sent = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message["type"])

    browser.loop.run_until_complete(browser.app({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
