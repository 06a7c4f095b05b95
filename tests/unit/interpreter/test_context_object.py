"""The Context Object's parts."""

from __future__ import annotations

import pytest

from stepstack.interpreter.context_object import execution_members


@pytest.mark.parametrize(
    ("redrive_count", "redriven_at", "expected"),
    [(0, None, {"RedriveCount": 0}), (2, 1.5, {"RedriveCount": 2, "RedriveTime": "1970-01-01T00:00:01.500Z"})],
    ids=["never redriven", "redriven"],
)
def test_the_context_object_counts_redrives_and_tells_when_the_last_one_was(redrive_count, redriven_at, expected):
    members = execution_members(
        execution_arn="arn",
        execution_input={},
        execution_name="name",
        role_arn="role",
        started_at=0,
        redrive_count=redrive_count,
        redriven_at=redriven_at,
        state_machine_arn="machine arn",
        state_machine_name="machine",
    )
    assert {name: value for name, value in members["Execution"].items() if name.startswith("Redrive")} == expected
    assert members["StateMachine"] == {"Id": "machine arn", "Name": "machine"}
