import asyncio

import pytest

from stepstack.integrations.api_gateway import ApiGateway
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.http_client import HttpClient


@pytest.fixture
def invoked(called):
    """Makes one call of an API that answers so: the answer or the failure, and the request."""

    def make(parameters, answer, **endpoints):
        return called(
            "apigateway:invoke",
            lambda url: {"ApiEndpoint": url, "Method": "GET", **parameters},
            answer,
            lambda url: Endpoints(**{name: value(url) if callable(value) else value for name, value in endpoints.items()}),
        )

    return make


def test_stage_path_query_headers_and_body_make_the_request(invoked):
    parameters = {
        "Method": "POST",
        "Stage": "prod",
        "Path": "/items/a b",
        "QueryParameters": {"q": ["1", "2"], "r": ["x y"]},
        "Headers": {"custom": ["one", "two"]},
        "RequestBody": {"a": None, "b": [1]},
    }
    _, [request] = invoked(parameters, (200, {}))
    assert (request.method, request.target) == ("POST", "/prod/items/a%20b?q=1&q=2&r=x%20y")
    assert request.headers["custom"] in {"one", "two"}
    assert request.headers["content-type"] == "application/json"
    assert request.body == b'{"b":[1]}'
    assert "authorization" not in request.headers


def test_nulls_are_sent_where_they_are_allowed(invoked):
    _, [request] = invoked({"Method": "PUT", "RequestBody": {"a": None}, "AllowNullValues": True}, (200, {}))
    assert request.body == b'{"a":null}'


def test_the_answer_has_headers_as_lists_and_json_as_json(invoked):
    answer, _ = invoked({}, (201, b'{"a": 1}', {"B-Header": "b", "a-header": "a"}))
    assert answer == {
        "Headers": {"a-header": ["a"], "B-Header": ["b"], "Content-Length": ["8"]},
        "ResponseBody": {"a": 1},
        "StatusCode": 201,
        "StatusText": "Words",
    }


def test_a_body_that_is_no_json_is_text(invoked):
    assert invoked({}, (200, b"plain"))[0]["ResponseBody"] == "plain"


def test_a_status_of_400_or_more_fails_the_task_with_the_body_as_the_cause(invoked):
    failure, _ = invoked({}, (403, b'{"message":"Missing Authentication Token"}'))
    assert (failure.error_name, failure.cause) == ("ApiGateway.403", '{"message":"Missing Authentication Token"}')


def test_with_the_roles_authorization_the_request_is_signed(invoked):
    _, [request] = invoked({"AuthType": "IAM_ROLE", "Stage": "prod"}, (200, {}), default_url="http://127.0.0.1:1")
    assert "/execute-api/aws4_request" in request.headers["authorization"]


def test_a_host_of_aws_is_called_at_its_stand_in(invoked):
    host = "abc.execute-api.us-east-1.amazonaws.com"
    _, [request] = invoked({"ApiEndpoint": host, "Stage": "prod"}, (200, {}), urls=lambda url: {"execute-api": url})
    assert (request.headers["host"], request.target) == (host, "/prod")


def test_a_host_of_aws_without_a_stand_in_is_an_error_that_says_what_to_set(invoked):
    failure, requests = invoked({"ApiEndpoint": "abc.execute-api.us-east-1.amazonaws.com"}, (200, {}))
    assert failure.error_name == "States.Runtime"
    assert "AWS_ENDPOINT_URL_EXECUTE_API" in failure.cause
    assert requests == []


def test_an_api_that_is_not_there_is_a_failure_of_the_sdk(invoked):
    failure, _ = invoked({"ApiEndpoint": "http://127.0.0.1:1"}, (200, {}))
    assert failure.error_name == "ApiGateway.SdkClientException"


def test_a_signed_request_keeps_headers_of_the_same_name():
    api = ApiGateway(HttpClient(), Endpoints(default_url="http://127.0.0.1:1"))
    headers = asyncio.run(api._signed("GET", "http://127.0.0.1:1/prod", [("custom", "one"), ("custom", "two")], b""))
    assert [value for name, value in headers if name == "custom"] == ["one", "two"]
    assert any(name == "Authorization" and "custom;host" in value for name, value in headers)
