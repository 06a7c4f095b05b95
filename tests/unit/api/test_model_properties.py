"""Whatever a client sends to any operation: an answer of the model's shape, or one of the model's errors; never a fault of ours."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepstack.api.service_model import known_operation, operation_names, shapes
from stepstack.service import activities

from .conftest import PASS, ROLE, Browser

GENERAL_ERRORS = {"ValidationException", "SerializationException", "InvalidArn", "InvalidToken", "InvalidName"}
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:known"
KNOWN_ARNS = [
    MACHINE,
    f"{MACHINE}:1",
    f"{MACHINE}:live",
    f"{MACHINE}:9",
    f"{MACHINE}/label",
    "arn:aws:states:us-east-1:123456789012:stateMachine:express",
    "arn:aws:states:us-east-1:123456789012:activity:known",
    "arn:aws:states:us-east-1:123456789012:execution:known:first",
    "arn:aws:states:us-east-1:123456789012:express:express:first:x",
    "arn:aws:states:us-east-1:123456789012:mapRun:known/label:x",
    "arn:aws:states:us-east-1:123456789012:stateMachine:",
    "arn:aws:states:us-east-1:123456789012:stateMachine:known:\u00b2",
    "arn:",
]
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def value_of(name):
    """Values for a shape: mostly valid ones, sometimes just over the edge."""
    shape = shapes()[name]
    kind = shape["type"]
    if kind == "structure":
        return structure_of(name)
    if kind == "list":
        return st.lists(value_of(shape["member"]["shape"]), max_size=shape.get("max", 3) + 1)
    if kind == "string":
        return text_of(name, shape)
    return st.booleans() if kind == "boolean" else st.integers(shape.get("min", -2) - 1, shape.get("max", 1000) + 1)


def text_of(name, shape):
    if "enum" in shape:
        return st.sampled_from([*shape["enum"], "NONSENSE"])
    if name in {"Arn", "LongArn"}:
        return st.sampled_from([*KNOWN_ARNS, ROLE]) | st.text(max_size=30)
    return st.sampled_from([PASS, "{}", "[1]", "known", "first", "live", "\ud800", ""]) | st.text(max_size=90)


def structure_of(name):
    shape = shapes()[name]
    required = set(shape.get("required", ()))
    members = {member: value_of(target["shape"]) for member, target in shape["members"].items()}
    needed = {member: strategy for member, strategy in members.items() if member in required}
    optional = {member: strategy for member, strategy in members.items() if member not in required}
    return st.fixed_dictionaries(needed, optional=optional)


@pytest.fixture(scope="module")
def populated(end_loop):
    """One server for all examples, with something of everything."""
    browser = Browser(end_loop)
    created = browser.call("CreateStateMachine", {"name": "known", "definition": PASS, "roleArn": ROLE, "publish": True}).value
    browser.call("CreateStateMachine", {"name": "express", "definition": PASS, "roleArn": ROLE, "type": "EXPRESS"})
    routing = [{"stateMachineVersionArn": created["stateMachineVersionArn"], "weight": 100}]
    browser.call("CreateStateMachineAlias", {"name": "live", "routingConfiguration": routing})
    browser.call("CreateActivity", {"name": "known"})
    browser.call("StartExecution", {"stateMachineArn": created["stateMachineArn"], "name": "first"})
    yield browser
    browser.close()


def check_answer(operation, answer):
    assert answer.status in {200, 400}, answer.body
    if answer.status == 400:
        code, message = answer.error
        assert message
        assert code in known_operation(operation).errors | GENERAL_ERRORS, (operation, code, message)
        return
    output = shapes()[f"{operation}Output"]
    assert set(answer.value) <= set(output["members"]), operation
    assert set(answer.value) >= set(output.get("required", ())), operation


@pytest.fixture(autouse=True)
def short_polls(monkeypatch):
    monkeypatch.setattr(activities, "POLL_SECONDS", 0.001)


@pytest.mark.parametrize("operation", operation_names())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_parameters_of_the_right_shape_get_an_answer_or_a_modelled_error(populated, operation, data):
    params = data.draw(structure_of(known_operation(operation).input_shape))
    check_answer(operation, populated.call(operation, params))


@pytest.mark.parametrize("operation", operation_names())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_parameters_of_any_shape_get_an_answer_or_a_modelled_error(populated, operation, data):
    members = sorted(shapes()[known_operation(operation).input_shape]["members"])
    names = st.sampled_from(members) if members else st.text(max_size=5)
    params = data.draw(st.dictionaries(names, anything, max_size=4))
    check_answer(operation, populated.call(operation, params))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_body_gets_an_answer_or_a_serialization_or_validation_error(populated, text):
    check_answer("ListStateMachines", populated.call("ListStateMachines", text=text))
