"""The library jsonata-python, without what it does to the process around it.

The other `jsonata_*` modules import it from here. Importing the library sets Python's recursion limit to 10,000 for the whole process, of
which tools complain that watch the limit themselves (Hypothesis, in a user's tests): here it is set back. What needs a higher one, such as
an expression that nests deeply, has it while it runs (`with_room`). Left out: what the library computes otherwise than JSONata
(`jsonata_javascript`).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ["Functions", "JException", "Jsonata", "Signature", "Utils", "with_room"]

_LIMIT: Final = sys.getrecursionlimit()

import jsonata.jsonata  # noqa: E402 - the limit is read before
from jsonata import Functions, JException, Jsonata, Utils  # noqa: E402
from jsonata.signature import Signature  # noqa: E402

sys.setrecursionlimit(_LIMIT)

ROOM: Final = 4000
"""How many frames more there may be: what the bound on nesting lets pass needs some ten for each part, and two for each level of data."""

Result = TypeVar("Result")


def _say_nothing(*_: object) -> None:
    """Stands in for `print` in the library, which reports some failures on standard output besides raising them."""


jsonata.jsonata.print = _say_nothing


def with_room(work: Callable[[], Result]) -> Result:
    """What `work` returns. Where the recursion limit stops it, it is done again from its beginning, with more room.

    Raises RecursionError where that does not do, either.
    """
    try:
        return work()
    except RecursionError:
        with _ROOM:
            return work()


class _Room:
    """The higher limit, which holds for all threads: the first that needs it sets it, and the last sets it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._count:
                self._before = sys.getrecursionlimit()
                sys.setrecursionlimit(self._before + ROOM)
            self._count += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._count -= 1
            # Whoever else has set it in the meantime knows why.
            if not self._count and sys.getrecursionlimit() == self._before + ROOM:
                sys.setrecursionlimit(self._before)


_ROOM: Final = _Room()
