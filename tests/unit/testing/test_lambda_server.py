"""Functions of this process for an engine elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import socket

import pytest

from stepstack.errors import StackError
from stepstack.stacks.lambda_router import LambdaPlace
from stepstack.testing import LambdaFunctions, Stack, StateMachineHandle
from stepstack.testing.lambda_server import with_alias

STATES = "arn:aws:states:::"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:price"


def task(**fields):
    return {"StartAt": "A", "States": {"A": {"Type": "Task", "End": True, **fields}}}


def invoke(resource="arn:aws:states:::lambda:invoke", field="Parameters", **members):
    return task(Resource=resource, **{field: members})


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (task(Resource=ARN), task(Resource=f"{ARN}:gw1")),
        (invoke(FunctionName="price"), invoke(FunctionName="price:gw1")),
        (invoke(FunctionName=ARN), invoke(FunctionName=f"{ARN}:gw1")),
        (
            invoke("arn:aws:states:::lambda:invoke.waitForTaskToken", FunctionName="price"),
            invoke("arn:aws:states:::lambda:invoke.waitForTaskToken", FunctionName="price:gw1"),
        ),
        (
            invoke("arn:aws:states:::aws-sdk:lambda:invoke", FunctionName="p"),
            invoke("arn:aws:states:::aws-sdk:lambda:invoke", FunctionName="p:gw1"),
        ),
        (invoke(field="Arguments", FunctionName="price"), invoke(field="Arguments", FunctionName="price:gw1")),
    ],
    ids=["function's ARN", "name", "ARN as FunctionName", "callback", "aws-sdk", "JSONata"],
)
def test_a_function_that_a_definition_names_gets_the_alias(definition, expected):
    assert json.loads(with_alias(json.dumps(definition), "gw1")) == expected


@pytest.mark.parametrize(
    "definition",
    [
        task(Resource=f"{ARN}:live"),
        invoke(FunctionName="price:live"),
        invoke(FunctionName="price", Qualifier="live"),
        invoke(**{"FunctionName.$": "$.function"}),
        invoke(field="Arguments", FunctionName="{% $states.input.function %}"),
        invoke("arn:aws:states:::sqs:sendMessage", QueueUrl="price"),
        {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"FunctionName": "price", "Resource": ARN}, "End": True}}},
    ],
    ids=["ARN with an alias", "name with an alias", "Qualifier", "path", "JSONata", "another service", "data"],
)
def test_what_names_no_function_or_has_an_alias_stays_as_it_is_written(definition):
    text = json.dumps(definition, indent=3)

    assert with_alias(text, "gw1") == text


def test_functions_within_branches_and_items_get_it_too():
    inner = invoke(FunctionName="price")
    definition = {
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": [inner], "Next": "M"}, "M": {"Type": "Map", "ItemProcessor": inner, "End": True}},
    }

    assert with_alias(json.dumps(definition), "gw1").count('"price:gw1"') == 2


def test_broken_text_is_left_to_whoever_refuses_it():
    assert with_alias("{", "gw1") == "{"


@pytest.fixture
def elsewhere(monkeypatch):
    """A stack whose engine calls functions at an endpoint, as Step Functions Local does; `elsewhere("gw1")` is that of a worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("STEPSTACK_LAMBDA_HOST", "127.0.0.1")
    with Stack.embedded(endpoints={"lambda": f"http://127.0.0.1:{port}"}) as server:
        opened = []

        def stack(worker="main"):
            endpoints = {"stepfunctions": server.endpoints["*"], "dynamodb": server.endpoints["*"]}
            opened.append(Stack.at(endpoints, backend="local", lambda_place=LambdaPlace(port, worker, "s")))
            return opened[-1]

        yield stack
        for one in reversed(opened):
            one.close()


def price_machine(stack, name="m", alias=None):
    return StateMachineHandle.create(
        stack, name, json.dumps(task(Resource=ARN)), prepare=(lambda text: with_alias(text, alias)) if alias else str
    )


def test_an_engine_elsewhere_reaches_the_functions(elsewhere):
    stack = elsewhere()
    with LambdaFunctions(stack) as functions:
        functions(price=lambda event, context: [event, context.function_name])

        assert price_machine(stack).run({"a": 1}).output == [{"a": 1}, "price"]


def test_each_worker_has_its_own_function_of_a_name(elsewhere):
    stacks = [elsewhere(f"gw{number}") for number in range(2)]
    with LambdaFunctions(stacks[0]) as first, LambdaFunctions(stacks[1]) as second:
        assert first(price=lambda _event, _context: "first")["price"] == f"{ARN}:gw0"
        second(price=lambda _event, _context: "second")

        machines = [price_machine(stack, f"m{number}", f"gw{number}") for number, stack in enumerate(stacks)]
        assert [machine.run().output for machine in machines] == ["first", "second"]
        assert machines[0].definition == json.dumps(task(Resource=ARN))
        answer = stacks[1].client("lambda").invoke(FunctionName=second["price"])
        assert answer["Payload"].read() == b'"second"'


def test_errors_and_time_limits_are_lambdas(elsewhere):
    async def fails(_event, _context):
        raise KeyError("country")

    stack = elsewhere()
    with LambdaFunctions(stack) as functions:
        functions(price=fails)
        execution = price_machine(stack).run().failed("KeyError")
        assert json.loads(execution.cause)["errorType"] == "KeyError"
        assert "test_lambda_server.py" in execution.cause

        functions(price=_forever, timeout_seconds=1)
        price_machine(stack, "slow").run().failed("Sandbox.Timedout", "Task timed out after 1.00 seconds")


async def _forever(_event, _context):
    await asyncio.Event().wait()


def test_handlers_find_the_services_that_the_containers_have(elsewhere):
    stack = elsewhere()
    with LambdaFunctions(stack) as functions:
        functions(price=lambda _event, _context: os.environ["AWS_ENDPOINT_URL_DYNAMODB"], environment={"OWN": "1"})

        assert price_machine(stack).run().output == stack.endpoints["dynamodb"]


def test_functions_are_gone_afterwards_and_the_environment_names_the_server(elsewhere):
    stack = elsewhere()
    with LambdaFunctions(stack) as functions:
        functions(price=lambda _event, _context: 1)

    assert price_machine(stack).run().error == "Lambda.ResourceNotFoundException"
    assert stack.environment()["AWS_ENDPOINT_URL_LAMBDA"] == stack.client("lambda").meta.endpoint_url


def test_a_backend_whose_containers_look_elsewhere_says_so():
    stack = Stack("local", {"stepfunctions": "http://127.0.0.1:1"})

    with pytest.raises(StackError, match=r"the backend local runs functions elsewhere.*LAMBDA_ENDPOINT"):
        LambdaFunctions(stack)
