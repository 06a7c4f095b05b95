"""Integrations of REST APIs without a proxy: an AWS service's action, a function that gets what a template makes, a mock.

The request is made from the integration's parameters and its mapping template and sent to the stack's own service; its answer goes
through the integration responses. Called by `routes` (which compiles them) and `api_gateway`. Source: "Set up an API integration
request" and "x-amazon-apigateway-integration" in the API Gateway developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote, urlencode

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.json_types import parse_json
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault
from stepstack.stacks.embedded.apis.integration_responses import IntegrationResponse, integration_responses, mapped
from stepstack.stacks.embedded.apis.mapping_templates import MappingTemplate
from stepstack.stacks.embedded.apis.parameter_mapping import mapped_parameter, request_data
from stepstack.stacks.embedded.apis.response_parts import STATUSES
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["MockIntegration", "RestIntegration", "rest_integration"]

_URI = re.compile(r"arn:[^:]+:apigateway:(?P<region>[^:]*):(?P<service>[a-z0-9.-]+):(?P<kind>action|path)/(?P<rest>.*)", re.DOTALL)
_TARGETS = {
    "dynamodb": "DynamoDB_20120810",
    "events": "AWSEvents",
    "kinesis": "Kinesis_20131202",
    "logs": "Logs_20140328",
    "secretsmanager": "secretsmanager",
    "sqs": "AmazonSQS",
    "ssm": "AmazonSSM",
}
"""Services whose actions are named in X-Amz-Target."""

_FORMS = {"sns": "2010-03-31", "sqs": "2012-11-05"}
"""Services whose actions may be named in a form."""

_FORM = "application/x-www-form-urlencoded"
_PLACEHOLDER = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class _RequestMapping:
    """How an integration's request is made."""

    templates: Mapping[str, MappingTemplate]
    """By content type."""
    passthrough: str
    parameters: Mapping[str, str]
    """`integration.request.header.X` to `method.request.header.Y`, `context.z` or a text in quotation marks."""

    def body(self, call: ApiCall, context: Json) -> bytes:
        """The body that is sent; GatewayFault where the request's cannot be mapped."""
        content_type = call.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        template = self.templates.get(content_type)
        if template is not None:
            try:
                return template.render(request_data(call, context)).encode("utf-8", "replace")
            except ServiceError as error:
                raise GatewayFault("BAD_REQUEST_BODY", error.message) from None
        if self.passthrough == "never" or (self.passthrough == "when_no_templates" and self.templates):
            raise GatewayFault("UNSUPPORTED_MEDIA_TYPE")
        return call.request.body

    def values(self, place: str, call: ApiCall, context: Json) -> dict[str, str]:
        """The parameters of `header`, `querystring` or `path`."""
        prefix = f"integration.request.{place}."
        found = {}
        for name, told in self.parameters.items():
            if name.startswith(prefix) and (value := mapped_parameter(told, call, context)) is not None:
                found[name[len(prefix) :]] = value
        override = ((context.get("requestOverride") or {}).get(place)) or {}
        return found | {name: str(value) for name, value in override.items()}


@dataclass(frozen=True, slots=True)
class MockIntegration:
    """An integration that answers by itself, with the status that its template makes."""

    request: _RequestMapping
    responses: tuple[IntegrationResponse, ...]

    async def answer(self, call: ApiCall, backends: Backends, authorizer: Mapping[str, Any] | None) -> ServiceResponse:
        """The integration response for that status."""
        del backends
        context = call.context(authorizer)
        status = _statuses(self.request.body(call, context))
        if not self.responses:
            if int(status) not in STATUSES:
                raise GatewayFault("API_CONFIGURATION_ERROR")
            return ServiceResponse(int(status))
        answer = mapped(self.responses, status, ServiceResponse(int(status)), context, call.stage_variables)
        return answer if answer.body else ServiceResponse(answer.status, _without_type(answer.headers))


def _without_type(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name != "Content-Type"}


def _statuses(text: bytes) -> str:
    found = re.search(rb"[\"']?statusCode[\"']?\s*:\s*[\"']?(\d{3})", text)
    return found[1].decode() if found else "200"


@dataclass(frozen=True, slots=True)
class RestIntegration:
    """An integration with a service of the stack."""

    service: str
    method: str
    kind: str
    """`action` or `path`."""
    rest: str
    """Behind it: the action's name, or the path with `{placeholders}`."""
    request: _RequestMapping
    responses: tuple[IntegrationResponse, ...]

    async def answer(self, call: ApiCall, backends: Backends, authorizer: Mapping[str, Any] | None) -> ServiceResponse:
        """What the service answers, through the integration responses."""
        context = call.context(authorizer)
        body = self.request.body(call, context)
        if self.service == "states":
            answer = await self._step_functions(body, backends)
        else:
            answer = await backends.handle(self._service_request(call, context, body, backends))
        selected_by = str(answer.status)
        if self.service == "lambda":
            failed = {name.lower() for name in answer.headers} & {"x-amz-function-error"}
            # A function's error is told by its message, and its success by no text at all.
            selected_by = str(_document(answer.body).get("errorMessage", "")) if failed else ""
        return mapped(self.responses, selected_by, answer, context, call.stage_variables)

    async def _step_functions(self, body: bytes, backends: Backends) -> ServiceResponse:
        try:
            answer = await backends.step_functions(self.rest, cast("Json", parse_json(body or b"{}")))
        except ValueError:
            return json_response(400, {"__type": "com.amazon.coral.service#SerializationException"})
        except ServiceError as error:
            return json_response(400, {"__type": f"com.amazonaws.swf.service.v2.model#{error.error_code}", "message": error.message})
        return json_response(200, answer)

    def _service_request(self, call: ApiCall, context: Json, body: bytes, backends: Backends) -> ServiceRequest:
        headers = {"content-type": "application/json", "host": "127.0.0.1"}
        headers |= {name.lower(): value for name, value in self.request.values("header", call, context).items()}
        query = self.request.values("querystring", call, context)
        method, path = self.method, "/"
        if self.kind == "path":
            values = self.request.values("path", call, context)
            path = "/" + _PLACEHOLDER.sub(lambda found: quote(values.get(found[1], ""), safe="/"), self.rest).lstrip("/")
        elif self.service in _FORMS and (headers["content-type"] == _FORM or self.service == "sns"):
            form = urlencode({"Action": self.rest, "Version": _FORMS[self.service], **query}).encode()
            body, query = form + (b"&" + body if body and headers["content-type"] == _FORM else b""), {}
            headers["content-type"] = _FORM
        elif self.service in _TARGETS:
            headers.setdefault("x-amz-target", f"{_TARGETS[self.service]}.{self.rest}")
            headers["content-type"] = "application/x-amz-json-1.0"
        if self.service == "lambda":
            headers |= {"x-amz-invocation-type": headers.get("x-amz-invocation-type", "RequestResponse")}
        return ServiceRequest(method, path, urlencode(query), headers, body, service=self.service, region=backends.region)


def _document(body: bytes) -> Json:
    try:
        value = parse_json(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def rest_integration(where: str, integration: Json) -> RestIntegration | MockIntegration:
    """An integration of type `aws` or `mock` as an OpenAPI document describes it; UnsupportedFeature where it is not supported."""
    parameters = {name: str(value) for name, value in (integration.get("requestParameters") or {}).items()}
    templates = {kind.lower(): MappingTemplate(str(text)) for kind, text in (integration.get("requestTemplates") or {}).items() if text}
    passthrough = str(integration.get("passthroughBehavior") or "when_no_match").lower()
    request = _RequestMapping(templates, passthrough, parameters)
    responses = integration_responses(integration.get("responses") or {})
    if str(integration.get("type", "")).lower() == "mock":
        return MockIntegration(request, responses)
    found = _URI.fullmatch(str(integration.get("uri", "")))
    if found is None or found["service"] not in {"lambda", "s3", "states", *_TARGETS, *_FORMS}:
        served = ", ".join(sorted({"lambda", "s3", "states", *_TARGETS, *_FORMS}))
        raise UnsupportedFeature(f"{where} has an integration with {integration.get('uri')}: stepstack's API Gateway integrates {served}")
    method = str(integration.get("httpMethod") or "POST").upper()
    return RestIntegration(found["service"], method, found["kind"], found["rest"], request, responses)
