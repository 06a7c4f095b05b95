"""Task tokens: what a state hands out when it awaits somebody outside, and how that somebody answers.

A Task with `.waitForTaskToken`, or with an activity, opens a token and awaits its `PendingTask`; the service's SendTaskSuccess,
SendTaskFailure and SendTaskHeartbeat find it here. A token that was closed is remembered for a while, because AWS tells it from one that
never was. Left out: the API's error shapes, which are the service's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from stepstack.clock import Randomness
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure

__all__ = ["PendingTask", "TaskTokens", "TokenClosed", "TokenUnknown"]

REMEMBERED_CLOSED_TOKENS: Final = 20_000


class TokenUnknown(Exception):
    """No task was ever given this token."""


class TokenClosed(Exception):
    """The task of this token has ended."""


class PendingTask:
    """A task that awaits its answer; `answer` is a future of a Payload (success) or a StateFailure."""

    __slots__ = ("answer", "on_heartbeat", "token")

    def __init__(self, token: str) -> None:
        self.token = token
        self.answer: asyncio.Future[Payload | StateFailure] = asyncio.get_running_loop().create_future()
        self.on_heartbeat: Callable[[], None] | None = None
        """Called for each heartbeat; None where the state has no heartbeat to miss."""


class TaskTokens:
    """All open tokens of one service."""

    def __init__(self, randomness: Randomness) -> None:
        self._randomness = randomness
        self._open: dict[str, PendingTask] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()

    def open(self) -> PendingTask:
        """A new token, and the task that will be answered through it."""
        token = "AQC" + "".join(self._randomness.uuid().replace("-", "") for _ in range(4))
        pending = self._open[token] = PendingTask(token)
        return pending

    def close(self, pending: PendingTask) -> None:
        """The state awaits no answer any more."""
        if self._open.pop(pending.token, None) is None:
            return
        self._closed[pending.token] = None
        if len(self._closed) > REMEMBERED_CLOSED_TOKENS:
            self._closed.popitem(last=False)

    def is_open(self, token: str) -> bool:
        return token in self._open

    def succeed(self, token: str, output: str) -> None:
        """Answers with `output`, JSON text. Raises TokenUnknown, TokenClosed, or ValueError where `output` is no JSON."""
        pending = self._find(token)
        pending.answer.set_result(Payload.parse(output))
        self.close(pending)

    def fail(self, token: str, error: str | None, cause: str | None) -> None:
        """Answers with a failure. Raises TokenUnknown or TokenClosed."""
        pending = self._find(token)
        pending.answer.set_result(StateFailure(error, cause))
        self.close(pending)

    def heartbeat(self, token: str) -> None:
        """The task is alive: its heartbeat counts from now. Raises TokenUnknown or TokenClosed."""
        pending = self._find(token)
        if pending.on_heartbeat is not None:
            pending.on_heartbeat()

    def clear(self) -> None:
        """Forgets all tokens, open and closed."""
        self._open.clear()
        self._closed.clear()

    def _find(self, token: str) -> PendingTask:
        pending = self._open.get(token)
        if pending is not None and not pending.answer.done():
            return pending
        if pending is not None or token in self._closed:
            raise TokenClosed(token)
        raise TokenUnknown(token)
