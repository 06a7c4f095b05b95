"""Execution logs end up in the stack's CloudWatch Logs."""

from __future__ import annotations

import json

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack

ROLE = "arn:aws:iam::123456789012:role/test"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
GROUP = "/aws/vendedlogs/states/orders"


@pytest.fixture
def stack():
    with embedded_stack(Settings.from_environment({}, scale=0.0)) as running:
        yield running


@pytest.fixture
def make_client(stack):
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    made = []

    def make(service):
        made.append(boto3.client(service, endpoint_url=stack.endpoint_url, region_name="us-east-1", **credentials))
        return made[-1]

    yield make
    for client in made:
        client.close()


def start_logged(stack, stepfunctions):
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"}}
    configuration = {"level": "ALL", "includeExecutionData": True, "destinations": [destination]}
    machine = stepfunctions.create_state_machine(
        name="logged", definition=PASS, roleArn=ROLE, type="EXPRESS", loggingConfiguration=configuration
    )["stateMachineArn"]
    execution = stepfunctions.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    stack.run(delivered(stack))
    return execution


async def delivered(stack):
    for record in stack.service.store.running():
        await record.execution.wait()
    await stack.service.logs.delivered()


def test_the_events_of_an_express_execution_are_found_in_its_log_group(stack, make_client):
    logs, stepfunctions = make_client("logs"), make_client("stepfunctions")
    logs.create_log_group(logGroupName=GROUP)
    execution = start_logged(stack, stepfunctions)
    events = logs.filter_log_events(logGroupName=GROUP)["events"]
    messages = [json.loads(event["message"]) for event in events]
    assert [message["type"] for message in messages] == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    assert {message["execution_arn"] for message in messages} == {execution}
    assert [event["logStreamName"].startswith("states/logged/") for event in events] == [True] * 4


def test_a_log_group_that_is_missing_loses_the_events_and_nothing_else(stack, make_client, caplog):
    start_logged(stack, make_client("stepfunctions"))
    assert "were not delivered" in caplog.text
