import asyncio
import json

import pytest

from stepstack.clock import Clock
from stepstack.errors import ServiceError, StorageError
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.interpreter.ports import TaskFailed

CHILD = "arn:aws:states:us-east-1:123456789012:execution:child:e2"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:child"
STARTED = {"executionArn": CHILD, "startDate": 1745486528.077}


def description(status, **members):
    return {
        "executionArn": CHILD,
        "stateMachineArn": MACHINE,
        "name": "e2",
        "status": status,
        "startDate": 1745486528.077,
        "stopDate": 1745486528.078,
        "input": '{"a":1}',
        "inputDetails": {"included": True},
        **members,
    }


class OwnStepFunctions:
    """Stands for our own Step Functions: remembers what it is asked; an execution ends when it is told."""

    def __init__(self, described=None):
        self.described = described
        self.asked = []
        self.ended = asyncio.Event()

    async def call(self, operation, params, *, timeline=None):
        self.asked.append((operation, dict(params), timeline))
        if operation == "DescribeExecution":
            return self.described
        if operation == "SendTaskSuccess":
            raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
        return STARTED

    async def execution_ended(self, execution_arn):
        assert execution_arn == CHILD
        await self.ended.wait()


def run_to_the_end(task_call, name, described):
    async def scenario():
        own = OwnStepFunctions(described)
        integrations = Integrations(Endpoints(step_functions=own))
        call = task_call(name, {"StateMachineArn": MACHINE, "Input": {"a": 1}})
        submitted = await integrations.request(call)
        own.ended.set()
        with call.timeline.working():
            try:
                return submitted, await integrations.completion(call, submitted), own, call
            except TaskFailed as failed:
                return submitted, failed.failure, own, call

    return asyncio.run(scenario())


def test_an_execution_is_started_with_its_input_as_text_and_time_of_its_own(task_call):
    async def scenario():
        own = OwnStepFunctions()
        integrations = Integrations(Endpoints(step_functions=own))
        answer = await integrations.request(
            task_call("states:startExecution", {"StateMachineArn": MACHINE, "Input": {"a": [1]}, "Name": None})
        )
        assert own.asked == [("StartExecution", {"stateMachineArn": MACHINE, "input": '{"a":[1]}'}, None)]
        return answer

    answer = asyncio.run(scenario())
    assert (answer["ExecutionArn"], answer["StartDate"]) == (CHILD, 1745486528077)
    wire = f'{{"executionArn":"{CHILD}","startDate":1.745486528077E9}}'
    assert answer["SdkHttpMetadata"]["HttpHeaders"]["Content-Length"] == str(len(wire))


def test_an_awaited_execution_shares_its_parents_time_and_answers_its_description(task_call):
    described = description("SUCCEEDED", output='{"b":2}', outputDetails={"included": True})
    submitted, answer, own, call = run_to_the_end(task_call, "states:startExecution.sync", described)
    assert own.asked[0][2] is call.timeline
    assert submitted["ExecutionArn"] == CHILD
    assert answer == {
        "ExecutionArn": CHILD,
        "Input": '{"a":1}',
        "InputDetails": {"Included": True},
        "Name": "e2",
        "Output": '{"b":2}',
        "OutputDetails": {"Included": True},
        "StartDate": 1745486528077,
        "StateMachineArn": MACHINE,
        "Status": "SUCCEEDED",
        "StopDate": 1745486528078,
    }


def test_the_second_version_answers_json_for_input_and_output(task_call):
    _, answer, _, _ = run_to_the_end(task_call, "states:startExecution.sync:2", description("SUCCEEDED", output="[2]"))
    assert (answer["Input"], answer["Output"]) == ({"a": 1}, [2])


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_execution_that_does_not_succeed_fails_the_task_with_its_description(task_call, status):
    _, failure, _, _ = run_to_the_end(task_call, "states:startExecution.sync", description(status, error="Declined", cause="No."))
    assert failure.error_name == "States.TaskFailed"
    cause = json.loads(failure.cause)
    assert (cause["Status"], cause["Error"], cause["Cause"], cause["Input"]) == (status, "Declined", "No.", '{"a":1}')
    assert list(cause) == sorted(cause)


def test_a_stopped_execution_stops_the_one_that_it_awaits(task_call):
    async def scenario():
        own = OwnStepFunctions()
        integrations = Integrations(Endpoints(step_functions=own))
        await integrations.abandon(task_call("states:startExecution.sync", {"StateMachineArn": MACHINE}), {"ExecutionArn": CHILD})
        return own.asked

    assert asyncio.run(scenario()) == [("StopExecution", {"executionArn": CHILD}, None)]


def test_step_functions_behind_a_url_are_polled_until_the_execution_has_ended(local_server, task_call):
    statuses = ["RUNNING", "RUNNING", "SUCCEEDED"]

    def answer(request):
        return (200, STARTED) if request.operation == "StartExecution" else (200, description(statuses.pop(0), output="{}"))

    async def scenario():
        async with local_server(answer) as server:
            integrations = Integrations(Endpoints(urls={"stepfunctions": server.url}, step_functions=OwnStepFunctions()))
            call = task_call("states:startExecution.sync:2", {"StateMachineArn": MACHINE})
            submitted = await integrations.request(call)
            with call.timeline.working():
                result = await integrations.completion(call, submitted)
            await integrations.close()
            return result, server.requests

    result, requests = asyncio.run(scenario())
    assert (result["Status"], result["Output"]) == ("SUCCEEDED", {})
    assert [request.operation for request in requests] == ["StartExecution", *["DescribeExecution"] * 3]
    assert requests[1].json == {"executionArn": CHILD}


def test_polling_somebody_else_does_not_move_a_skipping_clock(local_server, task_call):
    statuses = ["RUNNING", "SUCCEEDED"]

    async def scenario():
        timeline = Clock(asyncio.get_running_loop(), 0).timeline()
        fired = []
        async with local_server(lambda _request: (200, description(statuses.pop(0)))) as server:
            integrations = Integrations(Endpoints(urls={"stepfunctions": server.url}))
            call = task_call("states:startExecution.sync", {"StateMachineArn": MACHINE}, timeline=timeline)
            with timeline.working():
                timer = timeline.call_later(3600, lambda: fired.append("timeout"))
                await integrations.completion(call, {"ExecutionArn": CHILD})
                timer.cancel()
            await integrations.close()
        return fired

    assert asyncio.run(scenario()) == []


def test_sdk_tasks_reach_every_operation_of_our_own_step_functions(task_call):
    async def scenario():
        integrations = Integrations(Endpoints(step_functions=OwnStepFunctions(description("RUNNING"))))
        described = await integrations.request(task_call("aws-sdk:sfn:describeExecution", {"ExecutionArn": CHILD}))
        with pytest.raises(TaskFailed) as failed:
            await integrations.request(task_call("aws-sdk:sfn:sendTaskSuccess", {"TaskToken": "t", "Output": "{}"}))
        return described, failed.value.failure

    described, failure = asyncio.run(scenario())
    assert described["StartDate"] == "2025-04-24T09:22:08.077Z"
    assert failure.error_name == "Sfn.InvalidTokenException"
    assert failure.cause.startswith("Invalid Token: 'Invalid token' (Service: Sfn, Status Code: 400, Request ID: ")
    assert failure.cause.endswith(") (SDK Attempt Count: 1)")


@pytest.mark.parametrize("operation", ["getActivityTask", "startSyncExecution"])
def test_while_an_sdk_task_waits_for_others_a_skipping_clock_moves_on(task_call, operation):
    """Another execution's wait of an hour ends what the task waits for."""

    async def scenario():
        clock = Clock(asyncio.get_running_loop(), 0)
        own = OwnStepFunctions()
        answered = asyncio.Event()

        async def call(*_, **__):
            await answered.wait()
            return {}

        own.call = call
        other, timeline = clock.timeline(), clock.timeline()
        other.call_later(3600, answered.set)
        integrations = Integrations(Endpoints(step_functions=own))
        parameters = {"ActivityArn": "a"} if operation == "getActivityTask" else {"StateMachineArn": MACHINE}
        with timeline.working():
            await asyncio.wait_for(integrations.request(task_call(f"aws-sdk:sfn:{operation}", parameters, timeline=timeline)), 5)

    asyncio.run(scenario())


def test_while_a_queue_is_polled_a_skipping_clock_moves_on(task_call):
    async def scenario():
        clock = Clock(asyncio.get_running_loop(), 0)
        arrived = asyncio.Event()

        async def queue(_service, _operation, _params):
            await arrived.wait()
            return {"Messages": []}

        other, timeline = clock.timeline(), clock.timeline()
        other.call_later(3600, arrived.set)
        integrations = Integrations(Endpoints(in_process={"sqs": queue}))
        call = task_call("aws-sdk:sqs:receiveMessage", {"QueueUrl": "http://127.0.0.1/1/q", "WaitTimeSeconds": 20}, timeline=timeline)
        with timeline.working():
            await asyncio.wait_for(integrations.request(call), 5)

    asyncio.run(scenario())


def test_an_execution_that_cannot_be_kept_fails_the_task_that_starts_it(task_call):
    class Full(OwnStepFunctions):
        async def call(self, operation, params, *, timeline=None):
            raise StorageError("the disk is full")

    async def scenario():
        integrations = Integrations(Endpoints(step_functions=Full()))
        with pytest.raises(TaskFailed) as failed:
            await integrations.request(task_call("states:startExecution.sync", {"StateMachineArn": MACHINE}))
        return failed.value.failure

    failure = asyncio.run(scenario())
    assert failure.error_name == "StepFunctions.AWSStepFunctionsException"
    assert failure.cause.startswith("the disk is full (Service: AWSStepFunctions; Status Code: 500; Error Code: InternalServerError; ")
