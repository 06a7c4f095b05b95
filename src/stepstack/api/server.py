"""The server that carries the application: sockets, connections, an orderly end.

Called by `stepstack.assembly`. It serves one ASGI application on any number of sockets of one loop. uvicorn does the HTTP; its own `Server`
is left out, because it wants to own the process (signals, lifespan, a tick ten times a second).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
from typing import Any

from stepstack.errors import SettingsError

__all__ = ["Server", "listen"]

BACKLOG = 2048
ACCEPTED_AT_ONCE = 16
"""Fewer than the reserved files: idle connections make room before the next ones are accepted."""

KEEP_ALIVE_SECONDS = 75
RESERVED_FILES = 100
"""Of the process's open files: for data, for calls to the outside, for what libraries open."""

SHUTDOWN_SECONDS = 3.0


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises SettingsError where the port is taken or the host is none of ours."""
    if not 0 <= port <= 65_535:
        raise SettingsError(f"cannot listen on {host}:{port}: a port is a number up to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error}") from error
    # Named as TCP, or asyncio leaves Nagle's algorithm on, and every answer waits 40 ms for an acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(f"port {port} of {host} is taken by another program: stop it, or choose another port") from error
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    bound.setblocking(False)
    return bound


class Server:
    """Serves `app` on `sockets`, from `start` to `close`, in the loop that is running."""

    def __init__(self, app: Any, sockets: list[socket.socket]) -> None:
        self._app = app
        self._sockets = sockets
        self._servers: list[asyncio.AbstractServer] = []
        self._state: Any = None
        self._is_closing = False

    async def start(self) -> None:
        """Returns when the sockets answer."""
        from uvicorn.config import Config
        from uvicorn.server import ServerState

        from stepstack.api.connection import Connection, Connections

        config = Config(
            self._serve,
            interface="asgi3",
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            proxy_headers=False,
            server_header=False,
        )
        config.load()
        # A client that speaks no HTTP is told so; its mistake is none of the server's.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        state = self._state = ServerState()
        connections = Connections(connection_limit())
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            server = await loop.create_server(
                lambda: Connection(connections, config, state, {}, loop), sock=bound, backlog=ACCEPTED_AT_ONCE
            )
            # asyncio accepts as many connections at once as it is told to queue: the queue itself may be longer.
            bound.listen(BACKLOG)
            self._servers.append(server)

    async def close(self) -> None:
        """Accepts nothing more, lets requests under way end for a moment, then closes every connection."""
        self._is_closing = True
        for server in self._servers:
            server.close()
        if self._state is None:
            return
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            await asyncio.wait(set(self._state.tasks), timeout=SHUTDOWN_SECONDS)
        for connection in list(self._state.connections):
            connection.drop()
        await asyncio.sleep(0)
        for task in list(self._state.tasks):
            task.cancel()
        await asyncio.sleep(0)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        """The application. A request that the server's end cuts off is no fault, which uvicorn would log with its whole trace."""
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._is_closing:
                raise


def connection_limit() -> int:
    """How many connections may be open at once: the process's open files, less those that others need."""
    if sys.platform == "win32":
        return 400
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
            soft = max(soft, wanted)
    limit = 65_536 if soft == resource.RLIM_INFINITY else soft
    return max(limit - RESERVED_FILES, 16)
