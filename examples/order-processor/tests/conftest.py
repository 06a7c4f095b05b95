"""Where the orders are processed: by AWS's local runner, and by the deployed function, which AWS's cloud runner calls.

`pytest` alone does both on the embedded stack, where the template is deployed for each test. With the name of a deployed stack in
AWS_SAM_STACK_NAME, the deployed function is the one of that stack, on AWS or wherever AWS_ENDPOINT_URL says, and the only one.
"""

from __future__ import annotations

import importlib.util
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
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
STACK_NAME = os.environ.get("AWS_SAM_STACK_NAME")

Process = Callable[[Any], DurableFunctionTestResult]


@dataclass
class Shop:
    """The system under test: `process` takes an order and waits for the end, `orders` is the table of what was completed."""

    process: Process
    orders: Any


@pytest.fixture(params=["cloud"] if STACK_NAME else ["local", "cloud"])
def shop(request: pytest.FixtureRequest) -> Shop:
    return request.getfixturevalue(f"{request.param}_shop")


@pytest.fixture
def local_shop(stepstack: Any, stepstack_environment: Any, dynamodb_table: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The handler on AWS's local runner, and a table of this test's own that the template describes."""
    properties = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]["OrdersTable"]["Properties"]
    time_to_live = properties.pop("TimeToLiveSpecification")
    table = dynamodb_table(properties, label="orders")
    stepstack.client("dynamodb").update_time_to_live(TableName=table.name, TimeToLiveSpecification=time_to_live)
    monkeypatch.setenv("ORDERS_TABLE", table.name)
    with DurableFunctionTestRunner(_handler(), region=stepstack.region) as runner:
        yield Shop(lambda order: runner.run(input=json.dumps(order), execution_timeout=300), table)


@pytest.fixture
def cloud_shop(deployed: dict[str, str]) -> Iterator[Shop]:
    """The deployed function, called by AWS's cloud runner, and the deployed table."""
    table = boto3.resource("dynamodb").Table(deployed["OrdersTable"])
    runner = DurableFunctionCloudTestRunner(deployed["OrderProcessorFunction"], region=table.meta.client.meta.region_name)
    with closing(table.meta.client), closing(runner.lambda_client):
        yield Shop(lambda order: runner.run(input=order, timeout=60), table)


@pytest.fixture
def deployed(request: pytest.FixtureRequest) -> dict[str, str]:
    """The outputs of the deployed stack."""
    if STACK_NAME is None:
        request.getfixturevalue("stepstack_environment")
        return request.getfixturevalue("application")("template.yaml").outputs
    with closing(boto3.client("cloudformation")) as cloudformation:
        [stack] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


@pytest.fixture
def order_id(shop: Shop) -> Iterator[str]:
    """An order's id that no other test has; what is kept of the order is deleted."""
    identifier = f"order-{uuid.uuid4()}"
    yield identifier
    shop.orders.delete_item(Key={"orderId": identifier})


def _handler() -> Callable[..., Any]:
    """The function's handler, loaded anew: a client that it keeps is this test's."""
    spec = importlib.util.spec_from_file_location("order_processor_app", PROJECT / "src" / "order_processor" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.lambda_handler
