"""Activities, their workers, and task tokens."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.service import activities


def activity_machine(arn):
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": arn, "TimeoutSeconds": 60, "End": True}}})


@pytest.fixture
def waiting(call):
    """An execution that awaits a worker: the activity's ARN and the execution's."""
    activity = call("CreateActivity", name="act")["activityArn"]
    machine = call.machine(definition=activity_machine(activity))["stateMachineArn"]
    return activity, call("StartExecution", stateMachineArn=machine, input='{"a":1}')["executionArn"]


def test_creating_an_activity_again_answers_the_same(call):
    first = call("CreateActivity", name="act")
    assert call("CreateActivity", name="act") == first
    described = call("DescribeActivity", activityArn=first["activityArn"])
    assert described == {**first, "name": "act", "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}


def test_a_deleted_activity_is_gone(call):
    arn = call("CreateActivity", name="act")["activityArn"]
    assert call("DeleteActivity", activityArn=arn) == call("DeleteActivity", activityArn=arn) == {}
    assert call.refusal("DescribeActivity", activityArn=arn).message == f"Activity Does Not Exist: '{arn}'"


def test_a_worker_gets_the_input_and_its_output_ends_the_task(call, waiting):
    activity, execution = waiting
    task = call("GetActivityTask", activityArn=activity, workerName="me")
    assert task["input"] == '{"a":1}'
    assert call("SendTaskHeartbeat", taskToken=task["taskToken"]) == {}
    assert call("SendTaskSuccess", taskToken=task["taskToken"], output='{"b":2}') == {}
    call.run(call.service.execution_ended(execution))
    assert call("DescribeExecution", executionArn=execution)["output"] == '{"b":2}'


def test_a_worker_that_fails_its_task_fails_the_state(call, waiting):
    activity, execution = waiting
    token = call("GetActivityTask", activityArn=activity)["taskToken"]
    call("SendTaskFailure", taskToken=token, error="Tired", cause="of work")
    call.run(call.service.execution_ended(execution))
    described = call("DescribeExecution", executionArn=execution)
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Tired", "of work")


def test_a_worker_that_polls_first_is_woken_by_the_task(call):
    activity = call("CreateActivity", name="act")["activityArn"]
    machine = call.machine(definition=activity_machine(activity))["stateMachineArn"]

    async def both():
        poll = asyncio.ensure_future(call.service.call("GetActivityTask", {"activityArn": activity}))
        await asyncio.sleep(0)
        await call.service.call("StartExecution", {"stateMachineArn": machine, "input": "[]"})
        return await poll

    assert call.run(both())["input"] == "[]"


def test_a_poll_ends_without_a_task_after_a_while(call, monkeypatch):
    monkeypatch.setattr(activities, "POLL_SECONDS", 0.01)
    activity = call("CreateActivity", name="act")["activityArn"]
    assert call("GetActivityTask", activityArn=activity) == {}
    assert call.service.activity_tasks._workers == {}


def test_a_task_goes_to_the_next_worker_when_the_first_is_gone(call):
    activity = call("CreateActivity", name="act")["activityArn"]
    machine = call.machine(definition=activity_machine(activity))["stateMachineArn"]

    async def first_goes_away():
        first = asyncio.ensure_future(call.service.call("GetActivityTask", {"activityArn": activity}))
        second = asyncio.ensure_future(call.service.call("GetActivityTask", {"activityArn": activity}))
        await asyncio.sleep(0)
        first.cancel()
        await call.service.call("StartExecution", {"stateMachineArn": machine})
        return await second

    assert call.run(first_goes_away())["input"] == "{}"
    assert call.service.activity_tasks._workers == {}


def test_the_task_of_a_stopped_execution_is_withdrawn(call, waiting, monkeypatch):
    monkeypatch.setattr(activities, "POLL_SECONDS", 0.01)
    activity, execution = waiting
    call.run(asyncio.sleep(0))
    call("StopExecution", executionArn=execution)
    call.run(asyncio.sleep(0))
    assert call("GetActivityTask", activityArn=activity) == {}


def test_tasks_that_nobody_polled_for_do_not_pile_up(call, waiting):
    activity, execution = waiting
    machine = call("DescribeExecution", executionArn=execution)["stateMachineArn"]
    for _ in range(5):
        call.run(asyncio.sleep(0))
        call("StopExecution", executionArn=execution)
        call.run(asyncio.sleep(0))
        execution = call("StartExecution", stateMachineArn=machine)["executionArn"]
    call.run(asyncio.sleep(0))
    assert len(call.service.activity_tasks._waiting[activity]) == 1
    assert call("GetActivityTask", activityArn=activity)["input"] == "{}"


@pytest.mark.parametrize("operation", ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"])
def test_a_token_that_never_was_is_told_from_one_that_is_over(call, waiting, operation):
    params = {"output": "{}"} if operation == "SendTaskSuccess" else {}
    token = call("GetActivityTask", activityArn=waiting[0])["taskToken"]
    call("SendTaskSuccess", taskToken=token, output="{}")
    assert call.refusal(operation, taskToken="none", **params).error_code == "InvalidToken"
    assert call.refusal(operation, taskToken=token, **params).error_code == "TaskTimedOut"


def test_an_output_that_is_no_json_is_refused_and_the_task_goes_on(call, waiting):
    token = call("GetActivityTask", activityArn=waiting[0])["taskToken"]
    refusal = call.refusal("SendTaskSuccess", taskToken=token, output="{")
    assert refusal.error_code == "InvalidOutput"
    assert call("SendTaskSuccess", taskToken=token, output="{}") == {}


def test_a_wrong_token_is_told_before_a_wrong_output(call):
    assert call.refusal("SendTaskSuccess", taskToken="none", output="{").error_code == "InvalidToken"


def test_tags_are_added_replaced_removed_and_listed(call):
    arn = call("CreateActivity", name="act", tags=[{"key": "a", "value": "1"}])["activityArn"]
    call("TagResource", resourceArn=arn, tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "3"}])
    assert call("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "a", "value": "3"}, {"key": "b", "value": "2"}]
    call("UntagResource", resourceArn=arn, tagKeys=["a", "none"])
    assert call("ListTagsForResource", resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]


def test_what_does_not_exist_cannot_be_tagged(call):
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
    refusal = call.refusal("TagResource", resourceArn=arn, tags=[])
    assert (refusal.error_code, refusal.message) == ("ResourceNotFound", f"Resource not found: '{arn}'")
    assert refusal.members == {"resourceName": arn}
