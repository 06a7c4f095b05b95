"""Histories written by hand, and the end of loops that tests run by hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

import pytest
from _pytest.pytester import SysModulesSnapshot

from stepstack.testing import ExecutionResult

DETAILS = {
    "StateEntered": "stateEnteredEventDetails",
    "StateExited": "stateExitedEventDetails",
}


def history_of(*lines):
    """Events as boto3 has them: each line is `(type, previous id, details)`; ids count from 1."""
    events = []
    for number, (kind, previous, details) in enumerate(lines, 1):
        event = {"id": number, "type": kind, "previousEventId": previous, "timestamp": datetime(2026, 1, 1, tzinfo=timezone.utc)}
        if details:
            key = next((key for ending, key in DETAILS.items() if kind.endswith(ending)), f"{kind[0].lower()}{kind[1:]}EventDetails")
            event[key] = details
        events.append(event)
    return events


async def _cancel_all():
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(scope="session")
def end_loop():
    """Cancels what still runs on a loop, and closes it."""

    def end(loop):
        loop.run_until_complete(_cancel_all())
        loop.close()

    return end


@pytest.fixture
def make_history():
    return history_of


@pytest.fixture
def make_execution():
    """An ExecutionResult with a history of lines; keywords change its other members."""

    def make(*lines, **members):
        given = {"status": "SUCCEEDED", "input_text": "{}", "output_text": "{}", **members}
        return ExecutionResult(
            arn="arn:aws:states:us-east-1:123456789012:execution:orders:one",
            name="one",
            state_machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:orders",
            fetch_history=lambda: history_of(*lines),
            **given,
        )

    return make


@pytest.fixture(autouse=True)
def _modules_of_inner_runs_stay(monkeypatch):
    """What a run of pytest within this process imports stays imported, as in any process; only its own test files go.

    pytester would forget it all. moto's modules would then be imported twice, and those that hold on to the first copy would look for a
    table in another place than those that hold on to the second.
    """
    monkeypatch.setattr(
        pytest.Pytester,
        "_Pytester__take_sys_modules_snapshot",
        lambda _self: SysModulesSnapshot(preserve=lambda name: not name.startswith(("test_", "conftest"))),
    )
