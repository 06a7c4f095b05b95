"""What EventBridge hears of executions."""

from __future__ import annotations

import json

import pytest

from stepstack.service.status_changes import DATA_LIMIT_BYTES

from .conftest import FAIL, PASS, WAIT


class Sink:
    """Keeps the events that it is told."""

    def __init__(self):
        self.is_listening = True
        self.events = []

    def hears_events(self):
        return self.is_listening

    def tell_event(self, source, detail_type, resources, detail):
        self.events.append((source, detail_type, resources, detail))

    @property
    def details(self):
        return [detail for *_, detail in self.events]


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def call(make_caller, sink):
    return make_caller(status_sink=sink)


def test_an_execution_is_told_when_it_starts_and_when_it_ends(call, sink):
    machine = call.machine()["stateMachineArn"]
    described = call.execution(machine, name="first", input='{"a":1}')
    arn = described["executionArn"]
    assert [event[:3] for event in sink.events] == [("aws.states", "Step Functions Execution Status Change", [arn])] * 2
    started, ended = sink.details
    common = {"executionArn": arn, "stateMachineArn": machine, "name": "first", "input": '{"a":1}', "inputDetails": {"included": True}}
    absent = dict.fromkeys(("stateMachineVersionArn", "stateMachineAliasArn", "redriveDate", "error", "cause"))
    times = {name: round(described[name] * 1000) for name in ("startDate", "stopDate")}
    reason = "Execution is {} and cannot be redriven"
    assert started == {
        **common,
        **absent,
        **times,
        "status": "RUNNING",
        "stopDate": None,
        "output": None,
        "outputDetails": None,
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": reason.format("RUNNING"),
    }
    assert ended == {
        **started,
        **times,
        "status": "SUCCEEDED",
        "output": '{"a":1}',
        "outputDetails": {"included": True},
        "redriveStatusReason": reason.format("SUCCEEDED"),
    }


def test_a_failure_is_told_with_its_cause_and_can_be_redriven(call, sink):
    arn = call.execution(call.machine(definition=FAIL)["stateMachineArn"])["executionArn"]
    detail = sink.details[-1]
    assert (detail["status"], detail["error"], detail["cause"], detail["output"]) == ("FAILED", "Broken", "on purpose", None)
    assert (detail["redriveStatus"], detail["redriveStatusReason"]) == ("REDRIVABLE", None)
    redriven_at = call("RedriveExecution", executionArn=arn)["redriveDate"]
    call.run(call.service.execution_ended(arn))
    again = sink.details[2:]
    assert [(detail["status"], detail["redriveCount"], detail["redriveDate"]) for detail in again] == [
        ("RUNNING", 1, round(redriven_at * 1000)),
        ("FAILED", 1, round(redriven_at * 1000)),
    ]


@pytest.mark.parametrize(("options", "status"), [({}, "ABORTED"), ({"TimeoutSeconds": 1}, "TIMED_OUT")], ids=["stopped", "late"])
def test_what_ends_an_execution_from_outside_is_told_too(make_caller, sink, options, status):
    call = make_caller(status_sink=sink, scale=0 if options else 1.0)
    definition = json.dumps({**json.loads(WAIT), **options})
    arn = call("StartExecution", stateMachineArn=call.machine(definition=definition)["stateMachineArn"])["executionArn"]
    if not options:
        call("StopExecution", executionArn=arn, error="Enough")
    call.run(call.service.execution_ended(arn))
    assert [detail["status"] for detail in sink.details] == ["RUNNING", status]
    assert sink.details[-1]["error"] == (None if options else "Enough")


def test_nothing_is_told_of_express_executions(call, sink):
    call("StartSyncExecution", stateMachineArn=call.machine(type="EXPRESS")["stateMachineArn"])
    assert sink.events == []


def test_nothing_is_made_of_it_while_nobody_listens(call, sink):
    sink.is_listening = False
    call.execution(call.machine()["stateMachineArn"])
    assert sink.events == []


def test_an_alias_and_its_version_are_named(call, sink):
    machine = call.machine(publish=True)
    routes = [{"stateMachineVersionArn": machine["stateMachineVersionArn"], "weight": 100}]
    alias = call("CreateStateMachineAlias", name="live", routingConfiguration=routes)["stateMachineAliasArn"]
    call.execution(alias)
    detail = sink.details[-1]
    named = (detail["stateMachineArn"], detail["stateMachineVersionArn"], detail["stateMachineAliasArn"])
    assert named == (machine["stateMachineArn"], machine["stateMachineVersionArn"], alias)


def test_an_input_that_does_not_fit_beside_the_output_is_left_out(call, sink):
    machine = call.machine(definition=PASS)["stateMachineArn"]
    text = '"' + "x" * (DATA_LIMIT_BYTES // 2) + '"'
    call.execution(machine, input=text)
    started, ended = sink.details
    assert (started["input"], started["inputDetails"]) == (text, {"included": True})
    assert (ended["input"], ended["inputDetails"]) == (None, {"included": False})
    assert (ended["output"], ended["outputDetails"]) == (text, {"included": True})


def test_nothing_is_told_of_the_children_of_map_runs(call, sink):
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = {"Type": "Map", "ItemProcessor": {"ProcessorConfig": config, **json.loads(PASS)}, "End": True}
    arn = call.execution(call.machine(definition=json.dumps({"StartAt": "M", "States": {"M": each}}))["stateMachineArn"], input="[1, 2]")
    assert [detail["executionArn"] for detail in sink.details] == [arn["executionArn"]] * 2


@pytest.mark.parametrize("end", ["reset", "close"])
def test_nothing_is_told_of_what_is_stopped_because_the_service_ends_or_forgets_all(call, sink, end):
    call("StartExecution", stateMachineArn=call.machine(definition=WAIT)["stateMachineArn"])
    call.run(getattr(call.service, end)())
    assert [detail["status"] for detail in sink.details] == ["RUNNING"]
    if end == "reset":
        call.execution(call.machine()["stateMachineArn"])
        assert [detail["status"] for detail in sink.details] == ["RUNNING", "RUNNING", "SUCCEEDED"]


def test_half_of_a_surrogate_pair_keeps_no_execution_from_its_end(call, sink):
    # The value is taken out, so that it is written anew.
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"b.$": "$.a"}, "End": True}}})
    described = call.execution(call.machine(definition=definition)["stateMachineArn"], input=r'{"a": "\ud800"}')
    assert described["status"] == sink.details[-1]["status"] == "SUCCEEDED"
    assert sink.details[-1]["output"] == described["output"]
