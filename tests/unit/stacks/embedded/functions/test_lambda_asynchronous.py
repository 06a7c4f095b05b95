import json

import pytest
from botocore.exceptions import ClientError
from tests.unit.stacks.embedded.recording import RecordingStack

ACCOUNT = "123456789012"


class World(RecordingStack):
    """A stack with queues for what comes of the function's asynchronous invocations."""

    def queue(self, name):
        return self.client("sqs").create_queue(QueueName=name)["QueueUrl"]

    def messages(self, url):
        found = self.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    def configure(self, **configuration):
        return self.client("lambda").put_function_event_invoke_config(FunctionName="seen", **configuration)

    def invoke(self, event):
        answer = self.client("lambda").invoke(FunctionName="seen", InvocationType="Event", Payload=json.dumps(event))
        assert answer["StatusCode"] == 202
        self.settle()


@pytest.fixture
def world(emptied_stack, connect):
    return World(emptied_stack, connect)


@pytest.mark.parametrize(
    ("configuration", "attempts"),
    [
        (None, 3),
        ({"MaximumRetryAttempts": 2}, 3),
        ({"MaximumRetryAttempts": 1}, 2),
        ({"MaximumRetryAttempts": 0}, 1),
        ({"MaximumEventAgeInSeconds": 60}, 1),
        ({"MaximumEventAgeInSeconds": 170}, 2),
    ],
    ids=["default", "two", "one", "none", "too old at once", "too old later"],
)
def test_a_function_that_fails_is_invoked_again(world, configuration, attempts):
    if configuration is not None:
        world.configure(**configuration)
    world.answers = [RuntimeError("no")] * 9

    world.invoke({"a": 1})

    assert world.events == [{"a": 1}] * attempts


def test_a_retry_that_succeeds_is_the_last(world):
    world.answers = [RuntimeError("no"), "yes"]

    world.invoke({})

    assert len(world.events) == 2


def test_retries_wait_for_as_long_as_on_aws(world):
    world.answers = [RuntimeError("no")] * 3
    begun = world.stack.clock.now()

    world.invoke({})

    assert 180 <= world.stack.clock.now() - begun < 200


def test_a_deleted_function_is_not_tried_again(world):
    def deletes_itself(event, _context):
        world.events.append(event)
        world.services.lambda_service.unregister("seen")
        raise RuntimeError("gone")

    world.services.lambda_service.register("seen", deletes_itself)

    world.invoke({})

    assert len(world.events) == 1


def test_what_failed_goes_to_the_destination_for_failures_and_to_the_dead_letter_queue(world):
    failures, successes, dead = (world.queue(name) for name in ("failures", "successes", "dead"))
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}"
    world.configure(
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": f"{arn}:failures"}, "OnSuccess": {"Destination": f"{arn}:successes"}},
    )
    world.client("lambda").update_function_configuration(FunctionName="seen", DeadLetterConfig={"TargetArn": f"{arn}:dead"})
    world.answers = [ValueError("bad"), ValueError("bad")]

    world.invoke({"order": 7})

    (record,) = world.messages(failures)
    assert record["requestContext"].pop("requestId")
    assert record["requestContext"] == {
        "functionArn": f"{world.arn}:$LATEST",
        "condition": "RetriesExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["requestPayload"] == {"order": 7}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "bad"
    assert world.messages(successes) == []
    (letter,) = world.client("sqs").receive_message(QueueUrl=dead, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(letter["Body"]) == {"order": 7}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "bad"


def test_what_succeeded_goes_to_the_destination_for_successes(world):
    got = []
    world.services.lambda_service.register("next", lambda event, _context: got.append(event))
    world.configure(DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:next"}})
    world.answers = [{"total": 3}]

    world.invoke([1, 2])

    (record,) = got
    assert record["requestContext"]["condition"] == "Success"
    assert (record["requestPayload"], record["responsePayload"]) == ([1, 2], {"total": 3})


def test_an_event_bus_and_a_topic_are_destinations(world):
    heard = world.queue("heard")
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:heard"
    events, sns = world.client("events"), world.client("sns")
    events.put_rule(Name="results", EventPattern='{"source": ["lambda"]}')
    events.put_targets(Rule="results", Targets=[{"Id": "1", "Arn": queue_arn, "InputPath": "$.detail-type"}])
    topic = sns.create_topic(Name="failures")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"})
    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    world.configure(MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}, "OnSuccess": {"Destination": bus}})
    world.answers = [None, RuntimeError("no")]

    world.invoke({})
    world.invoke({})

    told = world.messages(heard) + world.messages(heard)
    assert "Lambda Function Invocation Result - Success" in told
    assert [record["requestContext"]["condition"] for record in told if isinstance(record, dict)] == ["RetriesExhausted"]


def test_a_configuration_is_read_changed_and_deleted(world):
    client = world.client("lambda")
    made = world.configure(MaximumRetryAttempts=1)
    assert (made["FunctionArn"], made["MaximumRetryAttempts"]) == (f"{world.arn}:$LATEST", 1)

    client.update_function_event_invoke_config(FunctionName="seen", MaximumEventAgeInSeconds=90)
    found = client.get_function_event_invoke_config(FunctionName="seen")
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 90)
    assert len(client.list_function_event_invoke_configs(FunctionName="seen")["FunctionEventInvokeConfigs"]) == 1

    client.delete_function_event_invoke_config(FunctionName="seen")
    with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
        client.get_function_event_invoke_config(FunctionName="seen")


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}}, "arn:aws:s3:::bucket"),
    ],
    ids=["bucket"],
)
def test_a_configuration_that_is_not_supported_is_refused_by_name(world, configuration, text):
    with pytest.raises(ClientError, match=text):
        world.configure(**configuration)


TEMPLATE = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Failures: {Type: AWS::SQS::Queue}
      Letters: {Type: AWS::SQS::Queue}
      Fails:
        Type: AWS::Serverless::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          InlineCode: "def handler(event, context): raise RuntimeError('no')"
          DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Letters.Arn}
          EventInvokeConfig:
            MaximumRetryAttempts: 0
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Failures.Arn}}
    Outputs:
      Function: {Value: !Ref Fails}
      Failures: {Value: !Ref Failures}
      Letters: {Value: !Ref Letters}
"""


def test_a_template_configures_its_functions(world, tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    application = world.stack.deploy(tmp_path / "template.yaml")

    world.client("lambda").invoke(FunctionName=application.outputs["Function"], InvocationType="Event", Payload='{"a": 1}')
    world.settle()

    (record,) = world.messages(application.outputs["Failures"])
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert world.messages(application.outputs["Letters"]) == [{"a": 1}]
    world.stack.run(application.delete())
