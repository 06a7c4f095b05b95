"""HTTP/1.1 on asyncio streams: one small client with kept connections, for calls to AWS's APIs and to HTTP endpoints.

Called by the endpoints. It follows no redirects, speaks no HTTP/2, keeps no cookies and uses no proxies: the calls of a Task need none of
these. A call costs a few dozen microseconds over the socket's own time, which is why botocore's HTTP stack (blocking, hence threads) is
not used. Every wait is bounded by the call's timeout. Cancelling a call closes its connection.
Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["CallTimedOut", "ConnectionFailed", "Headers", "HttpClient", "HttpResponse"]

Headers = Sequence[tuple[str, str]]

CONNECTIONS_PER_ORIGIN = 64
ORIGINS_KEPT = 100
"""Origins to which connections are kept at most; those asked longest ago are let go."""
IDLE_SECONDS = 30.0
"""A connection that was idle for longer is not used again: servers close theirs at such ages."""
CONNECT_SECONDS = 10.0
PLACE_SECONDS = 900.0
"""How long a request may wait for one of the connections: as long as the longest calls (of Lambda functions) take."""
HEAD_LIMIT = 256 * 1024
BODY_LIMIT = 1024 * 1024 * 1024


class ConnectionFailed(Exception):
    """No answer came: the name does not resolve, nobody listens, or the connection broke. The text is what the Java SDK says of it."""


class CallTimedOut(Exception):
    """The answer did not come in time."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    reason: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case of letters."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@functools.lru_cache(maxsize=256)
def _origin(scheme: str, netloc: str) -> _Origin:
    parts = urlsplit(f"{scheme}://{netloc}")
    if scheme not in {"http", "https"} or not parts.hostname:
        raise ConnectionFailed(f"Invalid URL: {scheme}://{netloc}")
    return _Origin(scheme, parts.hostname, parts.port or (443 if scheme == "https" else 80))


def split_url(url: str) -> tuple[_Origin, str]:
    """The origin of `url`, and what is asked of it: `/path?query`."""
    scheme, _, rest = url.partition("://")
    netloc, slash, target = rest.partition("/")
    if not slash and "?" in netloc:
        netloc, _, query = netloc.partition("?")
        target = "?" + query
    try:
        return _origin(scheme.lower(), netloc), "/" + target.partition("#")[0]
    except ValueError:
        raise ConnectionFailed(f"Invalid URL: {url}") from None


class _Connection:
    __slots__ = ("idle_since", "is_fresh", "reader", "writer")

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.is_fresh = True
        self.idle_since = 0.0


class _Pool:
    """The connections to one origin: idle ones, and how many may be open at once."""

    __slots__ = ("idle", "requests", "slots")

    def __init__(self, size: int) -> None:
        self.idle: list[_Connection] = []
        self.slots = asyncio.Semaphore(size)
        self.requests = 0
        """How many are under way or wait for a place."""

    def close(self) -> None:
        for connection in self.idle:
            connection.writer.transport.abort()
        self.idle.clear()


class HttpClient:
    """Makes requests; used from one asyncio loop. `close()` ends all its connections."""

    def __init__(self, *, connections_per_origin: int = CONNECTIONS_PER_ORIGIN) -> None:
        self._connections_per_origin = connections_per_origin
        self._pools: dict[_Origin, _Pool] = {}
        self._tls: ssl.SSLContext | None = None

    async def request(
        self, method: str, url: str, headers: Headers, body: bytes = b"", *, timeout_seconds: float, body_limit: int = BODY_LIMIT
    ) -> HttpResponse:
        """The answer, whatever its status. Raises ConnectionFailed or CallTimedOut."""
        origin, target = split_url(url)
        message = _request_head(method, target, origin, headers, body) + body
        pool = self._pool(origin)
        pool.requests += 1
        try:
            await _take_place(pool, origin)
            try:
                while True:
                    connection = self._idle(pool) or await self._connect(origin, timeout_seconds)
                    try:
                        response, is_kept = await _exchange(connection, method, message, timeout_seconds, body_limit)
                    except BaseException as error:
                        connection.writer.transport.abort()
                        if isinstance(error, _NothingCame) and not connection.is_fresh:
                            continue  # the server closed a connection that it had kept: it has not seen this request
                        if isinstance(error, (OSError, EOFError)):
                            raise ConnectionFailed(f"Unable to execute HTTP request: {_words(error)}") from error
                        raise
                    if is_kept:
                        self._keep(pool, connection)
                    else:
                        connection.writer.close()
                    return response
            finally:
                pool.slots.release()
        finally:
            pool.requests -= 1

    async def close(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()
        await asyncio.sleep(0)

    def _pool(self, origin: _Origin) -> _Pool:
        pool = self._pools.pop(origin, None) or _Pool(self._connections_per_origin)
        if len(self._pools) >= ORIGINS_KEPT:
            idle = next((known for known, other in self._pools.items() if not other.requests), None)
            if idle is not None:
                self._pools.pop(idle).close()
        self._pools[origin] = pool
        return pool

    @staticmethod
    def _idle(pool: _Pool) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while pool.idle:
            connection = pool.idle.pop()
            if now - connection.idle_since < IDLE_SECONDS and not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection
            connection.writer.transport.abort()
        return None

    @staticmethod
    def _keep(pool: _Pool, connection: _Connection) -> None:
        connection.is_fresh = False
        connection.idle_since = asyncio.get_running_loop().time()
        pool.idle.append(connection)

    async def _connect(self, origin: _Origin, timeout_seconds: float) -> _Connection:
        seconds = min(CONNECT_SECONDS, timeout_seconds)
        opening = asyncio.ensure_future(asyncio.open_connection(origin.host, origin.port, limit=HEAD_LIMIT, ssl=self._context(origin)))
        try:
            # Not wait_for: until Python 3.11 it forgets that its caller was cancelled, where the connection is made just then.
            await asyncio.wait({opening}, timeout=seconds)
        except asyncio.CancelledError:
            _abandon(opening)
            raise
        if not opening.done():
            _abandon(opening)
            raise CallTimedOut(f"Unable to execute HTTP request: Connect to {origin.authority} failed: connect timed out")
        try:
            reader, writer = opening.result()
        except TimeoutError:
            raise CallTimedOut(f"Unable to execute HTTP request: Connect to {origin.authority} failed: connect timed out") from None
        except socket.gaierror:
            raise ConnectionFailed(f"Unable to execute HTTP request: {origin.host}: Name or service not known") from None
        except ConnectionRefusedError:
            raise ConnectionFailed(
                f"Unable to execute HTTP request: Connect to {origin.authority} failed: Connection refused (Connection refused)"
            ) from None
        except (OSError, UnicodeError) as error:
            raise ConnectionFailed(f"Unable to execute HTTP request: Connect to {origin.authority} failed: {_words(error)}") from error
        _send_at_once(writer)
        return _Connection(reader, writer)

    def _context(self, origin: _Origin) -> ssl.SSLContext | None:
        if origin.scheme != "https":
            return None
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


class _NothingCame(EOFError):
    """The connection ended before the first byte of an answer."""


async def _take_place(pool: _Pool, origin: _Origin) -> None:
    """Takes one of the places of `pool`; raises CallTimedOut where none becomes free."""
    if not pool.slots.locked():
        await pool.slots.acquire()
        return
    # Not wait_for: as for connections, above.
    taking = asyncio.ensure_future(pool.slots.acquire())
    try:
        await asyncio.wait({taking}, timeout=PLACE_SECONDS)
    except asyncio.CancelledError:
        if not taking.cancel():
            pool.slots.release()
        raise
    if not taking.done():
        taking.cancel()
        message = f"Unable to execute HTTP request: no connection to {origin.authority} became free in {PLACE_SECONDS:g} seconds"
        raise CallTimedOut(message)


def _abandon(opening: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """Nobody waits for the connection any more: one that is made all the same is closed."""
    opening.cancel()
    opening.add_done_callback(_close_unused)


def _close_unused(opened: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    if not opened.cancelled() and opened.exception() is None:
        opened.result()[1].transport.abort()


def _send_at_once(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _words(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text or type(error).__name__


def _request_head(method: str, target: str, origin: _Origin, headers: Headers, body: bytes) -> bytes:
    if any(character in " \r\n" for character in method) or "\r" in target or "\n" in target:
        raise ConnectionFailed(f"Unable to execute HTTP request: the method {method!r} or the URL has a space or a line break in it")
    lines = [f"{method} {target} HTTP/1.1"]
    names = set()
    for name, value in headers:
        if "\r" in value or "\n" in value or "\r" in name or "\n" in name:
            raise ConnectionFailed(f"Unable to execute HTTP request: the header {name!r} has a line break in it")
        names.add(name.lower())
        lines.append(f"{name}: {value}")
    if "host" not in names:
        lines.append(f"Host: {origin.authority}")
    if "content-length" not in names and (body or method not in {"GET", "HEAD", "DELETE"}):
        lines.append(f"Content-Length: {len(body)}")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("utf-8")


async def _exchange(
    connection: _Connection, method: str, message: bytes, timeout_seconds: float, body_limit: int
) -> tuple[HttpResponse, bool]:
    """Sends one request and reads its answer; whether the connection may be used again.

    A timer that aborts the connection bounds all its waits at once: cheaper than a task for each, and sure to end them.
    """
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        connection.writer.transport.abort()
        connection.reader.feed_eof()

    timer = asyncio.get_running_loop().call_later(timeout_seconds, expire)
    try:
        connection.writer.write(message)
        if len(message) > 65536:
            await connection.writer.drain()
        return await _read_response(connection.reader, method, body_limit)
    except (OSError, EOFError, asyncio.LimitOverrunError) as error:
        if expired:
            raise CallTimedOut("Unable to execute HTTP request: Read timed out") from None
        if isinstance(error, asyncio.LimitOverrunError):
            raise ConnectionFailed("Unable to execute HTTP request: the head of the answer is too long") from None
        raise
    finally:
        timer.cancel()


async def _read_response(reader: asyncio.StreamReader, method: str, body_limit: int) -> tuple[HttpResponse, bool]:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                raise _NothingCame("the server closed the connection without an answer") from None
            raise
        except ConnectionResetError as error:
            raise _NothingCame(_words(error)) from None
        status, reason, version, headers = _parse_head(head)
        if status >= 200:
            break
    lowered = {name.lower(): value for name, value in headers}
    is_kept = lowered.get("connection", "close" if version == "HTTP/1.0" else "").lower() != "close"
    if method == "HEAD" or status in {204, 304}:
        return HttpResponse(status, reason, headers, b""), is_kept
    if "chunked" in lowered.get("transfer-encoding", "").lower():
        return HttpResponse(status, reason, headers, await _read_chunks(reader, body_limit)), is_kept
    if "content-length" in lowered:
        length = _number(lowered["content-length"], 10)
        _check_size(length, body_limit)
        return HttpResponse(status, reason, headers, await reader.readexactly(length) if length else b""), is_kept
    body = await reader.read(body_limit + 1)
    pieces = [body]
    total = len(body)
    while body:
        _check_size(total, body_limit)
        body = await reader.read(65536)
        total += len(body)
        pieces.append(body)
    return HttpResponse(status, reason, headers, b"".join(pieces)), False


async def _read_chunks(reader: asyncio.StreamReader, body_limit: int) -> bytes:
    pieces = []
    total = 0
    while True:
        line = await reader.readuntil(b"\r\n")
        size = _number(line.split(b";", 1)[0].strip().decode("latin-1"), 16)
        if not size:
            break
        total += size
        _check_size(total, body_limit)
        pieces.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers say nothing that a call needs
    return b"".join(pieces)


def _parse_head(head: bytes) -> tuple[int, str, str, list[tuple[str, str]]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1."):
        raise ConnectionFailed(f"Unable to execute HTTP request: the answer is not HTTP/1.1: {first[:80]!r}")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    return _number(parts[1], 10), parts[2] if len(parts) > 2 else "", parts[0], headers


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise ConnectionFailed(f"Unable to execute HTTP request: the answer has {text[:40]!r} where a number belongs")
    return number


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ConnectionFailed(f"Unable to execute HTTP request: the answer is longer than {limit} bytes")
