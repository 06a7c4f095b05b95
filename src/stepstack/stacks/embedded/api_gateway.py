"""API Gateway in front of functions: REST APIs and HTTP APIs with Lambda proxy integrations, served over real HTTP.

An API answers below `/execute-api/API-ID/` of the stack's endpoint, and under the host name `API-ID.execute-api...`; its routes come from
the OpenAPI document of its definition. Called by `embedded.services` (requests) and `template_apis` (definitions). Source: the
API Gateway developer guide on Lambda proxy integrations and payload formats. Left out: authorizers, API keys, integrations other than
with functions and mocks, WebSocket APIs: a definition that has one of them is refused. Requests are not validated, whatever a
definition says of their bodies and parameters.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from stepstack.clock import Randomness
from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.functions.lambda_service import LambdaService
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["Api", "ApiGateway"]

Json: TypeAlias = dict[str, Any]

INTEGRATION_SECONDS = 29.0
PATH_PREFIX = "/execute-api/"

_HOST = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\..+")
_FUNCTION = re.compile(r".*:lambda:path/[\d-]+/functions/(?P<arn>.+)/invocations")
_ANY = "x-amazon-apigateway-any-method"
_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})
_TEXT = re.compile(r"(?:text/.*|application/(?:.*\+)?(?:json|xml|javascript)|application/x-www-form-urlencoded)(?:;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    """`GET`, or `ANY`."""
    path: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    function_arn: str | None
    payload_format: str
    mock_headers: Mapping[str, str] = field(default_factory=dict)
    mock_status: int = 200

    def rank(self) -> tuple[Any, ...]:
        """Literal segments come before parameters, and those before `{proxy+}`."""
        segments = [2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in self.path.split("/")]
        return (segments, self.method == "ANY")


@dataclass(frozen=True, slots=True)
class _Call:
    """A request that has found its route."""

    api: Api
    route: Route
    stage: str
    path: str
    """Behind the stage, as sent."""
    parameters: Mapping[str, str]
    request: ServiceRequest


class Api:
    """An API, made from an OpenAPI document with API Gateway's extensions, and from routes that are added."""

    def __init__(self, identifier: str, document: Json, *, is_rest: bool, binary_types: tuple[str, ...] = ()) -> None:
        self.identifier = identifier
        self.is_rest = is_rest
        self.stages: set[str] = set()
        self.binary_types = tuple(binary_types) + tuple(document.get("x-amazon-apigateway-binary-media-types") or ())
        self.routes = sorted(_routes(document, is_rest=is_rest), key=Route.rank)
        self.integrations: dict[str, Json] = {}
        """An HTTP API's, by their ids, as OpenAPI documents have them."""
        self.root = f"{identifier}-root"
        self._paths = {self.root: "/"}
        """A REST API's, by the ids of their resources."""

    def add_path(self, parent: str, part: str) -> str:
        """The id of a new resource below another."""
        identifier = f"{self.identifier}-{len(self._paths)}"
        self._paths[identifier] = f"{self._paths[parent].rstrip('/')}/{part}"
        return identifier

    def add_route(self, place: str, method: str, operation: Json) -> None:
        """Takes a method in; `place` is a path or a resource's id. UnsupportedFeature where its operation is not supported."""
        route = _route(self._paths.get(place, place), method, operation, is_rest=self.is_rest)
        self.routes = sorted([*self.routes, route], key=Route.rank)

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request and its path parameters."""
        for route in self.routes:
            found = route.pattern.fullmatch(path)
            if found is not None and route.method in {method, "ANY"}:
                return route, dict(zip(route.names, map(unquote, found.groups()), strict=True))
        return None


class ApiGateway:
    """The APIs of one stack."""

    def __init__(self, functions: LambdaService, *, account_id: str, randomness: Randomness | None = None) -> None:
        self.apis: dict[str, Api] = {}
        self._functions = functions
        self._account_id = account_id
        self._randomness = randomness or Randomness()

    def new_identifier(self) -> str:
        """Ten letters and digits."""
        return self._randomness.uuid().replace("-", "")[:10]

    @staticmethod
    def found(request: ServiceRequest) -> tuple[str, str] | None:
        """The id of the API that a request is for and the path behind it; None where it is for none."""
        if request.path.startswith(PATH_PREFIX):
            identifier, slash, rest = request.path[len(PATH_PREFIX) :].partition("/")
            return identifier, slash + rest or "/"
        host = _HOST.fullmatch(request.headers.get("host", ""))
        return (host["api"], request.path) if host else None

    async def handle(self, identifier: str, path: str, request: ServiceRequest) -> ServiceResponse:
        """The answer of an API to one HTTP request."""
        api = self.apis.get(identifier)
        if api is None:
            return _message(403, "Forbidden")
        stage, path = _stage_and_path(api, path)
        found = api.route(request.method, path) if stage is not None else None
        if stage is None or found is None:
            return _message(403, "Missing Authentication Token") if api.is_rest else _message(404, "Not Found")
        if found[0].function_arn is None:
            return ServiceResponse(found[0].mock_status, found[0].mock_headers)
        return await self._proxy(_Call(api, found[0], stage, path, found[1], request), found[0].function_arn)

    async def _proxy(self, call: _Call, function_arn: str) -> ServiceResponse:
        event = self._event_2(call) if call.route.payload_format == "2.0" else self._event_1(call)
        try:
            invocation = self._functions.invoke(function_arn, json.dumps(event).encode())
            result = await asyncio.wait_for(invocation, INTEGRATION_SECONDS)
        except asyncio.TimeoutError:
            return _message(504, "Endpoint request timed out") if call.api.is_rest else _message(503, "Service Unavailable")
        except ServiceError:
            return _broken(call.api)
        return _broken(call.api) if result.function_error else _answer(call.api, call.route, result.payload)

    def _event_1(self, call: _Call) -> Json:
        """The event of payload format 1.0, REST APIs' only one."""
        api, route, stage, path, request = call.api, call.route, call.stage, call.path, call.request
        body, is_base64 = _body(api, request)
        headers = {"-".join(part.capitalize() for part in name.split("-")): value for name, value in request.headers.items()}
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        now = datetime.now(timezone.utc)
        context = {
            "accountId": self._account_id,
            "apiId": api.identifier,
            "domainName": request.headers.get("host", ""),
            "domainPrefix": api.identifier,
            "extendedRequestId": self._randomness.uuid(),
            "httpMethod": request.method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": request.headers.get("user-agent"), "user": None, "userArn": None},
            "path": f"/{stage}{path}" if stage != "$default" else path,
            "protocol": "HTTP/1.1",
            "requestId": self._randomness.uuid(),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "resourceId": "resource",
            "resourcePath": route.path,
            "stage": stage,
        }
        event: Json = {
            "resource": route.path,
            "path": unquote(path),
            "httpMethod": request.method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": dict(call.parameters) or None,
            "stageVariables": None,
            "requestContext": context,
            "body": body,
            "isBase64Encoded": is_base64,
        }
        return event if api.is_rest else {"version": "1.0", **event}

    def _event_2(self, call: _Call) -> Json:
        """The event of payload format 2.0: what is absent is left out."""
        api, route, stage, path, request = call.api, call.route, call.stage, call.path, call.request
        body, is_base64 = _body(api, request)
        query: dict[str, str] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        cookies = [cookie.strip() for cookie in request.headers.get("cookie", "").split(";") if cookie.strip()]
        now = datetime.now(timezone.utc)
        key = f"{route.method} {route.path}"
        raw_path = unquote(path) if stage == "$default" else f"/{stage}{unquote(path)}"
        http = {
            "method": request.method,
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": request.headers.get("user-agent", ""),
        }
        event: Json = {
            "version": "2.0",
            "routeKey": key,
            "rawPath": raw_path,
            "rawQueryString": request.query,
            "headers": {name: value for name, value in request.headers.items() if name != "cookie"},
            "requestContext": {
                "accountId": self._account_id,
                "apiId": api.identifier,
                "domainName": request.headers.get("host", ""),
                "domainPrefix": api.identifier,
                "http": http,
                "requestId": self._randomness.uuid(),
                "routeKey": key,
                "stage": stage,
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": int(now.timestamp() * 1000),
            },
            "isBase64Encoded": is_base64,
        }
        optional = {"cookies": cookies, "queryStringParameters": query, "pathParameters": dict(call.parameters), "body": body}
        return event | {name: value for name, value in optional.items() if value}


def _stage_and_path(api: Api, path: str) -> tuple[str | None, str]:
    stage, _, rest = path.lstrip("/").partition("/")
    if unquote(stage) in api.stages and stage != "$default":
        return unquote(stage), "/" + rest
    return ("$default", path) if "$default" in api.stages else (None, path)


def _routes(document: Json, *, is_rest: bool) -> list[Route]:
    routes = []
    for path, item in (document.get("paths") or {}).items():
        for name, operation in item.items():
            if name in _METHODS or name == _ANY:
                # What the document says of all operations, each may say otherwise.
                guarded = {"security": document.get("security"), **operation}
                routes.append(_route(path, "ANY" if name == _ANY else name.upper(), guarded, is_rest=is_rest))
    return routes


def _route(path: str, method: str, operation: Json, *, is_rest: bool) -> Route:
    where = f"the route {method} {path}"
    if operation.get("security"):
        raise UnsupportedFeature(f"{where} has an authorizer or an API key, which stepstack's API Gateway does not support")
    integration = operation.get("x-amazon-apigateway-integration") or {}
    kind = str(integration.get("type", "")).lower()
    names = tuple(name.rstrip("+") for name in re.findall(r"\{([^}]+)\}", path))
    plain = "" if path == "/$default" else path
    parts = re.split(r"\{([^}]+)\}", plain)
    expression = "".join(
        re.escape(part) if not number % 2 else "(.+)" if part.endswith("+") else "([^/]+)" for number, part in enumerate(parts)
    )
    pattern = re.compile(".*" if path == "/$default" else expression + ("/?" if not expression.endswith("/") else ""))
    if kind == "mock":
        answer = (integration.get("responses") or {}).get("default", {})
        answers = answer.get("responseParameters") or {}
        headers = {name.removeprefix("method.response.header."): str(value).strip("'") for name, value in answers.items()}
        return Route(method, path, pattern, names, None, "1.0", headers, int(answer.get("statusCode") or 200))
    function = _FUNCTION.fullmatch(str(integration.get("uri", "")))
    if kind != "aws_proxy" or function is None:
        raise UnsupportedFeature(f"{where} has no Lambda proxy integration: stepstack's API Gateway supports no other ({kind or 'none'})")
    version = "1.0" if is_rest else str(integration.get("payloadFormatVersion", "1.0"))
    return Route(method, path, pattern, names, function["arn"], version)


def _body(api: Api, request: ServiceRequest) -> tuple[str | None, bool]:
    if not request.body:
        return None, False
    content_type = request.headers.get("content-type", "")
    if api.is_rest:
        is_binary = any(_is_like(content_type, kind) for kind in api.binary_types)
    else:
        is_binary = bool(content_type) and not _TEXT.fullmatch(content_type)
    if is_binary:
        return base64.b64encode(request.body).decode(), True
    return request.body.decode("utf-8", "replace"), False


def _is_like(content_type: str, kind: str) -> bool:
    wanted = kind.replace("~1", "/")
    given = content_type.partition(";")[0].strip()
    return wanted in {"*/*", given} or (wanted.endswith("/*") and given.startswith(wanted[:-1]))


def _answer(api: Api, route: Route, payload: bytes) -> ServiceResponse:
    """What a function returned, as an HTTP answer."""
    try:
        value = json.loads(payload)
        if route.payload_format == "2.0" and not (isinstance(value, dict) and "statusCode" in value):
            content = value.encode() if isinstance(value, str) else payload
            return ServiceResponse(200, {"Content-Type": "application/json"}, content)
        return _proxied(value)
    except (ValueError, TypeError, AttributeError, KeyError):
        return _broken(api)


def _proxied(value: Json) -> ServiceResponse:
    known = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "cookies"}
    if not isinstance(value, dict) or value.keys() - known:
        raise TypeError("a proxy answer has other members")
    status = int(value["statusCode"])
    headers: dict[str, str] = {}
    for name, given in (value.get("headers") or {}).items():
        headers[name] = _header(given)
    for name, several in (value.get("multiValueHeaders") or {}).items():
        headers[name] = "\n".join(_header(given) for given in several)
    if value.get("cookies"):
        headers["Set-Cookie"] = "\n".join(_header(cookie) for cookie in value["cookies"])
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    body = value.get("body")
    if body is not None and not isinstance(body, str):
        raise TypeError("a proxy answer's body is text")
    content = base64.b64decode(body or "") if value.get("isBase64Encoded") else (body or "").encode()
    return ServiceResponse(status, headers, content)


def _header(value: Any) -> str:
    if isinstance(value, (dict, list)):
        raise TypeError("a header's value is text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _broken(api: Api) -> ServiceResponse:
    return _message(502, "Internal server error") if api.is_rest else _message(500, "Internal Server Error")


def _message(status: int, text: str) -> ServiceResponse:
    return json_response(status, {"message": text})
