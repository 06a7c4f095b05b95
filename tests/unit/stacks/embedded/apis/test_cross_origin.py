import pytest
from tests.unit.stacks.embedded.apis.requesting import proxy

CORS = {
    "allowOrigins": ["https://shop.example"],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["x-a"],
    "maxAge": 300,
    "exposeHeaders": ["x-b"],
}


def api(world, **more):
    world.api({"/a": {"get": proxy(payloadFormatVersion="2.0")}}, is_rest=False, **{"x-amazon-apigateway-cors": {**CORS, **more}})


def test_a_preflight_is_answered_without_the_function(world):
    api(world)

    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    status, headers, _ = world.send("OPTIONS", "/execute-api/abc123/Prod/a", headers=asked)

    assert (status, headers["access-control-allow-origin"], headers["access-control-allow-methods"]) == (
        204,
        "https://shop.example",
        "GET,POST",
    )
    assert (headers["access-control-allow-headers"], headers["access-control-max-age"], world.events) == ("x-a", "300", [])


def test_a_preflight_of_an_origin_that_is_not_allowed_is_told_nothing(world):
    api(world)

    asked = {"Origin": "https://other.example", "Access-Control-Request-Method": "GET"}
    status, headers, _ = world.send("OPTIONS", "/execute-api/abc123/Prod/a", headers=asked)

    assert (status, "access-control-allow-origin" in headers) == (204, False)


@pytest.mark.parametrize(
    ("more", "origin", "allowed"),
    [
        ({}, "https://shop.example", "https://shop.example"),
        ({}, "https://other.example", None),
        ({"allowOrigins": ["*"]}, "https://other.example", "*"),
        ({"allowOrigins": ["https://*"], "allowCredentials": True}, "https://other.example", "https://other.example"),
    ],
    ids=["listed", "not listed", "all", "scheme"],
)
def test_an_answer_tells_who_may_read_it(world, more, origin, allowed):
    api(world, **more)
    world.answer = {"statusCode": 200, "headers": {"access-control-allow-origin": "https://from.function"}, "body": ""}

    headers = world.send("GET", "/execute-api/abc123/Prod/a", headers={"Origin": origin})[1]

    assert headers.get("access-control-allow-origin") == allowed
    assert ("access-control-expose-headers" in headers) == (allowed is not None)
