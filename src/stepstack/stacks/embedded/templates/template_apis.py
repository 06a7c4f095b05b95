"""APIs of a template: from an OpenAPI document, or from resources and methods (REST), integrations and routes (HTTP) of their own.

Called by `template_resources`, which lists the types. What a method or a route asks for that `api_gateway` does not have
is refused with its name. Left out: WebSocket APIs, authorizers, API keys, models and validators, usage plans, domain names.
"""

from __future__ import annotations

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.api_gateway import Api
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["APIS"]

_INTEGRATION = names(
    "CacheKeyParameters CacheNamespace ContentHandling Credentials IntegrationHttpMethod IntegrationResponses PassthroughBehavior "
    "RequestTemplates TimeoutInMillis Type Uri"
)


async def _api(workshop: Workshop, properties: Json, *, is_rest: bool) -> Made:
    gateway = workshop.services.api_gateway
    identifier = gateway.new_identifier()
    types = tuple(str(kind) for kind in properties.get("BinaryMediaTypes") or ())
    api = Api(identifier, properties.get("Body") or {}, is_rest=is_rest, binary_types=types)
    gateway.apis[identifier] = api
    endpoint = f"{workshop.services.endpoint_url}/execute-api/{identifier}"

    async def delete() -> None:
        gateway.apis.pop(identifier, None)

    attributes = {"RestApiId": identifier, "ApiId": identifier, "ApiEndpoint": endpoint, "RootResourceId": api.root}
    return Made(identifier, attributes, delete)


async def _rest_api(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    return await _api(workshop, properties, is_rest=True)


async def _http_api(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    if properties.get("ProtocolType", "HTTP") != "HTTP":
        raise UnsupportedFeature(f"the resource {logical_id} is an API for {properties['ProtocolType']}, which is not supported here")
    return await _api(workshop, properties, is_rest=False)


def _api_of(workshop: Workshop, properties: Json) -> Api:
    return workshop.services.api_gateway.apis[str(properties.get("RestApiId") or properties["ApiId"])]


async def _resource(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    identifier = _api_of(workshop, properties).add_path(str(properties["ParentId"]), str(properties["PathPart"]))
    return Made(identifier, {"ResourceId": identifier})


async def _method(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    api = _api_of(workshop, properties)
    integration: Json = properties.get("Integration") or {}
    unknown = sorted(integration.keys() - _INTEGRATION)
    if unknown:
        raise UnsupportedFeature(f"the resource {logical_id} has Integration.{unknown[0]}, which is not supported here")
    operation: Json = {
        "x-amazon-apigateway-integration": {
            "type": integration.get("Type", ""),
            "uri": integration.get("Uri", ""),
            "responses": _responses(integration),
        }
    }
    if properties.get("AuthorizationType", "NONE") != "NONE" or properties.get("ApiKeyRequired") in {True, "true"}:
        operation["security"] = [{}]
    method = str(properties["HttpMethod"])
    resource = str(properties["ResourceId"])
    api.add_route(resource, method, operation)
    return Made(f"{resource}-{method}")


def _responses(integration: Json) -> Json:
    """What a mock answers."""
    found: Json = next(iter(integration.get("IntegrationResponses") or ()), {})
    return {"default": {"statusCode": found.get("StatusCode", "200"), "responseParameters": found.get("ResponseParameters") or {}}}


async def _stage(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["StageName"])
    _api_of(workshop, properties).stages.add(name)
    return Made(name)


async def _deployment(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    if "StageName" in properties:
        _api_of(workshop, properties).stages.add(str(properties["StageName"]))
    return Made(workshop.name(logical_id))


async def _integration(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    identifier = workshop.services.api_gateway.new_identifier()
    uri = str(properties.get("IntegrationUri", ""))
    if ":lambda:path/" not in uri:
        uri = f"arn:aws:apigateway:{workshop.region}:lambda:path/2015-03-31/functions/{uri}/invocations"
    if properties.get("IntegrationType") != "AWS_PROXY" or ":function:" not in uri:
        kind = properties.get("IntegrationType")
        raise UnsupportedFeature(f"the resource {logical_id} is no integration with a function ({kind}), which is not supported here")
    _api_of(workshop, properties).integrations[identifier] = {
        "type": "aws_proxy",
        "uri": uri,
        "payloadFormatVersion": str(properties.get("PayloadFormatVersion", "1.0")),
    }
    return Made(identifier, {"IntegrationId": identifier})


async def _route(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    api = _api_of(workshop, properties)
    integration = api.integrations.get(str(properties.get("Target", "")).removeprefix("integrations/"))
    if integration is None:
        raise UnsupportedFeature(f"the resource {logical_id} has no integration of the template as its Target")
    operation: Json = {"x-amazon-apigateway-integration": integration}
    if properties.get("AuthorizationType", "NONE") != "NONE" or properties.get("ApiKeyRequired") in {True, "true"}:
        operation["security"] = [{}]
    key = str(properties["RouteKey"])
    method, _, path = key.partition(" ") if key != "$default" else ("ANY", "", "/$default")
    api.add_route(path, method, operation)
    return Made(workshop.services.api_gateway.new_identifier())


_NO_NAMES: frozenset[str] = frozenset()
_ANY_NAME = frozenset({"*"})


async def _without_effect(workshop: Workshop, logical_id: str, _properties: Json) -> Made:
    return Made(workshop.name(logical_id))


APIS: dict[str, ResourceType] = {
    "AWS::ApiGateway::Account": ResourceType(_without_effect, _NO_NAMES, _ANY_NAME),
    "AWS::ApiGateway::Deployment": ResourceType(_deployment, names("RestApiId StageName"), names("Description StageDescription")),
    "AWS::ApiGateway::Method": ResourceType(
        _method,
        names("ApiKeyRequired AuthorizationType HttpMethod Integration ResourceId RestApiId"),
        names("MethodResponses OperationName RequestParameters"),
    ),
    "AWS::ApiGateway::Resource": ResourceType(_resource, names("ParentId PathPart RestApiId")),
    "AWS::ApiGateway::RestApi": ResourceType(
        _rest_api,
        names("BinaryMediaTypes Body"),
        names("Description EndpointConfiguration FailOnWarnings Name Parameters Tags"),
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        _stage, names("RestApiId StageName"), names("AccessLogSetting DeploymentId Description MethodSettings Tags TracingEnabled")
    ),
    "AWS::ApiGatewayV2::Api": ResourceType(
        _http_api, names("Body ProtocolType"), names("Description DisableExecuteApiEndpoint FailOnWarnings Name Tags")
    ),
    "AWS::ApiGatewayV2::Deployment": ResourceType(_without_effect, _NO_NAMES, _ANY_NAME),
    "AWS::ApiGatewayV2::Integration": ResourceType(
        _integration,
        names("ApiId IntegrationType IntegrationUri PayloadFormatVersion"),
        names("ConnectionType CredentialsArn Description IntegrationMethod TimeoutInMillis"),
    ),
    "AWS::ApiGatewayV2::Route": ResourceType(
        _route, names("ApiId ApiKeyRequired AuthorizationType RouteKey Target"), names("OperationName")
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        _stage, names("ApiId StageName"), names("AccessLogSettings AutoDeploy DefaultRouteSettings DeploymentId Description Tags")
    ),
}
