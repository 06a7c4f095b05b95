"""One durable execution: its function is invoked, suspends, and is invoked again when what it waits for has come.

The execution is one asyncio task on a timeline of the stack's clock. While the function runs, the stack is at work; while the execution is
suspended, its waits and retries are skipped like any others. An execution that waits for a callback flows in real time, so that the
callback's timeout is not cut short. The function, which is AWS's SDK for the most part, reports what it does by `checkpoint`.

Made by `durable_executions`; calls `durable_operations` for what an update means, and `durable_history` for what is remembered of it.
Source: Lambda's developer guide on durable functions, its API reference, and the behaviour that AWS's testing library documents.
Left out: pausing, and the trace context of chained invokes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import Randomness, Timeline, Timer
from stepstack.stacks.embedded.functions.durable_history import DurableHistory, seconds
from stepstack.stacks.embedded.functions.durable_operations import (
    PAYLOAD_LIMIT_BYTES,
    DurableOperation,
    DurableOperations,
    Updates,
    invalid,
)
from stepstack.stacks.embedded.functions.lambda_limits import REQUEST_LIMIT_BYTES
from stepstack.stacks.embedded.functions.lambda_surroundings import now_millis

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_function import Function, InvokeResult

__all__ = ["ChainedInvoke", "DurableExecution", "function_error", "json_object"]

Json: TypeAlias = dict[str, Any]
Run: TypeAlias = "Callable[[Function, bytes], Awaitable[InvokeResult]]"

_log = logging.getLogger("stepstack.embedded")

STATE_PAGE_BYTES = 5 * 1024 * 1024
"""More than so much of an execution's state does not go along with an invocation: the SDK asks for the rest."""

FAILED_INVOCATIONS = 5
"""So many invocations may fail in a row: raise, or time out."""
IDLE_INVOCATIONS = 3
"""So many invocations in a row may suspend without waiting for anything."""
RETRY_SECONDS = 5.0

INVALID_TOKEN = "Invalid checkpoint token"  # noqa: S105 - a message


@dataclass(frozen=True, slots=True)
class ChainedInvoke:
    """A function that an execution has invoked; `outcome` is the operation's status, result and error."""

    details: Mapping[str, Any]
    """What is known when it starts: the version and, where the function is durable, the ARN of its execution."""
    outcome: Callable[[], Awaitable[tuple[str, str | None, Json | None]]]


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """The last checkpoint, for a client that sends it again."""

    client_token: str
    token: str
    answer: Json


class DurableExecution:
    """One execution; `status` as GetDurableExecution answers it."""

    def __init__(
        self,
        *,
        arn: str,
        name: str,
        function: Function,
        payload: str,
        timeline: Timeline,
        is_synchronous: bool,
        run: Run,
        chain: Callable[[DurableExecution, Mapping[str, Any], str | None], ChainedInvoke],
        randomness: Randomness,
    ) -> None:
        self.arn = arn
        self.name = name
        self.function = function
        self.payload = payload
        self.timeline = timeline
        self.is_synchronous = is_synchronous
        self.status = "RUNNING"
        self.config: Mapping[str, Any] = function.configuration["DurableConfig"]
        self.history = DurableHistory()
        self.started_at = self._now()
        self.operations = DurableOperations(arn.rpartition("/")[2], payload, self.started_at)
        self.callbacks: dict[str, DurableOperation] = {}
        self._run = run
        self._chain = chain
        self._randomness = randomness
        self._token: str | None = None
        """The token of the next checkpoint; None while the function does not run."""
        self._last: _Checkpoint | None = None
        self._news = asyncio.Event()
        self._timers: dict[str, list[Timer]] = {}
        self._chained: set[asyncio.Task[None]] = set()
        self._ended = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins; returns at once."""
        execution = self.operations.execution
        self.history.record(execution, self.started_at, more={"ExecutionTimeout": self.timeout_seconds})
        self._task = asyncio.get_running_loop().create_task(self._live())

    @property
    def timeout_seconds(self) -> int:
        return int(self.config["ExecutionTimeout"])

    @property
    def is_running(self) -> bool:
        return self.status == "RUNNING"

    @property
    def ended_at(self) -> int | None:
        return self.operations.execution.ended_at

    @property
    def result(self) -> str | None:
        return self.operations.execution.result

    @property
    def error(self) -> Json | None:
        return self.operations.execution.error

    async def wait(self) -> None:
        """Returns when the execution has ended."""
        await asyncio.shield(self._ended)

    def answer(self) -> tuple[bytes, str | None]:
        """What a synchronous invocation answers once the execution has ended: its payload, and the kind of error."""
        if self.status == "SUCCEEDED":
            return (self.result or "").encode(), None
        error = self.error or {}
        return json.dumps({name: error[member] for name, member in _ERROR_MEMBERS.items() if error.get(member)}).encode(), "Unhandled"

    def stop(self, error: Mapping[str, Any] | None = None) -> None:
        """StopDurableExecution; one that has ended stays as it is."""
        self._close("STOPPED", error=error or {"ErrorMessage": "Execution stopped by user request"})

    def abandon(self) -> None:
        """The function is gone: nothing runs any more. May be called from any thread."""
        if self._task is not None and not self._task.done():
            self._task.get_loop().call_soon_threadsafe(self._abandon, self._task)

    def _abandon(self, task: asyncio.Task[None]) -> None:
        # Before the task is cancelled: `asyncio.wait_for` of Python 3.11 and older forgets that it was, where the function ends just then.
        self.stop({"ErrorMessage": "The function was deleted"})
        task.cancel()

    # What the function says

    def checkpoint(self, token: str, updates: Updates, client_token: str) -> Json:
        """CheckpointDurableExecution. Raises ServiceError for a token that is not the current one, or an update that is not allowed."""
        if self._last is not None and (self._last.client_token, self._last.token) == (client_token, token):
            return self._last.answer
        if not self._token or token != self._token:
            raise invalid(INVALID_TOKEN)
        self.operations.check(updates, execution_limit=self.result_limit)
        now = self._now()
        for update in updates:
            self._apply(update, now)
        self._complete_due(now)
        time = self._time_of_function(seconds)
        answer: Json = {"NewExecutionState": {"Operations": [operation.description(time) for operation in self.operations.unseen()]}}
        self.operations.mark_seen()
        if self.is_running:
            self._token = answer["CheckpointToken"] = self._new_token()
        self._last = _Checkpoint(client_token, token, answer)
        return answer

    def state(self, token: str, marker: str, limit: int) -> Json:
        """GetDurableExecutionState."""
        if not self._token or token != self._token:
            raise invalid(INVALID_TOKEN)
        if not marker.isascii() or not marker.isdigit():
            raise invalid("Invalid marker")
        return self._page(int(marker), limit, self._time_of_function(seconds))

    @property
    def result_limit(self) -> int:
        return REQUEST_LIMIT_BYTES if self.is_synchronous else PAYLOAD_LIMIT_BYTES

    def _apply(self, update: Mapping[str, Any], now: int) -> None:
        if update["Type"] == "EXECUTION":
            self._close("SUCCEEDED" if update["Action"] == "SUCCEED" else "FAILED", result=update.get("Payload"), error=update.get("Error"))
            return
        operation = self.operations.apply(update, now)
        more: Mapping[str, Any] = {}
        if operation.status == "STARTED":
            if operation.type == "CALLBACK":
                self._open_callback(operation)
            elif operation.type == "CHAINED_INVOKE":
                more = self._start_chained(operation)
        self.history.record(operation, now, more=more)
        if operation.due_at is not None and not operation.has_ended:
            self._call_later(operation.id, (operation.due_at - now) / 1000, lambda: self._come_due(operation))
        elif operation.has_ended:
            self._cancel_timers(operation.id)

    # What happens outside of the function

    def _come_due(self, operation: DurableOperation) -> None:
        """A wait is over, or a step may be tried again."""
        self._cancel_timers(operation.id)
        # The clock may be a moment early.
        now = max(self._now(), operation.due_at or 0)
        if operation.status == "PENDING":
            self.operations.make_ready(operation, now)
        elif operation.type == "WAIT" and operation.status == "STARTED":
            self._complete(operation, "SUCCEEDED", now)
        self._news.set()

    def _complete_due(self, now: int) -> None:
        """What is due already is told with this checkpoint, even where its timer comes a moment later."""
        for operation in self.operations.pending():
            if operation.due_at is not None and operation.due_at <= now:
                self._come_due(operation)

    def _open_callback(self, operation: DurableOperation) -> None:
        text = f"{self.arn}\n{operation.id}\n{self._randomness.uuid()}"
        operation.callback_id = base64.b64encode(text.encode()).decode()
        self.callbacks[operation.callback_id] = operation
        timeout = (operation.options or {}).get("TimeoutSeconds")
        if timeout:
            self._call_later(operation.id, timeout, lambda: self._fail_callback(operation, "Callback timed out", "Callback.Timeout"))
        self.heartbeat(operation)

    def heartbeat(self, operation: DurableOperation) -> None:
        """Begins the time for the next heartbeat of a callback."""
        timeout = (operation.options or {}).get("HeartbeatTimeoutSeconds")
        if timeout:
            key = f"{operation.id} heartbeat"
            self._cancel_timers(key)
            message = "Callback timed out on heartbeat"
            self._call_later(key, timeout, lambda: self._fail_callback(operation, message, "Callback.Heartbeat"))

    def _fail_callback(self, operation: DurableOperation, message: str, error_type: str) -> None:
        self.end_callback(operation, "TIMED_OUT", error={"ErrorMessage": message, "ErrorType": error_type})

    def end_callback(
        self, operation: DurableOperation, status: str, *, result: str | None = None, error: Mapping[str, Any] | None = None
    ) -> None:
        """A callback has come, or its time is over."""
        self._complete(operation, status, self._now(), result=result, error=error)
        self._cancel_timers(f"{operation.id} heartbeat")
        self._news.set()

    def _start_chained(self, operation: DurableOperation) -> Mapping[str, Any]:
        invoked = self._chain(self, operation.options or {}, operation.input)
        task = asyncio.get_running_loop().create_task(self._await_chained(operation, invoked))
        self._chained.add(task)
        task.add_done_callback(self._chained.discard)
        return invoked.details

    async def _await_chained(self, operation: DurableOperation, invoked: ChainedInvoke) -> None:
        try:
            status, result, error = await invoked.outcome()
        except Exception as fault:  # noqa: BLE001 - the execution waits for an outcome
            _log.exception("%s could not have another function invoked", self.arn)
            status, result, error = "FAILED", None, {"ErrorMessage": str(fault), "ErrorType": type(fault).__name__}
        if self.is_running:
            self._complete(operation, status, self._now(), result=result, error=error)
            self._news.set()

    def _complete(
        self, operation: DurableOperation, status: str, now: int, *, result: str | None = None, error: Mapping[str, Any] | None = None
    ) -> None:
        self.operations.complete(operation, status, now, result=result, error=error)
        self.history.record(operation, now)
        self._cancel_timers(operation.id)

    def _time_out(self) -> None:
        self._close("TIMED_OUT", error={"ErrorMessage": f"Execution timed out after {self.timeout_seconds} seconds."})

    def _close(self, status: str, *, result: str | None = None, error: Mapping[str, Any] | None = None) -> None:
        if not self.is_running:
            return
        self.status = status
        now = self._now()
        self._token = None
        self.operations.complete(self.operations.execution, status, now, result=result, error=error)
        self.history.record(self.operations.execution, now)
        for key in list(self._timers):
            self._cancel_timers(key)
        self._news.set()
        if not self._ended.done():
            self._ended.set_result(None)

    # The life of the execution

    async def _live(self) -> None:
        try:
            with self.timeline.working():
                # Not before the stack is at work: an idle clock would skip to it.
                self._call_later(" timeout", self.timeout_seconds + (self.started_at - self._now()) / 1000, self._time_out)
                failures = 0
                while self.is_running:
                    before = failures
                    failures = await self._invoke(failures)
                    if failures > before:
                        await self._pause(RETRY_SECONDS)
                    else:
                        await self._until(lambda: bool(self.operations.unseen()))
        finally:
            # Whoever waits is told, even where a fault in here has ended the execution, or its loop ends.
            self._close("FAILED", error={"ErrorMessage": "The execution could not go on"})
            for task in list(self._chained):
                task.cancel()

    async def _invoke(self, failures: int) -> int:
        """Invokes the function once; the number of invocations in a row that have failed now."""
        envelope = self._envelope()
        started_at = self._now()
        result = await self._run(self.function, envelope)
        self._token = None
        output = json_object(result.payload)
        error = function_error(output) if result.function_error is not None else output.get("Error")
        self.history.record_invocation(result.request_id, started_at, self._now(), error)
        if not self.is_running:
            return 0
        if result.function_error is not None:
            return self._failed(failures, FAILED_INVOCATIONS, error or {})
        return self._take(output, failures)

    def _take(self, output: Json, failures: int) -> int:
        status, result, error = output.get("Status"), output.get("Result"), output.get("Error")
        if status == "PENDING":
            if self.operations.pending() or self.operations.unseen():
                return 0
            return self._failed(failures, IDLE_INVOCATIONS, _invalid_output("Cannot return PENDING status with no pending operations."))
        trouble = None
        if status is None:
            trouble = "Response status is required"
        elif status not in {"SUCCEEDED", "FAILED"}:
            trouble = f"Unexpected invocation status: {status}"
        elif status == "FAILED" and result is not None:
            trouble = "Cannot provide a Result for FAILED status."
        elif status == "SUCCEEDED" and error is not None:
            trouble = "Cannot provide an Error for SUCCEEDED status."
        elif len((result or "").encode()) > self.result_limit:
            trouble = f"Execution output payload size must be less than or equal to {self.result_limit} bytes."
        if trouble is not None:
            self._close("FAILED", error=_invalid_output(trouble))
        else:
            self._close(status or "", result=result, error=error or ({} if status == "FAILED" else None))
        return 0

    def _failed(self, failures: int, limit: int, error: Json) -> int:
        if failures + 1 >= limit:
            self._close("FAILED", error=error)
        return failures + 1

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Suspends the execution until the condition holds or it has ended."""
        while self.is_running and not condition():
            self._news.clear()
            awaits_outside = any(operation.type == "CALLBACK" for operation in self.operations.pending())
            with self.timeline.held() if awaits_outside else self.timeline.parked():
                await self._news.wait()

    async def _pause(self, seconds: float) -> None:
        is_over: list[bool] = []

        def end() -> None:
            is_over.append(True)
            self._news.set()

        self._call_later(" retry", seconds, end)
        await self._until(lambda: bool(is_over))

    def _envelope(self) -> bytes:
        """What the function is invoked with."""
        updated = [operation.id for operation in self.operations.unseen() if operation.type != "EXECUTION"]
        self._token = self._new_token()
        page = self._page(0, len(self.operations.by_id), self._time_of_function(int))
        self.operations.mark_seen()
        envelope = {
            "DurableExecutionArn": self.arn,
            "CheckpointToken": self._token,
            "InitialExecutionState": {"NextMarker": "", **page},
            "UpdatedOperationIds": updated,
        }
        return json.dumps(envelope).encode()

    def _page(self, first: int, limit: int, time: Callable[[int], float]) -> Json:
        """Operations from the number `first` on, as many as go into one answer, and where the next page begins."""
        described: list[Json] = []
        size = 0
        for operation in self.operations.replayed(first):
            entry = operation.description(time)
            size += len(json.dumps(entry))
            if described and (size > STATE_PAGE_BYTES or len(described) >= limit):
                return {"Operations": described, "NextMarker": str(operation.number)}
            described.append(entry)
        return {"Operations": described}

    def _time_of_function(self, unit: Callable[[int], float]) -> Callable[[int], float]:
        """Timestamps for the function: while it runs, the time until a wait is over is real time, which modelled time may be ahead of."""
        ahead = self._now() - now_millis()
        return lambda millis: unit(millis - ahead)

    def _new_token(self) -> str:
        return base64.b64encode(self._randomness.uuid().encode()).decode()

    def _now(self) -> int:
        return round(self.timeline.now() * 1000)

    def _call_later(self, key: str, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.setdefault(key, []).append(self.timeline.call_later(seconds, callback))

    def _cancel_timers(self, key: str) -> None:
        for timer in self._timers.pop(key, ()):
            timer.cancel()


_ERROR_MEMBERS = {"errorMessage": "ErrorMessage", "errorType": "ErrorType", "errorData": "ErrorData", "stackTrace": "StackTrace"}


def json_object(payload: bytes) -> Json:
    """The JSON object that a function returned; an empty one where it is none."""
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _invalid_output(message: str) -> Json:
    return {"ErrorMessage": message, "ErrorType": "InvalidParameterValueException"}


def function_error(given: Json) -> Json:
    """The error of a function that failed, as operations and executions carry it."""
    return {member: given[name] for name, member in _ERROR_MEMBERS.items() if given.get(name)}
