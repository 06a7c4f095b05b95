"""One HTTP connection, with the deadlines and limits that uvicorn's own lacks.

Made by `stepstack.api.server` for each connection; uvicorn's protocol (over httptools) does the HTTP. Added here: a connection that
sends no whole request head in time is closed; a head has a size; a client that closes its half of the connection after its request still
gets its answer; what a client sends ahead is read as it is answered; beyond a number of connections the one that has been idle the longest
makes room for the new one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from stepstack.api.app import LONG_POLLS

__all__ = ["Connection", "Connections"]

HEAD_DEADLINE_SECONDS = 20.0
"""From the connection, or from a request's first byte, to the end of its head."""

HEAD_LIMIT_BYTES = 64 * 1024
HALF_CLOSED_SECONDS = 5.0
"""How long a client that has closed its half may wait for its answer: it may as well be gone."""

LONG_POLL_TARGETS = frozenset(f"AWSStepFunctions.{operation}".encode() for operation in LONG_POLLS)
"""What a client that has closed its half waits for in vain: it would take a task along that another worker could do."""


class Connections:
    """The open connections of one server; those that wait for a request, the longest idle first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._idle: OrderedDict[Connection, None] = OrderedDict()
        self._open = 0

    def opened(self, connection: Connection) -> None:
        self._open += 1
        self._idle[connection] = None
        if self._open > self._limit:
            oldest = next(iter(self._idle))
            self._idle.pop(oldest)
            oldest.drop()

    def busy(self, connection: Connection) -> None:
        self._idle.pop(connection, None)

    def idle(self, connection: Connection) -> None:
        self._idle[connection] = None

    def closed(self, connection: Connection) -> None:
        self._open -= 1
        self._idle.pop(connection, None)


class JoiningTransport:
    """A transport that writes an answer's head together with its body: uvicorn hands them over one after the other.

    Half of what an answer costs is the system's call to send it.
    """

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None

    def write(self, data: bytes) -> None:
        if self._head is None:
            self._head = data
            self._loop.call_soon(self.flush)
        else:
            self._head += data
            self.flush()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Writes what is held back."""
        data, self._head = self._head, None
        if data:
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Connection(HttpToolsProtocol):
    """An ASGI connection; see the module."""

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._all = connections
        self._head_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._is_reading_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", JoiningTransport(transport, self.loop)))
        self._all.opened(self)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.closed(self)
        self._end_head_timer()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]
        cycle = self.cycle
        # What is written already is sent before asyncio closes the connection.
        cast("JoiningTransport", self.transport).flush()
        if cycle is None or cycle.response_complete or cycle.more_body:
            return False
        if any(name == b"x-amz-target" and value in LONG_POLL_TARGETS for name, value in self.headers):
            return False
        # The answer is on its way.
        self.loop.call_later(HALF_CLOSED_SECONDS, self.drop)
        cycle.keep_alive = False
        return True

    def data_received(self, data: bytes) -> None:
        if self._is_reading_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._await_head()
        super().data_received(data)
        if self._is_reading_head and self._head_bytes > HEAD_LIMIT_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._is_reading_head = False
        self._head_bytes = 0
        self._end_head_timer()
        self._all.busy(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._is_reading_head = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:
            # uvicorn reads on after each answer, however many requests wait already.
            self.flow.pause_reading()
        if not self.transport.is_closing() and not self.pipeline:
            self._all.idle(self)

    def drop(self) -> None:
        """Closes the connection, whatever it is about."""
        if not self.transport.is_closing():
            self.transport.close()

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_DEADLINE_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_reading_head and (self.cycle is None or self.cycle.response_complete):
            self.drop()

    def _end_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
