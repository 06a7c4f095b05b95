"""Runs one invocation of a function: JSON in, the handler in a thread of its own, JSON or an error payload out.

The thread is a daemon: a handler that hangs keeps neither the caller nor the process. At the end of its time the caller is answered, and
the handler is interrupted at its next Python instruction (a blocking call in C ends by itself later). A handler that returns an
awaitable is run to its end on a loop of its own.

Called by `lambda_service`. Source: AWS's runtime interface client for Python (marshalling, error payloads, log lines)
and recorded answers of AWS.
"""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import json
import re
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar

from stepstack.clock import now_text
from stepstack.stacks.embedded.functions.lambda_code import Code, CodeFault, FolderCode
from stepstack.stacks.embedded.functions.lambda_context import LambdaContext
from stepstack.stacks.embedded.functions.lambda_folder import enter_folder
from stepstack.stacks.embedded.functions.lambda_surroundings import Surroundings

__all__ = ["Invocation", "Outcome", "run"]

RESPONSE_LIMIT_BYTES = 6_291_556
INIT_SECONDS = 60.0
"""AWS gives a function's imports ten seconds; a busy test machine gets more."""

_OWN_FILES = (__file__, inspect.getsourcefile(CodeFault) or "")
_DECIMAL = re.compile(r'"\\u0000([^"\\]*)\\u0000"')
_T = TypeVar("_T")


class _Initialising:
    """Functions import one after the other: modules make boto3 clients while they are imported, which is not safe in several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.handler = ""
        """The handler whose module is being imported."""


_initialising = _Initialising()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What is to be run."""

    code: Code
    handler: str
    payload: bytes
    request_id: str
    timeout_seconds: float
    variables: dict[str, str]
    make_context: Callable[[], LambdaContext]
    prepare: Callable[[], None] | None = None
    """Called in the handler's surroundings once its module is there."""
    escapes_unicode: bool = False
    """As the runtimes before python3.12 do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the payload, whether it is an error's, and the function's log."""

    payload: bytes
    is_error: bool
    log: list[tuple[int, str]]
    duration_millis: float
    is_cold: bool = False
    """The function must begin anew: it timed out or exited."""


class _Abandoned(BaseException):
    """Thrown into a handler that has run out of time."""


async def run(invocation: Invocation) -> Outcome:
    """Runs it. A cancelled caller leaves the handler running, as a caller that hangs up does."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[Outcome] = loop.create_future()
    thread = _HandlerThread(invocation, loop, ended)
    thread.start()
    # Not wait_for: until Python 3.11 it forgets that its caller was cancelled, where the handler ends just then.
    done, _ = await asyncio.wait({ended}, timeout=INIT_SECONDS + invocation.timeout_seconds)
    return ended.result() if done else thread.time_out()


class _HandlerThread(threading.Thread):
    def __init__(self, invocation: Invocation, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[Outcome]) -> None:
        super().__init__(name=f"stepstack-lambda-{invocation.handler}", daemon=True)
        self._invocation = invocation
        self._loop = loop
        self._ended = ended
        self._surroundings = Surroundings(invocation.variables, invocation.request_id)
        self._started_at = time.perf_counter()
        self._timer: asyncio.TimerHandle | None = None
        self._settling = threading.Lock()
        self._outcome: Outcome | None = None
        self._is_inside = False
        """Whether the function's own code runs, which may be interrupted; read and written while `_settling`."""
        self._is_interrupted = False
        """Whether _Abandoned was thrown, which may have come or be on its way; read and written while `_settling`."""
        self._handler_loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        try:
            if isinstance(self._invocation.code, FolderCode):
                enter_folder(self._invocation.code.root)
            with self._surroundings.entered():
                payload, is_error, is_cold = self._result()
            outcome = self._settle(payload, is_error=is_error, is_cold=is_cold)
            self._tell(lambda: self._end(outcome))
        except _Abandoned:
            # The caller has been answered.
            return

    def time_out(self) -> Outcome:
        """The answer for a handler that has no time left; the handler is interrupted."""
        seconds = self._invocation.timeout_seconds
        text = f"RequestId: {self._invocation.request_id} Error: Task timed out after {seconds:.2f} seconds"
        payload = json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": text}, separators=(",", ":")).encode()
        self._surroundings.add(f"{now_text()} {self._invocation.request_id} Task timed out after {seconds:.2f} seconds\n\n")
        outcome = self._settle(payload, is_error=True, is_cold=True)
        if outcome.payload is payload:
            self._interrupt()
        return outcome

    def _interrupt(self) -> None:
        with self._settling:
            if self._is_inside and self.ident is not None:
                self._is_interrupted = True
                _throw_abandoned(self.ident)
        self._wake()

    def _wake(self) -> None:
        """An asynchronous handler stands in its loop's selector, where no Python instruction would come."""
        if self._handler_loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._handler_loop.call_soon_threadsafe(lambda: None)

    def _result(self) -> tuple[bytes, bool, bool]:
        """The payload, whether it is an error's, whether the function begins anew."""
        invocation = self._invocation
        if not _initialising.lock.acquire(timeout=INIT_SECONDS):
            return self._kept_waiting(_initialising.handler), True, True
        try:
            _initialising.handler = invocation.handler
            handler = self._interruptible(self._initialised)
        except _Abandoned:
            raise
        except CodeFault as fault:
            return self._failure(fault.error_type, fault.message, fault.trace, request_id=""), True, True
        except BaseException as error:  # noqa: BLE001 - whatever the function's module raises
            return self._raised(error, request_id=""), True, True
        finally:
            _initialising.lock.release()
        self._started_at = time.perf_counter()
        self._tell(self._start_timer)
        try:
            result = self._interruptible(lambda: self._handled(handler))
        except _Abandoned:
            raise
        except SystemExit as leaving:
            return self._exited(leaving), True, True
        except BaseException as error:  # noqa: BLE001 - whatever the handler raises
            return self._raised(error, request_id=invocation.request_id), True, False
        return (*self._marshalled(result), False)

    def _initialised(self) -> Callable[..., Any]:
        handler = self._invocation.code.handler(self._invocation.handler)
        if self._invocation.prepare is not None:
            self._invocation.prepare()
        return handler

    def _handled(self, handler: Callable[..., Any]) -> Any:
        result = handler(_event(self._invocation.payload), self._invocation.make_context())
        return asyncio.run(self._awaited(result)) if inspect.isawaitable(result) else result

    def _interruptible(self, work: Callable[[], _T]) -> _T:
        """What `work` returns. _Abandoned comes while this runs and at no other time: what is around it must not stay half done."""
        try:
            try:
                with self._settling:
                    if self._outcome is not None:
                        raise _Abandoned
                    self._is_inside = True
                return work()
            finally:
                self._withdraw()
        except _Abandoned:
            # It may have come while the function was being left.
            self._withdraw()
            raise

    def _withdraw(self) -> None:
        with self._settling:
            self._is_inside = False
            if self._is_interrupted:
                _receive_abandoned()

    async def _awaited(self, result: Any) -> Any:
        self._handler_loop = asyncio.get_running_loop()
        return await result

    def _marshalled(self, result: Any) -> tuple[bytes, bool]:
        if isinstance(result, bytes):
            payload = result
        else:
            try:
                payload = _json_of(result, escapes_unicode=self._invocation.escapes_unicode)
            except (TypeError, ValueError, RecursionError) as error:
                return self._failure("Runtime.MarshalError", f"Unable to marshal response: {error}", []), True
        if len(payload) > RESPONSE_LIMIT_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
            error_payload = json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
            return error_payload.encode(), True
        return payload, False

    def _raised(self, error: BaseException, *, request_id: str) -> bytes:
        trace = _trace(error.__traceback__, self._invocation.code)
        return self._failure(type(error).__name__, str(error), trace, request_id=request_id)

    def _exited(self, leaving: SystemExit) -> bytes:
        status = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
        how = f"with error: exit status {status}" if status else "without providing a reason"
        text = f"RequestId: {self._invocation.request_id} Error: Runtime exited {how}"
        self._surroundings.add(f"{text}\nRuntime.ExitError\n")
        return json.dumps({"errorType": "Runtime.ExitError", "errorMessage": text}, separators=(",", ":")).encode()

    def _kept_waiting(self, other: str) -> bytes:
        message = (
            f"{self._invocation.handler} could not be initialised: "
            f"{other} has been importing its module for more than {INIT_SECONDS:g} seconds, and functions import one after the other"
        )
        return self._failure("Runtime.InitTimeout", message, [], request_id="")

    def _failure(self, error_type: str, message: str, trace: list[str], *, request_id: str | None = None) -> bytes:
        payload = {
            "errorMessage": message,
            "errorType": error_type,
            "requestId": self._invocation.request_id if request_id is None else request_id,
            "stackTrace": trace,
        }
        self._surroundings.add(_error_line(error_type, message, trace))
        return _json_of(payload, escapes_unicode=self._invocation.escapes_unicode)

    def _settle(self, payload: bytes, *, is_error: bool, is_cold: bool) -> Outcome:
        """The outcome; the first to settle it, the handler or the clock, has its way."""
        with self._settling:
            if self._outcome is None:
                millis = (time.perf_counter() - self._started_at) * 1000
                self._outcome = Outcome(payload, is_error, self._surroundings.finish(), millis, is_cold)
            return self._outcome

    def _start_timer(self) -> None:
        self._timer = self._loop.call_later(self._invocation.timeout_seconds, lambda: self._end(self.time_out()))

    def _end(self, outcome: Outcome) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._ended.done():
            self._ended.set_result(outcome)

    def _tell(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            # The loop of the caller is closed: nobody waits any more.
            return


def _throw_abandoned(thread_id: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread_id), ctypes.py_object(_Abandoned))


def _receive_abandoned() -> None:
    """Has what was thrown into this thread come now: one more takes the place of one on its way, and comes at the next instruction.

    Calling it back instead (`PyThreadState_SetAsyncExc(thread, NULL)`) leaves the interpreter told, for good, that one is on its way.
    Python 3.11 then enters no function that is traced, such as by coverage.py or a debugger, but turns in a circle.
    """
    try:
        _throw_abandoned(threading.get_ident())
        while True:
            pass
    except _Abandoned:
        return


def _event(payload: bytes) -> Any:
    return json.loads(payload or b"{}")


def _json_of(value: Any, *, escapes_unicode: bool) -> bytes:
    has_decimals = False

    def default(member: Any) -> Any:
        nonlocal has_decimals
        if isinstance(member, Decimal):
            has_decimals = True
            # Python's encoder cannot write digits that are no float; a marked text becomes them afterwards.
            return float("nan") if member.is_nan() else f"\0{member}\0"
        raise TypeError(f"Object of type {type(member).__name__} is not JSON serializable")

    text = json.dumps(value, default=default, ensure_ascii=escapes_unicode)
    if has_decimals:
        text = _DECIMAL.sub(r"\1", text)
    return text.encode("utf-8", "surrogatepass")


def _trace(trace: TracebackType | None, code: Code) -> list[str]:
    """The stack as AWS formats it, from the first frame that is the function's own."""
    frames = [(frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in traceback.extract_tb(trace)]
    while frames and (frames[0][0] in _OWN_FILES or frames[0][0].startswith("<frozen") or "/asyncio/" in frames[0][0].replace("\\", "/")):
        frames.pop(0)
    return traceback.format_list([(code.traced_path(name), line, function, text) for name, line, function, text in frames])


def _error_line(error_type: str, message: str, trace: list[str]) -> str:
    lines = [f"[ERROR] {error_type}: {message}" if message else f"[ERROR] {error_type}", "Traceback (most recent call last):"]
    for entry in trace:
        # CloudWatch would cut leading blanks: AWS's runtime writes no-break spaces.
        lines += ["\u00a0" * (len(line) - len(line.lstrip(" "))) + line.lstrip(" ") for line in entry.splitlines()]
    return "\r".join(lines) + "\n"
