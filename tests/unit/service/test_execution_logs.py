"""Execution logs: which events go where, and in which form."""

from __future__ import annotations

import json

import pytest

from stepstack.service import execution_logs
from stepstack.service.execution_logs import is_logged

from .conftest import FAIL, PASS

GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/vendedlogs/states/test:*"


class Sink:
    """Keeps what it is handed; refuses where `error` is set."""

    def __init__(self, error=None):
        self.batches = []
        self.error = error

    async def put(self, log_group_arn, stream, events):
        if self.error is not None:
            raise self.error
        self.batches.append((log_group_arn, stream, events))

    @property
    def messages(self):
        return [json.loads(event["message"]) for _, _, events in self.batches for event in events]


def logged(make_caller, definition=PASS, level="ALL", include=True, sink=None):
    sink = sink or Sink()
    call = make_caller(sink=sink)
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}]
    configuration = {"level": level, "includeExecutionData": include, "destinations": destinations}
    described = call.execution(call.machine(definition=definition, loggingConfiguration=configuration)["stateMachineArn"])
    call.run(call.service.logs.delivered())
    return sink, described


def test_at_level_all_every_event_is_logged_in_order(make_caller):
    sink, described = logged(make_caller)
    assert [message["type"] for message in sink.messages] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    first = sink.messages[1]
    first.pop("event_timestamp")
    assert first == {
        "id": "2",
        "type": "PassStateEntered",
        "details": {"name": "A", "input": "{}", "inputDetails": {"truncated": False}},
        "previous_event_id": "0",
        "execution_arn": described["executionArn"],
        "redrive_count": "0",
    }


def test_the_events_go_to_the_group_in_a_stream_of_the_state_machine(make_caller):
    sink, _ = logged(make_caller)
    assert {group for group, _, _ in sink.batches} == {GROUP}
    [stream] = {stream for _, stream, _ in sink.batches}
    assert stream.startswith("states/machine/")
    assert all(isinstance(event["timestamp"], int) for _, _, events in sink.batches for event in events)


def test_without_execution_data_inputs_and_outputs_are_left_out(make_caller):
    sink, _ = logged(make_caller, include=False)
    assert [sorted(message["details"]) for message in sink.messages] == [["roleArn"], ["name"], ["name"], []]


@pytest.mark.parametrize(
    ("level", "types"),
    [("ERROR", ["FailStateEntered", "ExecutionFailed"]), ("FATAL", ["ExecutionFailed"]), ("OFF", [])],
)
def test_the_level_chooses_the_events(make_caller, level, types):
    sink, _ = logged(make_caller, FAIL, level)
    assert [message["type"] for message in sink.messages] == types


@pytest.mark.parametrize("event_type", ["TaskFailed", "LambdaFunctionTimedOut", "MapIterationAborted"])
def test_level_error_has_the_failures_of_states_and_fatal_has_not(event_type):
    assert is_logged("ERROR", event_type)
    assert not is_logged("FATAL", event_type)


def test_a_sink_that_refuses_does_not_disturb_the_execution(make_caller):
    _, described = logged(make_caller, sink=Sink(RuntimeError("the log group is gone")))
    assert described["status"] == "SUCCEEDED"


def test_streams_are_known_for_the_state_machines_of_late_alone(make_caller, monkeypatch):
    monkeypatch.setattr(execution_logs, "STREAMS_KEPT", 1)
    sink = Sink()
    call = make_caller(sink=sink)
    configuration = {"level": "ALL", "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": GROUP}}]}
    machines = [call.machine(name, loggingConfiguration=configuration)["stateMachineArn"] for name in ("one", "two")]
    for arn in (machines[0], machines[0], machines[1], machines[0]):
        call.execution(arn)
    call.run(call.service.logs.delivered())

    streams = [stream for _, stream, _ in sink.batches]
    assert len(set(streams)) == 3
    assert len(sink.messages) == 4 * 4
