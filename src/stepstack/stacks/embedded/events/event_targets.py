"""Where events go: a function, a state machine, a queue, a topic or an event bus, named by its ARN.

Called by `event_rules`, `event_schedules` and (through `event_sources`) by the Lambda service, for what comes of
asynchronous invocations. Left out: all other targets, and targets in other accounts.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, call_operation

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService

__all__ = ["KNOWN_TARGETS", "EventTargets"]

Json: TypeAlias = dict[str, Any]
_Handle: TypeAlias = "Callable[[ServiceRequest], Awaitable[ServiceResponse]]"
_Start: TypeAlias = "Callable[[str, str], Awaitable[object]]"

_log = logging.getLogger("stepstack.embedded")

_SERVICES = frozenset({"events", "lambda", "sns", "sqs", "states"})
KNOWN_TARGETS = "functions, state machines, queues, topics and event buses"


class EventTargets:
    """Sends events; `handle` answers requests as the stack does, so that whom a message concerns is woken."""

    def __init__(self, handle: _Handle, functions: LambdaService, start_execution: _Start, region: str) -> None:
        self._handle = handle
        self._functions = functions
        self._start_execution = start_execution
        self._region = region

    @staticmethod
    def is_known(arn: str) -> bool:
        """Whether events can be sent there."""
        parts = arn.split(":")
        return len(parts) > 5 and parts[2] in _SERVICES and (parts[2] != "states" or parts[5] == "stateMachine")

    async def send(self, arn: str, text: str, details: Json) -> None:
        """Sends `text`, JSON. `details` are members of SendMessage, Publish or a PutEvents entry; ServiceError where nobody is there."""
        if not self.is_known(arn):
            raise ServiceError("ValidationException", f"stepstack sends events to {KNOWN_TARGETS}, not to {arn}")
        service, region = arn.split(":")[2], arn.split(":")[3] or self._region
        if service == "lambda":
            await self._functions.invoke(arn, text.encode(), invocation_type="Event")
        elif service == "states":
            await self._start_execution(arn, text)
        elif service == "sqs":
            await self._send_message(arn, text, details, region)
        elif service == "sns":
            await self._publish(arn, text, details, region)
        else:
            entry = {"EventBusName": arn, "Detail": text, "Source": "stepstack", "DetailType": "Event", **details}
            await call_operation(self._handle, "events", "PutEvents", {"Entries": [entry]}, region)

    async def deliver(self, target: Json, text: str, details: Json, about: Mapping[str, str]) -> None:
        """Sends `text` to a target of EventBridge; what cannot be sent goes to the target's dead-letter queue, with what it is `about`."""
        arn = str(target["Arn"])
        try:
            await self.send(arn, text, details)
        except ServiceError as error:
            queue = (target.get("DeadLetterConfig") or {}).get("Arn")
            if not queue:
                _log.error("an event could not be sent to %s: %s", arn, error)
                return
            told = {**about, "TARGET_ARN": arn, "ERROR_CODE": error.error_code, "ERROR_MESSAGE": error.message or error.error_code}
            attributes = {name: {"DataType": "String", "StringValue": value} for name, value in told.items()}
            try:
                await self.send(str(queue), text, {"MessageAttributes": attributes})
            except ServiceError as refusal:
                # The rule's other targets get theirs all the same.
                _log.error("an event for %s is lost, and its dead-letter queue does not take it: %s", arn, refusal)

    async def _send_message(self, arn: str, text: str, details: Json, region: str) -> None:
        account, name = arn.split(":")[4:6]
        queue = {"QueueName": name, "QueueOwnerAWSAccountId": account}
        url = (await call_operation(self._handle, "sqs", "GetQueueUrl", queue, region))["QueueUrl"]
        known = {key: details[key] for key in ("MessageAttributes", "MessageGroupId", "MessageDeduplicationId") if details.get(key)}
        await call_operation(self._handle, "sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text, **known}, region)

    async def _publish(self, arn: str, text: str, details: Json, region: str) -> None:
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": arn, "Message": text, **_attribute_form(details)}
        headers = {"content-type": "application/x-www-form-urlencoded", "host": "127.0.0.1"}
        request = ServiceRequest("POST", "/", "", headers, urlencode(form).encode(), service="sns", region=region)
        response = await self._handle(request)
        if response.status >= 300:
            raise ServiceError("NotFound", f"Publish to {arn} failed: {response.body.decode('utf-8', 'replace')[:300]}")


def _attribute_form(details: Json) -> Mapping[str, str]:
    form: dict[str, str] = {}
    for number, (name, value) in enumerate((details.get("MessageAttributes") or {}).items(), 1):
        prefix = f"MessageAttributes.entry.{number}"
        form |= {
            f"{prefix}.Name": name,
            f"{prefix}.Value.DataType": value["DataType"],
            f"{prefix}.Value.StringValue": value["StringValue"],
        }
    return form
