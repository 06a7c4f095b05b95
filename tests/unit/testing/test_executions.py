"""A finished execution, and the assertions on it."""

from __future__ import annotations

import pytest

from stepstack.errors import StackError
from stepstack.testing import ExecutionResult

PASSED = (
    ("ExecutionStarted", 0, {}),
    ("PassStateEntered", 0, {"name": "A", "input": "{}"}),
    ("PassStateExited", 2, {"name": "A", "output": "1"}),
)
BROKEN = {"status": "FAILED", "output_text": None, "error": "Broken", "cause": "the axle is broken"}


def test_the_output_is_a_json_value(make_execution):
    assert make_execution(output_text='{"a":[1,2.5]}').output == {"a": [1, 2.5]}


def test_the_output_of_a_failure_says_why_there_is_none(make_execution):
    with pytest.raises(
        AssertionError, match=r"should have SUCCEEDED\nexecution one of orders: FAILED\n  error: Broken\n  cause: the axle is broken"
    ):
        _ = make_execution(**BROKEN).output


def test_assertions_that_hold_chain(make_execution):
    execution = make_execution(*PASSED)

    assert execution.succeeded().visited(["A"]).visited("A").not_visited("B") is execution


def test_failed_takes_error_and_a_part_of_the_cause(make_execution):
    assert make_execution(**BROKEN).failed(error="Broken", cause="axle")


def test_a_time_out_is_a_failure_too(make_execution):
    assert make_execution(status="TIMED_OUT", output_text=None).failed()


@pytest.mark.parametrize(
    ("members", "check", "message"),
    [
        (BROKEN, lambda execution: execution.succeeded(), "should have SUCCEEDED"),
        ({}, lambda execution: execution.failed(), "should have FAILED"),
        ({"status": "ABORTED"}, lambda execution: execution.failed(), "should have FAILED"),
        (BROKEN, lambda execution: execution.failed(error="Bent"), "should have failed with Bent"),
        (BROKEN, lambda execution: execution.failed(cause="wheel"), "the cause should contain 'wheel'"),
        ({}, lambda execution: execution.visited(["A", "B"]), "the path should have been: A -> B"),
        ({}, lambda execution: execution.visited([]), "the path should have been"),
        ({}, lambda execution: execution.visited("B"), "the state 'B' was not visited"),
        ({}, lambda execution: execution.not_visited("B", "A"), "'A' should not have been visited"),
        ({}, lambda execution: execution.state("B"), "the state 'B' was not visited"),
    ],
    ids=["succeeded", "failed", "aborted", "error", "cause", "too few", "too many", "missing", "not_visited", "state"],
)
def test_an_assertion_that_does_not_hold_tells_the_execution(make_execution, members, check, message):
    with pytest.raises(AssertionError) as failure:
        check(make_execution(*PASSED, **members))

    assert message in str(failure.value)
    assert "execution one of orders" in str(failure.value)
    assert "path: A" in str(failure.value)


def test_the_history_is_fetched_once_and_only_when_it_is_asked_for():
    fetched = []
    execution = ExecutionResult("arn", "one", "arn:m", "SUCCEEDED", "{}", "{}", fetch_history=lambda: fetched.append(1) or [])

    assert execution.output == {}
    assert fetched == []
    assert (execution.states, execution.visits, fetched) == ([], [], [1])


def test_a_backend_without_history_is_told_in_the_explanation():
    def refuse():
        raise StackError("EXPRESS has none")

    execution = ExecutionResult("arn", "one", "arn:m", "FAILED", "{}", error="E", fetch_history=refuse)

    assert execution.explanation == "execution one of m: FAILED\n  error: E\n  no history: EXPRESS has none"
