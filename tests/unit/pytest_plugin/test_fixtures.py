"""Every fixture, many times over, beside each other and in any order: what one test makes must not be seen by another, nor be left."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.testing import Raises

NUMBERS = range(4)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:price"


def task(resource, parameters=None, **fields):
    return {"Type": "Task", "Resource": resource, **({} if parameters is None else {"Parameters": parameters}), "End": True, **fields}


def machine(**states):
    return {"StartAt": next(iter(states)), "States": states}


@pytest.fixture(scope="module")
def shared_table(module_dynamodb_table):
    return module_dynamodb_table(items=[{"Id": "shared", "N": 1}])


@pytest.fixture(scope="module")
def shared_machine(module_state_machine, shared_table):
    key = {"Id": {"S": "shared"}}
    return module_state_machine(machine(Read=task("arn:aws:states:::dynamodb:getItem", {"TableName": shared_table.name, "Key": key})))


@pytest.fixture(scope="session")
def session_machine(session_state_machine):
    return session_state_machine(machine(Echo={"Type": "Pass", "End": True}))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_table_is_this_tests_alone(dynamodb_table, state_machine, number):
    table = dynamodb_table(items=[{"Id": "same", "N": number}])
    read = task("arn:aws:states:::dynamodb:getItem", {"TableName": table.name, "Key": {"Id": {"S": "same"}}})

    assert state_machine(machine(Read=read)).run().output["Item"]["N"] == {"N": str(number)}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_mock_is_this_tests_alone(state_machine, mock_task, number):
    mock = mock_task("Call", answers=[Raises("Busy"), number])
    call = task(FUNCTION, Retry=[{"ErrorEquals": ["Busy"], "IntervalSeconds": 10}])

    assert state_machine(machine(Call=call)).run({"n": number}).output == number
    mock.assert_calls([{"n": number}] * 2)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_function_is_this_tests_alone(state_machine, lambda_functions, number, is_async):
    async def later(event, _context):
        await asyncio.sleep(0)
        return [event, number]

    lambda_functions(price=later if is_async else lambda event, _context: [event, number])

    assert state_machine(machine(Call=task(FUNCTION))).run("1").output == [1, number]


@pytest.mark.parametrize("number", NUMBERS)
def test_time_stands_still_for_this_test_alone(state_machine, clock, number):
    with clock.frozen():
        execution = state_machine(machine(Wait={"Type": "Wait", "Seconds": 3600 + number, "End": True})).start()
        execution.wait_for_event("WaitStateEntered")
        clock.advance(3599)
        assert execution.status == "RUNNING"
        clock.advance(1 + number)
    execution.wait().succeeded()


@pytest.mark.parametrize("number", NUMBERS)
def test_what_still_runs_is_stopped(state_machine, number):
    """Nobody fetches the activity's task: the execution would run for ever."""
    waiting = task("arn:aws:states:::sqs:sendMessage.waitForTaskToken", {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"})
    made = state_machine(machine(Side={"Type": "Wait", "Seconds": number, "Next": "Ask"}, Ask=waiting), label=f"waits-{number}")

    assert made.start().name.startswith("stepstack-")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_branch_that_fails_leaves_none_behind(state_machine, lambda_functions, number):
    def price(_event, _context):
        raise ValueError(number)

    lambda_functions(price=price)
    waits = machine(Wait={"Type": "Wait", "Seconds": 10**6, "End": True})
    branches = {"Type": "Parallel", "Branches": [waits, machine(Call=task(FUNCTION))], "End": True}

    state_machine(machine(Both=branches)).run().failed("ValueError")


@pytest.mark.parametrize("number", NUMBERS)
def test_one_state_alone(state_machine, number):
    made = state_machine(machine(Add={"Type": "Pass", "Parameters": {"n.$": f"States.MathAdd($.n, {number})"}, "End": True}))

    assert made.test_state("Add", {"n": 1}).succeeded().output == {"n": 1 + number}


@pytest.mark.parametrize("number", NUMBERS)
def test_an_express_execution(state_machine, number):
    assert state_machine(machine(Echo={"Type": "Pass", "End": True}), type="EXPRESS").run([number]).output == [number]


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_shared_is_there(shared_machine, session_machine, number):
    assert shared_machine.run().output["Item"]["N"] == {"N": "1"}
    assert session_machine.run([number]).output == [number]


@pytest.mark.parametrize("number", NUMBERS)
def test_boto3_reaches_the_stack(stepstack_environment, stepfunctions, dynamodb, unique_name, number):
    import boto3

    name = unique_name(str(number))
    arn = boto3.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(machine(Echo={"Type": "Pass", "End": True})), roleArn="arn:aws:iam::123456789012:role/r"
    )["stateMachineArn"]

    assert stepfunctions.describe_state_machine(stateMachineArn=arn)["name"] == name
    assert name not in dynamodb.list_tables()["TableNames"]
    stepfunctions.delete_state_machine(stateMachineArn=arn)


def test_a_name_of_the_tests_own_is_the_same_state_machine_again(state_machine, unique_name):
    name, echo = unique_name("echo"), machine(Echo={"Type": "Pass", "End": True})

    assert state_machine(echo, name=name).arn == state_machine(echo, name=name).arn
