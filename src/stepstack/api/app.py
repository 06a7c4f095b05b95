"""The ASGI application: AWS JSON 1.0 in, AWS JSON 1.0 out, and the one place where errors become responses.

`create_app` is called by `stepstack.assembly`. A request with a Step Functions target goes to `StepFunctionsService.call`, what begins with
`/_stepstack/` is about the server itself, all else goes to the fallback application (the embedded services) or is refused in AWS's words.
It leaves out signatures: any credentials are welcome. Source: recorded answers of AWS; botocore's service model for the shapes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from stepstack import __version__
from stepstack.api.body import BodyError, read_body
from stepstack.api.guard import Guard
from stepstack.errors import ServiceError, StorageError
from stepstack.json_types import parse_json

if TYPE_CHECKING:
    from stepstack.service import StepFunctionsService

__all__ = ["LONG_POLLS", "Receive", "Scope", "Send", "create_app"]

Scope: TypeAlias = "MutableMapping[str, Any]"
Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"

CONTENT_TYPE = b"application/x-amz-json-1.0"
OPEN_PREFIXES = (b"/execute-api/", b"/lambda-url/")
"""Where the APIs and function URLs of deployed templates answer. Web pages may call them, as they may on AWS: whether a page may read the
answer, the API says (CORS). Their ids are random, so no page finds one that it was not given."""

CONTROL_PREFIX = "/_stepstack/"

NAMESPACES = {
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}
MODEL_NAMESPACE = "com.amazonaws.swf.service.v2.model#"

LONG_POLLS = frozenset({"GetActivityTask"})
"""Operations that wait for something to happen: they end when their client goes away."""

logger = logging.getLogger("stepstack.api")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class AsgiApp(Protocol):
    def __call__(self, scope: Scope, receive: Receive, send: Send, /) -> Awaitable[None]: ...


def create_app(
    service: StepFunctionsService,
    fallback: AsgiApp | None = None,
    *,
    reset: Callable[[], Awaitable[None]] | None = None,
    allowed_hosts: Iterable[str] = (),
) -> AsgiApp:
    """The application for `service`. `fallback` takes the requests for other services; `reset` forgets what is theirs."""
    return _App(service, fallback, reset, Guard(allowed_hosts))


class _Headers:
    """What the application reads of a request's headers, found in one pass."""

    __slots__ = ("content_length", "fetch_site", "host", "origin", "target")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.host: str | None = None
        self.origin: str | None = None
        self.target = ""
        self.content_length: str | None = None
        self.fetch_site: str | None = None
        for name, value in headers:
            if name == b"host":
                self.host = value.decode("latin-1")
            elif name == b"x-amz-target":
                self.target = value.decode("latin-1")
            elif name == b"content-length":
                self.content_length = value.decode("latin-1")
            elif name == b"origin":
                self.origin = value.decode("latin-1")
            elif name == b"sec-fetch-site":
                self.fetch_site = value.decode("latin-1")


class _App:
    def __init__(
        self, service: StepFunctionsService, fallback: AsgiApp | None, reset: Callable[[], Awaitable[None]] | None, guard: Guard
    ) -> None:
        self._service = service
        self._fallback = fallback
        self._reset = reset
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await _lifespan(receive, send)
        elif kind == "websocket":
            await send({"type": "websocket.close", "code": 1003})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _Headers(scope["headers"])
        # As sent: the services look at that, too, and nothing may be taken for an API's path here and for another's there.
        is_open = self._fallback is not None and (scope.get("raw_path") or b"").startswith(OPEN_PREFIXES)
        page = (None, None) if is_open else (headers.origin, headers.fetch_site)
        refusal = self._guard.refusal(headers.host, *page)
        prefix, _, operation = headers.target.partition(".")
        try:
            if refusal is not None:
                await self._answer(send, 403, {"__type": "AccessDeniedException", "message": f"stepstack refuses: {refusal}"}, close=True)
            elif is_open and self._fallback is not None:
                await self._fallback(scope, receive, send)
            elif prefix == "AWSStepFunctions" and scope["method"] != "POST":
                await self._answer(
                    send, 405, {"__type": "MethodNotAllowedException", "message": f"{operation} is called by POST"}, close=True
                )
            elif prefix == "AWSStepFunctions":
                await self._call(operation, headers, receive, send)
            elif scope["path"].startswith(CONTROL_PREFIX):
                await self._control(scope["method"], scope["path"][len(CONTROL_PREFIX) :], headers, receive, send)
            elif self._fallback is not None:
                await self._fallback(scope, receive, send)
            else:
                await self._unknown(headers.target, send)
        except BodyError as error:
            if error.status:
                await self._answer(send, error.status, {"__type": error.code, "message": error.message}, close=True)
        except StorageError as error:
            # Not logged: a full disk would be told with every request, and the client is told.
            await self._answer(send, 500, {"__type": "InternalServerError", "message": str(error)})

    async def _call(self, name: str, headers: _Headers, receive: Receive, send: Send) -> None:
        from stepstack.api.service_model import known_operation

        body = await read_body(receive, headers.content_length)
        try:
            params = known_operation(name).check(_parsed(body))
            call = self._service.call(name, params)
            result = await (_while_connected(call, receive) if name in LONG_POLLS else call)
        except ServiceError as error:
            await self._refuse(send, error)
        except StorageError:
            raise
        except Exception:
            logger.exception("%s failed", name)
            await self._answer(send, 500, {"__type": "InternalServerError", "message": f"stepstack could not perform {name}: see its log"})
        else:
            if result is not None:
                await self._answer(send, 200, result)

    async def _control(self, method: str, what: str, headers: _Headers, receive: Receive, send: Send) -> None:
        await read_body(receive, headers.content_length)
        if what == "health" and method in {"GET", "HEAD"}:
            await self._answer(send, 200, {"status": "ok", "version": __version__}, head=method == "HEAD")
        elif what == "reset" and method == "POST":
            await self._service.reset()
            if self._reset is not None:
                await self._reset()
            await self._answer(send, 200, {})
        elif what in {"health", "reset"}:
            await self._answer(send, 405, {"message": f"{CONTROL_PREFIX}{what} does not take {method}"})
        else:
            await self._answer(send, 404, {"message": f"there is no {CONTROL_PREFIX}{what}: health and reset are there"})

    async def _unknown(self, target: str, send: Send) -> None:
        if target:
            message = f"the target {target!r} is no operation of Step Functions, and this server has no other service"
            error = ServiceError("UnknownOperationException", message)
        else:
            error = ServiceError("MissingTargetException", "the request has no X-Amz-Target header: this server speaks AWS JSON 1.0")
        await self._refuse(send, error, close=True)

    async def _refuse(self, send: Send, error: ServiceError, *, close: bool = False) -> None:
        code = error.error_code
        body = {"__type": NAMESPACES.get(code, MODEL_NAMESPACE) + code, "message": error.message, **error.members}
        await self._answer(send, 400, body, close=close)

    async def _answer(
        self, send: Send, status: int, value: MutableMapping[str, Any] | dict[str, Any], *, close: bool = False, head: bool = False
    ) -> None:
        body = _encode(value).encode("ascii")
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", b"%d" % len(body)),
            (b"x-amzn-requestid", self._service.randomness.uuid().encode("ascii")),
        ]
        if close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})


def _parsed(body: bytes) -> Any:
    """The JSON object of a request's body; an empty body is an empty object, as AWS takes it."""
    if not body:
        return {}
    try:
        value = parse_json(body)
    except ValueError as error:
        raise ServiceError("SerializationException", f"the request's body is not JSON: {error}") from None
    if type(value) is not dict:
        raise ServiceError("SerializationException", "the request's body is no JSON object")
    return value


async def _while_connected(call: Awaitable[Any], receive: Receive) -> Any:
    """What `call` answers; None, and `call` cancelled, where the client goes before."""
    answer = asyncio.ensure_future(call)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        return await answer if answer.done() else None
    finally:
        gone.cancel()
        answer.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
