"""Lambda authorizers: a function says who may call a route, by an IAM policy or (HTTP APIs) by yes and no.

A REST API's authorizers are of type TOKEN (one header) or REQUEST; an HTTP API's are REQUEST with payload format 1.0 or 2.0. Called by
`api_gateway` for routes that have one; made by `routes` and `template_apis`. Source: "Use API Gateway Lambda authorizers" and "Control
access to HTTP APIs with AWS Lambda authorizers". Left out: caching (the function is asked each time, as with a TTL of 0), Cognito user
pools and JWT authorizers, which are refused; what a policy says of anything but `execute-api:Invoke` and its resource.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json, member_at
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault
from stepstack.stacks.embedded.apis.java_patterns import JavaPattern
from stepstack.stacks.embedded.apis.proxy_events import event_1, event_2
from stepstack.stacks.embedded.wildcards import between_wildcards

__all__ = ["Authorizer", "authorizer_of"]

_FUNCTION = re.compile(r".*:lambda:path/[\d-]+/functions/(?P<arn>.+)/invocations")
_SOURCE = re.compile(r"(?:method\.|\$?)request\.(?P<place>header|querystring)\.(?P<name>.+)")
_VARIABLE = re.compile(r"\$?(?P<place>context|stageVariables)\.(?P<name>.+)")
_EXPLICIT_DENY = "User is not authorized to access this resource with an explicit deny"


@dataclass(frozen=True, slots=True)
class Authorizer:
    """One authorizer of an API."""

    kind: str
    """`token` or `request`."""
    function_arn: str
    sources: tuple[str, ...]
    """Where what identifies a caller stands: `method.request.header.Authorization`, `$request.querystring.user`."""
    validation: JavaPattern | None = None
    payload_format: str = "1.0"
    is_simple: bool = False
    """Whether the function answers `{"isAuthorized": ...}`."""

    async def authorize(self, call: ApiCall, backends: Backends) -> Json:
        """What the integration learns of the caller (`principalId` and the context); GatewayFault where the caller may not pass."""
        identity = [_value(source, call) for source in self.sources]
        if any(not value for value in identity) or (self.validation is not None and not self.validation.takes(str(identity[0]))):
            raise GatewayFault("UNAUTHORIZED")
        event = self._event(call, [str(value) for value in identity])
        try:
            result = await backends.functions.invoke(self.function_arn, json.dumps(event).encode())
        except ServiceError:
            raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR") from None
        answer = json.loads(result.payload or b"null")
        if result.function_error:
            told = answer.get("errorMessage") if isinstance(answer, dict) else None
            raise GatewayFault("UNAUTHORIZED" if told == "Unauthorized" else "AUTHORIZER_CONFIGURATION_ERROR")
        return self._judged(answer, call)

    def _event(self, call: ApiCall, identity: list[str]) -> Json:
        if self.kind == "token":
            return {"type": "TOKEN", "methodArn": call.method_arn, "authorizationToken": identity[0]}
        if self.payload_format == "2.0":
            event = event_2(call)
            return {**_without_body(event), "type": "REQUEST", "routeArn": call.method_arn, "identitySource": identity}
        event = {**_without_body(event_1(call)), "type": "REQUEST", "methodArn": call.method_arn}
        if not call.api.is_rest:
            return {**event, "identitySource": ",".join(identity), "authorizationToken": ",".join(identity)}
        # Where a proxy's event has null, an authorizer's has an empty object.
        return {name: {} if value is None else value for name, value in event.items()}

    def _judged(self, answer: Any, call: ApiCall) -> Json:
        context = (answer.get("context") or {}) if isinstance(answer, dict) else None
        if not isinstance(context, dict):
            raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR")
        if self.is_simple:
            if not isinstance(answer.get("isAuthorized"), bool):
                raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR")
            if not answer["isAuthorized"]:
                raise GatewayFault("ACCESS_DENIED")
            return dict(context)
        policy = answer.get("policyDocument")
        if not isinstance(policy, dict) or not answer.get("principalId"):
            raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR")
        effects = _effects(policy, call.method_arn)
        if "Allow" not in effects or "Deny" in effects:
            raise GatewayFault("ACCESS_DENIED", _EXPLICIT_DENY if "Deny" in effects and call.api.is_rest else "")
        key = {"usageIdentifierKey": answer["usageIdentifierKey"]} if answer.get("usageIdentifierKey") else {}
        return {"principalId": answer["principalId"], **key, **(_texts(context) if call.api.is_rest else context)}


def _without_body(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in {"body", "isBase64Encoded"}}


def _texts(context: Mapping[str, Any]) -> Json:
    """A REST API's context is texts; anything deeper is a fault of the authorizer."""
    if any(isinstance(value, (dict, list)) for value in context.values()):
        raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR")
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in context.items() if value is not None}


def _value(source: str, call: ApiCall) -> Any:
    found = _SOURCE.fullmatch(source)
    if found is not None:
        if found["place"] == "header":
            return call.request.headers.get(found["name"].lower())
        values = call.queries.get(found["name"])
        return values[-1] if values else None
    variable = _VARIABLE.fullmatch(source)
    if variable is None:
        return None
    if variable["place"] == "stageVariables":
        return call.stage_variables.get(variable["name"])
    return member_at(call.context(), variable["name"])


def _effects(policy: Json, arn: str) -> set[str]:
    statements = policy.get("Statement") or []
    found = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR")
        actions, resources = _listed(statement.get("Action")), _listed(statement.get("Resource"))
        if any(_covers(action.lower(), "execute-api:invoke") for action in actions) and any(_covers(place, arn) for place in resources):
            found.add(str(statement.get("Effect")))
    return found


def _listed(value: Any) -> list[str]:
    return [str(part) for part in value] if isinstance(value, list) else [] if value is None else [str(value)]


def _covers(pattern: str, text: str) -> bool:
    return _wildcards(pattern).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _wildcards(pattern: str) -> re.Pattern[str]:
    """In IAM's patterns `*` stands for any text and `?` for one character."""
    return between_wildcards([re.escape(part).replace(r"\?", ".") for part in pattern.split("*")])


def authorizer_of(name: str, described: Json, *, is_rest: bool, header: str = "") -> Authorizer:
    """An authorizer as an OpenAPI document describes it (`x-amazon-apigateway-authorizer`); `header` is its scheme's.

    Raises UnsupportedFeature for Cognito user pools, JWT authorizers and what is none.
    """
    kind = str(described.get("type", "token" if is_rest else "request")).lower()
    function = _FUNCTION.fullmatch(str(described.get("authorizerUri", "")))
    if kind not in {"token", "request"} or function is None:
        raise UnsupportedFeature(f"the authorizer {name} is no Lambda authorizer ({kind}): stepstack's API Gateway supports no other")
    source = described.get("identitySource") or ""
    sources = tuple(part.strip() for part in (source if isinstance(source, list) else str(source).split(",")) if part.strip())
    if kind == "token" and not sources:
        sources = (f"method.request.header.{header or 'Authorization'}",)
    expression = described.get("identityValidationExpression") if kind == "token" else None
    default_format = "1.0" if is_rest else "2.0"
    return Authorizer(
        kind,
        function["arn"],
        sources,
        _compiled(name, str(expression)) if expression else None,
        "1.0" if is_rest else str(described.get("authorizerPayloadFormatVersion") or default_format),
        str(described.get("enableSimpleResponses", "")).lower() == "true",
    )


def _compiled(name: str, expression: str) -> JavaPattern:
    try:
        return JavaPattern(expression)
    except ValueError as error:
        raise UnsupportedFeature(
            f"the authorizer {name} has the validation expression {expression!r}, which cannot be read: {error}"
        ) from error
