"""The Context Object's parts."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.interpreter.context_object import execution_members, timestamp_text


@given(st.integers(0, 4_000_000_000_000))
def test_timestamps_are_utc_with_milliseconds(milliseconds):
    moment = dt.datetime.fromtimestamp(milliseconds // 1000, dt.timezone.utc)
    expected = f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
    assert timestamp_text(milliseconds / 1000 + 1e-6) == expected


@pytest.mark.parametrize(("redrive_count", "expected"), [(0, True), (2, True), (None, False)], ids=["standard", "redriven", "express"])
def test_an_express_execution_has_no_redrive_count(redrive_count, expected):
    members = execution_members(
        execution_arn="arn",
        execution_input={},
        execution_name="name",
        role_arn="role",
        started_at=0,
        redrive_count=redrive_count,
        state_machine_arn="machine arn",
        state_machine_name="machine",
    )
    assert ("RedriveCount" in members["Execution"]) is expected
    assert members["StateMachine"] == {"Id": "machine arn", "Name": "machine"}
