"""The order processor as a whole: the same tests on AWS's local runner, on the embedded stack and on AWS."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from aws_durable_execution_sdk_python.execution import InvocationStatus


def test_an_order_passes_all_steps_and_is_completed(shop, order_id):
    result = shop.process({"orderId": order_id})

    assert result.status is InvocationStatus.SUCCEEDED
    output = json.loads(result.result)
    assert output["orderId"] == order_id
    assert output["status"] == "completed"
    assert output["steps"] == [
        {"orderId": order_id, "status": "validated"},
        {"orderId": order_id, "status": "paid", "amount": 99.99},
        {"orderId": order_id, "status": "confirmed"},
        {"orderId": order_id, "status": "persisted", "table": shop.orders.name},
    ]
    assert [operation.name for operation in result.operations] == [
        "validate-order",
        "process-payment",
        "confirmation-period",
        "confirm-order",
        "persist-order",
    ]


def test_an_order_without_an_id_fails_at_validation(shop):
    result = shop.process({"customer": "nobody"})

    assert result.status is InvocationStatus.FAILED
    assert "orderId" in result.error.message
    assert [operation.name for operation in result.operations] == ["validate-order"]
    assert result.get_step("validate-order").attempt == 1


def test_an_order_takes_the_confirmation_period_and_little_more(shop, order_id):
    result = shop.process({"orderId": order_id})

    assert result.status is InvocationStatus.SUCCEEDED
    wait = result.get_wait("confirmation-period")
    assert wait.scheduled_end_timestamp - wait.start_timestamp == timedelta(seconds=10)
    # On the local runner and on the embedded stack that is their clock's time, of which the period was skipped.
    taken = result.get_step("persist-order").end_timestamp - result.get_step("validate-order").start_timestamp
    assert timedelta(seconds=10) <= taken < timedelta(seconds=60)


def test_a_completed_order_is_kept_for_thirty_days(shop, order_id):
    result = shop.process({"orderId": order_id})

    assert json.loads(result.result)["status"] == "completed"
    order = shop.orders.get_item(Key={"orderId": order_id}, ConsistentRead=True)["Item"]
    assert order["status"] == "confirmed"
    assert order["amount"] == Decimal("99.99")
    assert isinstance(order["amount"], Decimal)
    created = datetime.fromisoformat(order["createdAt"])
    assert abs(datetime.now(timezone.utc) - created) < timedelta(minutes=2)
    assert isinstance(order["ttl"], Decimal)
    assert timedelta(days=30) - timedelta(seconds=1) <= datetime.fromtimestamp(int(order["ttl"]), timezone.utc) - created
    assert datetime.fromtimestamp(int(order["ttl"]), timezone.utc) - created <= timedelta(days=30)
    described = shop.orders.meta.client.describe_time_to_live(TableName=shop.orders.name)["TimeToLiveDescription"]
    assert described["AttributeName"] == "ttl"
    assert described["TimeToLiveStatus"] in {"ENABLED", "ENABLING"}
