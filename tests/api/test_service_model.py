"""Whatever a client sends to any operation, over HTTP: an answer of the model's shape, or one of its errors; never a fault of ours.

Requests are drawn from botocore's service model, right and wrong; every answer is one that botocore understands.
"""

from __future__ import annotations

import json

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stepstack.service import activities

from .conftest import RawClient, request

MODEL = ServiceModel(Loader().load_service_model("stepfunctions", "service-2"))
OPERATIONS = MODEL.operation_names
VALIDATION_ERRORS = {"ValidationException", "SerializationException", "InvalidArn", "InvalidName", "InvalidToken"}
"""What any operation may refuse its parameters with, modelled for it or not."""

ACCOUNT = "us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/test"
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
MACHINE = f"arn:aws:states:{ACCOUNT}:stateMachine:known"
ARNS = [
    ROLE,
    MACHINE,
    f"{MACHINE}:1",
    f"{MACHINE}:live",
    f"{MACHINE}:7",
    f"{MACHINE}/label",
    f"arn:aws:states:{ACCOUNT}:activity:known",
    f"arn:aws:states:{ACCOUNT}:execution:known:first",
    f"arn:aws:states:{ACCOUNT}:execution:known:none",
    f"arn:aws:states:{ACCOUNT}:stateMachine:express",
    f"arn:aws:states:{ACCOUNT}:express:express:first:x",
    f"arn:aws:states:{ACCOUNT}:mapRun:known/label:x",
    f"arn:aws:states:{ACCOUNT}:stateMachine:",
    f"{MACHINE}:\u00b2",
    "arn:",
]
TEXTS = [DEFINITION, "{}", "[1]", "known", "first", "live", '{"Type": "Pass", "End": true}', "A", "\ud800", "a/b", "1e400"]
FITTING = {
    "stateMachineArn": [MACHINE, f"{MACHINE}:1", f"{MACHINE}:live"],
    "stateMachineVersionArn": [f"{MACHINE}:1"],
    "stateMachineAliasArn": [f"{MACHINE}:live"],
    "executionArn": [f"arn:aws:states:{ACCOUNT}:execution:known:first"],
    "activityArn": [f"arn:aws:states:{ACCOUNT}:activity:known"],
    "resourceArn": [MACHINE, f"arn:aws:states:{ACCOUNT}:activity:known"],
    "roleArn": [ROLE],
    "definition": [DEFINITION],
    "name": ["known", "other"],
    "input": ["{}", "[1]"],
}
"""What members of these names are given half of the time."""

WRONG = [None, True, 0, -1, 2**31, 2**70, 1.5, "", "x" * 300, [], [[]], {}, {"a": {"b": []}}, ["x"], "\x00"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

bounded = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


def value_of(shape, name=""):
    """Values that the model allows, mostly."""
    kind = shape.type_name
    if kind == "structure":
        members = {name: value_of(member, name) for name, member in shape.members.items()}
        needed = {name: members.pop(name) for name in shape.required_members}
        return st.fixed_dictionaries(needed, optional=members)
    if kind == "list":
        return st.lists(value_of(shape.member), min_size=shape.metadata.get("min", 0), max_size=3)
    if kind == "map":
        return st.dictionaries(st.text(max_size=5), value_of(shape.value), max_size=2)
    if kind == "string":
        return st.sampled_from(FITTING[name]) | text_of(shape) if name in FITTING else text_of(shape)
    if kind == "boolean":
        return st.booleans()
    assert kind in {"integer", "long", "float", "double"}, kind
    return st.integers(shape.metadata.get("min", 0), shape.metadata.get("max", 1000))


def text_of(shape):
    if shape.enum:
        return st.sampled_from(shape.enum)
    if shape.name in {"Arn", "LongArn"}:
        return st.sampled_from(ARNS)
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 100)
    fitting = [text for text in TEXTS if low <= len(text) <= high]
    return st.sampled_from(fitting) | st.text(min_size=low, max_size=min(high, 80))


@st.composite
def spoiled(draw, shape):
    """Parameters with one thing wrong: a member missing, unknown, of another type, too long, out of range."""
    params = draw(value_of(shape))
    place, place_shape = params, shape
    while True:
        name = draw(st.sampled_from([*place_shape.members, "unknownMember"]))
        member = place_shape.members.get(name)
        inner = place.get(name)
        if member is None or member.type_name != "structure" or not isinstance(inner, dict) or draw(st.booleans()):
            break
        place, place_shape = inner, member
    if draw(st.integers(0, 4)) == 0:
        place.pop(name, None)
    elif member is not None and member.type_name == "string" and draw(st.booleans()):
        place[name] = "x" * (member.metadata.get("max", 1000) + 1)
    elif member is not None and "max" in member.metadata and member.type_name in {"integer", "long"} and draw(st.booleans()):
        place[name] = member.metadata["max"] + 1
    else:
        place[name] = draw(st.sampled_from(WRONG))
    return params


class Service:
    """The server, asked over one kept connection."""

    def __init__(self, port):
        self.port = port
        self.client = RawClient(port)

    def ask(self, operation, body):
        self.client.send(request(operation, body))
        return self.client.answer()

    def made(self, operation, **params):
        status, answer = self.ask(operation, json.dumps(params).encode())
        assert status == 200, answer
        return json.loads(answer)


@pytest.fixture
def service(stack):
    """With something of everything, whatever was asked before."""
    stack.run(stack.service.reset())
    made = Service(stack.port)
    version = made.made("CreateStateMachine", name="known", definition=DEFINITION, roleArn=ROLE, publish=True)["stateMachineVersionArn"]
    made.made("CreateStateMachineAlias", name="live", routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}])
    made.made("CreateStateMachine", name="express", definition=DEFINITION, roleArn=ROLE, type="EXPRESS")
    made.made("CreateActivity", name="known")
    made.made("StartExecution", stateMachineArn=MACHINE, name="first")
    yield made
    made.client.close()


@pytest.fixture(autouse=True)
def short_polls(monkeypatch):
    monkeypatch.setattr(activities, "POLL_SECONDS", 0.001)


def check(operation, status, body):
    """A 200 of the output's shape, or a 400 with an error that the model names or that any operation may answer."""
    described = MODEL.operation_model(operation)
    assert status in {200, 400}, (operation, status, body)
    value = json.loads(body)
    response = {"status_code": status, "headers": {}, "body": body}
    parsed = create_parser("json").parse(response, described.output_shape)
    if status == 400:
        code = parsed["Error"]["Code"]
        assert code in {shape.name for shape in described.error_shapes} | VALIDATION_ERRORS, (operation, value)
        assert parsed["Error"]["Message"], (operation, value)
        return
    parsed.pop("ResponseMetadata")
    shape = described.output_shape
    if shape is None:
        assert value == {}
        return
    assert set(value) <= set(shape.members), operation
    problems = ParamValidator().validate(parsed, shape)
    assert not problems.has_errors(), (operation, problems.generate_report())


@pytest.mark.parametrize("operation", OPERATIONS)
@bounded
@given(data=st.data())
def test_right_parameters_get_an_answer_of_the_outputs_shape_or_a_modelled_error(service, operation, data):
    params = data.draw(value_of(MODEL.operation_model(operation).input_shape))
    check(operation, *service.ask(operation, json.dumps(params).encode()))


@pytest.mark.parametrize("operation", OPERATIONS)
@bounded
@given(data=st.data())
def test_wrong_parameters_get_a_modelled_or_a_validation_error_or_are_passed_over(service, operation, data):
    params = data.draw(spoiled(MODEL.operation_model(operation).input_shape))
    check(operation, *service.ask(operation, json.dumps(params).encode()))


@pytest.mark.parametrize("operation", OPERATIONS)
@bounded
@given(data=st.data())
def test_members_of_any_shape_get_a_modelled_or_a_validation_error_or_are_passed_over(service, operation, data):
    members = sorted(MODEL.operation_model(operation).input_shape.members)
    names = st.sampled_from(members) if members else st.text(max_size=5)
    params = data.draw(st.dictionaries(names, anything, max_size=4))
    check(operation, *service.ask(operation, json.dumps(params).encode()))


@settings(bounded, max_examples=60)
@given(body=st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_body_gets_an_answer_or_a_serialization_or_validation_error(service, body):
    check("ListStateMachines", *service.ask("ListStateMachines", body))


def test_the_model_has_all_the_operations():
    assert len(OPERATIONS) >= 37
