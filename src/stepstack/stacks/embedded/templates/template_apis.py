"""APIs of a template: from an OpenAPI document, or from resources and methods (REST), integrations and routes (HTTP) of their own.

Called by `template_resources`, which lists the types. What a method or a route asks for that the stack's API Gateway does not have
is refused with its name. Left out: WebSocket APIs, Cognito user pools, domain names.
"""

from __future__ import annotations

import json

from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.apis.api import Api, UsagePlan
from stepstack.stacks.embedded.apis.authorizers import authorizer_of
from stepstack.stacks.embedded.apis.cross_origin import CrossOrigin
from stepstack.stacks.embedded.apis.gateway_responses import gateway_response
from stepstack.stacks.embedded.apis.routes import Guard
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["APIS"]

_API_KEY = "stepstack-api-key"
_SIGNATURE = "stepstack-signature"
"""The names of security schemes that methods need by properties of their own."""

_INTEGRATION = names(
    "CacheKeyParameters CacheNamespace ContentHandling Credentials IntegrationHttpMethod IntegrationResponses PassthroughBehavior "
    "RequestParameters RequestTemplates TimeoutInMillis Type Uri"
)


async def _api(workshop: Workshop, properties: Json, *, is_rest: bool) -> Made:
    gateway = workshop.services.api_gateway
    identifier = gateway.new_identifier()
    types = tuple(str(kind) for kind in properties.get("BinaryMediaTypes") or ())
    api = Api(identifier, properties.get("Body") or {}, is_rest=is_rest, binary_types=types, region=workshop.region)
    api.key_source = str(properties.get("ApiKeySourceType") or api.key_source)
    api.guards |= {_API_KEY: Guard(requires_key=True), _SIGNATURE: Guard(requires_signature=True)}
    if properties.get("CorsConfiguration"):
        api.cross_origin = CrossOrigin.of(properties["CorsConfiguration"])
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
    # Quick create: one route for everything, and the default stage.
    integration = _http_proxy(workshop, logical_id, str(properties["Target"]), "2.0") if properties.get("Target") else None
    made = await _api(workshop, properties, is_rest=False)
    if integration is not None:
        api = workshop.services.api_gateway.apis[made.reference]
        key = str(properties.get("RouteKey") or "$default")
        method, _, path = key.partition(" ") if key != "$default" else ("ANY", "", "/$default")
        api.add_route(path, method, {"x-amazon-apigateway-integration": integration})
        api.stages["$default"] = {}
    return made


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
            "httpMethod": integration.get("IntegrationHttpMethod"),
            "passthroughBehavior": integration.get("PassthroughBehavior"),
            "requestParameters": integration.get("RequestParameters"),
            "requestTemplates": integration.get("RequestTemplates"),
            "responses": _responses(integration),
            "timeoutInMillis": integration.get("TimeoutInMillis"),
        },
        "security": _security(logical_id, properties),
        "x-amazon-apigateway-request-validator": properties.get("RequestValidatorId"),
        "parameters": _parameters(properties),
        "requestBody": {"content": _models(logical_id, api, properties)},
    }
    method = str(properties["HttpMethod"])
    resource = str(properties["ResourceId"])
    api.add_route(resource, method, operation)
    return Made(f"{resource}-{method}")


def _parameters(properties: Json) -> list[Json]:
    """A method's parameters, as OpenAPI documents have them."""
    found = []
    for name, required in (properties.get("RequestParameters") or {}).items():
        place, _, named = str(name).removeprefix("method.request.").partition(".")
        found.append({"in": "query" if place == "querystring" else place, "name": named, "required": required})
    return found


def _models(logical_id: str, api: Api, properties: Json) -> Json:
    """The schemas of a method's bodies by content type, as OpenAPI documents have them."""
    named = {kind: str(name) for kind, name in (properties.get("RequestModels") or {}).items()}
    unknown = next((name for name in named.values() if name not in api.models), None)
    if unknown is not None:
        raise SettingsError(
            f"the resource {logical_id} has the model {unknown}, which is not there yet: refer to it by Ref, or by DependsOn"
        )
    return {kind: {"schema": api.models[name]} for kind, name in named.items()}


def _responses(integration: Json) -> Json:
    """An integration's responses, as OpenAPI documents have them."""
    responses: Json = {}
    for described in integration.get("IntegrationResponses") or ():
        responses[str(described.get("SelectionPattern") or "default")] = {
            "statusCode": described.get("StatusCode", "200"),
            "responseParameters": described.get("ResponseParameters"),
            "responseTemplates": described.get("ResponseTemplates"),
        }
    return responses


def _security(logical_id: str, properties: Json) -> list[Json]:
    """What a method or a route needs, by the names of security schemes and the ids of authorizers."""
    kind = str(properties.get("AuthorizationType") or "NONE")
    needed: Json = {}
    if kind == "AWS_IAM":
        needed[_SIGNATURE] = []
    elif kind == "CUSTOM":
        needed[str(properties.get("AuthorizerId"))] = []
    elif kind != "NONE":
        raise UnsupportedFeature(f"the resource {logical_id} has the AuthorizationType {kind}, which is not supported here")
    if str(properties.get("ApiKeyRequired", "")).lower() == "true":
        needed[_API_KEY] = []
    return [needed] if needed else []


async def _authorizer(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    """A REST API's, or (by `AuthorizerType`) an HTTP API's."""
    api = _api_of(workshop, properties)
    described = {
        "type": properties.get("Type") or properties.get("AuthorizerType"),
        "authorizerUri": properties.get("AuthorizerUri"),
        "identitySource": properties.get("IdentitySource"),
        "identityValidationExpression": properties.get("IdentityValidationExpression"),
        "authorizerPayloadFormatVersion": properties.get("AuthorizerPayloadFormatVersion") or "1.0",
        "enableSimpleResponses": properties.get("EnableSimpleResponses", False),
    }
    identifier = workshop.services.api_gateway.new_identifier()
    api.guards[identifier] = Guard(authorizer_of(logical_id, described, is_rest=api.is_rest))
    return Made(identifier, {"AuthorizerId": identifier})


async def _model(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or logical_id)
    schema = properties.get("Schema") or {}
    _api_of(workshop, properties).models[name] = json.loads(schema) if isinstance(schema, str) else schema
    return Made(name)


async def _request_validator(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    identifier = workshop.services.api_gateway.new_identifier()
    validators = _api_of(workshop, properties).document["x-amazon-apigateway-request-validators"]
    validators[identifier] = {
        "validateRequestBody": properties.get("ValidateRequestBody", False),
        "validateRequestParameters": properties.get("ValidateRequestParameters", False),
    }
    return Made(identifier, {"RequestValidatorId": identifier})


async def _gateway_response(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    kind = str(properties["ResponseType"])
    _api_of(workshop, properties).gateway_responses[kind] = gateway_response(properties)
    return Made(workshop.name(logical_id))


async def _stage(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["StageName"])
    variables = properties.get("Variables") or properties.get("StageVariables") or {}
    _api_of(workshop, properties).stages[name] = {key: str(value) for key, value in variables.items()}
    return Made(name)


async def _deployment(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    if "StageName" in properties:
        variables = (properties.get("StageDescription") or {}).get("Variables") or {}
        _api_of(workshop, properties).stages.setdefault(str(properties["StageName"]), {key: str(value) for key, value in variables.items()})
    return Made(workshop.name(logical_id))


async def _api_key(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    gateway = workshop.services.api_gateway
    is_enabled = str(properties.get("Enabled", "")).lower() == "true"
    # moto keeps it, so that GetApiKey tells a test its value.
    asked = {"name": properties.get("Name") or workshop.name(logical_id), "enabled": is_enabled}
    asked |= {"value": str(properties["Value"])} if "Value" in properties else {}
    key = json.loads(await workshop.rest("apigateway", "POST", "/apikeys", json.dumps(asked).encode()))
    identifier = str(key["id"])
    if is_enabled:
        gateway.keys[identifier] = str(key["value"])
    stages = frozenset((str(entry["RestApiId"]), str(entry["StageName"])) for entry in properties.get("StageKeys") or ())
    if stages and is_enabled:
        gateway.plans[identifier] = UsagePlan(stages, {str(key["value"])})

    async def delete() -> None:
        gateway.keys.pop(identifier, None)
        gateway.plans.pop(identifier, None)
        await workshop.rest("apigateway", "DELETE", f"/apikeys/{identifier}")

    return Made(identifier, {"APIKeyId": identifier}, delete)


async def _usage_plan(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    gateway = workshop.services.api_gateway
    identifier = gateway.new_identifier()
    gateway.plans[identifier] = UsagePlan(
        frozenset((str(entry["ApiId"]), str(entry["Stage"])) for entry in properties.get("ApiStages") or ())
    )

    async def delete() -> None:
        gateway.plans.pop(identifier, None)

    return Made(identifier, {"Id": identifier}, delete)


async def _usage_plan_key(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    gateway = workshop.services.api_gateway
    identifier = str(properties["KeyId"])
    if identifier in gateway.keys:
        gateway.plans[str(properties["UsagePlanId"])].keys.add(gateway.keys[identifier])
    return Made(f"{identifier}:{properties['UsagePlanId']}", {"Id": identifier})


async def _integration(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    identifier = workshop.services.api_gateway.new_identifier()
    kind = properties.get("IntegrationType")
    if properties.get("IntegrationSubtype") and kind == "AWS_PROXY":
        integration: Json = {
            "type": "aws_proxy",
            "integrationSubtype": properties["IntegrationSubtype"],
            "requestParameters": properties.get("RequestParameters"),
            "responseParameters": properties.get("ResponseParameters"),
        }
    elif properties.get("RequestParameters") or properties.get("ResponseParameters"):
        raise UnsupportedFeature(f"the resource {logical_id} maps parameters for a function, which is not supported here")
    elif kind == "AWS_PROXY":
        uri, version = str(properties.get("IntegrationUri", "")), str(properties.get("PayloadFormatVersion", "1.0"))
        integration = _http_proxy(workshop, logical_id, uri, version)
    else:
        raise UnsupportedFeature(f"the resource {logical_id} is no integration with a function ({kind}), which is not supported here")
    integration["timeoutInMillis"] = properties.get("TimeoutInMillis")
    _api_of(workshop, properties).integrations[identifier] = integration
    return Made(identifier, {"IntegrationId": identifier})


def _http_proxy(workshop: Workshop, logical_id: str, uri: str, version: str) -> Json:
    if ":lambda:path/" not in uri:
        uri = f"arn:aws:apigateway:{workshop.region}:lambda:path/2015-03-31/functions/{uri}/invocations"
    if ":function:" not in uri:
        raise UnsupportedFeature(f"the resource {logical_id} is no integration with a function ({uri}), which is not supported here")
    return {"type": "aws_proxy", "uri": uri, "payloadFormatVersion": version}


async def _route(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    api = _api_of(workshop, properties)
    integration = api.integrations.get(str(properties.get("Target", "")).removeprefix("integrations/"))
    if integration is None:
        raise UnsupportedFeature(f"the resource {logical_id} has no integration of the template as its Target")
    operation: Json = {"x-amazon-apigateway-integration": integration, "security": _security(logical_id, properties)}
    key = str(properties["RouteKey"])
    method, _, path = key.partition(" ") if key != "$default" else ("ANY", "", "/$default")
    api.add_route(path, method, operation)
    return Made(workshop.services.api_gateway.new_identifier())


_NO_NAMES: frozenset[str] = frozenset()
_ANY_NAME = frozenset({"*"})


async def _without_effect(workshop: Workshop, logical_id: str, _properties: Json) -> Made:
    return Made(workshop.name(logical_id))


_NOTHING = ResourceType(_without_effect, _NO_NAMES, _ANY_NAME)

APIS: dict[str, ResourceType] = {
    "AWS::ApiGateway::Account": _NOTHING,
    "AWS::ApiGateway::ApiKey": ResourceType(
        _api_key, names("Enabled Name StageKeys Value"), names("CustomerId Description GenerateDistinctId Tags")
    ),
    "AWS::ApiGateway::Authorizer": ResourceType(
        _authorizer,
        names("AuthorizerUri IdentitySource IdentityValidationExpression ProviderARNs RestApiId Type"),
        names("AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds Name"),
    ),
    "AWS::ApiGateway::Deployment": ResourceType(
        _deployment, names("RestApiId StageDescription StageName"), names("DeploymentCanarySettings Description")
    ),
    "AWS::ApiGateway::DocumentationPart": _NOTHING,
    "AWS::ApiGateway::DocumentationVersion": _NOTHING,
    "AWS::ApiGateway::GatewayResponse": ResourceType(
        _gateway_response, names("ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode")
    ),
    "AWS::ApiGateway::Method": ResourceType(
        _method,
        names(
            "ApiKeyRequired AuthorizationType AuthorizerId HttpMethod Integration RequestModels RequestParameters RequestValidatorId "
            "ResourceId RestApiId"
        ),
        names("AuthorizationScopes MethodResponses OperationName"),
    ),
    "AWS::ApiGateway::Model": ResourceType(_model, names("Name RestApiId Schema"), names("ContentType Description")),
    "AWS::ApiGateway::RequestValidator": ResourceType(
        _request_validator, names("RestApiId ValidateRequestBody ValidateRequestParameters"), names("Name")
    ),
    "AWS::ApiGateway::Resource": ResourceType(_resource, names("ParentId PathPart RestApiId")),
    "AWS::ApiGateway::RestApi": ResourceType(
        _rest_api,
        names("ApiKeySourceType BinaryMediaTypes Body"),
        names(
            "Description DisableExecuteApiEndpoint EndpointConfiguration FailOnWarnings MinimumCompressionSize Mode Name Parameters "
            "Policy Tags"
        ),
    ),
    "AWS::ApiGateway::Stage": ResourceType(
        _stage,
        names("RestApiId StageName Variables"),
        names(
            "AccessLogSetting CacheClusterEnabled CacheClusterSize CanarySetting DeploymentId Description DocumentationVersion "
            "MethodSettings Tags TracingEnabled"
        ),
    ),
    "AWS::ApiGateway::UsagePlan": ResourceType(_usage_plan, names("ApiStages"), names("Description Quota Tags Throttle UsagePlanName")),
    "AWS::ApiGateway::UsagePlanKey": ResourceType(_usage_plan_key, names("KeyId KeyType UsagePlanId")),
    "AWS::ApiGatewayV2::Api": ResourceType(
        _http_api,
        names("Body CorsConfiguration ProtocolType RouteKey Target"),
        names("CredentialsArn Description DisableExecuteApiEndpoint FailOnWarnings IpAddressType Name Tags Version"),
    ),
    "AWS::ApiGatewayV2::Authorizer": ResourceType(
        _authorizer,
        names("ApiId AuthorizerPayloadFormatVersion AuthorizerType AuthorizerUri EnableSimpleResponses IdentitySource JwtConfiguration"),
        names("AuthorizerCredentialsArn AuthorizerResultTtlInSeconds Name"),
    ),
    "AWS::ApiGatewayV2::Deployment": _NOTHING,
    "AWS::ApiGatewayV2::Integration": ResourceType(
        _integration,
        names(
            "ApiId IntegrationSubtype IntegrationType IntegrationUri PayloadFormatVersion RequestParameters ResponseParameters "
            "TimeoutInMillis"
        ),
        names("ConnectionType CredentialsArn Description IntegrationMethod"),
    ),
    "AWS::ApiGatewayV2::Route": ResourceType(
        _route, names("ApiId ApiKeyRequired AuthorizationType AuthorizerId RouteKey Target"), names("AuthorizationScopes OperationName")
    ),
    "AWS::ApiGatewayV2::Stage": ResourceType(
        _stage,
        names("ApiId StageName StageVariables"),
        names("AccessLogSettings AutoDeploy DefaultRouteSettings DeploymentId Description RouteSettings Tags"),
    ),
}
