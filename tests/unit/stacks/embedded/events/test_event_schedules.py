import asyncio
import json

import pytest
from botocore.exceptions import ClientError
from tests.unit.stacks.embedded.recording import RecordingStack

from stepstack.errors import ServiceError

WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}}}
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
ROLE = "arn:aws:iam::123456789012:role/r"


class World(RecordingStack):
    """A stack with schedules for the function."""

    def rule(self, expression, *targets, **parameters):
        events = self.client("events")
        arn = events.put_rule(Name="tick", ScheduleExpression=expression, **parameters)["RuleArn"]
        events.put_targets(Rule="tick", Targets=list(targets) or [{"Id": "1", "Arn": self.arn}])
        return arn

    def schedule(self, expression, target=None, **parameters):
        window = {"Mode": "OFF"}
        target = {"Arn": self.arn, "RoleArn": ROLE, **(target or {})}
        parameters = {"Name": "alarm", "FlexibleTimeWindow": window, "Target": target, **parameters}
        return self.client("scheduler").create_schedule(ScheduleExpression=expression, **parameters)["ScheduleArn"]

    def advance(self, seconds):
        async def advance():
            await self.stack.clock.advance(seconds)

        self.stack.run(advance())

    def wait(self, seconds):
        """An execution that waits, and has ended."""
        states = self.client("stepfunctions")
        arn = states.create_state_machine(name="waiter", definition=json.dumps(WAIT), roleArn=ROLE)["stateMachineArn"]
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps({"seconds": seconds}))["executionArn"]
        self.stack.run(asyncio.wait_for(self.stack.service.execution_ended(execution), 30))

    def times(self):
        return [event["time"] for event in self.events]


@pytest.fixture
def world(emptied_stack, connect):
    return World(emptied_stack, connect)


def test_a_rule_s_schedule_fires_when_a_test_advances_the_clock(world):
    arn = world.rule("rate(5 minutes)")

    world.advance(299)
    assert world.events == []

    world.advance(1)
    (event,) = world.events
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [arn]

    world.advance(1500)
    assert len(world.events) == 6
    assert world.times() == sorted(set(world.times()))


def test_a_schedule_does_not_run_away_where_waits_are_skipped(world):
    world.rule("rate(1 minute)")

    world.client("events").list_rules()

    assert world.events == []


def test_a_wait_that_is_skipped_passes_a_schedule_s_moments(world):
    world.rule("rate(1 minute)")

    world.wait(185)

    assert len(world.events) == 3


def test_a_schedule_starts_executions_with_its_input(world):
    states = world.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=json.dumps(PASS), roleArn=ROLE)["stateMachineArn"]
    world.rule("rate(1 hour)", {"Id": "1", "Arn": machine, "RoleArn": ROLE, "Input": '{"a": 1}'})

    world.advance(3600)

    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    assert json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"]) == {"a": 1}


def test_executions_that_wait_longer_than_their_schedule_s_period_do_not_keep_time_going(world):
    states = world.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=json.dumps(WAIT), roleArn=ROLE)["stateMachineArn"]
    world.rule("rate(1 minute)", {"Id": "1", "Arn": machine, "RoleArn": ROLE, "Input": '{"seconds": 90}'})

    world.advance(60)
    # Each of these requests finds the clock at rest.
    assert [states.list_executions(stateMachineArn=machine)["executions"][0]["status"] for _ in range(5)] == ["RUNNING"] * 5
    assert len(states.list_executions(stateMachineArn=machine)["executions"]) == 1

    world.wait(120)
    statuses = [execution["status"] for execution in states.list_executions(stateMachineArn=machine)["executions"]]
    assert (len(statuses), statuses[0], statuses[-1]) == (3, "RUNNING", "SUCCEEDED")


def test_executions_that_wait_shorter_than_their_schedule_s_period_end(world):
    states = world.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=json.dumps(WAIT), roleArn=ROLE)["stateMachineArn"]
    world.rule("rate(1 hour)", {"Id": "1", "Arn": machine, "RoleArn": ROLE, "Input": '{"seconds": 90}'})

    world.advance(3600)
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    world.stack.run(asyncio.wait_for(world.stack.service.execution_ended(execution["executionArn"]), 30))

    assert states.describe_execution(executionArn=execution["executionArn"])["status"] == "SUCCEEDED"


def test_an_input_path_and_a_transformer_shape_a_schedule_s_event(world):
    template = '{"rule": "<aws.events.rule-name>", "from": "<source>", "whole": <aws.events.event.json>}'
    transformer = {"InputPathsMap": {"source": "$.source"}, "InputTemplate": template}
    world.rule(
        "rate(1 hour)",
        {"Id": "1", "Arn": world.arn, "InputPath": "$.resources[0]"},
        {"Id": "2", "Arn": world.arn, "InputTransformer": transformer},
    )

    world.advance(3600)

    # Asynchronous invocations run side by side.
    first, second = sorted(world.events, key=lambda event: isinstance(event, dict))
    assert first == "arn:aws:events:us-east-1:123456789012:rule/tick"
    assert (second["rule"], second["from"], second["whole"]["detail-type"]) == ("tick", "aws.events", "Scheduled Event")


def test_a_rule_that_is_disabled_or_deleted_does_not_fire(world):
    events = world.client("events")
    world.rule("rate(1 hour)", State="DISABLED")
    world.advance(3600)
    assert world.events == []

    events.enable_rule(Name="tick")
    world.advance(3600)
    assert len(world.events) == 1

    events.disable_rule(Name="tick")
    world.advance(3600)
    events.enable_rule(Name="tick")
    events.remove_targets(Rule="tick", Ids=["1"])
    events.delete_rule(Name="tick")
    world.advance(3600)
    assert len(world.events) == 1


def test_a_rate_of_the_scheduler_fires_at_once_and_then_at_its_rate(world):
    arn = world.schedule("rate(1 hour)", {"Input": '{"at": "<aws.scheduler.scheduled-time>", "of": "<aws.scheduler.schedule-arn>"}'})

    world.advance(7200)

    assert len(world.events) == 3
    assert {event["of"] for event in world.events} == {arn}
    assert len({event["at"] for event in world.events}) == 3


def test_a_schedule_without_an_input_sends_an_event_of_its_own(world):
    arn = world.schedule("cron(0 0 1 1 ? *)")

    world.advance(370 * 86400)

    event = world.events[0]
    assert (event["source"], event["resources"], event["detail"]) == ("aws.scheduler", [arn], "{}")
    assert event["time"].endswith("-01-01T00:00:00Z")


def test_a_schedule_for_one_moment_deletes_itself_where_it_is_told_to(world):
    scheduler = world.client("scheduler")
    world.schedule("at(2094-01-01T10:00:00)", {"Input": '"now"'}, ActionAfterCompletion="DELETE")

    world.advance(75 * 365 * 86400)

    assert world.events == ["now"]
    with pytest.raises(ClientError, match="ResourceNotFound"):
        scheduler.get_schedule(Name="alarm")


def test_a_schedule_is_updated_and_deleted(world):
    scheduler = world.client("scheduler")
    world.schedule("cron(0 * * * ? *)", State="DISABLED")
    world.advance(7200)
    assert world.events == []

    target = {"Arn": world.arn, "RoleArn": ROLE}
    changed = {"Name": "alarm", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target, "ScheduleExpression": "cron(0 * * * ? *)"}
    scheduler.update_schedule(State="ENABLED", **changed)
    world.advance(7200)
    assert len(world.events) == 2

    scheduler.delete_schedule(Name="alarm")
    world.advance(7200)
    assert len(world.events) == 2


def test_a_queue_gets_a_schedule_s_message(world):
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    world.schedule("rate(1 day)", {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "Input": "plain text"})

    world.advance(1)

    assert [message["Body"] for message in sqs.receive_message(QueueUrl=url)["Messages"]] == ["plain text"]


def test_what_nobody_takes_goes_to_the_dead_letter_queue(world):
    sqs = world.client("sqs")
    url = sqs.create_queue(QueueName="dead")["QueueUrl"]
    missing = "arn:aws:lambda:us-east-1:123456789012:function:missing"
    dead = {"DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:dead"}}
    arn = world.rule("rate(1 hour)", {"Id": "1", "Arn": missing, "Input": '{"a": 1}', **dead})

    world.advance(3600)

    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == {"a": 1}
    assert attributes["ERROR_CODE"] == "ResourceNotFoundException"
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (arn, missing)


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "cron(0 10 * * * *)", "often"])
def test_a_rule_s_expression_that_is_none_is_refused(world, expression):
    with pytest.raises(ClientError, match="Parameter ScheduleExpression is not valid"):
        world.client("events").put_rule(Name="tick", ScheduleExpression=expression)


def test_a_date_that_is_none_is_refused_and_nothing_is_made(world, tmp_path):
    (tmp_path / "template.yaml").write_text(
        f"""
        Resources:
          Alarm:
            Type: AWS::Scheduler::Schedule
            Properties:
              ScheduleExpression: rate(1 hour)
              StartDate: tomorrow
              FlexibleTimeWindow: {{Mode: 'OFF'}}
              Target: {{Arn: '{world.arn}', RoleArn: '{ROLE}'}}
        """
    )
    with pytest.raises(ServiceError, match="StartDate is no date: tomorrow"):
        world.stack.deploy(tmp_path / "template.yaml")

    assert world.client("scheduler").list_schedules()["Schedules"] == []


def test_a_target_that_is_not_supported_is_refused_by_name(world):
    universal = "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    with pytest.raises(ClientError, match=universal):
        world.schedule("rate(1 day)", {"Arn": universal})
    with pytest.raises(ClientError, match="log-group:g"):
        world.rule("rate(1 day)", {"Id": "1", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:g"})


TICKER = """
import boto3


def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=event["url"], MessageBody=event["from"])
"""

TEMPLATE = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Ticker": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.12",
                "InlineCode": TICKER,
                "Handler": "index.handler",
                "Events": {
                    "Rule": {
                        "Type": "Schedule",
                        "Properties": {"Schedule": "rate(1 hour)", "Input": {"Fn::Sub": '{"url": "${Queue}", "from": "rule"}'}},
                    },
                    "Cron": {
                        "Type": "ScheduleV2",
                        "Properties": {
                            "ScheduleExpression": "cron(30 * * * ? *)",
                            "ScheduleExpressionTimezone": "Europe/Berlin",
                            "Input": {"Fn::Sub": '{"url": "${Queue}", "from": "scheduler"}'},
                        },
                    },
                    "Off": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", "Enabled": False}},
                },
            },
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Starter": {
            "Type": "AWS::Serverless::StateMachine",
            "Properties": {
                "Definition": PASS,
                "Events": {"Daily": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}},
            },
        },
    },
    "Outputs": {"Queue": {"Value": {"Ref": "Queue"}}, "Machine": {"Value": {"Ref": "Starter"}}},
}


def test_schedules_of_a_template_fire_until_it_is_deleted(world, tmp_path):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(TEMPLATE))
    application = world.stack.deploy(path)
    sqs, states = world.client("sqs"), world.client("stepfunctions")

    world.advance(3600)
    bodies = [message["Body"] for message in sqs.receive_message(QueueUrl=application.outputs["Queue"], MaxNumberOfMessages=10)["Messages"]]
    assert sorted(bodies) == ["rule", "scheduler"]

    world.advance(86400)
    assert len(states.list_executions(stateMachineArn=application.outputs["Machine"])["executions"]) == 1

    world.stack.run(application.delete())
    assert world.client("events").list_rules()["Rules"] == []
    assert world.client("scheduler").list_schedules()["Schedules"] == []
