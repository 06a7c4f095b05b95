"""Lambda proxy integrations: the event that a function gets of a request, and the HTTP answer that its result becomes.

Payload format 1.0 is REST APIs' only one; HTTP APIs and function URLs have 2.0. Called by `routes` and `authorizers`. Source: the API
Gateway developer guide on Lambda proxy integrations and payload formats.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault
from stepstack.stacks.embedded.apis.response_parts import header_text, status_code
from stepstack.stacks.embedded.request import ServiceResponse

__all__ = ["FunctionProxy", "event_1", "event_2"]

_TEXT = re.compile(r"(?:text/.*|application/(?:.*\+)?(?:json|xml|javascript)|application/x-www-form-urlencoded)(?:;.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FunctionProxy:
    """An integration with a function that gets the request as an event."""

    function_arn: str
    payload_format: str

    async def answer(self, call: ApiCall, backends: Backends, authorizer: Mapping[str, Any] | None) -> ServiceResponse:
        """The function's answer; GatewayFault where it fails or answers what is no HTTP answer."""
        event = event_2(call, authorizer) if self.payload_format == "2.0" else event_1(call, authorizer)
        try:
            result = await backends.functions.invoke(self.function_arn, json.dumps(event).encode())
        except ServiceError:
            raise GatewayFault("PROXY_FAILURE") from None
        if result.function_error:
            raise GatewayFault("PROXY_FAILURE")
        return _answer(self.payload_format, result.payload)


def event_1(call: ApiCall, authorizer: Mapping[str, Any] | None = None) -> Json:
    """The event of payload format 1.0."""
    body, is_base64 = _body(call)
    headers = call.headers
    queries = call.queries
    event: Json = {
        "resource": call.route.path,
        "path": unquote(call.path),
        "httpMethod": call.request.method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "pathParameters": dict(call.parameters) or None,
        "stageVariables": dict(call.stage_variables) or None,
        "requestContext": call.context(authorizer),
        "body": body,
        "isBase64Encoded": is_base64,
    }
    return event if call.api.is_rest else {"version": "1.0", **event}


def event_2(call: ApiCall, authorizer: Mapping[str, Any] | None = None) -> Json:
    """The event of payload format 2.0: what is absent is left out."""
    route, stage, path, request = call.route, call.stage, call.path, call.request
    body, is_base64 = _body(call)
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    cookies = [cookie.strip() for cookie in request.headers.get("cookie", "").split(";") if cookie.strip()]
    key = "$default" if route.path == "/$default" else f"{route.method} {route.path}"
    raw_path = unquote(path) if stage == "$default" else f"/{stage}{unquote(path)}"
    http = {
        "method": request.method,
        "path": raw_path,
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": request.headers.get("user-agent", ""),
    }
    context: Json = {
        "accountId": call.account_id,
        "apiId": call.api.identifier,
        "domainName": request.headers.get("host", ""),
        "domainPrefix": call.api.identifier,
        "http": http,
        "requestId": call.request_id,
        "routeKey": key,
        "stage": stage,
        "time": call.now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": int(call.now.timestamp() * 1000),
    }
    if authorizer is not None:
        context["authorizer"] = {"lambda": {name: value for name, value in authorizer.items() if name != "principalId"} or None}
    event: Json = {
        "version": "2.0",
        "routeKey": key,
        "rawPath": raw_path,
        "rawQueryString": request.query,
        "headers": {name: value for name, value in request.headers.items() if name != "cookie"},
        "requestContext": context,
        "isBase64Encoded": is_base64,
    }
    optional = {
        "cookies": cookies,
        "queryStringParameters": query,
        "pathParameters": dict(call.parameters),
        "stageVariables": dict(call.stage_variables),
        "body": body,
    }
    return event | {name: value for name, value in optional.items() if value}


def _body(call: ApiCall) -> tuple[str | None, bool]:
    request = call.request
    if not request.body:
        return None, False
    content_type = request.headers.get("content-type", "")
    if call.api.is_rest:
        is_binary = any(_is_like(content_type, kind) for kind in call.api.binary_types)
    else:
        is_binary = bool(content_type) and not _TEXT.fullmatch(content_type)
    if is_binary:
        return base64.b64encode(request.body).decode(), True
    return request.body.decode("utf-8", "replace"), False


def _is_like(content_type: str, kind: str) -> bool:
    wanted = kind.replace("~1", "/")
    given = content_type.partition(";")[0].strip()
    return wanted in {"*/*", given} or (wanted.endswith("/*") and given.startswith(wanted[:-1]))


def _answer(payload_format: str, payload: bytes) -> ServiceResponse:
    """What a function returned, as an HTTP answer."""
    try:
        value = json.loads(payload)
        if payload_format == "2.0" and not (isinstance(value, dict) and "statusCode" in value):
            content = value.encode() if isinstance(value, str) else payload
            return ServiceResponse(200, {"Content-Type": "application/json"}, content)
        return _proxied(value)
    except (ValueError, TypeError, AttributeError, KeyError):
        raise GatewayFault("PROXY_FAILURE") from None


def _proxied(value: Json) -> ServiceResponse:
    known = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded", "cookies"}
    if not isinstance(value, dict) or value.keys() - known:
        raise TypeError("a proxy answer has other members")
    status = status_code(value["statusCode"])
    headers: dict[str, str] = {}
    for name, given in (value.get("headers") or {}).items():
        headers[name] = header_text(name, given)
    for name, several in (value.get("multiValueHeaders") or {}).items():
        headers[name] = "\n".join(header_text(name, given) for given in several)
    if value.get("cookies"):
        headers["Set-Cookie"] = "\n".join(header_text("Set-Cookie", cookie) for cookie in value["cookies"])
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    body = value.get("body")
    if body is not None and not isinstance(body, str):
        raise TypeError("a proxy answer's body is text")
    content = base64.b64decode(body or "") if value.get("isBase64Encoded") else (body or "").encode()
    return ServiceResponse(status, headers, content)
