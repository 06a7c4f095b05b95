"""What one execution's history covers, for small machines whose answer is known by hand."""

from __future__ import annotations

import itertools
import json

import pytest
from tests.unit.coverage.failing_task import failing

import stepstack
from stepstack.coverage import MachineCounts, observe
from stepstack.language import parse

TASK = "arn:aws:lambda:us-east-1:123456789012:function:work"


def covered(definition, *runs, tasks=None):
    """The items that `runs` (inputs) covered, with their counts."""
    text = json.dumps(definition)
    counts = MachineCounts("machine", text)
    for given in runs:
        finished = stepstack.run(text, given, tasks=tasks)
        observe(counts, parse(text), finished.history)
    return dict(counts.counts)


CHOICE = {
    "StartAt": "Choose",
    "States": {
        "Choose": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericLessThan": 0, "Next": "Same"},
                {"Variable": "$.n", "NumericGreaterThan": 9, "Next": "Same"},
                {"Variable": "$.n", "NumericEquals": 5, "Next": "Five"},
            ],
            "Default": "Other",
        },
        "Same": {"Type": "Pass", "Next": "Five"},
        "Five": {"Type": "Succeed"},
        "Other": {"Type": "Pass", "End": True},
    },
}


@pytest.mark.parametrize(
    ("n", "rules"),
    [
        pytest.param(-1, {"1 true"}, id="first"),
        pytest.param(10, {"1 false", "2 true"}, id="second, to the same state"),
        pytest.param(5, {"1 false", "2 false", "3 true"}, id="third"),
        pytest.param(6, {"1 false", "2 false", "3 false"}, id="default"),
    ],
)
def test_rules_before_the_one_that_held_were_false(n, rules):
    items = covered(CHOICE, {"n": n})
    assert {detail for kind, state, detail in items if kind == "rule"} == rules
    assert (("default", "Choose", "") in items) is (n == 6)


def test_a_transition_is_counted_each_time_it_is_taken():
    items = covered(CHOICE, {"n": -1}, {"n": -2}, {"n": 6})
    assert items[("transition", "Same", "Five")] == 2
    assert items[("state", "Choose", "")] == 3
    assert ("state", "Five", "") in items


def test_rules_that_read_variables_are_evaluated_with_them():
    definition = {
        "StartAt": "Set",
        "States": {
            "Set": {"Type": "Pass", "Assign": {"limit.$": "$.limit"}, "Next": "Choose"},
            "Choose": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$limit", "NumericLessThan": 3, "Next": "Done"},
                    {"Variable": "$limit", "NumericLessThan": 9, "Next": "Done"},
                ],
            },
            "Done": {"Type": "Succeed"},
        },
    }
    items = covered(definition, {"limit": 5})
    assert {detail for kind, _, detail in items if kind == "rule"} == {"1 false", "2 true"}


def test_jsonata_conditions_are_evaluated_too():
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Choose",
        "States": {
            "Choose": {
                "Type": "Choice",
                "Choices": [
                    {"Condition": "{% $states.input.n = 1 %}", "Next": "Done"},
                    {"Condition": "{% $states.input.n = 2 %}", "Next": "Done"},
                ],
            },
            "Done": {"Type": "Succeed"},
        },
    }
    items = covered(definition, {"n": 2})
    assert {detail for kind, _, detail in items if kind == "rule"} == {"1 false", "2 true"}


def work_machine():
    return {
        "StartAt": "Work",
        "States": {
            "Work": {
                "Type": "Task",
                "Resource": TASK,
                "Retry": [{"ErrorEquals": ["Flaky"], "MaxAttempts": 2}],
                "Catch": [{"ErrorEquals": ["Rare"], "Next": "Caught"}, {"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
                "Next": "Done",
            },
            "Caught": {"Type": "Pass", "End": True},
            "Done": {"Type": "Succeed"},
        },
    }


HANDLERS = {
    "nothing fails": ([], set(), "Done"),
    "one retry": (["Flaky"], {("retrier", "1 used")}, "Done"),
    "retries exhausted, caught": (["Flaky"] * 3, {("retrier", "1 used"), ("retrier", "1 exhausted"), ("catcher", "2")}, "Caught"),
    "caught by name": (["Rare"], {("catcher", "1")}, "Caught"),
    "caught after a retry": (["Flaky", "Rare"], {("retrier", "1 used"), ("catcher", "1")}, "Caught"),
}


@pytest.mark.parametrize(("errors", "expected", "end"), HANDLERS.values(), ids=HANDLERS.keys())
def test_retriers_and_catchers_are_told_by_the_errors(errors, expected, end):
    items = covered(work_machine(), {}, tasks={"work": failing(errors)})
    assert {(kind, detail) for kind, _, detail in items if kind in {"retrier", "catcher"}} == expected
    assert ("state", end, "") in items
    assert (("transition", "Work", "Done") in items) is (end == "Done")


@pytest.mark.parametrize(("items", "size"), [([], "zero"), ([1], "one"), ([1, 2, 3], "many")], ids=["zero", "one", "many"])
def test_a_map_is_counted_by_the_number_of_its_items(items, size):
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}}, "End": True}
        },
    }
    found = covered(definition, items)
    assert {detail for kind, _, detail in found if kind == "map"} == {size}
    assert found.get(("state", "Item", ""), 0) == len(items)


def test_a_failure_within_a_parallel_reaches_its_own_catcher():
    definition = {
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "Fine", "States": {"Fine": {"Type": "Pass", "End": True}}},
                    {"StartAt": "Broken", "States": {"Broken": {"Type": "Fail", "Error": "Broken"}}},
                ],
                "Retry": [{"ErrorEquals": ["Broken"], "MaxAttempts": 1}],
                "Catch": [{"ErrorEquals": ["Other"], "Next": "Done"}, {"ErrorEquals": ["Broken"], "Next": "Done"}],
                "Next": "Never",
            },
            "Never": {"Type": "Pass", "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
    items = covered(definition, {})
    assert {(kind, detail) for kind, state, detail in items if state == "Both" and kind != "state"} == {
        ("retrier", "1 used"),
        ("retrier", "1 exhausted"),
        ("catcher", "2"),
    }
    assert items[("state", "Broken", "")] == 2


def test_an_execution_that_fails_in_a_choice_decides_nothing():
    items = covered(CHOICE, {"n": "five"}, {})
    assert not {detail for kind, _, detail in items if kind == "rule" and "true" in detail}


def test_runs_add_up():
    text = json.dumps(CHOICE)
    together = MachineCounts("machine", text)
    apart = [MachineCounts("machine", text) for _ in range(3)]
    for n, alone in zip((-1, 5, 6), apart, strict=True):
        history = stepstack.run(text, {"n": n}).history
        observe(together, parse(text), history)
        observe(alone, parse(text), history)
    merged = apart[0]
    for other in itertools.islice(apart, 1, None):
        merged.merge(other)
    assert merged.counts == together.counts
    assert merged.executions == 3
