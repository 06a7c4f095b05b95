"""Rules of EventBridge hear how executions end."""

from __future__ import annotations

import json

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack

ROLE = "arn:aws:iam::123456789012:role/r"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
PATTERN = {"source": ["aws.states"], "detail-type": ["Step Functions Execution Status Change"], "detail": {"status": ["SUCCEEDED"]}}


@pytest.fixture
def client():
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    made = []
    with embedded_stack(Settings.from_environment({}, scale=0.0)) as stack:

        def make(service):
            made.append(boto3.client(service, endpoint_url=stack.endpoint_url, **keys))
            return made[-1]

        yield make
        for client in made:
            client.close()


def test_a_rule_sends_the_end_of_an_execution_to_a_queue(client):
    events, sqs, states = client("events"), client("sqs"), client("stepfunctions")
    machine = states.create_state_machine(name="orders", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    states.start_execution(stateMachineArn=machine, name="before")
    queue = sqs.create_queue(QueueName="ends")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ended", EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule="ended", Targets=[{"Id": "queue", "Arn": arn}])
    execution = states.start_execution(stateMachineArn=machine, name="heard", input='{"n": 1}')["executionArn"]
    [message] = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["resources"], event["account"], event["region"]) == (
        "aws.states",
        [execution],
        "123456789012",
        "us-east-1",
    )
    detail = event["detail"]
    assert (detail["name"], detail["status"], detail["output"]) == ("heard", "SUCCEEDED", '{"n": 1}')
