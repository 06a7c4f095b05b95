import asyncio
import json

import pytest

from stepstack.errors import UnsupportedFeature

PROXY = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Hello.Arn}/invocations"

FUNCTION = """
      Hello:
        Type: AWS::Lambda::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          Role: role
          Code:
            ZipFile: |
              import json
              def handler(event, context):
                  told = [event.get("resource") or event["routeKey"], event["pathParameters"]]
                  return {"statusCode": 200, "body": json.dumps(told)}
"""

REST = f"""
    Resources:
      {FUNCTION.strip()}
      Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: api}}}}
      People:
        Type: AWS::ApiGateway::Resource
        Properties: {{RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: people}}
      Person:
        Type: AWS::ApiGateway::Resource
        Properties: {{RestApiId: !Ref Api, ParentId: !Ref People, PathPart: '{{id}}'}}
      Get:
        Type: AWS::ApiGateway::Method
        Properties:
          RestApiId: !Ref Api
          ResourceId: !Ref Person
          HttpMethod: GET
          AuthorizationType: NONE
          Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !Sub '{PROXY}'}}
      Root:
        Type: AWS::ApiGateway::Method
        Properties:
          RestApiId: !Ref Api
          ResourceId: !GetAtt Api.RootResourceId
          HttpMethod: ANY
          AuthorizationType: NONE
          Integration: {{Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !Sub '{PROXY}'}}
      Preflight:
        Type: AWS::ApiGateway::Method
        Properties:
          RestApiId: !Ref Api
          ResourceId: !Ref People
          HttpMethod: OPTIONS
          AuthorizationType: NONE
          Integration:
            Type: MOCK
            RequestTemplates: {{application/json: '{{statusCode: 204}}'}}
            IntegrationResponses:
              - StatusCode: '204'
                ResponseParameters: {{method.response.header.Access-Control-Allow-Origin: "'*'"}}
          MethodResponses: [{{StatusCode: '204'}}]
      Deployment: {{Type: AWS::ApiGateway::Deployment, DependsOn: [Get, Root], Properties: {{RestApiId: !Ref Api}}}}
      Stage: {{Type: AWS::ApiGateway::Stage, Properties: {{RestApiId: !Ref Api, StageName: prod, DeploymentId: !Ref Deployment}}}}
    Outputs:
      Url: {{Value: !Sub 'https://${{Api}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/${{Stage}}'}}
"""


def test_resources_and_methods_are_a_rest_api_s_routes(world):
    async def scenario():
        application = await world.deploy(REST)
        url = application.outputs["Url"].removeprefix("http://127.0.0.1:4321")
        assert (await world.get(f"{url}/people/7"))[2] == ["/people/{id}", {"id": "7"}]
        assert (await world.get(f"{url}/", method="POST"))[2] == ["/", None]
        assert (await world.get(f"{url}/people"))[0] == 403
        status, headers, _ = await world.get(f"{url}/people", method="OPTIONS")
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
        await application.delete()
        assert (await world.get(f"{url}/people/7"))[2] == {"message": "Forbidden"}

    asyncio.run(scenario())


HTTP = f"""
    Resources:
      {FUNCTION.strip()}
      Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: api, ProtocolType: HTTP}}}}
      Integration:
        Type: AWS::ApiGatewayV2::Integration
        Properties:
          ApiId: !Ref Api
          IntegrationType: AWS_PROXY
          IntegrationUri: !GetAtt Hello.Arn
          PayloadFormatVersion: '2.0'
      Get:
        Type: AWS::ApiGatewayV2::Route
        Properties: {{ApiId: !Ref Api, RouteKey: 'GET /people/{{id}}', Target: !Sub 'integrations/${{Integration}}'}}
      Rest:
        Type: AWS::ApiGatewayV2::Route
        Properties: {{ApiId: !Ref Api, RouteKey: 'POST /{{proxy+}}', Target: !Sub 'integrations/${{Integration}}'}}
      Stage: {{Type: AWS::ApiGatewayV2::Stage, Properties: {{ApiId: !Ref Api, StageName: $default, AutoDeploy: true}}}}
    Outputs:
      Url: {{Value: !GetAtt Api.ApiEndpoint}}
"""


def test_integrations_and_routes_are_an_http_api_s(world):
    async def scenario():
        url = (await world.deploy(HTTP)).outputs["Url"].removeprefix("http://127.0.0.1:4321")
        assert (await world.get(f"{url}/people/7"))[2] == ["GET /people/{id}", {"id": "7"}]
        assert (await world.get(f"{url}/a/b", method="POST"))[2] == ["POST /{proxy+}", {"proxy": "a/b"}]
        assert (await world.get(f"{url}/other"))[0] == 404

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("template", "old", "new", "text"),
    [
        (REST, "AuthorizationType: NONE", "AuthorizationType: COGNITO_USER_POOLS", "Get has the AuthorizationType COGNITO_USER_POOLS"),
        (REST, "Type: AWS_PROXY", "Type: HTTP_PROXY", "has no Lambda proxy integration"),
        (REST, "IntegrationHttpMethod: POST", "TlsConfig: {}", "Get has Integration.TlsConfig"),
        (HTTP, "IntegrationType: AWS_PROXY", "IntegrationType: HTTP_PROXY", "Integration is no integration with a function (HTTP_PROXY)"),
        (HTTP, "ProtocolType: HTTP", "ProtocolType: WEBSOCKET", "Api is an API for WEBSOCKET"),
        (HTTP, "Target: !Sub 'integrations/${Integration}'", "Target: integrations/other", "Get has no integration of the template"),
    ],
    ids=["authorizer", "integration", "integration's property", "http integration", "websocket", "target"],
)
def test_what_an_api_does_not_have_here_is_refused_by_name(world, template, old, new, text):
    with pytest.raises(UnsupportedFeature, match=r".") as caught:
        asyncio.run(world.deploy(template.replace(old, new, 1)))

    assert text in str(caught.value)
    assert world.services.api_gateway.apis == {}


GUARD = """
      Guard:
        Type: AWS::Lambda::Function
        Properties:
          Runtime: python3.12
          Handler: index.handler
          Role: role
          Code:
            ZipFile: |
              def handler(event, context):
                  effect = "Allow" if event["authorizationToken"] == "let me in" else "Deny"
                  statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
                  return {"principalId": "ann", "policyDocument": {"Statement": [statement]}, "usageIdentifierKey": "told-key-12345678901"}
      Authorizer:
        Type: AWS::ApiGateway::Authorizer
        Properties:
          Name: guard
          Type: TOKEN
          RestApiId: !Ref Api
          IdentitySource: method.request.header.Authorization
          AuthorizerUri: !Sub arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Guard.Arn}/invocations
      Key: {Type: AWS::ApiGateway::ApiKey, Properties: {Enabled: true, Value: told-key-12345678901}}
      Plan: {Type: AWS::ApiGateway::UsagePlan, Properties: {ApiStages: [{ApiId: !Ref Api, Stage: !Ref Stage}], Throttle: {RateLimit: 1}}}
      PlanKey: {Type: AWS::ApiGateway::UsagePlanKey, Properties: {KeyId: !Ref Key, KeyType: API_KEY, UsagePlanId: !Ref Plan}}
      Api: {Type"""


def guarded(extra=""):
    template = REST.replace("      Api: {Type", GUARD.lstrip("\n"), 1).replace("Name: api", f"Name: api{extra}")
    return template.replace(
        "AuthorizationType: NONE", "AuthorizationType: CUSTOM\n          AuthorizerId: !Ref Authorizer\n          ApiKeyRequired: true", 1
    )


@pytest.mark.parametrize("source", ["HEADER", "AUTHORIZER"])
def test_a_method_may_need_an_authorizer_and_a_key(world, source):
    async def scenario():
        application = await world.deploy(guarded(f", ApiKeySourceType: {source}"))
        url = application.outputs["Url"].removeprefix("http://127.0.0.1:4321") + "/people/7"
        allowed = {"Authorization": "let me in"}
        if source == "HEADER":
            assert (await world.get(url, headers=allowed))[::2] == (403, {"message": "Forbidden"})
            assert (await world.get(url, headers={**allowed, "X-Api-Key": "another"}))[0] == 403
            allowed |= {"X-Api-Key": "told-key-12345678901"}
        assert (await world.get(url, headers=allowed))[0] == 200
        assert (await world.get(url, headers={**allowed, "Authorization": "other"}))[0] == 403
        assert (await world.get(url))[0] == 401
        await application.delete()
        return world.services.api_gateway.keys, world.services.api_gateway.plans

    assert asyncio.run(scenario()) == ({}, {})


def test_a_key_s_value_can_be_asked_for(world):
    async def scenario():
        application = await world.deploy(guarded())
        path = f"/apikeys/{application.physical_ids['Key']}?includeValue=true"
        return await world.services.transport("GET", f"http://x{path}", {}, b"", service="apigateway")

    assert json.loads(asyncio.run(scenario())[2])["value"] == "told-key-12345678901"


def test_an_http_api_may_have_its_one_function_and_its_origins_in_itself(world):
    target = "Target: !GetAtt Hello.Arn, CorsConfiguration: {AllowOrigins: ['*']}"
    template = f"""
    Resources:
      {FUNCTION.strip()}
      Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{Name: api, ProtocolType: HTTP, {target}}}}}
    Outputs:
      Url: {{Value: !GetAtt Api.ApiEndpoint}}
    """.replace('event.get("resource") or event["routeKey"], event["pathParameters"]', 'event["routeKey"], event["rawPath"]')

    async def scenario():
        url = (await world.deploy(template)).outputs["Url"].removeprefix("http://127.0.0.1:4321")
        return await world.get(f"{url}/any/thing", method="PUT", headers={"Origin": "https://a.example"})

    status, headers, body = asyncio.run(scenario())
    assert (status, headers["Access-Control-Allow-Origin"], body) == (200, "*", ["$default", "/any/thing"])


def test_stages_have_variables_and_gateway_responses_their_own_headers(world):
    own = """
      Own:
        Type: AWS::ApiGateway::GatewayResponse
        Properties:
          RestApiId: !Ref Api
          ResponseType: DEFAULT_4XX
          ResponseParameters: {gatewayresponse.header.X-Why: "'unknown'"}
      Api: {Type"""
    template = REST.replace("      Api: {Type", own.lstrip("\n"), 1).replace(
        "StageName: prod,", "StageName: prod, Variables: {colour: red},"
    )
    template = template.replace('event["pathParameters"]]', 'event["stageVariables"]]')

    async def scenario():
        url = (await world.deploy(template)).outputs["Url"].removeprefix("http://127.0.0.1:4321")
        return await world.get(f"{url}/people/7"), await world.get(f"{url}/nowhere/at/all")

    found, missing = asyncio.run(scenario())
    assert found[2] == ["/people/{id}", {"colour": "red"}]
    assert (missing[0], missing[1]["X-Why"]) == (403, "unknown")


@pytest.mark.parametrize(("line", "expected"), [("Line", (400, 200)), ("Nowhere", None)], ids=["model", "missing"])
def test_a_model_may_refer_to_another_of_its_api(world, line, expected):
    own = f"""
      Line:
        Type: AWS::ApiGateway::Model
        Properties: {{RestApiId: !Ref Api, Name: Line, Schema: {{type: object, required: [n]}}}}
      Lines:
        Type: AWS::ApiGateway::Model
        DependsOn: Line
        Properties:
          RestApiId: !Ref Api
          Name: Lines
          Schema: {{type: array, items: {{$ref: !Sub 'https://apigateway.amazonaws.com/restapis/${{Api}}/models/{line}'}}}}
      Validator: {{Type: AWS::ApiGateway::RequestValidator, Properties: {{RestApiId: !Ref Api, ValidateRequestBody: true}}}}
      Api: {{Type"""
    validated = (
        "AuthorizationType: NONE\n          RequestValidatorId: !Ref Validator\n          RequestModels: {application/json: !Ref Lines}"
    )
    template = REST.replace("      Api: {Type", own.lstrip("\n"), 1).replace("AuthorizationType: NONE", validated, 1)

    async def scenario():
        url = (await world.deploy(template.replace("HttpMethod: GET", "HttpMethod: POST"))).outputs["Url"]
        path = url.removeprefix("http://127.0.0.1:4321") + "/people/7"
        return tuple([(await world.get(path, method="POST", body=body))[0] for body in (b"[{}]", b'[{"n": 1}]')])

    if expected is None:
        with pytest.raises(UnsupportedFeature, match=r"a model that is not in the template: https://.*/models/Nowhere"):
            asyncio.run(scenario())
    else:
        assert asyncio.run(scenario()) == expected


def test_a_method_s_requests_are_validated_by_its_validator_and_model(world):
    own = """
      Order:
        Type: AWS::ApiGateway::Model
        Properties: {RestApiId: !Ref Api, Name: Order, ContentType: application/json, Schema: {type: object, required: [n]}}
      Validator:
        Type: AWS::ApiGateway::RequestValidator
        Properties: {RestApiId: !Ref Api, ValidateRequestBody: true, ValidateRequestParameters: true}
      Api: {Type"""
    validated = (
        "AuthorizationType: NONE\n          RequestValidatorId: !Ref Validator\n          RequestModels: {application/json: !Ref Order}"
    )
    validated += "\n          RequestParameters: {method.request.querystring.page: true, method.request.header.X-Other: false}"
    template = (
        REST.replace("      Api: {Type", own.lstrip("\n"), 1)
        .replace("AuthorizationType: NONE", validated, 1)
        .replace("HttpMethod: GET", "HttpMethod: POST")
    )

    async def scenario():
        url = (await world.deploy(template)).outputs["Url"].removeprefix("http://127.0.0.1:4321") + "/people/7"
        return [
            (await world.get(f"{url}{query}", method="POST", body=body))[::2]
            for query, body in (("", b"{}"), ("?page=1", b"{}"), ("?page=1", b'{"n": 1}'))
        ]

    assert asyncio.run(scenario()) == [
        (400, {"message": "Missing required request parameters: [page]"}),
        (400, {"message": "Invalid request body"}),
        (200, ["/people/{id}", {"id": "7"}]),
    ]
