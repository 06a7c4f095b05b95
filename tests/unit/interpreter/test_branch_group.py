"""Several tasks at once: the first failure ends them all."""

from __future__ import annotations

import asyncio

import pytest

from stepstack.clock import Clock
from stepstack.interpreter.branch_group import run_together


def scenario(*works, cancel_after=None):
    """Runs `works` together; their results, and how often `stop` was called."""
    stopped = []

    async def main():
        timeline = Clock(asyncio.get_running_loop()).timeline()
        with timeline.working():
            group = asyncio.ensure_future(run_together(timeline, works, lambda: stopped.append(True)))
            if cancel_after is not None:
                await asyncio.sleep(cancel_after)
                group.cancel()
            try:
                return await group
            finally:
                assert len(asyncio.all_tasks()) == 1

    try:
        return asyncio.run(main()), len(stopped)
    except asyncio.CancelledError:
        return "cancelled", len(stopped)


def returning(value):
    async def work():
        await asyncio.sleep(0)
        return value

    return work


def failing(message):
    async def work():
        raise ValueError(message)

    return work


def test_results_come_in_the_order_of_the_works():
    assert scenario(returning(1), returning(2), returning(3)) == ([1, 2, 3], 0)


def test_the_first_failure_is_raised_once_the_others_have_ended():
    ended = []

    async def lasting():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    with pytest.raises(ValueError, match="broken"):
        scenario(lasting, failing("broken"), lasting)
    assert ended == [True, True]


def test_of_two_failures_at_once_the_one_that_stands_first_counts():
    with pytest.raises(ValueError, match="one"):
        scenario(failing("one"), failing("two"))


def test_a_cancellation_goes_through_to_all():
    cancelled = []

    async def lasting():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    assert scenario(lasting, lasting, cancel_after=0.01) == ("cancelled", 1)
    assert cancelled == [True, True]


def test_works_that_never_began_leave_no_trace():
    assert scenario(returning(1), returning(2), cancel_after=0) == ("cancelled", 1)
