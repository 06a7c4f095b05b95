"""Work of a state whose expressions may take long: then they go on in a thread, and the loop answers others meanwhile.

Called by whoever evaluates a state's fields. The work is begun at once, in the loop. Where an evaluation takes long
(`query.time_bound`), a thread finishes it; the work is done again from its beginning, with that outcome known. So it must do nothing that
may not be done twice: it evaluates, notes and decides, and records no event but that of its failure, with which it ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

from stepstack.query.time_bound import Outcome, TakesLong, outcomes_known

__all__ = ["go_on_unhurried", "unhurried"]

ResultT = TypeVar("ResultT")

THREADS = 2
"""More of them would only share one interpreter's time, and slow the loop down."""


async def unhurried(work: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """What `work(*arguments)` returns."""
    try:
        return work(*arguments)
    except TakesLong as long:
        return await go_on_unhurried(long, work, *arguments)


async def go_on_unhurried(long: TakesLong, work: Callable[..., ResultT], *arguments: Any) -> ResultT:
    """What `work(*arguments)` returns, which raised `long`."""
    outcomes: dict[object, Outcome] = {}
    while True:
        outcomes[long.key] = await _finished(long)
        try:
            with outcomes_known(outcomes):
                return work(*arguments)
        except TakesLong as again:
            long = again


async def _finished(long: TakesLong) -> Outcome:
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), long.finish)
    except asyncio.CancelledError:
        long.cancel()
        raise


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="stepstack-evaluation")
