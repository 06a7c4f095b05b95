"""One request to moto, in this process: found by its service and path, handled by moto's own response class, answered in bytes.

Called by `embedded.services` in the thread that is to do the work. It calls moto's request and response classes directly, as
moto's own `mock_aws` does for a stubbed botocore client: less than half the time of the same request through moto's Flask
application, and Flask is not imported. Which service a request is for is read from its signature; where a request carries none, or its
service has several moto backends, moto's server application says.

Left out: moto's dashboard and recorder (`/moto-api/`), cross-origin headers.
"""

from __future__ import annotations

import functools
import importlib
import io
import logging
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import unquote, unquote_to_bytes

import moto.core.responses
from botocore.exceptions import ClientError
from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, Request, environ_key_for_header, should_preserve_original_header_name
from moto.core.utils import method_names_from_class
from werkzeug.exceptions import HTTPException

from stepstack.stacks.embedded import logs_front
from stepstack.stacks.embedded.corrections import CORRECTIONS
from stepstack.stacks.embedded.dynamodb import DynamoDbFront
from stepstack.stacks.embedded.isolation import IsolatedBackends
from stepstack.stacks.embedded.queue_counts import count_when_asked
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, failure
from stepstack.stacks.embedded.topics import keep_messages_to_functions

__all__ = ["MotoBackends"]

_log = logging.getLogger("stepstack.embedded")

_Handler: TypeAlias = Callable[[Request, str, Mapping[str, str]], Any]

_Front: TypeAlias = Callable[[ServiceRequest, Callable[[ServiceRequest], ServiceResponse]], ServiceResponse]

_NAMED_AS_SIGNED = frozenset(
    {"cloudformation", "events", "iam", "kinesis", "kms", "logs", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "sts"}
)
"""Services whose name in a signature is the name of their one moto backend."""

DEFAULT_MOTO_ACCOUNT = "123456789012"


class _WireRequest(Request):
    """A request that came over a wire: the server around us writes the Date header."""

    from_wsgi_server = True


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    handler: _Handler


class MotoBackends:
    """moto with data of its own."""

    def __init__(self, *, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region
        self._data = IsolatedBackends()
        self._dynamodb = DynamoDbFront()
        self._fronts: Mapping[str, _Front] = {**CORRECTIONS, "dynamodb": self._dynamodb.answer, "logs": logs_front.answer}
        _memoize_action_names()

    def handle(self, request: ServiceRequest) -> ServiceResponse:
        """The answer of moto. Blocks for as long as moto works; never raises for what a client may send."""
        if request.service == "sns":
            keep_messages_to_functions()
        elif request.service == "sqs":
            count_when_asked()
        with self._data.entered():
            try:
                front = self._fronts.get(request.service)
                return self._ask(request) if front is None else front(request, self._ask)
            except ClientError as refusal:
                return ServiceResponse(400, {}, refusal.response["Error"]["Message"].encode())
            except HTTPException as refusal:
                return ServiceResponse(refusal.code or 400, dict(refusal.get_headers()), str(refusal.get_body()).encode())
            except NotImplementedError as missing:
                return failure(request, 501, "NotImplemented", f"The embedded stack does not support this: {missing}")
            except Exception as fault:  # noqa: BLE001 - the boundary to moto: a fault of its own must not end the server
                _log.exception("moto failed at %s %s (%s)", request.method, request.path, request.operation)
                return failure(request, 500, "InternalFailure", f"moto failed: {type(fault).__name__}: {fault}")

    @property
    def outbox(self) -> deque[tuple[str, dict[str, Any]]]:
        """Messages to functions, by the functions' ARNs, that requests have caused."""
        return self._data.outbox

    def reset(self) -> None:
        """Forgets everything."""
        self._data.reset()
        self._dynamodb.reset()

    def _ask(self, request: ServiceRequest) -> ServiceResponse:
        backend = _backend_of(request)
        handler = _handler_for(backend, request.path)
        if handler is None:
            return failure(request, 404, "UnknownOperationException", f"moto has no {request.method} {request.path} in {backend}.")
        wire = self._wire_request(request)
        return _response(request, handler(wire, wire.raw_url, dict(wire.headers)))

    def _wire_request(self, request: ServiceRequest) -> Request:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            # WSGI hands bytes on as Latin-1 characters.
            "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
            "RAW_URI": f"{request.path}?{request.query}" if request.query else request.path,
            "QUERY_STRING": request.query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": io.BytesIO(request.body),
        }
        preserved = {}
        for name, value in request.headers.items():
            key = environ_key_for_header(name)
            environ[key] = value
            if should_preserve_original_header_name(name):
                preserved[key] = name
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(request.body))
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
        host, _, port = environ.setdefault("HTTP_HOST", "127.0.0.1").partition(":")
        environ["SERVER_NAME"], environ["SERVER_PORT"] = host, port or "80"
        if "HTTP_AUTHORIZATION" not in environ and request.service:
            environ["HTTP_AUTHORIZATION"] = _scope_only_signature(request.service, request.region or self.region)
        if self.account_id != DEFAULT_MOTO_ACCOUNT:
            environ["HTTP_X_MOTO_ACCOUNT_ID"] = self.account_id
        return _WireRequest(environ)


def _scope_only_signature(service: str, region: str) -> str:
    """Where moto reads service and region from; it checks no signature."""
    return f"AWS4-HMAC-SHA256 Credential=stepstack/20200101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=none"


def _backend_of(request: ServiceRequest) -> str:
    """The name of moto's module for a request."""
    service = request.service
    if service == "dynamodb":
        return "dynamodbstreams" if request.target.startswith("DynamoDBStreams") else "dynamodb"
    if service == "s3" and not request.path.startswith("/v20180820/") and "s3-control" not in request.headers.get("host", ""):
        return "s3"
    if service in _NAMED_AS_SIGNED:
        return service
    return _inferred_backend(request)


def _inferred_backend(request: ServiceRequest) -> str:
    dispatcher = _dispatcher()
    environ: dict[str, Any] = {environ_key_for_header(name): value for name, value in request.headers.items()}
    environ |= {"PATH_INFO": unquote(request.path), "REQUEST_METHOD": request.method, "QUERY_STRING": request.query}
    environ |= {"CONTENT_LENGTH": str(len(request.body)), "wsgi.input": io.BytesIO(request.body), "wsgi.url_scheme": request.scheme}
    environ.setdefault("HTTP_HOST", "127.0.0.1")
    if request.service:
        environ.setdefault("HTTP_AUTHORIZATION", _scope_only_signature(request.service, request.region or "us-east-1"))
    if request.path.startswith(("/latest/meta-data/", "/latest/api/")):
        return "instance_metadata"
    try:
        host = dispatcher.infer_service_region_host(environ, unquote(request.path))
    except (KeyError, IndexError):
        raise NotImplementedError(f"a request for {request.service or 'an unnamed service'} without what tells its API apart") from None
    backend = _backend_for_host(host or "s3.us-east-1.amazonaws.com")
    if backend is None:
        raise NotImplementedError(f"the service {request.service or host}")
    return backend


@functools.cache
def _dispatcher() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)


@functools.lru_cache(maxsize=512)
def _backend_for_host(host: str) -> str | None:
    from moto.backend_index import backend_url_patterns

    return next((backend for backend, pattern in backend_url_patterns if pattern.match(f"https://{host}")), None)


@functools.cache
def _routes(backend: str) -> Sequence[_Route]:
    url_paths = importlib.import_module(f"moto.{backend}.urls").url_paths
    return [_Route(re.compile(path.format("")), handler) for path, handler in url_paths.items()]


def _handler_for(backend: str, path: str) -> _Handler | None:
    routes = _routes(backend)
    for route in routes:
        if route.pattern.fullmatch(path):
            return route.handler
    return next((route.handler for route in routes if route.pattern.match(path)), None)


def _response(request: ServiceRequest, answer: Any) -> ServiceResponse:
    status, headers, body = answer if isinstance(answer, tuple) and len(answer) == 3 else (200, {}, answer)
    content = body.encode() if isinstance(body, str) else b"" if body is None else bytes(body)
    kept = {name: str(value) for name, value in headers.items() if name.lower() not in {"status", "transfer-encoding"}}
    if request.method != "HEAD":
        kept = {name: value for name, value in kept.items() if name.lower() != "content-length"}
    return ServiceResponse(int(status), kept, content)


@functools.cache
def _memoize_action_names() -> None:
    """Of a small request's time, moto spends a fifth on listing the methods of its response class, each time anew."""
    vars(moto.core.responses)["method_names_from_class"] = functools.cache(method_names_from_class)
