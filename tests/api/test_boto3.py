"""The whole way through boto3, as an application goes it."""

from __future__ import annotations

import datetime as dt
import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/test"
CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
DEFINITION = json.dumps(
    {
        "StartAt": "Wait",
        "States": {"Wait": {"Type": "Wait", "Seconds": 10, "Next": "Greet"}, "Greet": {"Type": "Pass", "Result": "hello", "End": True}},
    }
)


@pytest.fixture(scope="module")
def client(stack):
    made = boto3.client(
        "stepfunctions",
        endpoint_url=stack.endpoint_url,
        region_name="us-east-1",
        **CREDENTIALS,
        config=Config(inject_host_prefix=False),
    )
    yield made
    made.close()


def finished(client, arn):
    while (described := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        pass
    return described


def test_a_state_machine_is_created_run_and_deleted(client):
    machine = client.create_state_machine(name="whole-way", definition=DEFINITION, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input="{}")
    assert isinstance(execution["startDate"], dt.datetime)
    described = finished(client, execution["executionArn"])
    assert (described["status"], described["output"]) == ("SUCCEEDED", '"hello"')
    assert described["stopDate"] - described["startDate"] >= dt.timedelta(seconds=10)
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"], maxResults=2)
    assert [event["id"] for page in pages for event in page["events"]] == [1, 2, 3, 4, 5, 6]
    client.delete_state_machine(stateMachineArn=machine)
    with pytest.raises(client.exceptions.StateMachineDoesNotExist):
        client.describe_state_machine(stateMachineArn=machine)


def test_modelled_errors_arrive_as_boto3s_exceptions(client):
    with pytest.raises(client.exceptions.InvalidDefinition, match="SCHEMA_VALIDATION_FAILED"):
        client.create_state_machine(name="broken", definition="{}", roleArn=ROLE)
    with pytest.raises(client.exceptions.InvalidName):
        client.create_activity(name="a b")
    with pytest.raises(ClientError, match="1 validation error detected"):
        client.list_activities(maxResults=1001)


def test_an_express_state_machine_answers_at_once(client):
    machine = client.create_state_machine(name="at-once", definition=DEFINITION, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    answer = client.start_sync_execution(stateMachineArn=machine)
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '"hello"')
    assert answer["billingDetails"]["billedDurationInMilliseconds"] >= 10_000


def test_one_state_is_tested(client):
    state = json.dumps({"Type": "Pass", "Result": {"a": 1}, "Next": "B"})
    answer = client.test_state(definition=state, roleArn=ROLE, input="{}", inspectionLevel="DEBUG")
    assert (answer["status"], answer["nextState"], answer["output"]) == ("SUCCEEDED", "B", '{"a":1}')
    assert answer["inspectionData"]["input"] == "{}"


def test_a_worker_serves_an_activity(client):
    activity = client.create_activity(name="serve")["activityArn"]
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": activity, "End": True}}})
    machine = client.create_state_machine(name="served", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input='{"a":1}')["executionArn"]
    task = client.get_activity_task(activityArn=activity, workerName="me")
    client.send_task_success(taskToken=task["taskToken"], output=task["input"])
    assert finished(client, execution)["output"] == '{"a":1}'


def test_children_of_a_distributed_map_are_listed_and_described(client):
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "End": True}},
    }
    states = {"M": {"Type": "Map", "Label": "each", "ItemProcessor": processor, "End": True}}
    definition = json.dumps({"StartAt": "M", "States": states})
    machine = client.create_state_machine(name="mapped", definition=definition, roleArn=ROLE)["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=machine, input="[1, 2, 3]")["executionArn"]
    assert finished(client, execution)["output"] == "[1,2,3]"
    [run] = client.list_map_runs(executionArn=execution)["mapRuns"]
    described = client.describe_map_run(mapRunArn=run["mapRunArn"])
    assert (described["status"], described["itemCounts"]["succeeded"]) == ("SUCCEEDED", 3)
    children = client.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert len(children) == 3
    child = client.describe_execution(executionArn=children[0]["executionArn"])
    assert (child["mapRunArn"], child["status"]) == (run["mapRunArn"], "SUCCEEDED")
    assert client.describe_state_machine_for_execution(executionArn=child["executionArn"])["label"] == "each"
    assert [item["executionArn"] for item in client.list_executions(stateMachineArn=machine)["executions"]] == [execution]
    with pytest.raises(ClientError, match="cannot be updated"):
        client.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=1)
