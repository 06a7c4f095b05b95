import asyncio
import contextlib
import json
import threading

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.stacks.embedded.events import event_source_mappings
from stepstack.stacks.embedded.services import EmbeddedServices

TABLE = {
    "TableName": "people",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS", "events": "AWSEvents"}


class World:
    """A stack with one function, `seen`, that keeps its events; what is at work can be waited for."""

    def __init__(self):
        self.services = EmbeddedServices()
        self.services.working = self.working
        self.at_work = 0
        self.events = []
        self.started = []
        self.answers = []
        self.arn = self.services.lambda_service.register("seen", self.handler)
        self.services.start_execution = self.start_execution

    @contextlib.contextmanager
    def working(self):
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    def handler(self, event, _context):
        self.events.append(event)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def start_execution(self, arn, text):
        self.started.append((arn, json.loads(text)))

    async def send(self, service, method="POST", path="/", *, headers=None, body=b""):
        status, received, content = await self.services.transport(method, f"http://anywhere{path}", headers or {}, body, service=service)
        assert status < 300, content
        return received, content

    async def call(self, service, operation, parameters):
        headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        _, content = await self.send(service, headers=headers, body=json.dumps(parameters).encode())
        return json.loads(content) if content else None

    async def map_source(self, **parameters):
        _, content = await self.send(
            "lambda", path="/2015-03-31/event-source-mappings", body=json.dumps({"FunctionName": "seen", **parameters}).encode()
        )
        return json.loads(content)

    async def rest(self):
        """Until nothing is at work."""
        deadline = asyncio.get_running_loop().time() + 20
        while self.at_work:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.005)

    def records(self):
        return [record for event in self.events for record in event["Records"]]


@pytest.fixture
def world():
    made = World()
    yield made
    made.services.close()


def run(coroutine):
    return asyncio.run(coroutine)


async def stream(world, **parameters):
    table = await world.call("dynamodb", "CreateTable", TABLE)
    return await world.map_source(EventSourceArn=table["TableDescription"]["LatestStreamArn"], StartingPosition="LATEST", **parameters)


async def put(world, identifier, **attributes):
    item = {"id": {"S": identifier}, **{name: {"S": value} for name, value in attributes.items()}}
    await world.call("dynamodb", "PutItem", {"TableName": "people", "Item": item})


def test_a_stream_brings_changes_in_their_order(world):
    async def scenario():
        await stream(world)
        await put(world, "1", name="a")
        await put(world, "1", name="b")
        await world.call("dynamodb", "DeleteItem", {"TableName": "people", "Key": {"id": {"S": "1"}}})
        assert world.at_work
        await world.rest()

    run(scenario())
    assert [record["eventName"] for record in world.records()] == ["INSERT", "MODIFY", "REMOVE"]
    first = world.records()[0]
    assert (first["eventSource"], first["eventVersion"], first["awsRegion"]) == ("aws:dynamodb", "1.1", "us-east-1")
    assert first["dynamodb"]["NewImage"] == {"id": {"S": "1"}, "name": {"S": "a"}}
    assert first["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/people/stream/")


def test_a_write_that_changes_nothing_is_no_event(world):
    async def scenario():
        await stream(world)
        await put(world, "1")
        await put(world, "1")
        await world.rest()

    run(scenario())
    assert [record["eventName"] for record in world.records()] == ["INSERT"]


def test_a_filter_selects_records(world):
    pattern = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "USER#"}]}}}}

    async def scenario():
        await stream(world, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
        await put(world, "USER#1", name="a")
        await put(world, "USER#1", name="b")
        await put(world, "ORDER#1")
        await world.rest()

    run(scenario())
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in world.records()] == ["USER#1"]


def test_batches_have_at_most_their_size(world):
    async def scenario():
        await stream(world, BatchSize=2)
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(5)]
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    run(scenario())
    assert [len(event["Records"]) for event in world.events] == [2, 2, 1]


def test_a_failed_batch_comes_again_until_its_retries_are_used_up(world):
    world.answers = [RuntimeError("no")] * 3

    async def scenario():
        await stream(world, MaximumRetryAttempts=1)
        await put(world, "1")
        await world.rest()
        await put(world, "2")
        await world.rest()

    run(scenario())
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in world.records()] == ["1", "1", "2", "2"]


def test_a_batch_that_fails_for_the_third_time_is_told_of_once(world, caplog, monkeypatch):
    monkeypatch.setattr(event_source_mappings, "RETRY_SECONDS", 0.0)
    world.answers = [RuntimeError("no such luck")] * 5

    async def scenario():
        mapping = await stream(world)
        await put(world, "1")
        await world.rest()
        return mapping["UUID"]

    identifier = run(scenario())
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert world.arn in told
    assert identifier in told
    assert "no such luck" in told
    assert len(world.events) == 6


def test_an_event_for_a_function_that_is_gone_is_told_of(world, caplog):
    async def scenario():
        world.services.event_sources.deliver_message("arn:aws:lambda:us-east-1:123456789012:function:gone", {})
        await world.rest()

    run(scenario())
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("an event was not delivered: ")
    assert "gone" in told


def test_a_mapping_that_a_fault_has_stopped_is_told_of_with_the_fault(world, caplog):
    async def scenario():
        mapping = await stream(world)
        world.services.event_sources.mappings[mapping["UUID"]].parameters["MaximumRetryAttempts"] = "x"
        await put(world, "1")
        await world.rest()
        return mapping["UUID"]

    identifier = run(scenario())
    [record] = [record for record in caplog.records if identifier in record.getMessage()]
    assert record.exc_info[0] is ValueError


def test_a_batch_that_is_given_up_is_told_to_the_destination_for_failures(world):
    world.answers = [RuntimeError("no")] * 2
    dead = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}}

    async def scenario():
        queue = (await world.call("sqs", "CreateQueue", {"QueueName": "dead"}))["QueueUrl"]
        mapping = await stream(world, MaximumRetryAttempts=1, DestinationConfig=dead)
        await put(world, "1")
        await world.rest()
        (message,) = (await world.call("sqs", "ReceiveMessage", {"QueueUrl": queue}))["Messages"]
        return mapping["EventSourceArn"], json.loads(message["Body"])

    source, told = run(scenario())
    (number,) = {record["dynamodb"]["SequenceNumber"] for record in world.records()}
    batch = told["DDBStreamBatchInfo"]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert (batch["streamArn"], batch["batchSize"]) == (source, 1)
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"]) == (number, number)


def test_a_partial_failure_brings_the_rest_again(world):
    async def scenario():
        await stream(world, FunctionResponseTypes=["ReportBatchItemFailures"])
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(3)]

        def fail_second(event, _context):
            world.events.append(event)
            if len(world.events) == 1:
                return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["dynamodb"]["SequenceNumber"]}]}
            return {"batchItemFailures": []}

        world.services.lambda_service.register("seen", fail_second)
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    run(scenario())
    assert [len(event["Records"]) for event in world.events] == [3, 2]


def test_a_failing_batch_is_halved_where_that_is_asked_for(world):
    world.answers = [RuntimeError("no")]

    async def scenario():
        await stream(world, BisectBatchOnFunctionError=True, MaximumRetryAttempts=2)
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(4)]
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    run(scenario())
    assert [len(event["Records"]) for event in world.events] == [4, 2, 2]


def test_a_queue_s_messages_are_delivered_and_deleted(world):
    async def scenario():
        url = (await world.call("sqs", "CreateQueue", {"QueueName": "jobs"}))["QueueUrl"]
        await world.map_source(EventSourceArn="arn:aws:sqs:us-east-1:123456789012:jobs")
        attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
        await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hello", "MessageAttributes": attributes})
        await world.rest()
        names = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
        return (await world.call("sqs", "GetQueueAttributes", names))["Attributes"]

    left = run(scenario())
    (record,) = world.records()
    assert (record["body"], record["eventSource"], record["messageAttributes"]["kind"]["stringValue"]) == ("hello", "aws:sqs", "x")
    assert set(left.values()) == {"0"}


def test_a_message_that_fails_comes_again(world):
    world.answers = [RuntimeError("no")]

    async def scenario():
        attributes = {"VisibilityTimeout": "0"}
        url = (await world.call("sqs", "CreateQueue", {"QueueName": "jobs", "Attributes": attributes}))["QueueUrl"]
        await world.map_source(EventSourceArn="arn:aws:sqs:us-east-1:123456789012:jobs")
        await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hello"})
        await world.rest()

    run(scenario())
    assert [record["body"] for record in world.records()] == ["hello", "hello"]


def test_a_queue_s_filter_deletes_what_it_does_not_want(world):
    async def scenario():
        url = (await world.call("sqs", "CreateQueue", {"QueueName": "jobs"}))["QueueUrl"]
        pattern = json.dumps({"body": {"kind": ["wanted"]}})
        arn = "arn:aws:sqs:us-east-1:123456789012:jobs"
        await world.map_source(EventSourceArn=arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
        for body in ('{"kind": "wanted"}', '{"kind": "other"}', "no json"):
            await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body})
        await world.rest()
        names = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
        return (await world.call("sqs", "GetQueueAttributes", names))["Attributes"]

    left = run(scenario())
    assert [record["body"] for record in world.records()] == ['{"kind": "wanted"}']
    assert set(left.values()) == {"0"}


NOTIFICATION = """<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><CloudFunctionConfiguration><Id>pictures</Id>
<CloudFunction>{arn}</CloudFunction><Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>in/</Value></FilterRule>
<FilterRule><Name>suffix</Name><Value>.png</Value></FilterRule></S3Key></Filter></CloudFunctionConfiguration></NotificationConfiguration>"""


def test_an_object_notifies_the_function_that_wants_it(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "PUT", "/bucket/in/my%20cat.png", body=b"12345")
        await world.send("s3", "PUT", "/bucket/in/cat.jpg", body=b"1")
        await world.send("s3", "PUT", "/bucket/out/cat.png", body=b"1")
        await world.send("s3", "DELETE", "/bucket/in/my%20cat.png")
        assert world.at_work
        await world.rest()
        return (await world.send("s3", "GET", "/bucket?notification"))[1].decode()

    shown = run(scenario())
    (record,) = world.records()
    assert (record["eventName"], record["s3"]["bucket"]["name"], record["s3"]["configurationId"]) == (
        "ObjectCreated:Put",
        "bucket",
        "pictures",
    )
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == ("in/my+cat.png", 5)
    assert world.arn in shown


def test_an_object_that_is_hidden_is_told_from_a_version_that_is_deleted(world):
    configuration = NOTIFICATION.replace("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    enabled = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"

    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?versioning", body=enabled)
        await world.send("s3", "PUT", "/bucket?notification", body=configuration.format(arn=world.arn).encode())
        headers, _ = await world.send("s3", "PUT", "/bucket/in/a.png", body=b"1")
        version = {name.lower(): value for name, value in headers.items()}["x-amz-version-id"]
        for query in ("", f"?versionId={version}"):
            await world.send("s3", "DELETE", f"/bucket/in/a.png{query}")
            await world.rest()

    run(scenario())
    assert [record["eventName"] for record in world.records()] == ["ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"]


def test_a_bucket_that_is_made_again_notifies_nobody(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "DELETE", "/bucket?x-id=DeleteBucket")
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket/in/cat.png", body=b"1")
        await world.rest()

    run(scenario())
    assert world.events == []


def test_a_bucket_that_loses_its_tags_goes_on_notifying(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        await world.send("s3", "DELETE", "/bucket?tagging")
        await world.send("s3", "PUT", "/bucket/in/cat.png", body=b"1")
        await world.rest()

    run(scenario())
    assert len(world.events) == 1


def test_objects_listed_below_a_prefix_named_notification_are_a_list(world):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=NOTIFICATION.format(arn=world.arn).encode())
        return (await world.send("s3", "GET", "/bucket?list-type=2&prefix=notification"))[1].decode()

    assert "CloudFunction" not in run(scenario())


@pytest.mark.parametrize(
    "change",
    [("<CloudFunction>{arn}</CloudFunction>", ""), ("<Value>in/</Value>", "")],
    ids=["no function", "no value"],
)
def test_a_configuration_that_lacks_something_is_malformed(world, change):
    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        body = NOTIFICATION.replace(*change).replace("{arn}", world.arn).encode()
        return await world.services.transport("PUT", "http://anywhere/bucket?notification", {}, body, service="s3")

    status, _, content = run(scenario())
    assert status == 400
    assert b"MalformedXML" in content


def test_a_copy_and_a_removal_are_told_apart(world):
    configuration = NOTIFICATION.replace("s3:ObjectCreated:*", "s3:ObjectCreated:Copy</Event><Event>s3:ObjectRemoved:*")

    async def scenario():
        await world.send("s3", "PUT", "/bucket")
        await world.send("s3", "PUT", "/bucket?notification", body=configuration.format(arn=world.arn).encode())
        await world.send("s3", "PUT", "/bucket/in/a.png", body=b"1")
        await world.send("s3", "PUT", "/bucket/in/b.png", headers={"x-amz-copy-source": "/bucket/in/a.png"})
        await world.send("s3", "DELETE", "/bucket/in/a.png")
        await world.rest()

    run(scenario())
    # Two asynchronous invocations run side by side.
    assert {(record["eventName"], record["s3"]["object"]["key"], record["s3"]["object"].get("size")) for record in world.records()} == {
        ("ObjectCreated:Copy", "in/b.png", 1),
        ("ObjectRemoved:Delete", "in/a.png", None),
    }


async def rule(world, pattern, *targets):
    await world.call("events", "PutRule", {"Name": "rule", "EventPattern": json.dumps(pattern)})
    entries = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    await world.call("events", "PutTargets", {"Rule": "rule", "Targets": entries})


async def put_event(world, detail):
    await world.call("events", "PutEvents", {"Entries": [{"Source": "shop", "DetailType": "made", "Detail": json.dumps(detail)}]})


def test_an_event_reaches_functions_and_state_machines(world):
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:m"

    async def scenario():
        await rule(
            world,
            {"source": ["shop"], "detail": {"n": [{"numeric": [">", 1]}]}},
            {"Arn": world.arn},
            {"Arn": machine, "RoleArn": "arn:aws:iam::1:role/r", "InputPath": "$.detail"},
        )
        await put_event(world, {"n": 1})
        await put_event(world, {"n": 2})
        await world.rest()

    run(scenario())
    (event,) = world.events
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "made", {"n": 2})
    assert world.started == [(machine, {"n": 2})]


def test_an_input_transformer_shapes_the_event(world):
    transformer = {
        "InputPathsMap": {"n": "$.detail.n", "who": "$.detail.who"},
        "InputTemplate": '{"count": <n>, "text": "for <who>", "who": <who>}',
    }

    async def scenario():
        await rule(world, {"source": ["shop"]}, {"Arn": world.arn, "InputTransformer": transformer})
        await put_event(world, {"n": 3, "who": 'A "B"'})
        await world.rest()

    run(scenario())
    assert world.events == [{"count": 3, "text": 'for A "B"', "who": 'A "B"'}]


def test_a_template_that_is_no_json_makes_text(world):
    async def scenario():
        queue = (await world.call("sqs", "CreateQueue", {"QueueName": "q"}))["QueueUrl"]
        transformer = {"InputPathsMap": {"who": "$.detail.people[1].name"}, "InputTemplate": "hello <who>"}
        await rule(world, {"source": ["shop"]}, {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "InputTransformer": transformer})
        await put_event(world, {"people": [{"name": "Ann"}, {"name": "Zoe"}]})
        await world.rest()
        (message,) = (await world.call("sqs", "ReceiveMessage", {"QueueUrl": queue}))["Messages"]
        return message["Body"]

    assert run(scenario()) == 'hello "Zoe"'


def test_a_bus_hands_events_on_to_the_rules_of_another(world):
    async def scenario():
        bus = (await world.call("events", "CreateEventBus", {"Name": "other"}))["EventBusArn"]
        await rule(world, {"source": ["shop"]}, {"Arn": bus})
        await world.call("events", "PutRule", {"Name": "there", "EventBusName": "other", "EventPattern": '{"source": ["shop"]}'})
        await world.call("events", "PutTargets", {"Rule": "there", "EventBusName": "other", "Targets": [{"Id": "1", "Arn": world.arn}]})
        await put_event(world, {"n": 1})
        await world.rest()

    run(scenario())
    (event,) = world.events
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "made", {"n": 1})


def test_an_event_for_nobody_goes_to_the_dead_letter_queue(world):
    async def scenario():
        queue = (await world.call("sqs", "CreateQueue", {"QueueName": "dead"}))["QueueUrl"]
        missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
        dead = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"}}
        await rule(world, {"source": ["shop"]}, {"Arn": missing, **dead}, {"Arn": world.arn})
        await put_event(world, {"n": 1})
        await world.rest()
        received = await world.call("sqs", "ReceiveMessage", {"QueueUrl": queue})
        return [json.loads(message["Body"])["detail"] for message in received["Messages"]]

    assert run(scenario()) == [{"n": 1}]
    assert len(world.events) == 1


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("PutRule", {"Name": "r", "EventPattern": '{"a": [{"like": "x"}]}'}, b"Event pattern is not valid"),
        (
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:1:q.fifo"}]},
            b"SqsParameters must be specified",
        ),
        (
            "PutTargets",
            {"Rule": "r", "Targets": [{"Id": "one", "Arn": "arn:aws:lambda:us-east-1:1:function:f", "Input": "{env: dev}"}]},
            b"JSON syntax error in input for target one",
        ),
    ],
    ids=["pattern", "fifo queue without a group", "input"],
)
def test_a_rule_that_cannot_be_is_refused(world, operation, parameters, text):
    async def scenario():
        await world.call("events", "PutRule", {"Name": "r", "EventPattern": '{"source": ["shop"]}'})
        headers = {"X-Amz-Target": f"AWSEvents.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        body = json.dumps(parameters).encode()
        return await world.services.transport("POST", "http://anywhere/", headers, body, service="events")

    status, _, content = run(scenario())
    assert (status, text in content) == (400, True)


def test_mappings_are_listed_changed_and_deleted(world):
    async def scenario():
        made = await stream(world)
        path = f"/2015-03-31/event-source-mappings/{made['UUID']}"
        listed = json.loads((await world.send("lambda", "GET", "/2015-03-31/event-source-mappings?FunctionName=seen"))[1])
        changed = json.loads((await world.send("lambda", "PUT", path, body=b'{"Enabled": false}'))[1])
        await put(world, "1")
        await world.rest()
        await world.send("lambda", "DELETE", path)
        gone = await world.services.transport("GET", f"http://anywhere{path}", {}, b"", service="lambda")
        return made, listed, changed, gone

    made, listed, changed, gone = run(scenario())
    assert (made["State"], made["BatchSize"]) == ("Enabled", 100)
    assert [mapping["UUID"] for mapping in listed["EventSourceMappings"]] == [made["UUID"]]
    assert (changed["State"], world.events, gone[0]) == ("Disabled", [], 404)


def test_a_mapping_that_is_enabled_reads_what_waits(world):
    async def scenario():
        url = (await world.call("sqs", "CreateQueue", {"QueueName": "jobs"}))["QueueUrl"]
        made = await world.map_source(EventSourceArn="arn:aws:sqs:us-east-1:123456789012:jobs", Enabled=False)
        await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "one"})
        await world.rest()
        assert world.events == []
        await world.send("lambda", "PUT", f"/2015-03-31/event-source-mappings/{made['UUID']}", body=b'{"Enabled": true}')
        await world.rest()

    run(scenario())
    assert [record["body"] for record in world.records()] == ["one"]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"EventSourceArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s"}, "read DynamoDB streams and SQS queues"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:nope"}, "exist"),
        (
            {
                "EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs",
                "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:x"}},
            },
            "has no destination for failures",
        ),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs", "FunctionName": "nobody"}, "Function not found"),
        ({"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs", "BatchSize": -5}, "BatchSize is a number from 1 to 10000, not -5"),
        (
            {"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:jobs", "FilterCriteria": {"Filters": [{"Pattern": "[]"}]}},
            "Invalid filter pattern definition.",
        ),
    ],
    ids=["kinesis", "no queue", "destination", "no function", "batch", "filter"],
)
def test_a_mapping_that_cannot_be_is_refused(world, parameters, text):
    async def scenario():
        await world.call("sqs", "CreateQueue", {"QueueName": "jobs"})
        body = json.dumps({"FunctionName": "seen", **parameters}).encode()
        return await world.services.transport("POST", "http://anywhere/2015-03-31/event-source-mappings", {}, body, service="lambda")

    status, _, content = run(scenario())
    assert status >= 400
    assert text in content.decode()


def test_reset_ends_every_delivery(world):
    async def scenario():
        await stream(world)
        world.services.reset()
        assert world.services.event_sources.mappings == {}

    run(scenario())


def test_a_wait_is_skipped_only_once_its_events_have_been_delivered():
    delivered = threading.Event()
    gate = threading.Event()

    def audit(event, _context):
        gate.wait(20)
        delivered.set()

    def act(_event, _context):
        # Released only when the execution has long reached its Wait, whose ten seconds would be over at once.
        threading.Timer(0.3, gate.set).start()

    with embedded_stack(Settings.from_environment({}, scale=0.0)) as stack:
        functions = stack.assembly.services.lambda_service
        functions.register("audit", audit)
        functions.register("check", lambda _event, _context: delivered.is_set())

        def client(service):
            keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            return boto3.client(service, endpoint_url=stack.endpoint_url, region_name="us-east-1", **keys)

        stream = client("dynamodb").create_table(**TABLE)["TableDescription"]["LatestStreamArn"]
        client("lambda").create_event_source_mapping(FunctionName="audit", EventSourceArn=stream, StartingPosition="LATEST")
        functions.register("act", act)
        put = {"TableName": "people", "Item": {"id": {"S": "1"}}}
        states = {
            "Act": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:act", "Next": "Put"},
            "Put": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": put, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 10, "Next": "Check"},
            "Check": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:check", "End": True},
        }
        stepfunctions = client("stepfunctions")
        definition = json.dumps({"StartAt": "Act", "States": states})
        machine = stepfunctions.create_state_machine(name="m", definition=definition, roleArn="arn:aws:iam::123456789012:role/r")
        arn = stepfunctions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
        execution = stack.run(ended(stack, arn), 30)
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", "true")


async def ended(stack, arn):
    """The description of an execution, once it has ended."""
    while True:
        execution = await stack.service.call("DescribeExecution", {"executionArn": arn})
        if execution["status"] != "RUNNING":
            return execution
        await asyncio.sleep(0.005)
