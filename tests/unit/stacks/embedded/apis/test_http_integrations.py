import asyncio
import json

import pytest

from stepstack.errors import ServiceError, UnsupportedFeature


def api(world, subtype, parameters, path="/a/{id}", **more):
    integration = {"type": "aws_proxy", "integrationSubtype": subtype, "requestParameters": parameters, **more}
    world.api(
        {path: {"post": {"x-amazon-apigateway-integration": integration}}}, is_rest=False, stage="$default", variables={"colour": "red"}
    )


def ask(world, body=b"{}", path="/a/7?page=2"):
    status, _, content = world.send("POST", f"/execute-api/abc123{path}", headers={"X-User": "ann"}, body=body)
    return status, json.loads(content)


def test_an_express_execution_s_answer_is_the_api_s(world):
    api(world, "StepFunctions-StartSyncExecution", {"StateMachineArn": "arn:machine", "Input": "$request.body"})

    assert ask(world, b'{"a":1}') == (200, world.execution)
    assert world.called == [("StartSyncExecution", {"stateMachineArn": "arn:machine", "input": '{"a":1}'})]


def test_parameters_are_selected_from_the_request(world):
    selected = "${request.path.id}-$x ${request.querystring.page} ${request.header.x-user} ${stageVariables.colour} ${request.body.deep.n}"
    api(world, "StepFunctions-StartExecution", {"StateMachineArn": "m", "Input": selected, "Name": "$request.body.absent"})

    ask(world, b'{"deep": {"n": [1]}}')

    assert world.called == [("StartExecution", {"stateMachineArn": "m", "input": "7-$x 2 ann red [1]"})]


def test_a_refusal_of_the_service_is_the_api_s(world):
    api(world, "StepFunctions-StopExecution", {"ExecutionArn": "$request.body.arn"})
    world.execution = ServiceError("ExecutionDoesNotExist", "Execution Does Not Exist: 'x'")

    assert ask(world, b'{"arn": "x"}') == (400, {"__type": "ExecutionDoesNotExist", "message": "Execution Does Not Exist: 'x'"})


def test_events_and_messages_are_sent(world):
    url = asyncio.run(world.services.event_sources.call("sqs", "CreateQueue", {"QueueName": "q"}, "us-east-1"))["QueueUrl"]
    api(world, "SQS-SendMessage", {"QueueUrl": url, "MessageBody": "$request.body", "DelaySeconds": "0"})
    assert ask(world, b"hello")[1]["MD5OfMessageBody"]

    api(world, "EventBridge-PutEvents", {"Source": "shop", "DetailType": "made", "Detail": "$request.body"})
    assert ask(world, b'{"a": 1}')[1]["FailedEntryCount"] == 0


def test_a_number_that_is_none_is_a_bad_request(world):
    api(world, "SQS-SendMessage", {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": "$request.body"})

    assert ask(world, b"soon") == (400, {"message": "Bad Request"})


@pytest.mark.parametrize(
    ("subtype", "more", "text"),
    [
        ("Kinesis-PutRecord", {}, "has the integration subtype Kinesis-PutRecord"),
        ("SQS-SendMessage", {"responseParameters": {"200": {}}}, "has response parameters"),
    ],
)
def test_what_is_not_supported_is_refused_when_the_api_is_made(world, subtype, more, text):
    with pytest.raises(UnsupportedFeature, match=text):
        api(world, subtype, {}, **more)
