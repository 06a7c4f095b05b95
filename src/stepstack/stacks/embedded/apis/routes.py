"""The routes of an API: which method and path they answer, who may call them, and the integration behind them.

Compiled from an OpenAPI document with API Gateway's extensions, in whose terms `template_apis` puts resources and methods, too. Called
by `api`. What a route asks for that is not supported is refused with its name. Left out: integrations with other hosts (`http`,
`http_proxy`), Cognito user pools.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json
from stepstack.stacks.embedded.apis.authorizers import Authorizer, authorizer_of
from stepstack.stacks.embedded.apis.http_integrations import http_integration
from stepstack.stacks.embedded.apis.proxy_events import FunctionProxy
from stepstack.stacks.embedded.apis.request_validation import RequestValidation, validation_of
from stepstack.stacks.embedded.apis.service_integrations import rest_integration
from stepstack.stacks.embedded.request import ServiceResponse

__all__ = ["Guard", "Integration", "Route", "guards_of", "route_of", "routes_of"]

_FUNCTION = re.compile(r".*:lambda:path/[\d-]+/functions/(?P<arn>.+)/invocations")
_ANY = "x-amazon-apigateway-any-method"
DEFAULT_PATH = "/$default"
"""How documents write the route of an HTTP API for all that no other route answers."""

REST_SECONDS = 29.0
HTTP_SECONDS = 30.0
_METHODS = frozenset({"delete", "get", "head", "options", "patch", "post", "put"})


class Integration(Protocol):
    """What stands behind a route."""

    async def answer(self, call: ApiCall, backends: Backends, authorizer: Mapping[str, Any] | None) -> ServiceResponse:
        """The answer to a request; GatewayFault where the API answers by itself."""
        ...


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request needs to pass: one of the document's security schemes."""

    authorizer: Authorizer | None = None
    requires_key: bool = False
    requires_signature: bool = False
    refusal: str = ""
    """Why the scheme is not supported; a route with it is refused."""


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    """`GET`, or `ANY`."""
    path: str
    pattern: re.Pattern[str]
    names: tuple[str, ...]
    integration: Integration
    authorizer: Authorizer | None = None
    requires_key: bool = False
    requires_signature: bool = False
    validation: RequestValidation | None = None
    timeout_seconds: float = REST_SECONDS
    """How long the integration may take."""

    def rank(self) -> tuple[Any, ...]:
        """Literal segments come before parameters, those before `{proxy+}`, and `$default` takes what is left."""
        if self.path == DEFAULT_PATH:
            return ([3], True)
        segments = [2 if part.endswith("+}") else 1 if part.startswith("{") else 0 for part in self.path.split("/")]
        return (segments, self.method == "ANY")


def guards_of(document: Json, *, is_rest: bool) -> dict[str, Guard]:
    """The security schemes of a document, by their names."""
    schemes = {**(document.get("securityDefinitions") or {}), **((document.get("components") or {}).get("securitySchemes") or {})}
    return {name: _guard(name, scheme, is_rest=is_rest) for name, scheme in schemes.items()}


def _guard(name: str, scheme: Json, *, is_rest: bool) -> Guard:
    authorizer = scheme.get("x-amazon-apigateway-authorizer")
    if authorizer:
        try:
            return Guard(authorizer_of(name, authorizer, is_rest=is_rest, header=str(scheme.get("name") or "")))
        except UnsupportedFeature as refusal:
            return Guard(refusal=str(refusal))
    if str(scheme.get("x-amazon-apigateway-authtype", "")).lower() == "awssigv4":
        return Guard(requires_signature=True)
    if scheme.get("type") == "apiKey":
        return Guard(requires_key=True)
    return Guard(refusal=f"the security scheme {name} ({scheme.get('type')}) is not supported by stepstack's API Gateway")


def routes_of(document: Json, guards: Mapping[str, Guard], *, is_rest: bool) -> Iterator[Route]:
    """The routes of an OpenAPI document."""
    for path, item in (document.get("paths") or {}).items():
        for name, operation in item.items():
            if name in _METHODS or name == _ANY:
                # What the document says of all operations, each may say otherwise.
                guarded = {"security": document.get("security"), **operation}
                yield route_of(path, "ANY" if name == _ANY else name.upper(), guarded, guards, is_rest=is_rest, document=document)


def route_of(path: str, method: str, operation: Json, guards: Mapping[str, Guard], *, is_rest: bool, document: Json) -> Route:
    """The route of one operation of a document; UnsupportedFeature where it asks for what is not supported."""
    where = f"the route {method} {path}"
    names = tuple(name.rstrip("+") for name in re.findall(r"\{([^}]+)\}", path))
    needed = [_needed(where, name, guards) for requirement in operation.get("security") or () for name in requirement]
    integration: Json = operation.get("x-amazon-apigateway-integration") or {}
    usual = REST_SECONDS if is_rest else HTTP_SECONDS
    return Route(
        method,
        path,
        _pattern(path),
        names,
        _integration(where, integration, is_rest=is_rest),
        next((guard.authorizer for guard in needed if guard.authorizer), None),
        any(guard.requires_key for guard in needed),
        any(guard.requires_signature for guard in needed),
        validation_of(where, operation, document) if is_rest else None,
        float(integration.get("timeoutInMillis") or usual * 1000) / 1000,
    )


def _pattern(path: str) -> re.Pattern[str]:
    if path == DEFAULT_PATH:
        return re.compile(".*", re.DOTALL)
    parts = re.split(r"\{([^}]+)\}", path)
    expression = "".join(
        re.escape(part) if not number % 2 else "(.+)" if part.endswith("+") else "([^/]+)" for number, part in enumerate(parts)
    )
    return re.compile(expression + ("/?" if not expression.endswith("/") else ""))


def _needed(where: str, name: str, guards: Mapping[str, Guard]) -> Guard:
    # SAM writes NONE for a route that is open where others have the default authorizer.
    guard = Guard() if name == "NONE" else guards.get(name)
    if guard is None:
        raise UnsupportedFeature(f"{where} has the authorizer {name}, which is not there")
    if guard.refusal:
        raise UnsupportedFeature(f"{where} needs what is not supported: {guard.refusal}")
    return guard


def _integration(where: str, integration: Json, *, is_rest: bool) -> Integration:
    kind = str(integration.get("type", "")).lower()
    if kind == "mock" or (kind == "aws" and is_rest):
        return rest_integration(where, integration)
    if kind == "aws_proxy" and integration.get("integrationSubtype") and not is_rest:
        return http_integration(where, integration)
    function = _FUNCTION.fullmatch(str(integration.get("uri", "")))
    if kind != "aws_proxy" or function is None:
        raise UnsupportedFeature(f"{where} has no Lambda proxy integration, and no other that is supported here ({kind or 'none'})")
    version = "1.0" if is_rest else str(integration.get("payloadFormatVersion", "1.0"))
    return FunctionProxy(function["arn"], version)
