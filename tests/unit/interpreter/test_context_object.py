"""The Context Object's parts."""

from __future__ import annotations

import pytest

from stepstack.interpreter.context_object import execution_members

MEMBERS = {
    "execution_arn": "arn",
    "execution_input": {},
    "execution_name": "name",
    "role_arn": "role",
    "started_at": 0,
    "state_machine_arn": "machine arn",
    "state_machine_name": "machine",
}


@pytest.mark.parametrize(
    ("is_express", "order"),
    [
        pytest.param(False, ["Id", "Input", "StartTime", "Name", "RoleArn", "RedriveCount"], id="Standard"),
        pytest.param(True, ["Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount"], id="Express"),
    ],
)
def test_each_type_of_execution_has_its_order_of_members(is_express, order):
    members = execution_members(**MEMBERS, redrive_count=0, redriven_at=None, is_express=is_express)
    assert list(members["Execution"]) == order


@pytest.mark.parametrize(
    ("redrive_count", "redriven_at", "expected"),
    [(0, None, {"RedriveCount": 0}), (2, 1.5, {"RedriveCount": 2, "RedriveTime": "1970-01-01T00:00:01.500Z"})],
    ids=["never redriven", "redriven"],
)
def test_the_context_object_counts_redrives_and_tells_when_the_last_one_was(redrive_count, redriven_at, expected):
    members = execution_members(**MEMBERS, redrive_count=redrive_count, redriven_at=redriven_at)
    assert {name: value for name, value in members["Execution"].items() if name.startswith("Redrive")} == expected
    assert members["StateMachine"] == {"Id": "machine arn", "Name": "machine"}
