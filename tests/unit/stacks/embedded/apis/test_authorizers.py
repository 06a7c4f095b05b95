import json
import threading

import pytest
from tests.unit.stacks.embedded.apis.requesting import GUARD_URI, proxy

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis import api_gateway

ARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/Prod/GET/people/7"


def policy(effect, resource=ARN, **more):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {"principalId": "ann", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, **more}


def rest(world, answer, *, kind="token", source=None, **more):
    """A REST API whose only route has an authorizer that answers so; what the authorizer is asked."""
    authorizer = {"type": kind, "authorizerUri": GUARD_URI, "identitySource": source, **more}
    scheme = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authorizer": authorizer}
    document = {"securityDefinitions": {"Guard": scheme}}
    world.api({"/people/{id}": {"get": {**proxy(), "security": [{"Guard": []}]}}}, variables={"colour": "red"}, **document)
    return world.guard(answer)


def ask(world, headers=None, path="/people/7"):
    status, received, body = world.send("GET", f"/execute-api/abc123/Prod{path}", headers=headers)
    return status, json.loads(body) if body.startswith(b"{") else body.decode(), received.get("x-amzn-errortype")


def test_a_token_that_is_allowed_passes_and_its_context_reaches_the_function(world):
    asked = rest(world, policy("Allow", context={"tenant": "t1", "level": 3, "admin": True}))

    assert ask(world, {"Authorization": "Bearer x"})[0] == 200
    assert asked == [{"type": "TOKEN", "methodArn": ARN, "authorizationToken": "Bearer x"}]
    told = world.events[0]["requestContext"]["authorizer"]
    assert told == {"principalId": "ann", "tenant": "t1", "level": "3", "admin": "true"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            policy("Deny"),
            (403, {"Message": "User is not authorized to access this resource with an explicit deny"}, "AccessDeniedException"),
        ),
        (policy("Allow", f"{ARN}/other"), (403, {"Message": "User is not authorized to access this resource"}, "AccessDeniedException")),
        (RuntimeError("Unauthorized"), (401, {"message": "Unauthorized"}, "UnauthorizedException")),
        (RuntimeError("else"), (500, {"message": None}, "AuthorizerConfigurationException")),
        ({"principalId": "ann"}, (500, {"message": None}, "AuthorizerConfigurationException")),
        (policy("Allow", context={"deep": {}}), (500, {"message": None}, "AuthorizerConfigurationException")),
        (policy("Allow", context="text"), (500, {"message": None}, "AuthorizerConfigurationException")),
        (
            {"principalId": "ann", "policyDocument": {"Statement": ["Allow"]}},
            (500, {"message": None}, "AuthorizerConfigurationException"),
        ),
        (None, (500, {"message": None}, "AuthorizerConfigurationException")),
    ],
    ids=["deny", "another resource", "unauthorized", "failure", "no policy", "deep context", "no context", "no statement", "nothing"],
)
def test_who_is_not_allowed_is_answered_as_aws_answers(world, answer, expected):
    rest(world, answer)

    assert ask(world, {"Authorization": "Bearer x"}) == expected
    assert world.events == []


@pytest.mark.parametrize(
    "resource", ["*", ARN.replace("/GET/people/7", "/*"), ARN.replace("people/7", "people/?"), [ARN]], ids=["all", "stage", "mark", "list"]
)
def test_a_policy_s_resource_may_have_wildcards(world, resource):
    rest(world, policy("Allow", resource))

    assert ask(world, {"Authorization": "x"})[0] == 200


def test_a_deny_outweighs_an_allow(world):
    answer = policy("Allow", "*")
    answer["policyDocument"]["Statement"].append({"Action": "*", "Effect": "Deny", "Resource": ARN})
    rest(world, answer)

    assert ask(world, {"Authorization": "x"})[0] == 403


def test_a_request_without_its_token_asks_nobody(world):
    asked = rest(world, policy("Allow"), identityValidationExpression="Bearer .*")

    assert [ask(world, headers)[:2] for headers in (None, {"Authorization": "Basic x"})] == [(401, {"message": "Unauthorized"})] * 2
    assert asked == []


def test_a_request_authorizer_sees_the_request_and_needs_all_its_sources(world):
    asked = rest(
        world, policy("Allow"), kind="request", source="method.request.header.X-User, method.request.querystring.key, stageVariables.colour"
    )

    assert ask(world, {"X-User": "ann"})[0] == 401
    assert ask(world, {"X-User": "ann"}, "/people/7?key=k")[0] == 200
    (event,) = asked
    assert (event["type"], event["methodArn"], event["resource"], event["httpMethod"]) == ("REQUEST", ARN, "/people/{id}", "GET")
    assert (event["headers"]["X-User"], event["queryStringParameters"], event["pathParameters"]) == ("ann", {"key": "k"}, {"id": "7"})
    assert event["multiValueQueryStringParameters"] == {"key": ["k"]}
    assert "body" not in event


def test_a_request_authorizer_reads_an_empty_object_where_nothing_is_sent(world):
    asked = rest(world, policy("Allow"), kind="request", source="method.request.header.X-User")

    assert ask(world, {"X-User": "ann"})[0] == 200
    assert (asked[0]["queryStringParameters"], asked[0]["multiValueQueryStringParameters"]) == ({}, {})


def http(world, answer, **more):
    authorizer = {"type": "request", "authorizerUri": GUARD_URI, "identitySource": "$request.header.Authorization", **more}
    document = {"components": {"securitySchemes": {"Guard": {"type": "apiKey", "x-amazon-apigateway-authorizer": authorizer}}}}
    operation = {**proxy(payloadFormatVersion="2.0"), "security": [{"Guard": []}]}
    world.api({"/people/{id}": {"get": operation}}, is_rest=False, **document)
    return world.guard(answer)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"isAuthorized": True, "context": {"n": 1}}, (200, "ok", None)),
        ({"isAuthorized": False}, (403, {"message": "Forbidden"}, None)),
        ({"isAuthorized": True, "context": "text"}, (500, {"message": "Internal Server Error"}, None)),
        ({"isAuthorized": "yes"}, (500, {"message": "Internal Server Error"}, None)),
        (RuntimeError("Unauthorized"), (401, {"message": "Unauthorized"}, None)),
    ],
    ids=["yes", "no", "no context", "neither", "unauthorized"],
)
def test_an_http_api_s_authorizer_may_answer_yes_or_no(world, answer, expected):
    asked = http(world, answer, authorizerPayloadFormatVersion="2.0", enableSimpleResponses=True)

    assert ask(world, {"Authorization": "x"}) == expected
    assert (asked[0]["version"], asked[0]["routeArn"], asked[0]["identitySource"]) == ("2.0", ARN, ["x"])
    assert [event["requestContext"]["authorizer"] for event in world.events] == ([{"lambda": {"n": 1}}] if expected[0] == 200 else [])


def test_an_http_api_s_authorizer_may_answer_a_policy(world):
    asked = http(world, policy("Allow", context={"n": 1}), authorizerPayloadFormatVersion="1.0")

    assert ask(world, {"Authorization": "x"})[0] == 200
    assert (asked[0]["version"], asked[0]["methodArn"], asked[0]["authorizationToken"]) == ("1.0", ARN, "x")
    assert world.events[0]["requestContext"]["authorizer"] == {"lambda": {"n": 1}}
    assert ask(world)[:2] == (401, {"message": "Unauthorized"})


def test_a_route_may_be_open_where_all_others_have_the_default_authorizer(world):
    rest(world, policy("Allow"))
    document = {"security": [{"Guard": []}]}

    world.api({"/people/{id}": {"get": {**proxy(), "security": [{"NONE": []}]}}}, **document)

    assert ask(world)[0] == 200


def test_a_signature_is_asked_for_where_iam_guards_a_route(world):
    document = {"securityDefinitions": {"sigv4": {"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}}}
    world.api({"/people/{id}": {"get": {**proxy(), "security": [{"sigv4": []}]}}}, **document)

    assert ask(world)[:2] == (403, {"message": "Missing Authentication Token"})
    assert ask(world, {"Authorization": "AWS4-HMAC-SHA256 Credential=AKID/20200101/us-east-1/execute-api/aws4_request"})[0] == 200


def test_an_authorizer_that_is_no_function_is_refused_where_a_route_has_it(world):
    jwt = {"type": "jwt", "identitySource": "$request.header.Authorization", "jwtConfiguration": {}}
    document = {"components": {"securitySchemes": {"Pool": {"type": "oauth2", "x-amazon-apigateway-authorizer": jwt}}}}

    world.api({"/open": {"get": proxy()}}, is_rest=False, **document)
    with pytest.raises(UnsupportedFeature, match=r"the route GET /closed .* the authorizer Pool is no Lambda authorizer \(jwt\)"):
        world.api({"/closed": {"get": {**proxy(), "security": [{"Pool": []}]}}}, is_rest=False, **document)


def test_a_validation_that_cannot_be_read_is_refused(world):
    with pytest.raises(UnsupportedFeature, match=r"the authorizer Guard has the validation expression '\('"):
        rest(world, policy("Allow"), identityValidationExpression="(")


def test_a_policy_of_many_wildcards_is_judged_however_long_the_path_is(world):
    rest(world, policy("Allow", "arn:aws:execute-api:*:*:*:*:*:*/elsewhere"))

    assert ask(world, {"Authorization": "x"}, "/people/" + ":" * 20_000)[0] == 403


def test_a_policy_s_wildcard_stands_for_a_line_break_too(world):
    answer = policy("Allow", "*")
    answer["policyDocument"]["Statement"].append({"Action": "*", "Effect": "Deny", "Resource": ARN.replace("7", "*")})
    rest(world, answer)

    assert ask(world, {"Authorization": "x"}, "/people/7%0A")[1]["Message"].endswith("with an explicit deny")


def test_an_expression_that_a_token_keeps_busy_is_ended(world, monkeypatch):
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.02)
    asked = rest(world, policy("Allow"), identityValidationExpression="(x+x+)+y")

    status, answer, _ = ask(world, {"Authorization": "x" * 5000})

    assert (status, asked) == (500, [])
    assert "takes longer" in answer["message"]


@pytest.mark.parametrize(
    "answer",
    [policy("Allow", context=[1]), {"principalId": "ann", "policyDocument": {"Statement": ["x"]}}],
    ids=["context", "statement"],
)
def test_an_authorizer_s_answer_of_no_known_form_is_its_fault(world, answer):
    rest(world, answer)

    assert ask(world, {"Authorization": "x"}) == (500, {"message": None}, "AuthorizerConfigurationException")


def test_an_authorizer_that_takes_too_long_is_given_up(world, monkeypatch):
    monkeypatch.setattr(api_gateway, "AUTHORIZER_SECONDS", 0.02)
    is_over = threading.Event()
    rest(world, lambda _: is_over.wait(60))

    status, _, error = ask(world, {"Authorization": "x"})
    is_over.set()

    assert (status, error) == (500, "AuthorizerConfigurationException")
