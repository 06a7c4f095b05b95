"""Small machines whose coverage is known by hand: every item that counts, covered by one run and missing after another.

Each case runs twice, in process and on the embedded stack, whose histories come as boto3 gives those of any backend; both must count alike.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest
from tests.unit.coverage.failing_task import failing

import stepstack
from stepstack.coverage import MachineCounts, observe
from stepstack.coverage.items import items_of
from stepstack.integrations.mocks import Computes
from stepstack.language import parse
from stepstack.testing.mock_cases import Declaration
from stepstack.testing.state_walk import walk

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:work"
FINE = {"StartAt": "Fine", "States": {"Fine": {"Type": "Pass", "End": True}}}
WORK = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": FUNCTION, "End": True}}}
DONE = {"Type": "Succeed"}


def machine(start, **states):
    return {"StartAt": start, "States": {name.replace("_", " "): state for name, state in states.items()}}


def task(**fields):
    return {"Type": "Task", "Resource": FUNCTION, **fields}


def rule(number, target):
    return {"Variable": "$.n", "NumericEquals": number, "Next": target}


LINE = machine("A", A={"Type": "Pass", "Next": "B"}, B={"Type": "Wait", "Seconds": 1, "Next": "C"}, C=DONE)
LOOP = machine("A", A={"Type": "Pass", "Next": "Again"}, Again={"Type": "Choice", "Choices": [rule(1, "A")], "Default": "End"}, End=DONE)
FORK = machine("Fork", Fork={"Type": "Choice", "Choices": [rule(1, "One"), rule(2, "Two")], "Default": "Two"}, One=DONE, Two=DONE)
NO_DEFAULT = machine("Fork", Fork={"Type": "Choice", "Choices": [rule(1, "One"), rule(2, "One")]}, One=DONE)
RETRIED = task(
    Retry=[
        {"ErrorEquals": ["Busy"], "MaxAttempts": 1},
        {"ErrorEquals": ["Late"], "MaxAttempts": 2},
        {"ErrorEquals": ["Never"], "MaxAttempts": 0},
    ],
    Catch=[{"ErrorEquals": ["Busy", "Never"], "Next": "Busy"}, {"ErrorEquals": ["States.ALL"], "Next": "Other"}],
    Next="Done",
)
HANDLED = machine("Work", Work=RETRIED, Busy=DONE, Other=DONE, Done=DONE)
EACH = machine(
    "Each",
    Each={
        "Type": "Map",
        "ItemProcessor": WORK,
        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
        "Next": "Done",
    },
    Failed=DONE,
    Done=DONE,
)
BOTH = machine(
    "Both",
    Both={
        "Type": "Parallel",
        "Branches": [FINE, WORK],
        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}],
        "Catch": [{"ErrorEquals": ["Broken"], "Next": "Failed"}],
        "Next": "Done",
    },
    Failed=DONE,
    Done=DONE,
)
DEEP = machine(
    "Outer",
    Outer={
        "Type": "Map",
        "ItemProcessor": machine(
            "Split",
            Split={
                "Type": "Parallel",
                "Branches": [
                    machine("Inner", Inner={"Type": "Map", "ItemsPath": "$.rows", "ItemProcessor": WORK, "End": True}),
                    machine("Fork", Fork={"Type": "Choice", "Choices": [rule(1, "One")], "Default": "Other"}, One=DONE, Other=DONE),
                ],
                "End": True,
            },
        ),
        "End": True,
    },
)

CASES = {
    "a line": (LINE, [({}, [])], "A B C | A -> B | B -> C"),
    "a loop, left at once": (LOOP, [({"n": 0}, [])], "A Again End | A -> Again | Again 1 false | Again default"),
    "no rule": (FORK, [({"n": 0}, [])], "Fork Two | Fork 1 false | Fork 2 false | Fork default"),
    "the first rule": (FORK, [({"n": 1}, [])], "Fork One | Fork 1 true"),
    "the second rule": (FORK, [({"n": 2}, [])], "Fork Two | Fork 1 false | Fork 2 true"),
    "every rule": (
        FORK,
        [({"n": 0}, []), ({"n": 1}, []), ({"n": 2}, [])],
        "Fork One Two | Fork 1 true | Fork 1 false | Fork 2 true | Fork 2 false | Fork default",
    ),
    "no rule and no default": (NO_DEFAULT, [({"n": 3}, [])], "Fork | Fork 1 false | Fork 2 false"),
    "a rule that fails": (NO_DEFAULT, [({}, [])], "Fork"),
    "a task that works": (HANDLED, [({}, [])], "Work Done | Work -> Done"),
    "a retrier used": (HANDLED, [({}, ["Busy"])], "Work Done | Work -> Done | Work retrier 1 used"),
    "a retrier exhausted": (HANDLED, [({}, ["Busy"] * 2)], "Work Busy | Work retrier 1 used | Work retrier 1 exhausted | Work catcher 1"),
    "two retriers, each with its own count": (
        HANDLED,
        [({}, ["Late", "Busy", "Late"])],
        "Work Done | Work -> Done | Work retrier 1 used | Work retrier 2 used",
    ),
    "a retrier that never retries": (HANDLED, [({}, ["Never"])], "Work Busy | Work retrier 3 exhausted | Work catcher 1"),
    "an error that no retrier names": (HANDLED, [({}, ["Broken"])], "Work Other | Work catcher 2"),
    "a last task that works": (WORK, [({}, [])], "Work | Work -> ."),
    "a last task that fails": (WORK, [({}, ["Broken"])], "Work"),
    "a map without items": (EACH, [([], [])], "Each Done | Each -> Done | Each map zero"),
    "a map with one item": (EACH, [([1], [])], "Each Work Done | Work -> . | Each -> Done | Each map one"),
    "a map with several items": (EACH, [([1, 2, 3], [])], "Each Work Done | Work -> . | Each -> Done | Each map many"),
    "a map tried again": (EACH, [([1], ["Busy"])], "Each Work Done | Work -> . | Each -> Done | Each map one | Each retrier 1 used"),
    "a map given up": (
        EACH,
        [([1], ["Busy"] * 2)],
        "Each Work Failed | Each map one | Each retrier 1 used | Each retrier 1 exhausted | Each catcher 1",
    ),
    "branches that work": (BOTH, [({}, [])], "Both Fine Work Done | Fine -> . | Work -> . | Both -> Done"),
    "branches tried again": (BOTH, [({}, ["Busy"])], "Both Fine Work Done | Fine -> . | Work -> . | Both -> Done | Both retrier 1 used"),
    "a branch that fails, caught": (BOTH, [({}, ["Broken"])], "Both Fine Work Failed | Fine -> . | Both catcher 1"),
    "a branch that fails, not caught": (
        BOTH,
        [({}, ["Busy"] * 2)],
        "Both Fine Work | Fine -> . | Both retrier 1 used | Both retrier 1 exhausted",
    ),
    "a map in a parallel in a map": (
        DEEP,
        [([{"rows": [], "n": 1}, {"rows": [1, 2], "n": 2}], [])],
        "Outer Split Inner Work Fork One Other | Outer map many | Inner map zero | Inner map many | "
        "Work -> . | Inner -> . | Split -> . | Outer -> . | Fork 1 true | Fork 1 false | Fork default",
    ),
}
KINDS = {"retrier": "retrier", "catcher": "catcher", "map": "map"}


def items(text):
    """The items of a case: first the states, then what they did: `A B | A -> B | B -> . | C 1 true`."""
    states, *others = text.split(" | ")
    found = {("state", name, "") for name in states.split()}
    for words in others:
        state, what, *rest = words.split()
        if what == "->":
            found.add(("transition", state, rest[0].replace(".", "")))
        elif what == "default":
            found.add(("default", state, ""))
        elif what in KINDS:
            found.add((what, state, " ".join(rest)))
        else:
            found.add(("rule", state, f"{what} {rest[0]}"))
    return found


def counted(definition, histories):
    text = json.dumps(definition)
    counts = MachineCounts("machine", text)
    for history in histories:
        observe(counts, parse(text), history)
    assert counts.executions == len(histories)
    return counts.counts


@pytest.mark.parametrize(("definition", "runs", "expected"), CASES.values(), ids=CASES.keys())
def test_an_execution_covers_what_it_did_and_nothing_else(definition, runs, expected):
    found = counted(definition, [stepstack.run(definition, given, tasks={"work": failing(errors)}).history for given, errors in runs])

    assert set(found) == items(expected)
    assert set(found) <= set(items_of(parse(json.dumps(definition))))


@pytest.mark.parametrize(("definition", "runs", "expected"), CASES.values(), ids=CASES.keys())
def test_histories_from_the_api_count_as_those_of_the_engine(definition, runs, expected, state_machine, mock_task):
    created, histories = state_machine(definition), []
    for given, errors in runs:
        if FUNCTION in json.dumps(definition):
            mock_task(resource=FUNCTION, computes=failing(errors))
        histories.append(created.run(given).history)

    found = counted(definition, histories)

    assert set(found) == items(expected)
    engine = counted(definition, [stepstack.run(definition, given, tasks={"work": failing(errors)}).history for given, errors in runs])
    assert Counter(found) == Counter(engine)


WALKED = {name: case for name, case in CASES.items() if case[0] in (LINE, LOOP, FORK, NO_DEFAULT, HANDLED)}


@pytest.mark.parametrize(("definition", "runs", "expected"), WALKED.values(), ids=WALKED.keys())
def test_histories_of_walks_through_test_state_count_alike(definition, runs, expected, state_machine):
    """As mocked executions run on AWS, state by state."""
    created, histories = state_machine(definition), []
    for number, (given, errors) in enumerate(runs):
        mock = Declaration(None, FUNCTION, (Computes(failing(errors)),), is_repeated=True)
        histories.append(walk(created, json.dumps(given), f"walk-{number}", [mock]).history)

    assert set(counted(definition, histories)) == items(expected)


def test_the_matrix_has_every_kind_of_item_covered_and_missing():
    covered, missing = set(), set()
    for definition, _, expected in CASES.values():
        found = items(expected)
        covered |= {(kind, detail.split()[-1] if detail and kind != "transition" else "") for kind, _, detail in found}
        every = set(items_of(parse(json.dumps(definition))))
        missing |= {(kind, detail.split()[-1] if detail and kind != "transition" else "") for kind, _, detail in every - found}
    wanted = {
        ("state", ""),
        ("transition", ""),
        ("rule", "true"),
        ("rule", "false"),
        ("default", ""),
        ("retrier", "used"),
        ("retrier", "exhausted"),
        ("map", "zero"),
        ("map", "one"),
        ("map", "many"),
    }
    assert wanted <= covered
    assert wanted <= missing
    assert {"1", "2"} == {detail for kind, detail in covered if kind == "catcher"}


def test_what_child_executions_of_a_map_run_did_is_a_part_of_their_execution(state_machine):
    distributed = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    definition = machine("Each", Each={"Type": "Map", "ItemProcessor": {**FINE, "ProcessorConfig": distributed}, "End": True})
    text = json.dumps(definition)
    counts = MachineCounts("machine", text)
    execution = state_machine(definition).run([1, 2])
    observe(counts, parse(text), execution.history)
    assert ("state", "Fine", "") not in counts.counts

    child = [{"id": 1, "type": "PassStateEntered", "previousEventId": 0, "stateEnteredEventDetails": {"name": "Fine", "input": "1"}}]
    observe(counts, parse(text), child, is_child=True)

    assert counts.executions == 1
    assert counts.counts["state", "Fine", ""] == 1
