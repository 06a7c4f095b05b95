"""Invocations from containers on their way to the processes whose functions they are for.

Step Functions Local calls functions at one address, its LAMBDA_ENDPOINT, which is this machine as a container sees it. The workers of a
test run each have functions of their own, on servers that listen on loopback alone. One of them, the first that needs it, is the router:
it listens where containers reach this machine, passes on what is an Invoke, and nothing else of Lambda's API. It ends last. A worker's
functions carry an alias, the worker's name (`price:gw1`), by which the router finds them; in a run of one process names are as they are.

Called by `stepstack.testing.lambda_server`. Left out: signatures, as everywhere here; but a member has to know the run's secret.
Source: Lambda's API reference, Invoke.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import secrets
import socket
import socketserver
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from stepstack.clock import Deadline
from stepstack.errors import StackError

__all__ = ["ALONE", "LambdaPlace", "RouterMember"]

ALONE = "main"
"""The name of a process that shares the router with no other."""
JOIN_SECONDS = 30.0
LAST_SECONDS = 900.0
"""How long the router stays for the other workers' tests, and how long an invocation may take: Lambda's longest."""
ANSWER_SECONDS = 5.0
MAXIMUM_BODY = 7 * 1024 * 1024
"""More than Lambda's own limit, which the functions' server enforces."""

_INVOKE = re.compile(r"/20\d\d-\d\d-\d\d/functions/(?P<name>[^/?]+)/invocations(?:\?.*)?")
_MEMBERS = "/_stepstack/members"
_SECRET = "X-Stepstack-Secret"  # noqa: S105 - a header's name
_NOT_PASSED_ON = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive", "expect", _SECRET.lower()})


@dataclass(frozen=True, slots=True)
class LambdaPlace:
    """Where containers look for functions: `http://host.docker.internal:PORT`, and who `worker` is among the processes of this run."""

    port: int
    worker: str = ALONE
    secret: str = field(default_factory=secrets.token_hex)
    is_ours: bool = True
    """Whether the containers were told the port by this run; else it is the one that they are told where nobody says."""

    @property
    def alias(self) -> str | None:
        """What this process's functions are qualified with; None where no other process has any."""
        return None if self.worker == ALONE else self.worker


class RouterMember:
    """One process's place behind the router. `url` is its own server of functions, `host` the address that the router listens on."""

    def __init__(self, place: LambdaPlace, host: str, url: str) -> None:
        self._place = place
        self._host = host
        self._url = url
        self._router: _Router | None = None

    def join(self) -> None:
        """From now on invocations arrive; safe to call again, and mends what a router that was killed has left. StackError where not."""
        if self._router is not None:
            return
        deadline = Deadline(JOIN_SECONDS)
        while not (self._become_router() or self._is_taken_in()):
            if deadline.has_passed():
                raise StackError(f"the router of functions at {self._host}:{self._place.port} did not answer within {JOIN_SECONDS:g} s")
            deadline.pause(0.05)

    def leave(self, *, seconds: float = LAST_SECONDS) -> None:
        """Nothing arrives any more. Where this process is the router, it stays until the others have left, for `seconds` at most."""
        if self._router is not None:
            self._router.end(Deadline(seconds))
            self._router = None
            return
        with suppress(OSError, StackError, http.client.HTTPException):
            self._ask("DELETE")

    def _become_router(self) -> bool:
        try:
            self._router = _Router(self._host, self._place, self._url)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            advice = "set STEPSTACK_LAMBDA_HOST to an address of this machine that containers reach"
            raise StackError(f"functions cannot be served at {self._host}:{self._place.port}: {error.strerror}; {advice}") from None
        return True

    def _is_taken_in(self) -> bool:
        try:
            status = self._ask("PUT")
        except (OSError, http.client.HTTPException):
            return False
        if status not in {HTTPStatus.NO_CONTENT, HTTPStatus.CONFLICT}:
            raise StackError(
                f"functions cannot be served at {self._host}:{self._place.port}: another test run, or another program, listens there"
            )
        return status == HTTPStatus.NO_CONTENT

    def _ask(self, method: str) -> int:
        connection = http.client.HTTPConnection(self._host, self._place.port, timeout=ANSWER_SECONDS)
        try:
            member = json.dumps({"worker": self._place.worker, "url": self._url})
            connection.request(method, _MEMBERS, member, {_SECRET: self._place.secret, "Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()


class _Router(socketserver.ThreadingTCPServer):
    """The one process that listens; a thread for each request."""

    allow_reuse_address = os.name != "nt"
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, host: str, place: LambdaPlace, own_url: str) -> None:
        self.secret = place.secret
        self._own = place.worker
        self._urls = {place.worker: own_url}
        self.is_ending = False
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__((host, place.port), _Handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="stepstack-lambda-router", daemon=True
        )
        self._thread.start()

    def take_in(self, worker: str, url: str) -> bool:
        """False where the router is about to end: whoever asks is the next one."""
        with self._changed:
            if not self.is_ending:
                self._urls[worker] = url
            return not self.is_ending

    def let_go(self, worker: str) -> None:
        with self._changed:
            self._urls.pop(worker, None)
            self._changed.notify_all()

    def target(self, name: str) -> str | None:
        """The server that the function `name` is on; None where nothing tells."""
        with self._changed:
            return self._urls.get(name.rpartition(":")[2]) or self._urls.get(ALONE)

    def end(self, deadline: Deadline) -> None:
        """Waits for the others, then closes; requests that are still under way are dropped."""
        with self._changed:
            while (others := set(self._urls) - {self._own}) and not deadline.has_passed():
                if not self._changed.wait(min(1.0, deadline.remaining())):
                    self._forget_the_dead(others)
            self.is_ending = True
        self.shutdown()
        self._thread.join()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def _forget_the_dead(self, workers: set[str]) -> None:
        """A worker that was killed has not said goodbye."""
        for worker in workers:
            parts = urlsplit(self._urls[worker])
            try:
                socket.create_connection((str(parts.hostname), int(parts.port or 0)), ANSWER_SECONDS).close()
            except OSError:
                del self._urls[worker]

    def opened(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._changed:
            self._open.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One request; its connection is closed behind it, so that no thread outlives it."""

    server: _Router
    protocol_version = "HTTP/1.1"
    server_version = "stepstack"
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.closed(self.connection)

    def do_POST(self) -> None:
        invoked = _INVOKE.fullmatch(self.path)
        if self.headers.get("Origin") or self.headers.get("Sec-Fetch-Site") == "cross-site":
            self._refuse(HTTPStatus.FORBIDDEN, "AccessDeniedException", "requests from web pages are not taken")
        elif invoked is None:
            self._refuse(HTTPStatus.NOT_FOUND, "UnknownOperationException", "here functions are invoked, and nothing else")
        elif (body := self._body()) is not None:
            self._pass_on(invoked, body)

    def do_PUT(self) -> None:
        member = self._member()
        if member is not None:
            is_taken = self.server.take_in(str(member.get("worker")), str(member.get("url")))
            self._answer(HTTPStatus.NO_CONTENT if is_taken else HTTPStatus.CONFLICT, {}, b"")

    def do_DELETE(self) -> None:
        member = self._member()
        if member is not None:
            self.server.let_go(str(member.get("worker")))
            self._answer(HTTPStatus.NO_CONTENT, {}, b"")

    def _member(self) -> Mapping[str, Any] | None:
        if self.path != _MEMBERS:
            self._refuse(HTTPStatus.NOT_FOUND, "UnknownOperationException", "here functions are invoked, and nothing else")
            return None
        if not secrets.compare_digest(self.headers.get(_SECRET, "").encode(), self.server.secret.encode()):
            self._refuse(HTTPStatus.FORBIDDEN, "AccessDeniedException", "this is another run's router")
            return None
        body = self._body()
        return None if body is None else json.loads(body)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "InvalidRequestContentException", "a Content-Length is needed")
            return None
        if int(length) > MAXIMUM_BODY:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", f"{length} bytes are more than Lambda takes")
            return None
        return self.rfile.read(int(length))

    def _pass_on(self, invoked: re.Match[str], body: bytes) -> None:
        name = unquote(invoked["name"])
        url = self.server.target(name)
        if url is None:
            advice = f"several processes have functions: name this one by its ARN, lambda_functions[{name!r}]"
            self._refuse(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {name} ({advice})")
            return
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=LAST_SECONDS + ANSWER_SECONDS)
        way: socket.socket | None = None
        try:
            connection.connect()
            way = connection.sock
            self.server.opened(way)
            headers = {header: value for header, value in self.headers.items() if header.lower() not in _NOT_PASSED_ON}
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            answer = response.read()
            kept = {header: value for header, value in response.getheaders() if header.lower() not in _NOT_PASSED_ON | {"date", "server"}}
            self._answer(HTTPStatus(response.status), kept, answer)
        except (OSError, http.client.HTTPException) as error:
            if not self.server.is_ending:  # else the router itself has cut the way
                self._refuse(HTTPStatus.BAD_GATEWAY, "ServiceException", f"the process that has {name} does not answer: {error}")
        finally:
            if way is not None:
                self.server.closed(way)
            connection.close()

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        body = json.dumps({"Type": "User", "Message": f"stepstack: {message}"}).encode()
        self._answer(status, {"Content-Type": "application/json", "x-amzn-ErrorType": code}, body)

    def _answer(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: Any) -> None:  # noqa: A002 - the base class's name
        """What is invoked stands in the execution's history."""
