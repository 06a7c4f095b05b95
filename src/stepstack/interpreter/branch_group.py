"""Several branches at once: the branches of a Parallel state, the iterations of an inline Map.

The first failure ends them all: the others are stopped, each with the Aborted event of the state that it was in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from stepstack.clock import Timeline

__all__ = ["run_together"]

T = TypeVar("T")


async def run_together(
    timeline: Timeline,
    works: Sequence[Callable[[], Awaitable[T]]],
    stop: Callable[[], None],
) -> list[T]:
    """The results of `works`, in their order. The first failure is raised once all the others have ended.

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
    errors = [task.exception() for task in tasks if task in done]
    error = next((error for error in errors if error is not None), None)
    if error is not None:
        raise error
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
