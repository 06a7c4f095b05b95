"""A limit, in modelled time, on what the current task does: a state's TimeoutSeconds.

Like asyncio's own timeout, but on the execution's timeline, and for Python 3.10 too. Called by the Task state.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING

from stepstack.clock import Timeline, Timer

if TYPE_CHECKING:
    from stepstack.interpreter.branch import Branch

__all__ = ["TimeLimit"]


class TimeLimit:
    """`with TimeLimit(timeline, branch, seconds)`: TimeoutError out of the body once `seconds` have passed; None for no limit.

    A branch that is stopped from outside meanwhile gets its cancellation, never a timeout.
    """

    def __init__(self, timeline: Timeline, branch: Branch, seconds: float | None) -> None:
        self._timeline = timeline
        self._branch = branch
        self._seconds = seconds
        self._timer: Timer | None = None
        self._task: asyncio.Task[object] | None = None
        self._has_expired = False

    def __enter__(self) -> TimeLimit:
        if self._seconds is not None:
            self._task = asyncio.current_task()
            self._timer = self._timeline.call_later(self._seconds, self._expire)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is None:
            return
        self._timer.cancel()
        if not self._has_expired:
            return
        if kind is asyncio.CancelledError and not self._branch.is_stopped:
            uncancel = getattr(self._task, "uncancel", None)
            if uncancel is not None:
                uncancel()
            raise TimeoutError from error

    def _expire(self) -> None:
        self._has_expired = True
        if self._task is not None:
            self._task.cancel()
