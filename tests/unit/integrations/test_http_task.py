import base64
import json

import pytest

from stepstack.integrations.endpoints import Endpoints

CONNECTION = "arn:aws:events:us-east-1:123456789012:connection/shop/0f0f"


@pytest.fixture
def invoked(called):
    """Makes one call of an API that answers so: the answer or the failure, and the requests."""

    def make(parameters, answer, connections=None, services=None):
        return called(
            "http:invoke",
            lambda url: {"ApiEndpoint": url, "Method": "GET", "Authentication": {"ConnectionArn": CONNECTION}, **parameters},
            lambda request: services[request.operation] if request.operation else answer,
            lambda url: Endpoints(connections=connections or {}, default_url=url if services else None),
        )

    return make


GIVEN = {CONNECTION: {"X-Key": "secret"}}


def test_query_headers_body_and_the_given_authorization_make_the_request(invoked):
    parameters = {"Method": "POST", "QueryParameters": {"a": [1, 2], "b": "c d"}, "Headers": {"X-One": "1"}, "RequestBody": {"a": None}}
    answer, [request] = invoked(parameters, (200, {"ok": True}), GIVEN)
    assert (request.method, request.target, request.body) == ("POST", "/?a=1&a=2&b=c%20d", b'{"a":null}')
    assert (request.headers["x-one"], request.headers["x-key"], request.headers["content-type"]) == ("1", "secret", "application/json")
    assert request.headers["user-agent"] == "Amazon|StepFunctions|HttpInvoke|us-east-1"
    assert (answer["ResponseBody"], answer["StatusCode"]) == ({"ok": True}, 200)


def test_a_connection_may_be_given_by_its_name(invoked):
    _, [request] = invoked({}, (200, {}), {"shop": {"X-Key": "by name"}})
    assert request.headers["x-key"] == "by name"


@pytest.mark.parametrize(
    ("array_format", "body"),
    [
        (None, b"a=1&l%5B0%5D=x&l%5B1%5D=y&o%5Bk%5D=true"),
        ("REPEAT", b"a=1&l=x&l=y&o%5Bk%5D=true"),
        ("BRACKETS", b"a=1&l%5B%5D=x&l%5B%5D=y&o%5Bk%5D=true"),
        ("COMMAS", b"a=1&l=x%2Cy&o%5Bk%5D=true"),
    ],
)
def test_bodies_are_encoded_as_forms_where_that_is_asked(invoked, array_format, body):
    transform = {"RequestBodyEncoding": "URL_ENCODED"}
    if array_format:
        transform["RequestEncodingOptions"] = {"ArrayFormat": array_format}
    parameters = {"Method": "POST", "RequestBody": {"a": 1, "l": ["x", "y"], "o": {"k": True}}, "Transform": transform}
    _, [request] = invoked(parameters, (200, {}), GIVEN)
    assert request.body == body
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("secret", "headers"),
    [
        ({"api_key_name": "X-Api-Key", "api_key_value": "v"}, {"x-api-key": "v"}),
        ({"username": "u", "password": "p"}, {"authorization": "Basic " + base64.b64encode(b"u:p").decode()}),
    ],
    ids=["key", "basic"],
)
def test_a_connection_is_looked_up_with_its_secret(invoked, secret, headers):
    services = {"DescribeConnection": (200, {"SecretArn": "arn:secret"}), "GetSecretValue": (200, {"SecretString": json.dumps(secret)})}
    _, requests = invoked({}, (200, {}), services=services)
    assert requests[0].json == {"Name": "shop"}
    assert requests[1].json == {"SecretId": "arn:secret"}
    assert {name: requests[2].headers.get(name) for name in headers} == headers


def test_a_connection_that_cannot_be_resolved_fails_the_task(invoked):
    missing = {"DescribeConnection": (400, {"__type": "ResourceNotFoundException", "message": "Connection 'shop' does not exist."})}
    failure, requests = invoked({}, (200, {}), services=missing)
    assert failure.error_name == "States.Runtime"
    assert "Connection 'shop' does not exist." in failure.cause
    assert len(requests) == 1


@pytest.mark.parametrize(("body", "cause"), [(b"gone", "gone"), (b"", "Words")], ids=["body", "no body"])
def test_a_status_of_400_or_more_fails_the_task(invoked, body, cause):
    failure, _ = invoked({}, (404, body), GIVEN)
    assert (failure.error_name, failure.cause) == ("States.Http.StatusCode.404", cause)


def test_an_api_that_is_not_there_is_a_failure_of_its_socket(invoked):
    failure, _ = invoked({"ApiEndpoint": "http://127.0.0.1:1/"}, (200, {}), GIVEN)
    assert failure.error_name == "States.Http.Socket"


def test_what_is_no_url_is_not_called(invoked):
    failure, requests = invoked({"ApiEndpoint": "file:///etc/passwd"}, (200, {}), GIVEN)
    assert (failure.error_name, requests) == ("States.Runtime", [])
