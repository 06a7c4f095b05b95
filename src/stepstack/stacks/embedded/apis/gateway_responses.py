"""The answers that API Gateway gives by itself: to requests that may not be, and where what stands behind a route fails.

A REST API may customise them (`AWS::ApiGateway::GatewayResponse`, `x-amazon-apigateway-gateway-responses`): status, headers and body,
by the response's type or for all of 4XX and 5XX. Called by `api_gateway`; raised (`GatewayFault`) by whatever handles a request.
AWS replaces variables in these templates and does no more; here they may have all that mapping templates have.
Source: "Gateway response types for API Gateway" in the developer guide; the wordings are AWS's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from stepstack.stacks.embedded.apis.api_calls import ApiCall
from stepstack.stacks.embedded.apis.mapping_templates import MappingTemplate, TemplateData
from stepstack.stacks.embedded.apis.parameter_mapping import mapped_parameter
from stepstack.stacks.embedded.apis.response_parts import header_text
from stepstack.stacks.embedded.request import ServiceResponse, json_response

__all__ = ["GatewayFault", "GatewayResponse", "gateway_response", "rendered"]

Json: TypeAlias = dict[str, Any]


class GatewayFault(Exception):
    """A request ends here, with the response of that type; `message` takes the place of the usual one."""

    def __init__(self, kind: str, message: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class _Usual:
    status: int
    message: str | None
    error_type: str
    member: str = "message"


_REST: Mapping[str, _Usual] = {
    "ACCESS_DENIED": _Usual(403, "User is not authorized to access this resource", "AccessDeniedException", "Message"),
    "API_CONFIGURATION_ERROR": _Usual(500, "Internal server error", "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": _Usual(500, None, "AuthorizerConfigurationException"),
    "BAD_REQUEST_BODY": _Usual(400, "Invalid request body", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": _Usual(400, "Missing required request parameters", "BadRequestException"),
    "INTEGRATION_TIMEOUT": _Usual(504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": _Usual(403, "Forbidden", "ForbiddenException"),
    "MISSING_AUTHENTICATION_TOKEN": _Usual(403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
    "PROXY_FAILURE": _Usual(502, "Internal server error", "InternalServerErrorException"),
    "UNAUTHORIZED": _Usual(401, "Unauthorized", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": _Usual(415, "Unsupported Media Type", "BadRequestException"),
}
_HTTP: Mapping[str, _Usual] = {
    "ACCESS_DENIED": _Usual(403, "Forbidden", ""),
    "AUTHORIZER_CONFIGURATION_ERROR": _Usual(500, "Internal Server Error", ""),
    "BAD_REQUEST_BODY": _Usual(400, "Bad Request", ""),
    "INTEGRATION_TIMEOUT": _Usual(503, "Service Unavailable", ""),
    "MISSING_AUTHENTICATION_TOKEN": _Usual(404, "Not Found", ""),
    "PROXY_FAILURE": _Usual(500, "Internal Server Error", ""),
    "UNAUTHORIZED": _Usual(401, "Unauthorized", ""),
}


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """How an API answers in a type's place."""

    status: int | None
    headers: Mapping[str, str]
    """As they are written: `'*'`, `method.request.header.Origin`."""
    template: MappingTemplate | None


def gateway_response(described: Json) -> GatewayResponse:
    """As an OpenAPI document or a resource describes it, in either's spelling."""
    members = {name[0].lower() + name[1:]: value for name, value in described.items()}
    prefix = "gatewayresponse.header."
    headers = {
        name[len(prefix) :]: str(value) for name, value in (members.get("responseParameters") or {}).items() if name.startswith(prefix)
    }
    template = (members.get("responseTemplates") or {}).get("application/json")
    status = members.get("statusCode")
    return GatewayResponse(int(status) if status else None, headers, MappingTemplate(template) if template else None)


def rendered(
    fault: GatewayFault,
    *,
    is_rest: bool,
    customised: Mapping[str, GatewayResponse],
    context: Json,
    stage_variables: Mapping[str, str],
    call: ApiCall | None = None,
) -> ServiceResponse:
    """The answer for a fault; headers read the request's parameters in `call`, which is None where no route was found."""
    usual = (_REST if is_rest else _HTTP)[fault.kind]
    message = fault.message or usual.message
    headers = {"x-amzn-ErrorType": usual.error_type} if usual.error_type else {}
    answer = json_response(usual.status, {usual.member: message}, headers=headers)
    kinds = (fault.kind, "DEFAULT_4XX" if usual.status < 500 else "DEFAULT_5XX")
    custom = next((customised[kind] for kind in kinds if kind in customised), None)
    if custom is None:
        return answer
    body = answer.body
    if custom.template is not None:
        error = {"message": message, "messageString": json.dumps(message), "responseType": fault.kind}
        data = TemplateData("", context={**context, "error": error}, stage_variables=stage_variables)
        body = custom.template.render(data).encode("utf-8", "replace")
    own = {name: value for name, told in custom.headers.items() if (value := _header(name, told, call, context)) is not None}
    return ServiceResponse(custom.status or usual.status, {**answer.headers, **own}, body)


def _header(name: str, told: str, call: ApiCall | None, context: Json) -> str | None:
    if told.startswith("'"):
        return told.strip("'")
    value = None if call is None else mapped_parameter(told, call, context)
    try:
        return None if value is None else header_text(name, value)
    except ValueError:
        # A parameter of the request may be what no header can.
        return None
