"""Messages of SNS topics to functions: moto keeps subscriptions and filters, and this takes the messages for moto's Lambda.

moto's Lambda knows nothing of a stack's functions, so `Subscription.publish` is replaced once in a process for subscriptions of functions
in a stack; all others are moto's. The messages wait in the outbox of the stack's data until `embedded.services` delivers
them. Called by `embedded.moto`. Source: "Using Lambda with Amazon SNS" in the Lambda developer guide.
"""

from __future__ import annotations

import functools
from typing import Any, TypeAlias

from stepstack.clock import now_text
from stepstack.stacks.embedded.isolation import IsolatedBackends

__all__ = ["keep_messages_to_functions"]

Json: TypeAlias = dict[str, Any]


@functools.cache
def keep_messages_to_functions() -> None:
    """Changes moto's class, once in a process; imports moto's SNS."""
    import moto.sns.models

    original = moto.sns.models.Subscription.publish

    def publish(subscription: Any, message: str, message_id: str, **details: Any) -> None:
        stack = IsolatedBackends.of_this_request()
        if stack is None or subscription.protocol != "lambda":
            original(subscription, message, message_id, **details)
            return
        attributes = details.get("message_attributes") or {}
        matcher = subscription._filter_policy_matcher
        if matcher is None or matcher.matches(attributes, message):
            is_structured = details.get("message_structure") == "json"
            text = subscription._parse_message_structure(message, "lambda") if is_structured else message
            stack.outbox.append((subscription.endpoint, _event(subscription, text, message_id, details.get("subject"), attributes)))

    vars(moto.sns.models)["Subscription"].publish = publish


def _event(subscription: Any, message: str, message_id: str, subject: str | None, attributes: Json) -> Json:
    region = subscription.topic.arn.split(":")[3]
    host = f"https://sns.{region}.amazonaws.com/"
    told = {
        "Type": "Notification",
        "MessageId": message_id,
        "TopicArn": subscription.topic.arn,
        "Subject": subject,
        "Message": message,
        "Timestamp": now_text(),
        "SignatureVersion": "1",
        "Signature": "STEPSTACK",
        "SigningCertUrl": f"{host}SimpleNotificationService-STEPSTACK.pem",
        "UnsubscribeUrl": f"{host}?Action=Unsubscribe&SubscriptionArn={subscription.arn}",
        "MessageAttributes": {name: {"Type": value["Type"], "Value": _text(value["Value"])} for name, value in attributes.items()},
    }
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": subscription.arn, "Sns": told}
    return {"Records": [record]}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
