"""First-class integrations of HTTP APIs: Step Functions, EventBridge and SQS, whose parameters are mapped without a template.

Called by `routes` (which makes them) and `api_gateway`. Source: "Integration subtype reference" and "Transform API requests and
responses for HTTP APIs" in the API Gateway developer guide. Left out: Kinesis, AppConfig, and response parameters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json, member_at
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault
from stepstack.stacks.embedded.request import ServiceResponse, call_operation, json_response

__all__ = ["HttpIntegration", "http_integration"]

_SELECTOR = re.compile(r"\$\{?(?P<source>request\.(?:body|header|path|querystring)|context|stageVariables)(?P<names>(?:\.[\w-]+)*)\}?")
_SERVICES = {
    "EventBridge-PutEvents": ("events", "PutEvents"),
    "SQS-DeleteMessage": ("sqs", "DeleteMessage"),
    "SQS-PurgeQueue": ("sqs", "PurgeQueue"),
    "SQS-ReceiveMessage": ("sqs", "ReceiveMessage"),
    "SQS-SendMessage": ("sqs", "SendMessage"),
    "StepFunctions-StartExecution": ("states", "StartExecution"),
    "StepFunctions-StartSyncExecution": ("states", "StartSyncExecution"),
    "StepFunctions-StopExecution": ("states", "StopExecution"),
}
_NUMBERS = frozenset({"DelaySeconds", "MaxNumberOfMessages", "VisibilityTimeout", "WaitTimeSeconds"})
_DOCUMENTS = frozenset({"AttributeNames", "MessageAttributeNames", "MessageAttributes", "MessageSystemAttributes", "Resources"})


@dataclass(frozen=True, slots=True)
class HttpIntegration:
    """An integration with one operation of a service."""

    service: str
    operation: str
    parameters: Mapping[str, str]

    async def answer(self, call: ApiCall, backends: Backends, authorizer: Mapping[str, Any] | None) -> ServiceResponse:
        """What the service answers."""
        context = call.context(authorizer)
        given = {name: value for name, told in self.parameters.items() if (value := _mapped(told, call, context)) is not None}
        region = str(given.pop("Region", "") or backends.region)
        try:
            if self.service == "states":
                named = {name[0].lower() + name[1:]: value for name, value in given.items()}
                return json_response(200, await backends.step_functions(self.operation, named))
            typed = _typed(given)
            parameters = {"Entries": [typed]} if self.service == "events" else typed
            return json_response(200, await call_operation(backends.handle, self.service, self.operation, parameters, region))
        except ServiceError as error:
            return json_response(400, {"__type": error.error_code, "message": error.message})


def _typed(given: Mapping[str, Any]) -> Json:
    try:
        return {
            name: json.loads(value) if name in _DOCUMENTS else int(value) if name in _NUMBERS else value for name, value in given.items()
        }
    except (ValueError, RecursionError):
        raise GatewayFault("BAD_REQUEST_BODY") from None


def _mapped(told: str, call: ApiCall, context: Json) -> str | None:
    whole = _SELECTOR.fullmatch(told)
    if whole is not None:
        return _selected(whole, call, context)
    return _SELECTOR.sub(lambda found: (_selected(found, call, context) or "") if found[0].startswith("${") else found[0], told)


def _selected(found: re.Match[str], call: ApiCall, context: Json) -> str | None:
    name = found["names"].removeprefix(".")
    source = found["source"]
    if source == "request.body":
        return _of_body(call.request.body, name)
    if source == "request.path":
        return call.parameters.get(name) if name else call.path
    if source == "request.header":
        return call.request.headers.get(name.lower())
    if source == "request.querystring":
        values = call.queries.get(name)
        return ",".join(values) if values else None
    value = call.stage_variables.get(name) if source == "stageVariables" else member_at(context, name)
    return None if value is None else str(value)


def _of_body(body: bytes, name: str) -> str | None:
    text = body.decode("utf-8", "replace")
    if not name:
        return text
    try:
        value = member_at(json.loads(text), name)
    except (ValueError, RecursionError):
        return None
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def http_integration(where: str, integration: Json) -> HttpIntegration:
    """An integration with an `integrationSubtype`; UnsupportedFeature where it is not supported."""
    subtype = str(integration["integrationSubtype"])
    if subtype not in _SERVICES:
        known = ", ".join(sorted(_SERVICES))
        raise UnsupportedFeature(f"{where} has the integration subtype {subtype}: stepstack's API Gateway has {known}")
    if integration.get("responseParameters"):
        raise UnsupportedFeature(f"{where} has response parameters, which stepstack's API Gateway does not support")
    parameters = {str(name): str(value) for name, value in (integration.get("requestParameters") or {}).items()}
    return HttpIntegration(*_SERVICES[subtype], parameters)
