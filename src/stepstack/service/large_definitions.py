"""Large definitions, which are read in a thread: one of 1 MB would hold up everybody else for a fifth of a second.

Called by the operations that parse definitions. They look at what the service holds once the definition is read, so that nothing comes
between their look and their change. Small definitions are read when they are asked for, in the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

__all__ = ["read_ahead"]

LARGE_CHARACTERS = 64 * 1024
"""What takes longer than some 15 ms to read."""

ReadT = TypeVar("ReadT")


async def read_ahead(definition: str, read: Callable[[], ReadT]) -> Callable[[], ReadT]:
    """What returns or raises what `read` does, which reads `definition`; without delay, where that is large."""
    if len(definition) < LARGE_CHARACTERS:
        return read
    reading = asyncio.get_running_loop().run_in_executor(_thread(), read)
    # Nobody may ask how it ended: the name is taken already, or the client is gone. asyncio would log a refusal as forgotten.
    reading.add_done_callback(lambda reading: reading.cancelled() or reading.exception())
    await asyncio.wait({reading})
    return reading.result


@cache
def _thread() -> ThreadPoolExecutor:
    """One: more of them would only share one interpreter's time, and slow the loop down."""
    return ThreadPoolExecutor(1, thread_name_prefix="stepstack-definition")
