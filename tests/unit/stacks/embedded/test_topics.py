import json

import pytest
from tests.unit.stacks.embedded.recording import RecordingStack

ACCOUNT = "123456789012"


class World(RecordingStack):
    """A stack with a topic beside the function."""

    def __init__(self, stack, connect):
        super().__init__(stack, connect)
        self.sns = self.client("sns")
        self.topic = self.sns.create_topic(Name="news")["TopicArn"]

    def subscribe(self, **attributes):
        answer = self.sns.subscribe(
            TopicArn=self.topic, Protocol="lambda", Endpoint=self.arn, Attributes=attributes, ReturnSubscriptionArn=True
        )
        return answer["SubscriptionArn"]

    def messages(self):
        return [record["Sns"]["Message"] for record in self.records()]


@pytest.fixture
def world(emptied_stack, connect):
    return World(emptied_stack, connect)


def test_a_function_gets_a_topic_s_message_as_aws_writes_it(world):
    subscription = world.subscribe()
    attributes = {"colour": {"DataType": "String", "StringValue": "red"}}

    identifier = world.sns.publish(TopicArn=world.topic, Message="hello", Subject="hi", MessageAttributes=attributes)["MessageId"]
    world.settle()

    (event,) = world.events
    (record,) = event["Records"]
    assert (record["EventSource"], record["EventVersion"], record["EventSubscriptionArn"]) == ("aws:sns", "1.0", subscription)
    told = record["Sns"]
    assert (told["Type"], told["MessageId"], told["TopicArn"]) == ("Notification", identifier, world.topic)
    assert (told["Subject"], told["Message"]) == ("hi", "hello")
    assert told["MessageAttributes"] == {"colour": {"Type": "String", "Value": "red"}}


def test_every_message_of_a_batch_is_an_event_of_its_own(world):
    world.subscribe()

    entries = [{"Id": str(number), "Message": f"m{number}"} for number in range(3)]
    world.sns.publish_batch(TopicArn=world.topic, PublishBatchRequestEntries=entries)
    world.settle()

    # Asynchronous invocations run side by side.
    assert sorted(world.messages()) == ["m0", "m1", "m2"]
    assert [len(event["Records"]) for event in world.events] == [1, 1, 1]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"FilterPolicy": '{"colour": ["red", {"prefix": "dark"}]}'}, ["red", "darkblue"]),
        ({"FilterPolicy": '{"size": [{"numeric": [">", 3]}]}', "FilterPolicyScope": "MessageBody"}, ["big"]),
    ],
    ids=["attributes", "body"],
)
def test_a_filter_selects_messages(world, attributes, expected):
    world.subscribe(**attributes)

    for name, size in (("red", 1), ("green", 1), ("darkblue", 1), ("big", 4)):
        colour = {"colour": {"DataType": "String", "StringValue": name}}
        world.sns.publish(TopicArn=world.topic, Message=json.dumps({"name": name, "size": size}), MessageAttributes=colour)
    world.settle()

    assert sorted(json.loads(message)["name"] for message in world.messages()) == sorted(expected)


def test_a_structured_message_has_a_part_for_functions(world):
    world.subscribe()

    message = json.dumps({"default": "everybody", "lambda": "functions"})
    world.sns.publish(TopicArn=world.topic, MessageStructure="json", Message=message)
    world.settle()

    assert world.messages() == ["functions"]


def test_a_function_that_is_gone_stops_nobody(world):
    queue = world.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    world.subscribe()
    world.sns.subscribe(TopicArn=world.topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:q")
    world.services.lambda_service.unregister("seen")

    world.sns.publish(TopicArn=world.topic, Message="hello")
    world.settle()

    (message,) = world.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Message"] == "hello"


def test_an_object_reaches_a_function_through_a_topic(world):
    s3 = world.client("s3")
    world.subscribe()
    s3.create_bucket(Bucket="uploads")
    configuration = {"TopicConfigurations": [{"TopicArn": world.topic, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration=configuration)
    world.settle()
    world.events.clear()

    s3.put_object(Bucket="uploads", Key="a.txt", Body=b"a")
    world.settle()

    (message,) = world.messages()
    assert json.loads(message)["Records"][0]["s3"]["object"]["key"] == "a.txt"


TEMPLATE = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      News: {Type: AWS::SNS::Topic}
      Queue: {Type: AWS::SQS::Queue}
      Reader:
        Type: AWS::Serverless::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          Environment: {Variables: {QUEUE: !Ref Queue}}
          InlineCode: |
            import os, boto3
            def handler(event, context):
                text = event["Records"][0]["Sns"]["Message"]
                boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=text)
          Events:
            News: {Type: SNS, Properties: {Topic: !Ref News, FilterPolicy: {kind: [news]}}}
    Outputs: {Topic: {Value: !Ref News}, Queue: {Value: !Ref Queue}}
"""


def test_a_template_s_function_is_subscribed_with_its_filter(world, tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    outputs = world.stack.deploy(tmp_path / "template.yaml").outputs

    for kind in ("news", "gossip"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        world.sns.publish(TopicArn=outputs["Topic"], Message=kind, MessageAttributes=attributes)
    world.settle()

    received = world.client("sqs").receive_message(QueueUrl=outputs["Queue"], MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["news"]
