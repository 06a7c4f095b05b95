import base64
import json
import threading

import pytest
from tests.unit.stacks.embedded.apis.requesting import proxy

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis.api import Api


def test_a_rest_event_has_what_aws_s_has(world):
    world.api({"/users/{id}": {"get": proxy()}})
    status, _, body = world.send("GET", "/execute-api/abc123/Prod/users/a%20b?x=1&x=2&y=", headers={"X-Api-Version": "3"})
    assert (status, body) == (200, b"ok")
    (event,) = world.events
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/users/{id}", "/users/a b", "GET")
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "2", "y": ""}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": [""]}
    assert event["headers"]["X-Api-Version"] == "3"
    assert (event["body"], event["isBase64Encoded"], event["stageVariables"]) == (None, False, None)
    assert (event["requestContext"]["stage"], event["requestContext"]["path"]) == ("Prod", "/Prod/users/a%20b")
    assert "version" not in event


def test_an_api_answers_under_its_host_name_too(world):
    world.api({"/": {"get": proxy()}})
    assert world.send("GET", "/Prod/", host="abc123.execute-api.localhost:4321")[0] == 200


def test_literal_paths_come_before_parameters_and_parameters_before_the_rest(world):
    world.api({"/{proxy+}": {"x-amazon-apigateway-any-method": proxy()}, "/a/{id}": {"get": proxy()}, "/a/b": {"get": proxy()}})
    for path in ("a/b", "a/c", "a/c/d", "z"):
        world.send("GET", f"/execute-api/abc123/Prod/{path}")
    world.send("POST", "/execute-api/abc123/Prod/a/b")
    assert [event["resource"] for event in world.events] == ["/a/b", "/a/{id}", "/{proxy+}", "/{proxy+}", "/{proxy+}"]
    assert world.events[2]["pathParameters"] == {"proxy": "a/c/d"}


@pytest.mark.parametrize(
    ("path", "method"),
    [("/execute-api/abc123/Prod/none", "GET"), ("/execute-api/abc123/Prod/a", "PUT")],
)
def test_an_unknown_route_of_a_rest_api_is_forbidden(world, path, method):
    world.api({"/a": {"get": proxy()}})
    status, _, body = world.send(method, path)
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})


@pytest.mark.parametrize("path", ["/Other/a", "/a", "/", ""])
def test_an_unknown_stage_of_a_rest_api_is_forbidden_in_other_words(world, path):
    world.api({"/a": {"get": proxy()}})
    status, headers, body = world.send("GET", f"/execute-api/abc123{path}")
    assert (status, json.loads(body), headers["x-amzn-errortype"]) == (403, {"message": "Forbidden"}, "ForbiddenException")


def test_an_unknown_stage_of_an_http_api_is_not_found(world):
    world.api({"/a": {"get": proxy()}}, is_rest=False)
    assert world.send("GET", "/execute-api/abc123/Other/a")[::2] == (404, b'{"message": "Not Found"}')


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("no"),
        None,
        "text",
        {"body": "no status"},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "unknown": 1},
        {"statusCode": "x"},
        {"statusCode": 200, "headers": {"a": ["b"]}},
    ],
    ids=["raises", "nothing", "text", "no status", "object body", "other member", "bad status", "list header"],
)
def test_what_is_no_proxy_answer_is_a_bad_gateway(world, answer):
    world.api({"/a": {"get": proxy()}})
    world.answer = answer
    status, _, body = world.send("GET", "/execute-api/abc123/Prod/a")
    assert (status, json.loads(body)) == (502, {"message": "Internal server error"})


def test_status_headers_and_binary_bodies_go_back(world):
    world.api({"/a": {"get": proxy()}})
    world.answer = {
        "statusCode": "404",
        "headers": {"Content-Type": "image/png", "X-Flag": True},
        "multiValueHeaders": {"X-Many": ["a", "b"]},
        "body": base64.b64encode(b"\x00\xff").decode(),
        "isBase64Encoded": True,
    }
    status, headers, body = world.send("GET", "/execute-api/abc123/Prod/a")
    assert (status, body) == (404, b"\x00\xff")
    assert (headers["content-type"], headers["x-flag"], headers["x-many"]) == ("image/png", "true", "a, b")


@pytest.mark.parametrize(
    ("types", "content_type", "body", "is_base64"),
    [
        ([], "image/png", "\ufffd", False),
        (["image/*"], "image/png", "/w==", True),
        (["*/*"], "image/png", "/w==", True),
        (["image~1png"], "image/png; x=1", "/w==", True),
    ],
    ids=["as text", "kind", "everything", "escaped"],
)
def test_a_rest_api_s_binary_types_decide_on_the_body(world, types, content_type, body, is_base64):
    world.api({"/a": {"post": proxy()}}, **{"x-amazon-apigateway-binary-media-types": types})
    world.send("POST", "/execute-api/abc123/Prod/a", headers={"content-type": content_type}, body=b"\xff")
    assert (world.events[0]["body"], world.events[0]["isBase64Encoded"]) == (body, is_base64)


def test_an_http_event_leaves_out_what_is_absent(world):
    world.api({"/a/{id}": {"get": proxy(payloadFormatVersion="2.0")}}, is_rest=False, stage="$default")
    world.send("GET", "/execute-api/abc123/a/1", headers={"cookie": "a=1; b=2"})
    (event,) = world.events
    assert (event["version"], event["routeKey"], event["rawPath"], event["rawQueryString"]) == ("2.0", "GET /a/{id}", "/a/1", "")
    assert (event["cookies"], event["pathParameters"]) == (["a=1", "b=2"], {"id": "1"})
    assert event["requestContext"]["http"]["method"] == "GET"
    assert {"body", "queryStringParameters", "stageVariables"}.isdisjoint(event)


@pytest.mark.parametrize(
    ("answer", "body"), [({"a": 1}, b'{"a": 1}'), ("text", b"text"), ([1], b"[1]"), ({"statusCode": 200, "body": "b"}, b"b")]
)
def test_an_http_api_infers_an_answer(world, answer, body):
    world.api({"/a": {"get": proxy(payloadFormatVersion="2.0")}}, is_rest=False, stage="$default")
    world.answer = answer
    assert world.send("GET", "/execute-api/abc123/a")[::2] == (200, body)


def test_cookies_are_headers_of_their_own(world):
    world.api({"/a": {"get": proxy(payloadFormatVersion="2.0")}}, is_rest=False, stage="$default")
    world.answer = {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": ""}
    _, headers, _ = world.send("GET", "/execute-api/abc123/a")
    assert headers["set-cookie"] == "a=1, b=2"
    assert "x-injected" not in headers


def test_a_failing_function_is_an_http_api_s_internal_error(world):
    world.api({"/a": {"get": proxy(payloadFormatVersion="2.0")}}, is_rest=False, stage="$default")
    world.answer = RuntimeError("no")
    status, _, body = world.send("GET", "/execute-api/abc123/a")
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})


def test_a_preflight_is_answered_from_the_definition(world):
    answers = {"responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}
    mock = {"x-amazon-apigateway-integration": {"type": "mock", "responses": {"default": answers}}}
    world.api({"/a": {"get": proxy(), "options": mock}})
    status, headers, _ = world.send("OPTIONS", "/execute-api/abc123/Prod/a")
    assert (status, headers["access-control-allow-origin"], world.events) == (200, "*", [])


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        ({**proxy(), "security": [{"key": []}]}, "GET /a has the authorizer key, which is not there"),
        ({"x-amazon-apigateway-integration": {"type": "http_proxy", "uri": "http://x"}}, "GET /a has no Lambda proxy integration"),
        ({}, "GET /a has no Lambda proxy integration"),
    ],
    ids=["authorizer", "http", "none"],
)
def test_what_is_not_supported_is_refused_when_the_api_is_made(operation, text):
    with pytest.raises(UnsupportedFeature, match=text):
        Api("abc123", {"paths": {"/a": {"get": operation}}}, is_rest=True)


def test_an_unknown_api_is_forbidden(world):
    world.api({})
    assert world.send("GET", "/execute-api/nobody/Prod/a")[0] == 403


def test_what_a_document_demands_of_all_operations_is_refused_where_an_operation_does_not_say_otherwise(world):
    document = {"security": [{"key": []}]}

    world.api({"/open": {"get": {**proxy(), "security": []}}}, **document)
    with pytest.raises(UnsupportedFeature, match=r"the route GET /closed has the authorizer key, which is not there"):
        world.api({"/closed": {"get": proxy()}}, **document)


@pytest.mark.parametrize("path", ["/execute-api/", "/execute-api//x", "/execute-api/nobody/x", "/lambda-url/nobody/"])
def test_nothing_but_an_api_answers_at_an_api_s_path(world, path):
    sent = {"content-type": "application/x-www-form-urlencoded", "x-amz-target": "AmazonSQS.CreateQueue"}
    signed = "?X-Amz-Credential=AKID/20200101/us-east-1/sqs/aws4_request"

    assert world.send("POST", path + signed, headers=sent, body=b"Action=CreateQueue&QueueName=q")[::2] == (
        403,
        b'{"message": "Forbidden"}',
    )


@pytest.mark.parametrize("order", [1, -1], ids=["before", "behind"])
def test_the_default_route_takes_only_what_no_other_does(world, order):
    paths = {"/$default": {"x-amazon-apigateway-any-method": proxy()}, "/a/b/c": {"get": proxy()}, "/z/{proxy+}": {"get": proxy()}}
    world.api(dict(list(paths.items())[::order]), is_rest=False, stage="$default")

    for path in ("a/b/c", "z/1", "a/b", "z"):
        world.send("GET", f"/execute-api/abc123/{path}")

    assert [event["resource"] for event in world.events] == ["/a/b/c", "/z/{proxy+}", "/$default", "/$default"]


@pytest.mark.parametrize(
    ("is_rest", "expected"),
    [(True, (504, {"message": "Endpoint request timed out"})), (False, (503, {"message": "Service Unavailable"}))],
    ids=["REST", "HTTP"],
)
def test_an_integration_has_the_time_that_it_is_given(world, is_rest, expected):
    world.api({"/a": {"get": proxy(timeoutInMillis=50)}}, is_rest=is_rest)
    may_end = threading.Event()
    world.services.lambda_service.register("f", lambda _event, _context: may_end.wait(20))

    status, _, body = world.send("GET", "/execute-api/abc123/Prod/a")
    may_end.set()

    assert (status, json.loads(body)) == expected


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 42},
        {"statusCode": 100},
        {"statusCode": 1000},
        {"statusCode": 200, "headers": {"X-A": "a\r\nSet-Cookie: b=c"}},
        {"statusCode": 200, "headers": {"X-A": "a\nb"}},
        {"statusCode": 200, "headers": {"X-A\r\nX-B": "a"}},
        {"statusCode": 200, "headers": {"": "a"}},
        {"statusCode": 200, "headers": {"X-\u0105": "a"}},
        {"statusCode": 200, "headers": {"X-A": "\ud800"}},
        {"statusCode": 200, "multiValueHeaders": {"X-A": ["a", "b\0"]}},
        {"statusCode": 200, "cookies": ["a=b\nc=d"]},
    ],
    ids=json.dumps,
)
def test_an_answer_that_http_cannot_carry_is_a_failure_of_the_function(world, answer):
    world.api({"/a": {"get": proxy()}})
    world.answer = answer

    assert world.send("GET", "/execute-api/abc123/Prod/a")[::2] == (502, b'{"message": "Internal server error"}')


def test_a_function_s_answer_leaves_the_connection_to_the_server(world):
    world.api({"/a": {"get": proxy()}})
    world.answer = {"statusCode": 200, "headers": {"Content-Length": "1", "transfer-encoding": "chunked", "X-A": "1"}, "body": "four"}

    status, headers, body = world.send("GET", "/execute-api/abc123/Prod/a")

    assert (status, headers["content-length"], headers["x-a"], body) == (200, "4", "1", b"four")
    assert "transfer-encoding" not in headers


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_has_no_body(world, status):
    world.api({"/a": {"get": proxy()}})
    world.answer = {"statusCode": status, "body": "null"}

    assert world.send("GET", "/execute-api/abc123/Prod/a")[::2] == (status, b"")
