"""Several branches at once: the branches of a Parallel state, the iterations of an inline Map.

The first failure ends them all: the others are stopped, each with the Aborted event of the state that it was in.
Called by `parallel_state` and `map_state`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from stepstack.clock import Timeline
from stepstack.interpreter.failures import ExecutionBroken, StateFailed
from stepstack.interpreter.visit import Visit

__all__ = ["BranchGroup", "run_branches", "run_together"]

T = TypeVar("T")


class BranchGroup(Protocol):
    """The branches of one attempt of a state."""

    def stop(self) -> None:
        """Tells the branches that they are aborted, before they are cancelled."""
        ...

    def record_aborts(self) -> None:
        """Records the Aborted events of the branches that were stopped."""
        ...


async def run_branches(visit: Visit, group: BranchGroup, works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Runs `works`, the branches of `group`, which stays what a redrive takes up until all have succeeded.

    The first StateFailed is raised once the others have ended; the next event of the parent follows that failure's last one.
    """
    parent = visit.branch
    visit.ended_in = group
    try:
        if works:
            await run_together(parent.timeline, works, group.stop)
    except StateFailed as failed:
        group.record_aborts()
        parent.previous_event_id = failed.event_id
        raise
    except asyncio.CancelledError:
        if parent.is_aborted:
            group.record_aborts()
        raise
    visit.ended_in = None


async def run_together(
    timeline: Timeline,
    works: Sequence[Callable[[], Awaitable[T]]],
    stop: Callable[[], None],
) -> list[T]:
    """The results of `works`, in their order. The first failure is raised once all the others have ended; of several at once, what is wrong
    with a test.

    `stop` is called before the others are cancelled, so that they know that they are not timed out.
    """
    tasks = [asyncio.create_task(_at_work(timeline, work)) for work in works]
    try:
        with timeline.parked():
            done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    except BaseException:
        stop()
        await _cancel(tasks, timeline)
        raise
    if running:
        stop()
        await _cancel(list(running), timeline)
    errors = [error for task in tasks if task in done and (error := task.exception()) is not None]
    if errors:
        raise next((error for error in errors if isinstance(error, ExecutionBroken) and error.is_fault), errors[0])
    return [task.result() for task in tasks]


async def _at_work(timeline: Timeline, work: Callable[[], Awaitable[T]]) -> T:
    with timeline.working():
        return await work()


async def _cancel(tasks: Sequence[asyncio.Task[T]], timeline: Timeline) -> None:
    for task in tasks:
        task.cancel()
    with timeline.parked():
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()
