"""Mutations of order-processor."""

from __future__ import annotations

from mutation import mutation

APP = "src/order_processor/app.py"
TEMPLATE = "template.yaml"


def on_both(test: str) -> tuple[str, str]:
    """The test on AWS's local runner and with the deployed function."""
    return f"test_order_processor::{test}[local]", f"test_order_processor::{test}[cloud]"


COMPLETED = on_both("test_an_order_passes_all_steps_and_is_completed")
INVALID = on_both("test_an_order_without_an_id_fails_at_validation")
PERIOD = on_both("test_an_order_takes_the_confirmation_period_and_little_more")
KEPT = on_both("test_a_completed_order_is_kept_for_thirty_days")

DEPLOYED = tuple(test for both in (COMPLETED, INVALID, PERIOD, KEPT) for test in both if test.endswith("[cloud]"))
"""What fails where the function cannot be called."""

SUCCESSFUL = tuple(test for test in DEPLOYED if test not in INVALID)
"""What fails where no order is completed."""

WAIT = '    context.wait(Duration.from_seconds(CONFIRMATION_SECONDS), name="confirmation-period")\n'
VALIDATE = "    validated = context.step("
PERSIST = '    persisted = context.step(persist_order(paid, confirmed), name="persist-order")\n'
LONG_WAIT = '    context.wait(Duration.from_seconds(55), name="again")\n'
CONFIRM = '    confirmed = context.step(confirm_order(paid), name="confirm-order")\n'

DURABLE = """\
      DurableConfig:
        ExecutionTimeout: 300
        RetentionPeriodInDays: 7
"""

MUTATIONS = [
    mutation("another status at the end", APP, '"status": "completed"', '"status": "done"', *COMPLETED, *KEPT),
    mutation("another id at the end", APP, '"orderId": validated["orderId"]', '"orderId": "order"', *COMPLETED),
    mutation("another status of validation", APP, '"status": "validated"', '"status": "valid"', *COMPLETED),
    mutation("another status of payment", APP, '"status": "paid"', '"status": "payed"', *COMPLETED),
    mutation("another status of confirmation", APP, '"status": "confirmed"', '"status": "sent"', *COMPLETED, *KEPT),
    mutation("another amount", APP, "PRICE = 99.99", "PRICE = 9.99", *COMPLETED, *KEPT),
    mutation("another table named", APP, '"table": table}', '"table": "orders"}', *COMPLETED),
    mutation("a step left out of the output", APP, "[validated, paid, confirmed, persisted]", "[validated, paid, confirmed]", *COMPLETED),
    mutation("confirmed before the wait", APP, WAIT + CONFIRM, CONFIRM + WAIT, *COMPLETED),
    mutation("everything is valid", APP, "if not isinstance(order_id, str) or not order_id:", "if order_id == 0:", *INVALID),
    mutation("an error that says nothing", APP, "an order needs an orderId", "invalid", *INVALID),
    mutation("validation tried again", APP, ", config=StepConfig(retry_strategy=RetryPresets.none())", "", *INVALID),
    mutation("a shorter wait", APP, "CONFIRMATION_SECONDS = 10", "CONFIRMATION_SECONDS = 9", *PERIOD),
    mutation("a longer wait", APP, "CONFIRMATION_SECONDS = 10", "CONFIRMATION_SECONDS = 11", *PERIOD),
    mutation("a second wait", APP, CONFIRM, CONFIRM + WAIT.replace("confirmation-period", "again"), *COMPLETED),
    mutation("a second wait of another length", APP, CONFIRM, CONFIRM + LONG_WAIT, *COMPLETED, *PERIOD),
    mutation("the wait before validation", APP, WAIT, "", *COMPLETED, *INVALID, *PERIOD, more=((APP, VALIDATE, WAIT + VALIDATE),)),
    mutation("the wait at the end", APP, WAIT, "", *COMPLETED, *PERIOD, more=((APP, PERSIST, PERSIST + WAIT),)),
    mutation("no ttl", APP, '            "ttl": int(expires.timestamp()),\n', "", *KEPT),
    mutation("a ttl that is text", APP, "int(expires.timestamp())", "str(int(expires.timestamp()))", *KEPT),
    mutation("kept for a shorter time", APP, "DAYS_TO_KEEP = 30", "DAYS_TO_KEEP = 29", *KEPT),
    mutation("kept for a longer time", APP, "DAYS_TO_KEEP = 30", "DAYS_TO_KEEP = 31", *KEPT),
    mutation(
        "made at another time",
        APP,
        "created = datetime.now(timezone.utc)",
        "created = datetime.now(timezone.utc) - timedelta(hours=1)",
        *KEPT,
    ),
    mutation("an amount that is text", APP, 'Decimal(str(payment["amount"]))', 'str(payment["amount"])', *KEPT),
    mutation("an amount that is rounded", APP, 'Decimal(str(payment["amount"]))', 'Decimal(round(payment["amount"]))', *KEPT),
    # boto3 takes no float: the step fails, again and again.
    mutation("an amount that is a float", APP, 'Decimal(str(payment["amount"]))', 'payment["amount"]', *COMPLETED, *PERIOD, *KEPT),
    mutation("another status kept", APP, '"status": confirmation["status"],', '"status": "new",', *KEPT),
    mutation(
        "kept under another id",
        APP,
        '"orderId": payment["orderId"],\n            "status"',
        '"orderId": "order",\n            "status"',
        *KEPT,
    ),
    mutation("the table looks at another attribute", TEMPLATE, "AttributeName: ttl", "AttributeName: expires", *KEPT),
    mutation("the table looks at no time to live", TEMPLATE, "        Enabled: true", "        Enabled: false", *KEPT),
    # What only a deployment has.
    mutation("no durable function", TEMPLATE, DURABLE, "", *DEPLOYED),
    mutation("the function's name without its alias", TEMPLATE, "!Ref OrderProcessor.Alias", "!Ref OrderProcessor", *DEPLOYED),
    mutation("no handler", TEMPLATE, "app.lambda_handler", "app.handler", *DEPLOYED),
    mutation("another table in the environment", TEMPLATE, "          ORDERS_TABLE: !Ref", "          TABLE: !Ref", *SUCCESSFUL),
    mutation("less time than the wait takes", TEMPLATE, "ExecutionTimeout: 300", "ExecutionTimeout: 5", *SUCCESSFUL),
]
