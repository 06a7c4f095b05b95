"""Inputs that reach what they are asked for, and explorations that find planted defects."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import Phase, find, settings
from hypothesis import strategies as st

import stepstack
from stepstack.cli import main
from stepstack.clock import Deadline
from stepstack.errors import SettingsError
from stepstack.testing.exploration import _smallest, explore
from stepstack.testing.strategies import inputs, reaching

MACHINE = {
    "StartAt": "Size",
    "States": {
        "Size": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [{"Variable": "$.order.total", "IsPresent": True}, {"Variable": "$.order.total", "IsNumeric": False}],
                    "Next": "Refuse",
                },
                {"Variable": "$.order.total", "NumericGreaterThan": 1000, "Next": "Approve"},
                {"Variable": "$.order.kind", "StringMatches": "gift-*", "Next": "Wrap"},
            ],
            "Default": "Ship",
        },
        "Refuse": {"Type": "Fail", "Error": "NotANumber"},
        "Approve": {"Type": "Pass", "Next": "Ship"},
        "Wrap": {"Type": "Pass", "Next": "Ship"},
        "Ship": {"Type": "Succeed"},
    },
}
FIRST = settings(database=None, deadline=None, phases=[Phase.generate])
"""Any input will do; the search for a smaller one would take long."""
WAYS = {1: "Refuse", 2: "Approve", 3: "Wrap", None: "Ship"}


@pytest.mark.parametrize(("rule", "target"), WAYS.items(), ids=[f"rule {rule}" if rule else "default" for rule in WAYS])
def test_every_way_out_of_a_choice_can_be_reached(rule, target):
    given = find(reaching(MACHINE, "Size", rule), lambda _: True, settings=FIRST)
    assert stepstack.run(MACHINE, given).states[1] == target


def test_jsonata_conditions_give_values_too():
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Size",
        "States": {
            "Size": {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n = 42 %}", "Next": "Done"}], "Default": "Done"},
            "Done": {"Type": "Succeed"},
        },
    }
    given = find(reaching(definition, "Size", 1), lambda _: True, settings=FIRST)
    assert given["n"] == 42


@pytest.mark.parametrize(
    ("state", "rule", "message"),
    [
        pytest.param("Nowhere", 1, "no Choice state 'Nowhere'", id="no such state"),
        pytest.param("Ship", 1, "no Choice state 'Ship'", id="no Choice"),
        pytest.param("Size", 9, "rules 1 to 3, and no rule 9", id="no such rule"),
    ],
)
def test_what_cannot_be_reached_is_said_at_once(state, rule, message):
    with pytest.raises(SettingsError, match=message):
        reaching(MACHINE, state, rule)


def test_an_exploration_finds_missing_members_and_rules_that_none_matches():
    broken = json.loads(json.dumps(MACHINE))
    del broken["States"]["Size"]["Default"]
    broken["States"]["Wrap"]["InputPath"] = "$.paper"
    exploration = explore(json.dumps(broken), examples=200)
    defects = {(finding.error, finding.state) for finding in exploration.findings if finding.is_defect}
    assert ("States.Runtime", "Size") in defects
    assert ("States.Runtime", "Wrap") in defects
    wrap = next(finding for finding in exploration.findings if finding.state == "Wrap")
    assert stepstack.run(broken, wrap.input).error == wrap.error
    meant = next(finding for finding in exploration.findings if finding.error == "NotANumber")
    assert not meant.is_defect


ALWAYS_FAILING = {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Always"}}}


def test_the_search_for_a_smaller_input_ends_at_its_deadline_with_what_is_known():
    calls = []

    def is_wanted(value):
        calls.append(value)
        return True

    assert _smallest(st.integers(), is_wanted, 4711, Deadline(0), first_seed=0) == 4711
    assert not calls
    assert _smallest(st.integers(min_value=5), is_wanted, 4711, Deadline(60), first_seed=0) == 5


def test_the_search_for_a_smaller_input_keeps_what_it_has_come_to_when_time_is_up():
    deadline = Deadline(0.3)
    known = [10**9]

    def is_wanted(value):
        known.append(value)
        if len(known) == 3:
            deadline.pause(60)
        return True

    assert _smallest(st.integers(min_value=1000), is_wanted, known[0], deadline, first_seed=0) == known[-1]
    assert len(known) <= 3


def test_an_exploration_without_time_to_shrink_still_tells_what_it_found():
    [finding] = explore(json.dumps(ALWAYS_FAILING), examples=10, shrinking_seconds=0).findings
    assert (finding.error, finding.state) == ("Always", "Fail")


def test_the_same_seed_tries_the_same_inputs():
    first, second = (explore(json.dumps(MACHINE), examples=50, first_seed=7) for _ in range(2))
    assert first.succeeded == second.succeeded
    assert [(finding.error, finding.count) for finding in first.findings] == [(finding.error, finding.count) for finding in second.findings]


def test_the_command_says_what_is_missing_without_hypothesis(tmp_path, capsys, monkeypatch):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "stepstack.testing.exploration")
    assert main(["explore", str(path)]) == 2
    assert "pip install 'stepstack[hypothesis]'" in capsys.readouterr().err


def test_the_command_prints_defects_and_exits_with_one(tmp_path, capsys):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE))
    assert main(["explore", str(path), "--examples", "60", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["executions"] == 60
    assert any(finding["isDefect"] for finding in report["findings"])


def test_a_task_without_json_is_a_usage_error(tmp_path, capsys):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(MACHINE))
    assert main(["explore", str(path), "--task", "Read"]) == 2
    assert "NAME=JSON" in capsys.readouterr().err


def test_inputs_are_objects_with_the_paths_of_the_definition():
    def has_both_paths(value):
        return isinstance(value, dict) and isinstance(value.get("order"), dict) and {"kind", "total"} <= set(value["order"])

    found = find(inputs(MACHINE), has_both_paths, settings=FIRST)
    assert (set(found), set(found["order"])) == ({"order"}, {"kind", "total"})
