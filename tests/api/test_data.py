"""A server with a folder: what it held is there when the next one comes, over HTTP and with the real integrations."""

from __future__ import annotations

import json

import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.clock import Deadline

ROLE = "arn:aws:iam::123456789012:role/test"
WAIT = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "P"}, "P": {"Type": "Pass", "End": True}}})


@pytest.fixture
def make_stack(tmp_path):
    return lambda: embedded_stack(Settings.from_environment({}, data_folder=tmp_path), with_services=False)


def call(stack, operation, **params):
    return stack.run(stack.service.call(operation, params))


def until(question, wanted):
    """The answer of `question` once it is `wanted`, or the last one."""
    deadline = Deadline(20)
    while (answer := question()) != wanted and not deadline.has_passed():
        deadline.pause(0.01)
    return answer


@pytest.mark.parametrize("pattern", [".sync", ".sync:2"])
def test_a_parent_goes_on_to_await_its_child(make_stack, pattern):
    with make_stack() as stack:
        child = call(stack, "CreateStateMachine", name="child", definition=WAIT, roleArn=ROLE)["stateMachineArn"]
        task = {
            "Type": "Task",
            "Resource": f"arn:aws:states:::states:startExecution{pattern}",
            "Parameters": {"StateMachineArn": child, "Input": {"a": 1}},
            "ResultSelector": {"output.$": "$.Output"},
            "End": True,
        }
        text = json.dumps({"StartAt": "T", "States": {"T": task}})
        parent = call(stack, "CreateStateMachine", name="parent", definition=text, roleArn=ROLE)["stateMachineArn"]
        arn = call(stack, "StartExecution", stateMachineArn=parent)["executionArn"]

        def last_event():
            return call(stack, "GetExecutionHistory", executionArn=arn, reverseOrder=True, maxResults=1)["events"][0]["type"]

        assert until(last_event, "TaskSubmitted") == "TaskSubmitted"
    with make_stack() as stack:
        stack.run(stack.service.execution_ended(arn))
        described = call(stack, "DescribeExecution", executionArn=arn)
        [listed] = call(stack, "ListExecutions", stateMachineArn=child)["executions"]
    output = {"output": {"a": 1} if pattern == ".sync:2" else '{"a":1}'}
    assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", output)
    assert listed["status"] == "SUCCEEDED"


def test_a_full_disk_is_told_with_its_reason(make_stack, boto3_client):
    with make_stack() as stack:
        client = boto3_client(stack)
        machine = client.create_state_machine(name="m", definition=WAIT, roleArn=ROLE)["stateMachineArn"]

        async def fill():
            connection = stack.service._journal._connection
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        stack.run(fill())
        with pytest.raises(client.exceptions.ClientError) as refused:
            client.start_execution(stateMachineArn=machine, input=json.dumps("x" * 200_000))
        with pytest.raises(client.exceptions.ClientError) as listed:
            client.list_state_machines()
    assert listed.value.response["Error"] == refused.value.response["Error"]
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"]["Code"] == "InternalServerError"
    assert "stepstack.sqlite3 cannot be written: database or disk is full" in answer["Error"]["Message"]


@pytest.fixture
def boto3_client():
    import boto3
    from botocore.config import Config

    def make(stack):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(retries={"total_max_attempts": 1})
        return boto3.client("stepfunctions", region_name="us-east-1", endpoint_url=stack.endpoint_url, config=config, **keys)

    return make
