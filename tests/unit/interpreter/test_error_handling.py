"""Which failures ErrorEquals takes, and how long a retrier waits."""

from __future__ import annotations

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.in_process import run
from stepstack.interpreter.error_handling import is_matched
from stepstack.interpreter.ports import StateFailure, TaskFailed

HEARTBEAT = StateFailure("States.Timeout", None, ("States.HeartbeatTimeout",))


@pytest.mark.parametrize(
    ("error_equals", "failure", "expected"),
    [
        (("Oops",), StateFailure("Oops"), True),
        (("Other", "Oops"), StateFailure("Oops"), True),
        (("oops",), StateFailure("Oops"), False),
        (("States.ALL",), StateFailure("Oops"), True),
        (("States.ALL",), StateFailure(None), True),
        (("States.ALL",), StateFailure("States.DataLimitExceeded"), True),
        (("States.TaskFailed",), StateFailure("Oops"), True),
        (("States.TaskFailed",), StateFailure("States.Timeout"), False),
        (("States.Timeout",), StateFailure("States.Timeout"), True),
        (("States.HeartbeatTimeout",), HEARTBEAT, True),
        (("States.HeartbeatTimeout",), StateFailure("States.Timeout"), False),
        (("States.Timeout",), HEARTBEAT, True),
        ((), StateFailure("Oops"), False),
    ],
)
def test_error_equals_takes_what_it_names(error_equals, failure, expected):
    assert is_matched(error_equals, failure) is expected


def machine(**retrier):
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    return {"StartAt": "T", "States": {"T": {**task, "Retry": [{"ErrorEquals": ["States.ALL"], **retrier}]}}}


def fail(_):
    raise TaskFailed("Oops")


def delays(execution):
    """Seconds between each failure and the next attempt; real work counts, too, on a busy machine a noticeable part of a second."""
    stamps = {"TaskFailed": [], "TaskScheduled": []}
    for event in execution.history.events:
        if event.type in stamps:
            stamps[event.type].append(event.timestamp)
    return [after - before for before, after in zip(stamps["TaskFailed"], stamps["TaskScheduled"][1:], strict=False)]


@pytest.mark.parametrize(
    ("retrier", "expected"),
    [
        ({}, [1, 2, 4]),
        ({"IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3}, [10, 30]),
        ({"IntervalSeconds": 2, "MaxAttempts": 4, "MaxDelaySeconds": 5}, [2, 4, 5, 5]),
        ({"MaxAttempts": 0}, []),
        ({"IntervalSeconds": 3, "BackoffRate": 1.0, "MaxAttempts": 3}, [3, 3, 3]),
    ],
    ids=["defaults", "interval and rate", "capped", "no attempts", "steady"],
)
def test_a_retrier_waits_longer_each_time(with_engine, retrier, expected):
    execution = with_engine(lambda engine: engine.finish(machine(**retrier)), tasks={"T": fail})
    assert delays(execution) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("retrier", [{"MaxDelaySeconds": 1}, {"IntervalSeconds": 0}], ids=["capped", "no interval"])
def test_a_retrier_may_try_again_thousands_of_times(with_engine, retrier):
    execution = with_engine(lambda engine: engine.finish(machine(MaxAttempts=1100, **retrier)), tasks={"T": fail})
    assert (execution.error, len(delays(execution))) == ("Oops", 1100)
    assert median(delays(execution)) < 1.5


def test_full_jitter_waits_no_longer_than_without(with_engine):
    retrier = {"IntervalSeconds": 10, "MaxAttempts": 5, "BackoffRate": 1, "JitterStrategy": "FULL"}
    waited = delays(with_engine(lambda engine: engine.finish(machine(**retrier)), tasks={"T": fail}))
    assert all(0 <= delay < 10.5 for delay in waited)
    assert len({round(delay, 3) for delay in waited}) > 1


@given(st.lists(st.sampled_from(["A", "B", "C"]), max_size=8))
def test_each_retrier_counts_its_own_attempts(errors):
    remaining = list(errors)

    def task(_):
        if remaining:
            raise TaskFailed(remaining.pop(0))
        return "done"

    retriers = [{"ErrorEquals": ["A"], "MaxAttempts": 2}, {"ErrorEquals": ["B", "C"], "MaxAttempts": 3}]
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True, "Retry": retriers}
    execution = run({"StartAt": "T", "States": {"T": state}}, tasks={"T": task})
    is_within = errors.count("A") <= 2 and len(errors) - errors.count("A") <= 3
    assert (execution.status == "SUCCEEDED") is is_within
