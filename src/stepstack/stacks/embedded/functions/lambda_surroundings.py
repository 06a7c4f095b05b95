"""What surrounds a handler while it runs in this process: its environment variables and where its output goes.

Functions run side by side in threads, but a process has one `os.environ`, one standard output and one root logger. While an invocation
runs, a context variable names it: `os.environ` shows its variables above the process's, what it prints goes to its log as well as to
the process's output, and its log records are written to its log as AWS's Python runtime writes them. Everybody else sees no difference.
Of the process's variables it does not see those that would lead its SDK to an account.

Threads that a handler starts belong to its invocation too.

Called by `lambda_runtime`. Left out: the environment that a child process inherits without being given one, and the
log of a thread that is used again by a later invocation.
"""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from stepstack.stacks.sdk_variables import leads_elsewhere

__all__ = ["Surroundings", "now_millis"]


def now_millis() -> int:
    """Real time, as CloudWatch Logs stamps events: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


_current: ContextVar[Surroundings | None] = ContextVar("stepstack_lambda_surroundings", default=None)


class Surroundings:
    """Variables and log of one invocation. `variables` belongs to the function's warm environment: what a handler sets, stays."""

    def __init__(self, variables: dict[str, str], request_id: str) -> None:
        self.variables = variables
        self.removed: set[str] = set()
        self.request_id = request_id
        self._log: list[tuple[int, str]] = []
        self._line = ""
        self._is_finished = False

    def hides(self, name: str) -> bool:
        """Whether the function does not see the process's variable: it has deleted it, or it leads to an account of the user's."""
        return name in self.removed or leads_elsewhere(name)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """For the body, the calling thread is the invocation's."""
        _installed.acquire()
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)
            _installed.release()

    def write(self, text: str) -> None:
        """Adds printed text; each line that is complete is a log event."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self.add(line + "\n")

    def add(self, message: str) -> None:
        """Adds one log event; what a function writes after its end (it timed out) is dropped."""
        if not self._is_finished:
            self._log.append((now_millis(), message))

    def finish(self) -> list[tuple[int, str]]:
        """All log events: milliseconds since the epoch and text."""
        if self._line:
            self.add(self._line)
            self._line = ""
        self._is_finished = True
        return self._log


if TYPE_CHECKING:
    _Environ = os._Environ[str]
else:
    _Environ = os._Environ


class _FunctionEnviron(_Environ):
    """The process's `os.environ`, below the variables of the invocation that asks."""

    def __getitem__(self, key: str) -> str:
        current = _current.get()
        if current is not None:
            if key in current.variables:
                return current.variables[key]
            if current.hides(key):
                raise KeyError(key)
        return super().__getitem__(key)

    def __setitem__(self, key: str, value: str) -> None:
        current = _current.get()
        if current is None:
            super().__setitem__(key, value)
        elif not isinstance(value, str):
            raise TypeError(f"str expected, not {type(value).__name__}")
        else:
            current.removed.discard(key)
            current.variables[key] = value

    def __delitem__(self, key: str) -> None:
        current = _current.get()
        if current is None:
            super().__delitem__(key)
            return
        if key not in self:
            raise KeyError(key)
        current.variables.pop(key, None)
        current.removed.add(key)

    def __iter__(self) -> Iterator[str]:
        current = _current.get()
        if current is None:
            return super().__iter__()
        return iter(dict.fromkeys([*current.variables, *(key for key in super().__iter__() if not current.hides(key))]))

    def __len__(self) -> int:
        return super().__len__() if _current.get() is None else sum(1 for _ in self)


class _FunctionOutput(io.TextIOBase):
    """A standard stream that also writes to the log of the invocation that writes."""

    def __init__(self, below: TextIO) -> None:
        self.below = below

    def write(self, text: str) -> int:
        current = _current.get()
        if current is not None:
            current.write(text)
        # A stream that was kept from an earlier test may be closed by now; the log has the text all the same.
        return len(text) if self.below.closed else self.below.write(text)

    def flush(self) -> None:
        if not self.below.closed:
            self.below.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.below, name)


class _FunctionLogging(logging.Handler):
    """Writes an invocation's log records as AWS's Python runtime does."""

    _format = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S")
    _format.converter = time.gmtime

    def emit(self, record: logging.LogRecord) -> None:
        current = _current.get()
        if current is not None:
            record.aws_request_id = current.request_id
            current.add(self._format.format(record))


Start: TypeAlias = "Callable[[threading.Thread], None]"


def _start_for(below: Start) -> Start:
    """`Thread.start` while any invocation runs: a thread that an invocation starts is the invocation's."""

    def start(thread: threading.Thread) -> None:
        current = _current.get()
        if current is not None:
            run = thread.run

            def run_inside() -> None:
                _current.set(current)
                run()

            thread.run = run_inside  # type: ignore[method-assign]
        below(thread)

    return start


class _Installation:
    """Changes the process while any invocation runs, and changes it back when the last one has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._logging = _FunctionLogging()
        self._start: Start = threading.Thread.start
        self._environ: Any = None
        self._environ_kind = type(os.environ)

    def acquire(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._replace_environ()
                self._start = threading.Thread.start
                threading.Thread.start = _start_for(self._start)  # type: ignore[assignment, method-assign]
                logging.getLogger().addHandler(self._logging)
            # pytest exchanges the streams between the phases of a test, so each invocation looks anew.
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if stream is not None and not isinstance(stream, _FunctionOutput):
                    setattr(sys, name, _FunctionOutput(stream))

    def release(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
            if self._environ is not None:
                self._environ.__class__ = self._environ_kind
            threading.Thread.start = self._start  # type: ignore[assignment, method-assign]
            logging.getLogger().removeHandler(self._logging)
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if isinstance(stream, _FunctionOutput):
                    setattr(sys, name, stream.below)

    def _replace_environ(self) -> None:
        # A test may have put a plain dict in the place of os.environ: that is left as it is.
        self._environ = os.environ if isinstance(os.environ, os._Environ) else None
        if self._environ is not None:
            self._environ_kind = type(self._environ)
            # The object stays the same: others hold references to it.
            self._environ.__class__ = _FunctionEnviron


_installed = _Installation()
