"""Lambda functions of the test's own process, called by whatever runs the state machine: our engine, or one in a container."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest

PRICE = {
    "StartAt": "Price",
    "States": {
        "Price": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "price", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "End": True,
        }
    },
}


@pytest.fixture
def functions(stepstack: Any, request: pytest.FixtureRequest) -> Any:
    """`lambda_functions`, where functions can be this process's."""
    if stepstack.backend in {"aws", "endpoints"}:
        pytest.skip("functions run elsewhere there")
    return request.getfixturevalue("lambda_functions")


@pytest.mark.parametrize("number", range(4))
def test_a_function_runs_in_this_process(state_machine: Any, functions: Any, number: int) -> None:
    functions(price=lambda event, context: {"number": number, "got": event, "by": os.getpid(), "name": context.function_name})

    output = state_machine(PRICE).run({"pieces": 2}).output

    assert output == {"number": number, "got": {"pieces": 2}, "by": os.getpid(), "name": "price"}


def test_a_coroutine_function_is_named_by_its_arn(state_machine: Any, functions: Any) -> None:
    async def pay(event: Any, _context: Any) -> Any:
        await asyncio.sleep(0)
        return [event]

    definition = {"StartAt": "Pay", "States": {"Pay": {"Type": "Task", "Resource": functions(pay=pay)["pay"], "End": True}}}

    assert state_machine(definition).run({"card": "4711"}).output == [{"card": "4711"}]


def test_an_exception_is_the_functions_error(state_machine: Any, functions: Any) -> None:
    def price(event: Any, _context: Any) -> Any:
        return event["country"]

    functions(price=price)
    execution = state_machine(PRICE).run({}).failed("KeyError")

    assert json.loads(execution.cause)["errorMessage"] == "'country'"
    assert "test_functions.py" in execution.cause


def test_a_function_may_use_the_database(state_machine: Any, functions: Any, dynamodb_table: Any) -> None:
    table = dynamodb_table()

    def price(_event: Any, _context: Any) -> None:
        import boto3

        boto3.client("dynamodb").put_item(TableName=table.name, Item={"Id": {"S": "from the function"}})

    functions(price=price)
    state_machine(PRICE).run({}).succeeded()

    assert table.get_item(Key={"Id": "from the function"})["Item"]
