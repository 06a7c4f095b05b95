import asyncio
import json
import threading


def test_an_event_for_a_function_that_is_gone_is_told_of(world, caplog):
    async def scenario():
        world.services.event_sources.deliver_message("arn:aws:lambda:us-east-1:123456789012:function:gone", {})
        await world.rest()

    asyncio.run(scenario())
    [told] = [record.getMessage() for record in caplog.records]
    assert told.startswith("an event was not delivered: ")
    assert "gone" in told


def test_reset_ends_every_delivery(world):
    async def scenario():
        await world.map_stream()
        world.services.reset()
        assert world.services.event_sources.mappings == {}

    asyncio.run(scenario())


def test_a_wait_is_skipped_only_once_its_events_have_been_delivered(emptied_stack, connect, streamed_table):
    delivered = threading.Event()
    gate = threading.Event()

    def audit(_event, _context):
        gate.wait(20)
        delivered.set()

    def act(_event, _context):
        # Released only when the execution has long reached its Wait, whose ten seconds would be over at once.
        threading.Timer(0.3, gate.set).start()

    functions = emptied_stack.assembly.services.lambda_service
    functions.register("audit", audit)
    functions.register("check", lambda _event, _context: delivered.is_set())
    functions.register("act", act)
    stream = connect("dynamodb").create_table(**streamed_table)["TableDescription"]["LatestStreamArn"]
    connect("lambda").create_event_source_mapping(FunctionName="audit", EventSourceArn=stream, StartingPosition="LATEST")
    put = {"TableName": "people", "Item": {"id": {"S": "1"}}}
    states = {
        "Act": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:act", "Next": "Put"},
        "Put": {"Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Parameters": put, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": 10, "Next": "Check"},
        "Check": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:check", "End": True},
    }
    stepfunctions = connect("stepfunctions")
    definition = json.dumps({"StartAt": "Act", "States": states})
    machine = stepfunctions.create_state_machine(name="m", definition=definition, roleArn="arn:aws:iam::123456789012:role/r")
    arn = stepfunctions.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    emptied_stack.run(asyncio.wait_for(emptied_stack.service.execution_ended(arn), 30))

    execution = stepfunctions.describe_execution(executionArn=arn)
    assert (execution["status"], execution["output"]) == ("SUCCEEDED", "true")
