"""Parameter mapping of REST APIs: what `method.request.header.X`, `context.y`, `stageVariables.z` or a text in quotation marks comes to.

Called by `service_integrations` (an integration's parameters) and `gateway_responses` (headers). Source: "Parameter mapping source
reference for REST APIs" in the API Gateway developer guide.
"""

from __future__ import annotations

from stepstack.stacks.embedded.apis.api_calls import ApiCall, Json, member_at
from stepstack.stacks.embedded.apis.mapping_templates import MappingTemplate, TemplateData

__all__ = ["mapped_parameter", "request_data"]


def request_data(call: ApiCall, context: Json) -> TemplateData:
    """What mapping templates read of a request."""
    query = {name: values[-1] for name, values in call.queries.items()}
    body = call.request.body.decode("utf-8", "replace")
    return TemplateData(body, call.parameters, query, call.headers, context, call.stage_variables)


def mapped_parameter(told: str, call: ApiCall, context: Json) -> str | None:
    """What a parameter comes to; None where there is nothing."""
    if told.startswith("'"):
        return told[1:-1]
    source, _, name = told.partition(".")
    if source == "stageVariables":
        return call.stage_variables.get(name)
    if source == "context":
        value = member_at(context, name)
        return None if value is None else str(value)
    return _of_request(name.removeprefix("request."), call, context) if source == "method" else None


def _of_request(told: str, call: ApiCall, context: Json) -> str | None:
    """What `header.X`, `querystring.x`, `path.x`, `body` or `body.a.b` of the request is."""
    place, _, name = told.partition(".")
    if place == "body":
        template = MappingTemplate(f"$input.path('$.{name}')" if name else "$input.body")
        return template.render(request_data(call, context)) or None
    if place == "header":
        return call.request.headers.get(name.lower())
    if place == "path":
        return call.parameters.get(name)
    values = call.queries.get(name)
    return values[-1] if values else None
