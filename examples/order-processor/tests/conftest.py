"""Where the orders are processed: by AWS's local runner on the stack's DynamoDB, or by its cloud runner on AWS.

`pytest` alone is the former. The latter wants `--stepstack-backend aws`, and the deployed stack's name in AWS_SAM_STACK_NAME.
"""

from __future__ import annotations

import importlib.util
import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_durable_execution_sdk_python_testing import (
    DurableFunctionCloudTestRunner,
    DurableFunctionTestResult,
    DurableFunctionTestRunner,
)
from samtranslator.yaml_helper import yaml_parse

PROJECT = Path(__file__).parent.parent

Process = Callable[[Any], DurableFunctionTestResult]


@pytest.fixture(scope="session")
def outputs() -> dict[str, str]:
    """The outputs of the deployed stack."""
    [stack] = boto3.client("cloudformation").describe_stacks(StackName=os.environ["AWS_SAM_STACK_NAME"])["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def orders_table(stepstack: Any, request: pytest.FixtureRequest) -> Any:
    """The table of completed orders: the deployed one, or one of this test's own that the template describes."""
    if stepstack.backend == "aws":
        return stepstack.resource("dynamodb").Table(request.getfixturevalue("outputs")["OrdersTable"])
    properties = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]["OrdersTable"]["Properties"]
    time_to_live = properties.pop("TimeToLiveSpecification")
    table = request.getfixturevalue("dynamodb_table")(properties, label="orders")
    stepstack.client("dynamodb").update_time_to_live(TableName=table.name, TimeToLiveSpecification=time_to_live)
    return table


@pytest.fixture
def process(stepstack: Any, orders_table: Any, request: pytest.FixtureRequest) -> Iterator[Process]:
    """Processes an order, and waits for the end."""
    if stepstack.backend == "aws":
        runner = DurableFunctionCloudTestRunner(request.getfixturevalue("outputs")["OrderProcessorFunction"], region=stepstack.region)
        yield lambda order: runner.run(input=order, timeout=60)
        return
    request.getfixturevalue("stepstack_environment")
    request.getfixturevalue("monkeypatch").setenv("ORDERS_TABLE", orders_table.name)
    with DurableFunctionTestRunner(_handler(), region=stepstack.region) as local:
        yield lambda order: local.run(input=json.dumps(order), execution_timeout=60)


@pytest.fixture
def order_id(orders_table: Any) -> Iterator[str]:
    """An order's id that no other test has; what is kept of the order is deleted."""
    identifier = f"order-{uuid.uuid4()}"
    yield identifier
    orders_table.delete_item(Key={"orderId": identifier})


def _handler() -> Callable[..., Any]:
    """The function's handler, loaded anew: a client that it keeps is this test's."""
    spec = importlib.util.spec_from_file_location("order_processor_app", PROJECT / "src" / "order_processor" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lambda_handler
