import json

import pytest
from tests.unit.stacks.embedded.apis.requesting import proxy

from stepstack.errors import UnsupportedFeature

SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
VALIDATORS = {"all": {"validateRequestBody": True, "validateRequestParameters": True}, "parameters": {"validateRequestParameters": True}}


def api(world, operation, **document):
    told = {"x-amazon-apigateway-request-validators": VALIDATORS, **document}
    world.api({"/a/{id}": {"post": {**proxy(), **operation}}}, **told)


def ask(world, body=b"", path="/a/7", headers=None):
    status, received, content = world.send("POST", f"/execute-api/abc123/Prod{path}", headers=headers or {}, body=body)
    return status, json.loads(content)["message"] if status != 200 else None, received.get("x-amzn-errortype")


def test_required_parameters_have_to_be_there(world):
    needed = [
        {"in": "query", "name": "page", "required": True},
        {"in": "header", "name": "X-Tenant", "required": True},
        {"in": "path", "name": "id"},
    ]
    api(world, {"parameters": needed, "x-amazon-apigateway-request-validator": "parameters"})

    assert ask(world) == (400, "Missing required request parameters: [page, X-Tenant]", "BadRequestException")
    assert ask(world, path="/a/7?page=", headers={"X-Tenant": "t"})[1] == "Missing required request parameters: [page]"
    assert ask(world, path="/a/7?page=1", headers={"X-Tenant": "t"})[0] == 200


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        (
            {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/O"}}}}},
            {"components": {"schemas": {"O": SCHEMA}}},
        ),
        ({"parameters": [{"in": "body", "name": "O", "schema": {"$ref": "#/definitions/O"}}]}, {"definitions": {"O": SCHEMA}}),
    ],
    ids=["OpenAPI 3", "Swagger 2"],
)
@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"id": 1}', 200), (b'{"id": "1"}', 400), (b"{}", 400), (b"{broken", 400), (b"", 400), (b"[" * 100_000, 400)],
    ids=["fits", "type", "missing", "no JSON", "none", "too deep"],
)
def test_a_body_has_to_fit_its_model(world, operation, document, body, status):
    api(world, operation, **{"x-amazon-apigateway-request-validator": "all"}, **document)

    assert ask(world, body)[:2] == (status, None if status == 200 else "Invalid request body")


def test_a_body_of_a_type_without_a_model_is_not_looked_at(world):
    api(world, {"requestBody": {"content": {"application/json": {"schema": SCHEMA}}}, "x-amazon-apigateway-request-validator": "all"})

    assert ask(world, b"text", headers={"content-type": "text/plain"})[0] == 200


def test_a_default_model_is_for_bodies_of_all_types(world):
    api(world, {"requestBody": {"content": {"$default": {"schema": SCHEMA}}}, "x-amazon-apigateway-request-validator": "all"})

    assert [ask(world, body, headers={"content-type": "text/plain"})[0] for body in (b'{"id": 1}', b"{}")] == [200, 400]


def test_a_validator_that_is_not_there_is_refused(world):
    with pytest.raises(UnsupportedFeature, match=r"POST /a/\{id\} has the request validator none, which is not there"):
        api(world, {"x-amazon-apigateway-request-validator": "none"})


def test_a_model_that_is_none_is_refused(world):
    content = {"application/json": {"schema": {"type": 7}}}

    with pytest.raises(UnsupportedFeature, match=r"POST /a/\{id\} has its body validated by what is no model"):
        api(world, {"requestBody": {"content": content}, "x-amazon-apigateway-request-validator": "all"})


@pytest.mark.parametrize("reference", ["#/components/schemas/Nothing", "http://127.0.0.1:9/model"], ids=["missing", "elsewhere"])
def test_a_model_that_is_not_in_the_template_is_refused(world, reference):
    schema = {"type": "object", "properties": {"order": {"$ref": reference}}}

    with pytest.raises(UnsupportedFeature, match=f"validated by a model that is not in the template: .*{reference.rpartition('/')[2]}"):
        api(
            world,
            {"requestBody": {"content": {"application/json": {"schema": schema}}}, "x-amazon-apigateway-request-validator": "all"},
            components={"schemas": {}},
        )


@pytest.mark.parametrize("schema", [{"pattern": "^(x+x+)+y$"}, {"type": "object", "patternProperties": {"^(x+x+)+y$": {}}}], ids=min)
def test_a_model_s_expression_that_a_body_keeps_busy_is_ended(world, monkeypatch, schema):
    monkeypatch.setattr("stepstack.query.time_bound.TIME_LIMIT_SECONDS", 0.02)
    api(world, {"requestBody": {"content": {"application/json": {"schema": schema}}}, "x-amazon-apigateway-request-validator": "all"})
    text = "x" * 5000

    status, message, _ = ask(world, json.dumps(text if "pattern" in schema else {text: 1}).encode())

    assert status == 500
    assert "takes longer" in message


def test_a_text_has_to_fit_its_model_s_expressions(world):
    schema = {"type": "object", "properties": {"id": {"pattern": "^[0-9]+$"}}, "patternProperties": {"^n_": {"type": "integer"}}}
    api(world, {"requestBody": {"content": {"application/json": {"schema": schema}}}, "x-amazon-apigateway-request-validator": "all"})

    assert [ask(world, body)[0] for body in (b'{"id": "12", "n_a": 1}', b'{"id": "x12"}', b'{"n_a": "1"}')] == [200, 400, 400]


@pytest.mark.parametrize("schema", [{"properties": {"id": {"pattern": "("}}}, {"patternProperties": {"(": {}}}], ids=["pattern", "names"])
def test_a_model_s_expression_that_cannot_be_read_is_refused(world, schema):
    content = {"application/json": {"schema": {"type": "object", **schema}}}

    with pytest.raises(UnsupportedFeature, match="expression"):
        api(world, {"requestBody": {"content": content}, "x-amazon-apigateway-request-validator": "all"})


def test_what_a_model_does_not_expect_is_refused(world):
    schema = {"properties": {"a": {}}, "patternProperties": {"^n_": {}}, "additionalProperties": False}
    api(world, {"requestBody": {"content": {"application/json": {"schema": schema}}}, "x-amazon-apigateway-request-validator": "all"})

    assert [ask(world, body)[0] for body in (b'{"a": 1, "n_b": 2}', b'{"b": 1}', b'"text"')] == [200, 400, 200]
