"""Map Runs: counters that add up, and how many failures are too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.interpreter.map_run import MapRun, MapRunCounts

STATUSES = ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


def map_run(**limits):
    return MapRun(
        arn="arn",
        execution=None,
        state_machine_arn="machine arn",
        state_machine_name="machine",
        is_express=False,
        started_at=0,
        changed=None,
        **limits,
    )


@given(st.lists(st.sampled_from(STATUSES)), st.integers(0, 5))
def test_the_total_never_changes(statuses, still_pending):
    counts = MapRunCounts(pending=len(statuses) + still_pending)
    total = counts.total
    for status in statuses:
        counts.started(1)
        assert counts.total == total
        counts.ended(status, 1)
        assert counts.total == total
    assert counts.succeeded == counts.results_written == statuses.count("SUCCEEDED")
    counts.abandoned()
    assert (counts.pending, counts.running, counts.total) == (0, 0, total)


@pytest.mark.parametrize(
    ("limits", "failed", "expected"),
    [
        ({}, 0, False),
        ({}, 1, True),
        ({"tolerated_failure_count": 2}, 2, False),
        ({"tolerated_failure_count": 2}, 3, True),
        ({"tolerated_failure_percentage": 30.0}, 3, False),
        ({"tolerated_failure_percentage": 30.0}, 4, True),
        ({"tolerated_failure_percentage": 100.0}, 10, False),
        ({"tolerated_failure_count": 1, "tolerated_failure_percentage": 50.0}, 2, True),
        ({"tolerated_failure_count": 9, "tolerated_failure_percentage": 10.0}, 2, True),
        ({"tolerated_failure_count": 9, "tolerated_failure_percentage": 50.0}, 2, False),
    ],
)
def test_both_limits_must_hold(limits, failed, expected):
    run = map_run(**limits)
    run.items = MapRunCounts(failed=failed, succeeded=10 - failed)
    assert run.has_exceeded_tolerance is expected


def test_a_timed_out_item_counts_as_failed():
    run = map_run(tolerated_failure_count=1)
    run.items = MapRunCounts(failed=1, timed_out=1)
    assert run.has_exceeded_tolerance


def test_ending_a_run_aborts_what_had_not_begun():
    run = map_run()
    run.executions = MapRunCounts(pending=3, succeeded=1)
    run.end("FAILED", 5.0)
    assert (run.status, run.stopped_at) == ("FAILED", 5.0)
    assert run.executions.wire()["aborted"] == 3
