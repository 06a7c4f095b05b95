"""Histories written by hand, and the end of loops that tests run by hand."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone

import pytest

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
