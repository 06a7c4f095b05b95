"""An execution as plain data that is the same in every run."""

from __future__ import annotations

import json

import pytest

from stepstack.testing import Raises

LEFT = {"StartAt": "Left", "States": {"Left": {"Type": "Wait", "Seconds": 2, "Next": "More"}, "More": {"Type": "Pass", "End": True}}}
RIGHT = {"StartAt": "Right", "States": {"Right": {"Type": "Pass", "End": True}}}
BOTH = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [LEFT, RIGHT], "End": True}}}
NESTED = {"StartAt": "Each", "States": {"Each": {"Type": "Map", "ItemProcessor": BOTH, "End": True}}}
STORE = {
    "StartAt": "Store",
    "States": {
        "Store": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {"TableName.$": "$.table", "Item": {"Id": {"S.$": "$$.Execution.Id"}, "At": {"S.$": "$$.State.EnteredTime"}}},
            "Retry": [{"ErrorEquals": ["Busy"]}],
            "End": True,
        }
    },
}


@pytest.fixture
def stored(state_machine, dynamodb_table):
    """Two runs of one state machine on two tables."""
    machine = state_machine(STORE, label="store")
    return [machine.run({"table": dynamodb_table(label="orders").name}) for _ in range(2)]


def test_two_runs_have_one_snapshot(stored):
    one, other = stored

    assert one.snapshot() == other.snapshot()
    assert one.snapshot(events=True) == other.snapshot(events=True)
    assert one.snapshot() == {
        "status": "SUCCEEDED",
        "input": {"table": "<name 1>"},
        "output": {},
        "states": [
            {
                "name": "Store",
                "type": "Task",
                "input": {"table": "<name 1>"},
                "parameters": {
                    "TableName": "<name 1>",
                    "Item": {"Id": {"S": "arn:aws:states:<region>:<account>:execution:<name 2>:<name 3>"}, "At": {"S": "<time>"}},
                },
                "output": {},
            }
        ],
    }


def test_nothing_of_a_run_is_left_in_the_snapshot_of_its_events(stored, stepstack):
    text = json.dumps(stored[0].snapshot(events=True))

    for own in (stored[0].name, stored[0].state_machine_name, stepstack.endpoints["*"], "123456789012", "timestamp"):
        assert own not in text


def test_branches_and_items_are_in_order_however_they_ran(state_machine):
    snapshot = state_machine(NESTED).run("[1, 2]").snapshot()

    def names(strands):
        return [[(one["name"], names(one["within"])) if "within" in one else one["name"] for one in strand] for strand in strands]

    (each,) = snapshot["states"]
    both = ("Both", [["Left", "More"], ["Right"]])
    assert names(each["within"]) == [[both], [both]]
    assert [strand[0]["input"] for strand in each["within"]] == [1, 2]


def test_attempts_and_failures_are_told(state_machine, mock_task):
    mock_task("Store", answers=[Raises("Busy", "come back at 2026-01-01T00:00:00Z"), Raises("Broken")])

    snapshot = state_machine(STORE).run({"table": "t"}).snapshot()

    assert (snapshot["status"], snapshot["error"]) == ("FAILED", "Broken")
    (store,) = snapshot["states"]
    assert store["attempts"] == 2
    assert store["failures"] == [{"error": "Busy", "cause": "come back at <time>"}, {"error": "Broken", "cause": None}]
    assert "output" not in store
