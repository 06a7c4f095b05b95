"""How long something may take, in real time. Called where a thread blocks: services' readiness, programs that end, tests that wait."""

from __future__ import annotations

import threading
import time

__all__ = ["Deadline"]


class Deadline:
    """The end of a blocking wait outside the engine, in real time: for a service to answer, an execution to end, a program to stop."""

    __slots__ = ("_ends", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._ends = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; 0 once it has passed."""
        return max(0.0, self._ends - time.monotonic())

    def has_passed(self) -> bool:
        return time.monotonic() >= self._ends

    def pause(self, seconds: float) -> None:
        """Blocks the calling thread for `seconds`, or for what is left."""
        threading.Event().wait(min(seconds, self.remaining()))
