"""Processes an order: validate, pay, wait for the shop's confirmation period, confirm, and keep the order for thirty days.

A durable function: each step's result is kept by Lambda, so that an invocation that ends in the middle (while it waits, or because it
failed) goes on behind the last step that was done.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any

import boto3
from aws_durable_execution_sdk_python.config import Duration, StepConfig, StepSemantics
from aws_durable_execution_sdk_python.context import DurableContext, StepContext, durable_step
from aws_durable_execution_sdk_python.execution import durable_execution
from aws_durable_execution_sdk_python.retries import RetryPresets

CONFIRMATION_SECONDS = 10
DAYS_TO_KEEP = 30

PRICE = 99.99


@cache
def dynamodb() -> Any:
    """One resource for as long as the function is warm."""
    return boto3.resource("dynamodb")


@durable_step
def validate_order(_step: StepContext, order: Any) -> dict[str, Any]:
    order_id = order.get("orderId") if isinstance(order, dict) else None
    if not isinstance(order_id, str) or not order_id:
        raise ValueError("an order needs an orderId")
    return {"orderId": order_id, "status": "validated"}


@durable_step
def process_payment(_step: StepContext, order: dict[str, Any]) -> dict[str, Any]:
    return {"orderId": order["orderId"], "status": "paid", "amount": PRICE}


@durable_step
def confirm_order(_step: StepContext, order: dict[str, Any]) -> dict[str, Any]:
    return {"orderId": order["orderId"], "status": "confirmed"}


@durable_step
def persist_order(_step: StepContext, payment: dict[str, Any], confirmation: dict[str, Any]) -> dict[str, Any]:
    created = datetime.now(timezone.utc)
    expires = created + timedelta(days=DAYS_TO_KEEP)
    table = os.environ["ORDERS_TABLE"]
    dynamodb().Table(table).put_item(
        Item={
            "orderId": payment["orderId"],
            "status": confirmation["status"],
            # DynamoDB's numbers are decimal: 99.99 as a float is none of them.
            "amount": Decimal(str(payment["amount"])),
            "createdAt": created.isoformat(),
            "ttl": int(expires.timestamp()),
        }
    )
    return {"orderId": payment["orderId"], "status": "persisted", "table": table}


@durable_execution
def lambda_handler(event: Any, context: DurableContext) -> dict[str, Any]:
    # What is invalid stays invalid: no second try.
    validated = context.step(validate_order(event), name="validate-order", config=StepConfig(retry_strategy=RetryPresets.none()))
    # Nobody pays twice, even where an invocation ends between the payment and its record.
    paid = context.step(
        process_payment(validated),
        name="process-payment",
        config=StepConfig(step_semantics=StepSemantics.AT_MOST_ONCE_PER_RETRY),
    )
    context.wait(Duration.from_seconds(CONFIRMATION_SECONDS), name="confirmation-period")
    confirmed = context.step(confirm_order(paid), name="confirm-order")
    persisted = context.step(persist_order(paid, confirmed), name="persist-order")
    return {
        "orderId": validated["orderId"],
        "status": "completed",
        "steps": [validated, paid, confirmed, persisted],
    }
