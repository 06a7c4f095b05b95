import asyncio
import json

import pytest


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

    asyncio.run(scenario())
    (event,) = world.events
    assert (event["source"], event["detail-type"], event["detail"]) == ("shop", "made", {"n": 2})
    assert world.started == [(machine, {"n": 2})]


def test_an_event_may_have_a_time_of_its_own(world):
    async def scenario():
        await rule(world, {"source": ["shop"]}, {"Arn": world.arn})
        entry = {"Source": "shop", "DetailType": "made", "Detail": "{}", "Time": 1735689600}
        await world.call("events", "PutEvents", {"Entries": [entry]})
        await world.rest()

    asyncio.run(scenario())
    assert world.events[0]["time"] == "2025-01-01T00:00:00Z"


def test_an_input_transformer_shapes_the_event(world):
    transformer = {
        "InputPathsMap": {"n": "$.detail.n", "who": "$.detail.who"},
        "InputTemplate": '{"count": <n>, "text": "for <who>", "who": <who>}',
    }

    async def scenario():
        await rule(world, {"source": ["shop"]}, {"Arn": world.arn, "InputTransformer": transformer})
        await put_event(world, {"n": 3, "who": 'A "B"'})
        await world.rest()

    asyncio.run(scenario())
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

    assert asyncio.run(scenario()) == 'hello "Zoe"'


def test_a_bus_hands_events_on_to_the_rules_of_another(world):
    async def scenario():
        bus = (await world.call("events", "CreateEventBus", {"Name": "other"}))["EventBusArn"]
        await rule(world, {"source": ["shop"]}, {"Arn": bus})
        await world.call("events", "PutRule", {"Name": "there", "EventBusName": "other", "EventPattern": '{"source": ["shop"]}'})
        await world.call("events", "PutTargets", {"Rule": "there", "EventBusName": "other", "Targets": [{"Id": "1", "Arn": world.arn}]})
        await put_event(world, {"n": 1})
        await world.rest()

    asyncio.run(scenario())
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

    assert asyncio.run(scenario()) == [{"n": 1}]
    assert len(world.events) == 1


def test_a_dead_letter_queue_that_is_gone_keeps_nothing_from_other_targets(world, caplog):
    async def scenario():
        missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
        dead = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:gone"}}
        await rule(world, {"source": ["shop"]}, {"Arn": missing, **dead}, {"Arn": world.arn})
        await put_event(world, {"n": 1})
        await world.rest()

    asyncio.run(scenario())
    assert len(world.events) == 1
    [told] = [record.getMessage() for record in caplog.records if record.name == "stepstack.embedded"]
    assert "function:missing is lost, and its dead-letter queue does not take it" in told


@pytest.mark.parametrize(
    ("operation", "parameters", "text"),
    [
        ("PutRule", {"Name": "r", "EventPattern": '{"a": [{"like": "x"}]}'}, b"Event pattern is not valid"),
        ("PutRule", {"Name": "r", "EventPattern": ["x"]}, b"Event pattern is not valid"),
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
    ids=["pattern", "no pattern", "fifo queue without a group", "input"],
)
def test_a_rule_that_cannot_be_is_refused(world, operation, parameters, text):
    async def scenario():
        await world.call("events", "PutRule", {"Name": "r", "EventPattern": '{"source": ["shop"]}'})
        headers = {"X-Amz-Target": f"AWSEvents.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        body = json.dumps(parameters).encode()
        return await world.services.transport("POST", "http://anywhere/", headers, body, service="events")

    status, _, content = asyncio.run(scenario())
    assert (status, text in content) == (400, True)


def test_a_bus_has_more_rules_than_one_answer(world):
    async def scenario():
        for number in range(60):
            await world.call("events", "PutRule", {"Name": f"rule-{number}", "EventPattern": '{"source": ["shop"]}'})
        await world.call("events", "PutTargets", {"Rule": "rule-59", "Targets": [{"Id": "1", "Arn": world.arn}]})
        await put_event(world, {"n": 1})
        await world.rest()

    asyncio.run(scenario())
    assert [event["detail"] for event in world.events] == [{"n": 1}]


def test_an_event_goes_from_bus_to_bus_once_and_not_in_a_circle(world):
    async def scenario():
        for name in ("second", "third"):
            await world.call("events", "CreateEventBus", {"Name": name})
        ways = {"default": ["default", "second"], "second": ["default", "third"], "third": ["default"]}
        for bus, targets in ways.items():
            await world.call("events", "PutRule", {"Name": "all", "EventBusName": bus, "EventPattern": '{"source": ["shop"]}'})
            arns = [f"arn:aws:events:us-east-1:123456789012:event-bus/{target}" for target in targets]
            told = [{"Id": str(number), "Arn": arn} for number, arn in enumerate([*arns, world.arn])]
            await world.call("events", "PutTargets", {"Rule": "all", "EventBusName": bus, "Targets": told})
        await world.call("events", "PutEvents", {"Entries": [{"Source": "shop", "DetailType": "sold", "Detail": "{}"}]})
        await world.rest()

    asyncio.run(scenario())
    assert len(world.events) == 3
