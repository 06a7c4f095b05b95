"""Asynchronous invocations of functions: their retries, and where what came of them is sent.

A function that fails is invoked again one and three minutes later, as long as its configuration allows; the waits pass under the
stack's clock. Then the outcome goes to the destination for success or failure, and what failed to the dead-letter queue.
Called by `lambda_service` (invocations) and `lambda_api` (configurations). Source: "Configuring error handling settings
for Lambda asynchronous invocations" and "Capturing records of Lambda asynchronous invocations" in the Lambda developer guide.
Left out: throttling, destinations in S3.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import now_text
from stepstack.errors import ServiceError

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_function import Function, InvokeResult

__all__ = ["AsynchronousInvocation", "Send", "change_configuration", "described_configuration"]

Json: TypeAlias = dict[str, Any]

Send: TypeAlias = "Callable[[str, str, Json], Awaitable[None]]"
"""`await send(arn, text, details)`: to a queue, a topic, a function or an event bus."""

RETRY_SECONDS = (60.0, 120.0)
DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21600

_DESTINATIONS = frozenset({"events", "lambda", "sns", "sqs"})

_log = logging.getLogger("stepstack.embedded")


@dataclass(frozen=True, slots=True)
class AsynchronousInvocation:
    """One event for a function, with all attempts at it."""

    function: Function
    configuration: Mapping[str, Any]
    """What PutFunctionEventInvokeConfig has set."""
    payload: bytes
    request_id: str
    attempt: Callable[[], Awaitable[InvokeResult]]
    is_there: Callable[[], bool]
    """Whether the function has not been deleted."""

    async def run(self, sleep: Callable[[float], Awaitable[None]], send: Send | None) -> InvokeResult:
        """Invokes the function until it succeeds or nothing is left to try, and sends off what came of it."""
        retries = int(self.configuration.get("MaximumRetryAttempts", DEFAULT_RETRIES))
        seconds_left = float(self.configuration.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS))
        attempts = 1
        result = await self.attempt()
        while result.function_error and attempts <= retries and seconds_left > RETRY_SECONDS[attempts - 1]:
            seconds_left -= RETRY_SECONDS[attempts - 1]
            await sleep(RETRY_SECONDS[attempts - 1])
            if not self.is_there():
                return result
            attempts += 1
            result = await self.attempt()
        condition = "Success" if not result.function_error else "RetriesExhausted" if attempts > retries else "EventAgeExceeded"
        if send is not None:
            await self._send_off(send, result, condition, attempts)
        return result

    async def _send_off(self, send: Send, result: InvokeResult, condition: str, attempts: int) -> None:
        destinations = self.configuration.get("DestinationConfig") or {}
        record = self._record(result, condition, attempts)
        succeeded = condition == "Success"
        wanted = (destinations.get("OnSuccess" if succeeded else "OnFailure") or {}).get("Destination")
        dead_letters = (self.function.configuration.get("DeadLetterConfig") or {}).get("TargetArn")
        if wanted:
            kind = f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}"
            await _sent(send, wanted, json.dumps(record), {"Source": "lambda", "DetailType": kind, "Resources": [self._arn(), wanted]})
        if dead_letters and not succeeded:
            attributes = {
                "RequestID": {"DataType": "String", "StringValue": self.request_id},
                "ErrorCode": {"DataType": "Number", "StringValue": str(result.status_code)},
                "ErrorMessage": {"DataType": "String", "StringValue": _error_message(result.payload)},
            }
            await _sent(send, dead_letters, self.payload.decode(), {"MessageAttributes": attributes})

    def _arn(self) -> str:
        arn = self.function.arn
        return arn if arn.count(":") > 6 else f"{arn}:$LATEST"

    def _record(self, result: InvokeResult, condition: str, attempts: int) -> Json:
        context: Json = {"statusCode": result.status_code, "executedVersion": result.executed_version}
        if result.function_error:
            context["functionError"] = result.function_error
        return {
            "version": "1.0",
            "timestamp": now_text(),
            "requestContext": {
                "requestId": self.request_id,
                "functionArn": self._arn(),
                "condition": condition,
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(self.payload or b"{}"),
            "responseContext": context,
            "responsePayload": _value(result.payload),
        }


async def _sent(send: Send, arn: str, text: str, details: Json) -> None:
    try:
        await send(arn, text, details)
    except ServiceError as error:
        _log.error("nothing could be sent to %s: %s", arn, error)


def _value(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", "replace")


def _error_message(payload: bytes) -> str:
    value = _value(payload)
    return str(value.get("errorMessage", "") if isinstance(value, dict) else value)[:1024]


def change_configuration(function: Function, qualifier: str, parameters: Mapping[str, Any], *, is_update: bool) -> Json:
    """PutFunctionEventInvokeConfig and UpdateFunctionEventInvokeConfig, on the function that has the versions."""
    before = described_configuration(function, qualifier) if is_update else {}
    given = {name: parameters[name] for name in _LIMITS if parameters.get(name) is not None}
    for name, value in given.items():
        least, most = _LIMITS[name]
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ServiceError("InvalidParameterValueException", f"{name} is a whole number from {least} to {most}, not {value}")
    destinations = parameters.get("DestinationConfig")
    for kind in ("OnSuccess", "OnFailure"):
        arn = ((destinations or {}).get(kind) or {}).get("Destination")
        if arn and arn.split(":")[2:3] not in [[service] for service in _DESTINATIONS]:
            what = "queues, topics, functions and event buses"
            raise ServiceError("InvalidParameterValueException", f"stepstack sends what comes of invocations to {what}, not to {arn}")
    function.invoke_configurations[qualifier] = {
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}},
        **before,
        **given,
        **({"DestinationConfig": {"OnSuccess": {}, "OnFailure": {}, **destinations}} if destinations is not None else {}),
        "FunctionArn": f"{function.arn}:{qualifier}",
        "LastModified": datetime.now(timezone.utc).timestamp(),
    }
    return function.invoke_configurations[qualifier]


_LIMITS = {"MaximumRetryAttempts": (0, 2), "MaximumEventAgeInSeconds": (60, 21600)}


def described_configuration(function: Function, qualifier: str) -> Json:
    """GetFunctionEventInvokeConfig; ResourceNotFoundException where nothing was configured."""
    found = function.invoke_configurations.get(qualifier)
    if found is None:
        message = f"The function {function.arn}:{qualifier} doesn't have an EventInvokeConfig"
        raise ServiceError("ResourceNotFoundException", message, {"Type": "User"})
    return found
