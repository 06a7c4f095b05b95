from tests.unit.stacks.embedded.apis.requesting import proxy

CORS = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}


def test_an_api_may_answer_in_its_own_words(world):
    template = '{"message":$context.error.messageString,"type":"$context.error.responseType","at":"$context.stage"}'
    own = {"UNAUTHORIZED": {"statusCode": 418, "responseParameters": CORS, "responseTemplates": {"application/json": template}}}
    guarded = {"type": "apiKey", "name": "x-api-key", "in": "header"}
    document = {"x-amazon-apigateway-gateway-responses": {**own, "DEFAULT_4XX": {"responseParameters": CORS}}}
    world.api({"/a": {"get": {**proxy(), "security": [{"key": []}]}}}, securityDefinitions={"key": guarded}, **document)

    status, headers, body = world.send("GET", "/execute-api/abc123/Prod/a")
    assert (status, headers["access-control-allow-origin"], body) == (403, "*", b'{"message": "Forbidden"}')
    assert world.send("GET", "/execute-api/abc123/Prod/nowhere")[1]["access-control-allow-origin"] == "*"


def test_a_response_has_its_status_and_its_template(world):
    template = '{"m":$context.error.messageString,"t":"$context.error.responseType","s":"$context.stage"}'
    own = {"DEFAULT_5XX": {"statusCode": 599, "responseTemplates": {"application/json": template}}}
    world.api({"/a": {"get": proxy()}}, **{"x-amazon-apigateway-gateway-responses": own})
    world.answer = RuntimeError("down")

    status, _, body = world.send("GET", "/execute-api/abc123/Prod/a")

    assert (status, body) == (599, b'{"m":"Internal server error","t":"PROXY_FAILURE","s":"Prod"}')


def test_a_header_may_be_the_request_s(world):
    told = {
        "gatewayresponse.header.X-From": "method.request.header.Origin",
        "gatewayresponse.header.X-Page": "method.request.querystring.page",
        "gatewayresponse.header.X-Stage": "context.stage",
    }
    world.api({"/a": {"get": proxy()}}, **{"x-amazon-apigateway-gateway-responses": {"DEFAULT_5XX": {"responseParameters": told}}})
    world.answer = RuntimeError("down")

    headers = world.send("GET", "/execute-api/abc123/Prod/a", headers={"Origin": "https://a.example"})[1]

    assert (headers["x-from"], headers["x-stage"], "x-page" in headers) == ("https://a.example", "Prod", False)


def test_a_parameter_that_no_header_can_hold_is_left_out(world):
    told = {"gatewayresponse.header.X-Page": "method.request.querystring.page"}
    world.api({"/a": {"get": proxy()}}, **{"x-amazon-apigateway-gateway-responses": {"DEFAULT_5XX": {"responseParameters": told}}})
    world.answer = RuntimeError("down")

    status, headers, _ = world.send("GET", "/execute-api/abc123/Prod/a?page=1%0D%0ASet-Cookie:%20a")

    assert (status, "x-page" in headers) == (502, False)
