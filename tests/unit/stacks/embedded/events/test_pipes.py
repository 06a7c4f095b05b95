import asyncio
import json

import pytest

from stepstack.errors import ServiceError, UnsupportedFeature

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


def arn(service, name):
    return f"arn:aws:{service}:us-east-1:123456789012:{name}"


async def queue(world, name):
    return (await world.call("sqs", "CreateQueue", {"QueueName": name}))["QueueUrl"]


async def received(world, url):
    answer = await world.call("sqs", "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10})
    return [message["Body"] for message in answer.get("Messages") or ()]


async def send(world, url, *bodies):
    for body in bodies:
        await world.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body})


def test_a_stream_s_new_items_are_put_on_a_bus_one_by_one(world, streamed_table):
    async def scenario():
        source = (await world.call("dynamodb", "CreateTable", streamed_table))["TableDescription"]["LatestStreamArn"]
        await world.call("events", "CreateEventBus", {"Name": "orders"})
        await world.call("events", "PutRule", {"Name": "r", "EventBusName": "orders", "EventPattern": '{"detail-type": ["INSERT of 1"]}'})
        target = {"Id": "m", "Arn": MACHINE, "InputPath": "$.detail.dynamodb.Keys"}
        await world.call("events", "PutTargets", {"Rule": "r", "EventBusName": "orders", "Targets": [target]})
        parameters = {
            "Source": source,
            "SourceParameters": {
                "FilterCriteria": {"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]},
                "DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 5},
            },
            "Target": arn("events", "event-bus/orders"),
            "TargetParameters": {"EventBridgeEventBusParameters": {"DetailType": "INSERT of 1", "Source": "$.eventSource"}},
        }
        await world.services.event_sources.add_pipe("pipe", parameters)
        await world.put("1", name="a")
        await world.put("1", name="b")
        await world.rest()

    asyncio.run(scenario())
    assert world.started == [(MACHINE, {"id": {"S": "1"}})]


def test_a_queue_s_messages_are_transformed_and_reach_a_function_as_an_array(world):
    async def scenario():
        url = await queue(world, "in")
        template = '{"id": <$.body.id>, "text": "no <$.body.id>", "whole": <$.body>}'
        parameters = {"Source": arn("sqs", "in"), "Target": world.arn, "TargetParameters": {"InputTemplate": template}}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await send(world, url, '{"id": 7}')
        await world.rest()
        return await received(world, url)

    assert asyncio.run(scenario()) == []
    assert world.events == [[{"id": 7, "text": "no 7", "whole": {"id": 7}}]]


@pytest.mark.parametrize(("kind", "operation"), [(None, "StartExecution"), ("REQUEST_RESPONSE", "StartSyncExecution")])
def test_a_state_machine_is_started_or_waited_for(world, kind, operation):
    called = []

    async def step_functions(name, parameters):
        called.append((name, json.loads(parameters["input"])[0]["body"]))
        return {"status": "SUCCEEDED", "output": "{}"}

    async def scenario():
        world.services.step_functions = step_functions
        url = await queue(world, "in")
        told = {"StepFunctionStateMachineParameters": {"InvocationType": kind}} if kind else {}
        await world.services.event_sources.add_pipe("pipe", {"Source": arn("sqs", "in"), "Target": MACHINE, "TargetParameters": told})
        await send(world, url, "hello")
        await world.rest()

    asyncio.run(scenario())
    assert called == [(operation, "hello")]


def test_an_enrichment_s_answer_is_what_is_sent_and_an_empty_one_ends_the_matter(world):
    def enrich(events, _context):
        return [{"told": event["body"]} for event in events if event["body"] != "nothing"]

    async def scenario():
        enrichment = world.services.lambda_service.register("enrich", enrich)
        url, out = await queue(world, "in"), await queue(world, "out")
        parameters = {"Source": arn("sqs", "in"), "Enrichment": enrichment, "Target": arn("sqs", "out")}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await send(world, url, "a", "nothing", "b")
        await world.rest()
        return await received(world, out)

    assert sorted(asyncio.run(scenario())) == ['{"told": "a"}', '{"told": "b"}']


def test_what_its_target_does_not_take_goes_to_the_dead_letter_queue(world, streamed_table):
    async def scenario():
        source = (await world.call("dynamodb", "CreateTable", streamed_table))["TableDescription"]["LatestStreamArn"]
        letters = await queue(world, "letters")
        told = {"StartingPosition": "TRIM_HORIZON", "MaximumRetryAttempts": 0, "DeadLetterConfig": {"Arn": arn("sqs", "letters")}}
        parameters = {"Source": source, "SourceParameters": {"DynamoDBStreamParameters": told}, "Target": arn("sqs", "gone")}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await world.put("1")
        await world.rest()
        return await received(world, letters)

    (letter,) = map(json.loads, asyncio.run(scenario()))
    assert letter["context"] == {"partnerResourceArn": arn("pipes", "pipe/pipe"), "condition": "RetryAttemptsExhausted"}
    assert letter["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_template_may_name_the_pipe_itself(world):
    async def scenario():
        url = await queue(world, "in")
        template = (
            '{"from": "<aws.pipes.pipe-name> <aws.pipes.source-arn>", "to": <aws.pipes.target-arn>, "at": <aws.pipes.event.ingestion-time>}'
        )
        parameters = {"Source": arn("sqs", "in"), "Target": world.arn, "TargetParameters": {"InputTemplate": template}}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await send(world, url, "a")
        await world.rest()

    asyncio.run(scenario())
    [[event]] = world.events
    assert (event["from"], event["to"], event["at"].endswith("Z")) == (f"pipe {arn('sqs', 'in')}", world.arn, True)


def test_parameters_read_the_event_and_not_what_the_template_makes_of_it(world):
    async def scenario():
        url = await queue(world, "in")
        await world.call("events", "PutRule", {"Name": "r", "EventPattern": '{"detail-type": ["made"]}'})
        await world.call("events", "PutTargets", {"Rule": "r", "Targets": [{"Id": "m", "Arn": MACHINE, "InputPath": "$.detail"}]})
        told = {
            "InputTemplate": '{"only": <$.body.id>}',
            "EventBridgeEventBusParameters": {"Source": "shop", "DetailType": "$.body.kind"},
        }
        parameters = {"Source": arn("sqs", "in"), "Target": arn("events", "event-bus/default"), "TargetParameters": told}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await send(world, url, '{"id": 7, "kind": "made"}')
        await world.rest()

    asyncio.run(scenario())
    assert world.started == [(MACHINE, {"only": 7})]


def test_a_batch_is_halved_where_that_is_asked_for(world, streamed_table):
    world.answers = [RuntimeError("no")]

    async def scenario():
        source = (await world.call("dynamodb", "CreateTable", streamed_table))["TableDescription"]["LatestStreamArn"]
        told = {"StartingPosition": "LATEST", "OnPartialBatchItemFailure": "AUTOMATIC_BISECT"}
        parameters = {"Source": source, "SourceParameters": {"DynamoDBStreamParameters": told}, "Target": world.arn}
        await world.services.event_sources.add_pipe("pipe", parameters)
        requests = [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(4)]
        await world.call("dynamodb", "BatchWriteItem", {"RequestItems": {"people": requests}})
        await world.rest()

    asyncio.run(scenario())
    assert [len(event) for event in world.events] == [4, 2, 2]


def test_what_a_target_refuses_is_told_once(world, streamed_table, caplog):
    async def scenario():
        source = (await world.call("dynamodb", "CreateTable", streamed_table))["TableDescription"]["LatestStreamArn"]
        told = {"StartingPosition": "LATEST", "MaximumRetryAttempts": 1, "DeadLetterConfig": {"Arn": arn("sqs", "gone too")}}
        parameters = {"Source": source, "SourceParameters": {"DynamoDBStreamParameters": told}, "Target": arn("sqs", "gone")}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await world.put("1")
        await world.rest()

    asyncio.run(scenario())
    first, second = [record.getMessage() for record in caplog.records if record.name == "stepstack.embedded"]
    assert first.startswith(f"{arn('pipes', 'pipe/pipe')} cannot hand on what it reads from arn:aws:dynamodb:")
    assert second.startswith(f"1 records that {arn('pipes', 'pipe/pipe')} has given up are lost: ")


def test_a_name_is_taken_once(world):
    async def scenario():
        await queue(world, "in")
        parameters = {"Source": arn("sqs", "in"), "Target": world.arn}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await world.services.event_sources.add_pipe("pipe", parameters)

    with pytest.raises(ServiceError, match=r"ConflictException: Pipe pipe already exists\."):
        asyncio.run(scenario())


def test_a_pipe_that_is_stopped_reads_nothing(world):
    async def scenario():
        url = await queue(world, "in")
        parameters = {"Source": arn("sqs", "in"), "Target": world.arn, "DesiredState": "STOPPED"}
        await world.services.event_sources.add_pipe("pipe", parameters)
        await send(world, url, "a")
        await world.rest()
        return await received(world, url)

    assert asyncio.run(scenario()) == ["a"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Source": arn("kinesis", "stream/s")}, "pipes read DynamoDB streams and SQS queues"),
        ({"Target": arn("ecs", "cluster/c")}, "pipes send to functions, state machines"),
        ({"Enrichment": arn("events", "api-destination/a")}, "pipes are enriched by functions and state machines"),
    ],
    ids=["source", "target", "enrichment"],
)
def test_what_is_not_supported_is_refused_by_name(world, change, text):
    parameters = {"Source": arn("sqs", "in"), "Target": world.arn, **change}

    with pytest.raises(UnsupportedFeature, match=f"the pipe pipe .*{text}"):
        asyncio.run(world.services.event_sources.add_pipe("pipe", parameters))
