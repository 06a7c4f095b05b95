"""Task tokens: what a state hands out when it awaits somebody outside, and how that somebody answers.

A Task with `.waitForTaskToken`, or with an activity, opens a token and awaits its `PendingTask`; the service's SendTaskSuccess,
SendTaskFailure and SendTaskHeartbeat find it here. A token that was closed is remembered for a while, because AWS tells it from one that
never was. Left out: the API's error shapes, which are the service's.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from stepstack.clock import Randomness
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure

__all__ = ["KeptTask", "PendingTask", "TaskTokens", "TokenClosed", "TokenKeeper", "TokenUnknown"]

REMEMBERED_CLOSED_TOKENS: Final = 20_000


class TokenUnknown(Exception):
    """No task was ever given this token."""


class TokenClosed(Exception):
    """The task of this token has ended."""


class PendingTask:
    """A task that awaits its answer; `answer` is a future of a Payload (success) or a StateFailure."""

    __slots__ = ("answer", "entered_event_id", "execution_arn", "heartbeat_at", "on_heartbeat", "token")

    def __init__(self, token: str, execution_arn: str, entered_event_id: int) -> None:
        self.token = token
        self.execution_arn = execution_arn
        self.entered_event_id = entered_event_id
        """Of the state that awaits the answer."""
        self.answer: asyncio.Future[Payload | StateFailure] = asyncio.get_running_loop().create_future()
        self.on_heartbeat: Callable[[], None] | None = None
        """Called for each heartbeat; None where the state has no heartbeat to miss."""
        self.heartbeat_at: float | None = None
        """The moment of the last heartbeat, where the state has one to miss; None before the first."""


@dataclass(slots=True)
class KeptTask:
    """A task that awaited its answer when an earlier process ended; `answer` is the one that had come, and was not taken up any more."""

    token: str
    execution_arn: str
    entered_event_id: int
    answer: Payload | StateFailure | None = None
    heartbeat_at: float | None = None


class TokenKeeper(Protocol):
    """Hears of tokens, so that they outlive the process."""

    def task_opened(self, task: PendingTask) -> None: ...

    def task_answered(self, task: PendingTask) -> None: ...

    def task_alive(self, task: PendingTask) -> None:
        """Its heartbeat has come."""
        ...

    def task_closed(self, token: str) -> None:
        """The state that awaited the answer has taken it up, or awaits it no more."""
        ...


class TaskTokens:
    """All open tokens of one service. `keeper`, where given, hears of each."""

    def __init__(self, randomness: Randomness, keeper: TokenKeeper | None = None) -> None:
        self._randomness = randomness
        self._keeper = keeper
        self._open: dict[str, PendingTask] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._kept: dict[str, PendingTask] = {}

    def open(self, execution_arn: str = "", entered_event_id: int = 0) -> PendingTask:
        """A new token, and the task that will be answered through it; for the state that was entered with that event."""
        token = "AQC" + "".join(self._randomness.uuid().replace("-", "") for _ in range(4))
        pending = self._open[token] = PendingTask(token, execution_arn, entered_event_id)
        if self._keeper is not None:
            self._keeper.task_opened(pending)
        return pending

    def keep(self, task: KeptTask) -> None:
        """Takes over a task of an earlier process: it may be answered from now on, and the state that awaits it will reopen it."""
        pending = self._kept[task.token] = self._open[task.token] = PendingTask(task.token, task.execution_arn, task.entered_event_id)
        pending.heartbeat_at = task.heartbeat_at
        if task.answer is not None:
            pending.answer.set_result(task.answer)
            self._shut(pending)

    def reopen(self, token: str) -> PendingTask:
        """The task of an earlier process, for the state that awaits it again; KeyError where none was kept."""
        return self._kept.pop(token)

    def close(self, pending: PendingTask) -> None:
        """The state awaits no answer any more."""
        self._shut(pending)
        if self._keeper is not None:
            self._keeper.task_closed(pending.token)

    def remember_closed(self, token: str) -> None:
        """The task of this token has ended: whoever answers it now is told so."""
        self._closed[token] = None
        if len(self._closed) > REMEMBERED_CLOSED_TOKENS:
            self._closed.popitem(last=False)

    def _shut(self, pending: PendingTask) -> None:
        if self._open.pop(pending.token, None) is not None:
            self.remember_closed(pending.token)

    def _answer(self, pending: PendingTask, answer: Payload | StateFailure) -> None:
        pending.answer.set_result(answer)
        if self._keeper is not None:
            self._keeper.task_answered(pending)
        self._shut(pending)

    def is_open(self, token: str) -> bool:
        return token in self._open

    def succeed(self, token: str, output: str) -> None:
        """Answers with `output`, JSON text. Raises TokenUnknown, TokenClosed, or ValueError where `output` is no JSON."""
        self._answer(self._find(token), Payload.parse(output))

    def fail(self, token: str, error: str | None, cause: str | None) -> None:
        """Answers with a failure. Raises TokenUnknown or TokenClosed."""
        self._answer(self._find(token), StateFailure(error, cause))

    def heartbeat(self, token: str) -> None:
        """The task is alive: its heartbeat counts from now. Raises TokenUnknown or TokenClosed."""
        pending = self._find(token)
        if pending.on_heartbeat is not None:
            pending.on_heartbeat()
            if self._keeper is not None:
                self._keeper.task_alive(pending)

    def clear(self) -> None:
        """Forgets all tokens, open and closed."""
        self._open.clear()
        self._closed.clear()
        self._kept.clear()

    def _find(self, token: str) -> PendingTask:
        pending = self._open.get(token)
        if pending is not None and not pending.answer.done():
            return pending
        if pending is not None or token in self._closed:
            raise TokenClosed(token)
        raise TokenUnknown(token)
