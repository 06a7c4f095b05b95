import asyncio
import json

import pytest

from stepstack.stacks.embedded.events import event_source_mappings


def test_a_stream_brings_changes_in_their_order(world):
    async def scenario():
        await world.map_stream()
        await world.put("1", name="a")
        await world.put("1", name="b")
        await world.call("dynamodb", "DeleteItem", {"TableName": "people", "Key": {"id": {"S": "1"}}})
        assert world.at_work
        await world.rest()

    asyncio.run(scenario())
    assert [record["eventName"] for record in world.records()] == ["INSERT", "MODIFY", "REMOVE"]
    first = world.records()[0]
    assert (first["eventSource"], first["eventVersion"], first["awsRegion"]) == ("aws:dynamodb", "1.1", "us-east-1")
    assert first["dynamodb"]["NewImage"] == {"id": {"S": "1"}, "name": {"S": "a"}}
    assert first["eventSourceARN"].startswith("arn:aws:dynamodb:us-east-1:123456789012:table/people/stream/")


def test_a_write_that_changes_nothing_is_no_event(world):
    async def scenario():
        await world.map_stream()
        await world.put("1")
        await world.put("1")
        await world.rest()

    asyncio.run(scenario())
    assert [record["eventName"] for record in world.records()] == ["INSERT"]


def test_a_filter_selects_records(world):
    pattern = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "USER#"}]}}}}

    async def scenario():
        await world.map_stream(FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
        await world.put("USER#1", name="a")
        await world.put("USER#1", name="b")
        await world.put("ORDER#1")
        await world.rest()

    asyncio.run(scenario())
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in world.records()] == ["USER#1"]


def test_batches_have_at_most_their_size(world):
    async def scenario():
        await world.map_stream(BatchSize=2)
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(5)]
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    asyncio.run(scenario())
    assert [len(event["Records"]) for event in world.events] == [2, 2, 1]


def test_a_failed_batch_comes_again_until_its_retries_are_used_up(world):
    world.answers = [RuntimeError("no")] * 3

    async def scenario():
        await world.map_stream(MaximumRetryAttempts=1)
        await world.put("1")
        await world.rest()
        await world.put("2")
        await world.rest()

    asyncio.run(scenario())
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in world.records()] == ["1", "1", "2", "2"]


def test_a_batch_that_fails_for_the_third_time_is_told_of_once(world, caplog, monkeypatch):
    monkeypatch.setattr(event_source_mappings, "RETRY_SECONDS", 0.0)
    world.answers = [RuntimeError("no such luck")] * 5

    async def scenario():
        mapping = await world.map_stream()
        await world.put("1")
        await world.rest()
        return mapping["UUID"]

    identifier = asyncio.run(scenario())
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert world.arn in told
    assert identifier in told
    assert "no such luck" in told
    assert len(world.events) == 6


def test_a_mapping_that_a_fault_has_stopped_is_told_of_with_the_fault(world, caplog):
    async def scenario():
        mapping = await world.map_stream()
        world.services.event_sources.mappings[mapping["UUID"]].parameters["MaximumRetryAttempts"] = "x"
        await world.put("1")
        await world.rest()
        return mapping["UUID"]

    identifier = asyncio.run(scenario())
    [record] = [record for record in caplog.records if identifier in record.getMessage()]
    assert record.exc_info[0] is ValueError


def test_a_batch_that_is_given_up_is_told_to_the_destination_for_failures(world):
    world.answers = [RuntimeError("no")] * 2
    dead = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:123456789012:dead"}}

    async def scenario():
        queue = (await world.call("sqs", "CreateQueue", {"QueueName": "dead"}))["QueueUrl"]
        mapping = await world.map_stream(MaximumRetryAttempts=1, DestinationConfig=dead)
        await world.put("1")
        await world.rest()
        (message,) = (await world.call("sqs", "ReceiveMessage", {"QueueUrl": queue}))["Messages"]
        return mapping["EventSourceArn"], json.loads(message["Body"])

    source, told = asyncio.run(scenario())
    (number,) = {record["dynamodb"]["SequenceNumber"] for record in world.records()}
    batch = told["DDBStreamBatchInfo"]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert (batch["streamArn"], batch["batchSize"]) == (source, 1)
    assert (batch["startSequenceNumber"], batch["endSequenceNumber"]) == (number, number)


def test_a_partial_failure_brings_the_rest_again(world):
    async def scenario():
        await world.map_stream(FunctionResponseTypes=["ReportBatchItemFailures"])
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(3)]

        def fail_second(event, _context):
            world.events.append(event)
            if len(world.events) == 1:
                return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["dynamodb"]["SequenceNumber"]}]}
            return {"batchItemFailures": []}

        world.services.lambda_service.register("seen", fail_second)
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    asyncio.run(scenario())
    assert [len(event["Records"]) for event in world.events] == [3, 2]


def test_a_failing_batch_is_halved_where_that_is_asked_for(world):
    world.answers = [RuntimeError("no")]

    async def scenario():
        await world.map_stream(BisectBatchOnFunctionError=True, MaximumRetryAttempts=2)
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(4)]
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    asyncio.run(scenario())
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

    left = asyncio.run(scenario())
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

    asyncio.run(scenario())
    assert [record["body"] for record in world.records()] == ["hello", "hello"]


def test_a_queue_s_filter_deletes_what_it_does_not_want(world):
    async def scenario():
        url = (await world.call("sqs", "CreateQueue", {"QueueName": "jobs"}))["QueueUrl"]
        pattern = json.dumps({"body": {"kind": ["wanted"]}})
        arn = "arn:aws:sqs:us-east-1:123456789012:jobs"
        await world.map_source(EventSourceArn=arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
        for body in ('{"kind": "other"}', "no json", "[" * 100_000, '{"kind": "wanted"}'):
            await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body})
        await world.rest()
        names = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]}
        return (await world.call("sqs", "GetQueueAttributes", names))["Attributes"]

    left = asyncio.run(scenario())
    assert [record["body"] for record in world.records()] == ['{"kind": "wanted"}']
    assert set(left.values()) == {"0"}


def test_mappings_are_listed_changed_and_deleted(world):
    async def scenario():
        made = await world.map_stream()
        path = f"/2015-03-31/event-source-mappings/{made['UUID']}"
        listed = json.loads((await world.send("lambda", "GET", "/2015-03-31/event-source-mappings?FunctionName=seen"))[1])
        changed = json.loads((await world.send("lambda", "PUT", path, body=b'{"Enabled": false}'))[1])
        await world.put("1")
        await world.rest()
        await world.send("lambda", "DELETE", path)
        gone = await world.services.transport("GET", f"http://anywhere{path}", {}, b"", service="lambda")
        return made, listed, changed, gone

    made, listed, changed, gone = asyncio.run(scenario())
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

    asyncio.run(scenario())
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

    status, _, content = asyncio.run(scenario())
    assert status >= 400
    assert text in content.decode()
