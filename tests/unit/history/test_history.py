"""Histories: dense ids, details under AWS's names, room for the end."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.clock import Clock
from stepstack.history import EVENT_LIMIT, EventLimitReached, History
from stepstack.history.history import details_key
from stepstack.history.wire import wire_event


def history(event_limit=None, listener=None):
    loop = asyncio.new_event_loop()
    try:
        return History(Clock(loop).timeline(), event_limit, listener)
    finally:
        loop.close()


@given(st.lists(st.tuples(st.sampled_from(["PassStateEntered", "TaskScheduled", "MapRunStarted"]), st.booleans())))
def test_ids_are_dense_and_begin_at_one(events):
    recorded = history()
    numbers = [recorded.record(event_type, 0, {} if has_details else None) for event_type, has_details in events]
    assert numbers == list(range(1, len(events) + 1))
    assert [event.id for event in recorded.events] == numbers


def test_timestamps_never_go_back():
    recorded = history()
    for _ in range(100):
        recorded.record("PassStateEntered", 0)
    stamps = [event.timestamp for event in recorded.events]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("event_type", "key"),
    [
        ("PassStateEntered", "stateEnteredEventDetails"),
        ("MapStateExited", "stateExitedEventDetails"),
        ("TaskScheduled", "taskScheduledEventDetails"),
        ("LambdaFunctionFailed", "lambdaFunctionFailedEventDetails"),
        ("ExecutionSucceeded", "executionSucceededEventDetails"),
        ("MapIterationStarted", "mapIterationStartedEventDetails"),
    ],
)
def test_details_stand_under_the_members_name(event_type, key):
    assert details_key(event_type) == key


def test_every_details_member_is_one_of_the_service_model():
    botocore_session = pytest.importorskip("botocore.session")
    shape = botocore_session.get_session().get_service_model("stepfunctions").shape_for("HistoryEvent")
    without_details = {"MapStateSucceeded", "ParallelStateStarted", "EvaluationFailed"}
    for event_type in shape.members["type"].enum:
        if event_type in without_details or event_type.startswith(("ParallelState", "MapState", "TaskStateAborted", "WaitStateAborted")):
            continue
        if event_type.endswith("Aborted") or event_type in {"LambdaFunctionStarted", "MapRunSucceeded"}:
            continue
        assert details_key(event_type) in shape.members, event_type


def test_the_last_event_is_kept_for_the_end():
    recorded = history(event_limit=3)
    recorded.record("ExecutionStarted", 0)
    recorded.record("PassStateEntered", 0)
    with pytest.raises(EventLimitReached) as reached:
        recorded.record("PassStateExited", 2)
    assert str(reached.value) == "The execution reached the maximum number of history events (3)."
    assert recorded.record_end("ExecutionFailed", 2) == 3


def test_without_a_limit_of_ones_own_it_is_awss():
    assert EVENT_LIMIT == 25_000


class TestWire:
    def test_an_event_is_answered_with_its_details(self):
        recorded = history()
        recorded.record("PassStateEntered", 0, {"name": "A", "input": "{}", "inputDetails": {"truncated": False}})
        rendered = wire_event(recorded.events[0])
        assert rendered.pop("timestamp") > 1_600_000_000
        assert rendered == {
            "type": "PassStateEntered",
            "id": 1,
            "previousEventId": 0,
            "stateEnteredEventDetails": {"name": "A", "input": "{}", "inputDetails": {"truncated": False}},
        }

    def test_an_event_without_details_has_no_member_for_them(self):
        recorded = history()
        recorded.record("ParallelStateStarted", 2)
        assert set(wire_event(recorded.events[0])) == {"timestamp", "type", "id", "previousEventId"}

    def test_inputs_and_outputs_can_be_left_out(self):
        recorded = history()
        recorded.record("PassStateExited", 2, {"name": "A", "output": "{}", "assignedVariables": {"x": "1"}})
        assert wire_event(recorded.events[0], include_execution_data=False)["stateExitedEventDetails"] == {"name": "A"}
