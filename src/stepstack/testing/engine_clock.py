"""The engine's clock, as a test steers it: freeze, advance, read.

Behind the fixture `clock`. Works where the engine runs in the test's own process and time is not real. While time is frozen, no Wait, retry
delay, timeout or heartbeat of any execution comes due, until `advance` moves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from stepstack.errors import StackError

if TYPE_CHECKING:
    from stepstack.clock import Clock
    from stepstack.testing.stack import Stack

__all__ = ["EngineClock"]

REST_SECONDS = 60.0
"""How long an advance may take, in real time: what a timer wakes is brought to rest before the next one fires."""


class EngineClock:
    """Modelled time of one stack's engine."""

    def __init__(self, stack: Stack) -> None:
        if stack.embedded_stack is None:
            raise StackError(f"the backend {stack.backend} keeps its own time: the clock needs our engine in this process (embedded)")
        self._stack = stack
        self._clock: Clock = stack.clock

    def now(self) -> datetime:
        """Modelled time, in UTC."""

        async def read() -> float:
            return self._clock.now()

        return datetime.fromtimestamp(self._run(read), timezone.utc)

    @property
    def is_frozen(self) -> bool:
        return self._clock.is_frozen

    def freeze(self) -> None:
        """Stops modelled time."""
        if self._clock.is_real:
            raise StackError("time is real here, and cannot be frozen; choose time skip, or a scale")

        async def freeze() -> None:
            self._clock.freeze()

        self._run(freeze)

    def unfreeze(self) -> None:
        """Lets modelled time flow on from where it stands."""

        async def unfreeze() -> None:
            self._clock.unfreeze()

        self._run(unfreeze)

    def advance(self, seconds: float | timedelta) -> None:
        """Moves modelled time on, from timer to timer; returns when everything that came due has been dealt with.

        A clock that is not frozen flows on afterwards.
        """
        if self._clock.is_real:
            raise StackError("time is real here, and cannot be advanced; choose time skip, or a scale")
        moved = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
        if not moved >= 0:
            raise ValueError(f"time cannot go back by {-moved:g} s")
        self._run(lambda: self._clock.advance(moved))

    @contextmanager
    def frozen(self) -> Iterator[EngineClock]:
        """For the body, modelled time stands still but for `advance`; behind it, it flows if it did before."""
        was_frozen = self.is_frozen
        self.freeze()
        try:
            yield self
        finally:
            if not was_frozen:
                self.unfreeze()

    def _run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        try:
            return self._stack.embedded_stack.run(work(), REST_SECONDS)
        except FutureTimeoutError:
            raise StackError(f"the engine did not come to rest within {REST_SECONDS:g} s of real time: is a task still working?") from None
