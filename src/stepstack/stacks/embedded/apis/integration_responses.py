"""What a REST API makes of an integration's answer: which of its integration responses it is, its status, headers and body.

Called by `service_integrations`. Source: "Set up an integration response" in the API Gateway developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.apis.api_calls import Json, member_at
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault
from stepstack.stacks.embedded.apis.java_patterns import JavaPattern
from stepstack.stacks.embedded.apis.mapping_templates import MappingTemplate, TemplateData
from stepstack.stacks.embedded.apis.response_parts import header_text, status_code
from stepstack.stacks.embedded.request import ServiceResponse

__all__ = ["IntegrationResponse", "integration_responses", "mapped"]

_PREFIX = "method.response.header."


@dataclass(frozen=True, slots=True)
class IntegrationResponse:
    """One of a method's integration responses."""

    pattern: JavaPattern | None
    """Of the status, or of a function's error message; None for the default."""
    status: int
    headers: Mapping[str, str]
    """As they are written: `'*'`, `integration.response.header.Location`, `integration.response.body.id`, `context.requestId`."""
    template: MappingTemplate | None


def integration_responses(responses: Mapping[str, Any]) -> tuple[IntegrationResponse, ...]:
    """Those of `x-amazon-apigateway-integration.responses`, by their patterns."""
    found = []
    for pattern, described in responses.items():
        templates = described.get("responseTemplates") or {}
        text = templates.get("application/json", next(iter(templates.values()), None))
        named = {name.removeprefix(_PREFIX): str(value) for name, value in (described.get("responseParameters") or {}).items()}
        found.append(
            IntegrationResponse(
                None if pattern == "default" else _compiled(str(pattern)),
                int(described.get("statusCode") or 200),
                named,
                MappingTemplate(str(text)) if text else None,
            )
        )
    return tuple(found)


def _compiled(pattern: str) -> JavaPattern:
    try:
        return JavaPattern(pattern, "s")
    except ValueError as error:
        raise UnsupportedFeature(f"the selection pattern {pattern!r} of an integration response cannot be read: {error}") from error


def mapped(
    responses: tuple[IntegrationResponse, ...], selected_by: str, answer: ServiceResponse, context: Json, stage_variables: Mapping[str, str]
) -> ServiceResponse:
    """The API's answer for an integration's; GatewayFault where no integration response fits, or where the answer cannot be mapped."""
    fitting = [response for response in responses if response.pattern is not None and response.pattern.takes(selected_by)]
    chosen = next(iter([*fitting, *(response for response in responses if response.pattern is None)]), None)
    if chosen is None:
        raise GatewayFault("API_CONFIGURATION_ERROR")
    text = answer.body.decode("utf-8", "replace")
    data = TemplateData(text, context=context, stage_variables=stage_variables)
    headers = {"Content-Type": "application/json"}
    try:
        body = answer.body if chosen.template is None else chosen.template.render(data).encode("utf-8", "replace")
        headers |= {name: value for name, told in chosen.headers.items() if (value := _header(told, answer, data)) is not None}
    except ServiceError:
        # A template or a header reads JSON that the answer is not.
        raise GatewayFault("API_CONFIGURATION_ERROR") from None
    override = context.get("responseOverride") or {}
    headers |= override.get("header") or {}
    try:
        written = {name: header_text(name, value) for name, value in headers.items()}
        return ServiceResponse(status_code(override.get("status") or chosen.status), written, body)
    except (TypeError, ValueError):
        raise GatewayFault("API_CONFIGURATION_ERROR") from None


def _header(told: str, answer: ServiceResponse, data: TemplateData) -> str | None:
    if told.startswith("'"):
        return told.strip("'")
    if told.startswith("integration.response.header."):
        lowered = {name.lower(): value for name, value in answer.headers.items()}
        return lowered.get(told.removeprefix("integration.response.header.").lower())
    if told.startswith("integration.response.body"):
        path = told.removeprefix("integration.response.body").lstrip(".")
        return MappingTemplate(f"$input.path('$.{path}')" if path else "$input.body").render(data)
    source, _, name = told.partition(".")
    value = data.stage_variables.get(name) if source == "stageVariables" else member_at(data.context, name) if source == "context" else None
    return None if value is None else str(value)
