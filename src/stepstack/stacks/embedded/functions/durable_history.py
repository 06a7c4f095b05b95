"""The history of a durable execution, as GetDurableExecutionHistory answers it: numbered events.

Written by `durable_executions` for each change of an operation and each invocation; read by `durable_api`. Source: Lambda's service model
for the shapes, and the histories that AWS's SDKs keep of their examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from stepstack.stacks.embedded.functions.durable_operations import DurableOperation

__all__ = ["DurableHistory", "seconds"]

Json: TypeAlias = dict[str, Any]

_SUBJECTS = {
    "EXECUTION": "Execution",
    "CONTEXT": "Context",
    "STEP": "Step",
    "WAIT": "Wait",
    "CALLBACK": "Callback",
    "CHAINED_INVOKE": "ChainedInvoke",
}
_VERBS = {
    "STARTED": "Started",
    "SUCCEEDED": "Succeeded",
    "FAILED": "Failed",
    "CANCELLED": "Cancelled",
    "TIMED_OUT": "TimedOut",
    "STOPPED": "Stopped",
}
_DATA = ("Input", "Result", "Error")


def seconds(millis: int) -> float:
    """A timestamp of the API: seconds since the epoch."""
    return millis / 1000


class DurableHistory:
    """The events of one execution."""

    def __init__(self) -> None:
        self._events: list[Json] = []

    def record(self, operation: DurableOperation, now: int, *, more: Mapping[str, Any] | None = None) -> None:
        """An event for what an operation has become; `more` are further details of it."""
        verb = _VERBS.get(operation.status)
        if operation.status == "PENDING":
            # A step that is to be tried again has no status of its own in the history.
            verb = "Succeeded" if operation.error is None else "Failed"
        if verb is None:
            return
        named = {"SubType": operation.sub_type, "Name": operation.name, "ParentId": operation.parent_id}
        event = {"Id": operation.id, **{member: value for member, value in named.items() if value}}
        self._add(f"{_SUBJECTS[operation.type]}{verb}", now, {**_details(operation, verb, now), **(more or {})}, event)

    def record_invocation(self, request_id: str, started_at: int, now: int, error: Json | None) -> None:
        """An event for an invocation that has ended."""
        details: Json = {"StartTimestamp": seconds(started_at), "EndTimestamp": seconds(now), "RequestId": request_id}
        if error is not None:
            details["Error"] = {"Payload": error}
        self._add("InvocationCompleted", now, details, {})

    def events(self, *, with_data: bool) -> list[Json]:
        """All events, the oldest first; payloads only `with_data`."""
        return self._events if with_data else [_without_data(event) for event in self._events]

    def _add(self, event_type: str, now: int, details: Json, members: Json) -> None:
        common = {"EventType": event_type, "EventId": len(self._events) + 1, "EventTimestamp": seconds(now)}
        self._events.append({**common, **members, f"{event_type}Details": details})


def _details(operation: DurableOperation, verb: str, now: int) -> Json:
    details: Json = _started(operation) if verb == "Started" else _ended(operation, verb)
    if operation.type == "STEP" and verb != "Started":
        retry: Json = {"CurrentAttempt": operation.attempt}
        if operation.due_at is not None:
            retry["NextAttemptDelaySeconds"] = (operation.due_at - now) // 1000
        details["RetryDetails"] = retry
    return details


def _started(operation: DurableOperation) -> Json:
    options = operation.options or {}
    if operation.type == "WAIT" and operation.due_at is not None:
        return {"Duration": (operation.due_at - operation.started_at) // 1000, "ScheduledEndTimestamp": seconds(operation.due_at)}
    if operation.type == "CALLBACK":
        limits = {"Timeout": options.get("TimeoutSeconds"), "HeartbeatTimeout": options.get("HeartbeatTimeoutSeconds")}
        return {"CallbackId": operation.callback_id, **{name: value for name, value in limits.items() if value}}
    if operation.type == "CHAINED_INVOKE":
        named = {"FunctionName": options["FunctionName"], "Input": _payload(operation.input)}
        return named | ({"TenantId": options["TenantId"]} if options.get("TenantId") else {})
    return {"Input": _payload(operation.input)} if operation.type == "EXECUTION" else {}


def _ended(operation: DurableOperation, verb: str) -> Json:
    if operation.type == "WAIT":
        return {"Duration": ((operation.due_at or 0) - operation.started_at) // 1000} if verb == "Succeeded" else {}
    return {"Result": _payload(operation.result)} if verb == "Succeeded" else {"Error": _payload(operation.error)}


def _payload(value: str | Json | None) -> Json:
    return {} if value is None else {"Payload": value}


def _without_data(event: Json) -> Json:
    name = f"{event['EventType']}Details"
    details = {member: {} if member in _DATA else value for member, value in event[name].items()}
    return {**event, name: details}
