"""The operations of a durable execution: what a checkpoint may say of them, and what becomes of them.

An operation is a step, a wait, a callback, a chained invoke, a context that has others below it, or the execution itself. AWS's SDK reports
what a function does as updates of operations (`check`, `apply`); what happens outside of the function (a wait is over, a callback comes)
is told by `complete` and `ready`. Nothing here knows of time, invocations or HTTP. Times are whole milliseconds since the epoch.

Called by `durable_executions`. Source: Lambda's API reference and service model, and the messages of AWS's testing library for the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from stepstack.errors import ServiceError

__all__ = ["DurableOperation", "DurableOperations", "Updates", "invalid"]

Json: TypeAlias = dict[str, Any]
Updates: TypeAlias = "Sequence[Mapping[str, Any]]"

PAYLOAD_LIMIT_BYTES = 1_048_576
ERROR_LIMIT_BYTES = 1_048_576

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT", "STOPPED"})

_NEW = None
"""Stands for the status of an operation that is not there yet."""

_TRANSITIONS: Mapping[str, Mapping[str, tuple[frozenset[str | None], str]]] = {
    "STEP": {
        "START": (frozenset({_NEW, "READY"}), "Invalid current STEP state to start."),
        "SUCCEED": (frozenset({_NEW, "STARTED", "READY"}), "Invalid current STEP state to close."),
        "FAIL": (frozenset({_NEW, "STARTED", "READY"}), "Invalid current STEP state to close."),
        "RETRY": (frozenset({_NEW, "STARTED", "READY"}), "Invalid current STEP state to re-attempt."),
    },
    "CONTEXT": {
        "START": (frozenset({_NEW}), "Cannot start a CONTEXT that already exist."),
        "SUCCEED": (frozenset({_NEW, "STARTED"}), "Invalid current CONTEXT state to close."),
        "FAIL": (frozenset({_NEW, "STARTED"}), "Invalid current CONTEXT state to close."),
    },
    "WAIT": {
        "START": (frozenset({_NEW}), "Cannot start a WAIT that already exist."),
        "CANCEL": (frozenset({"STARTED"}), "Cannot cancel a WAIT that does not exist or has already completed."),
    },
    "CALLBACK": {"START": (frozenset({_NEW}), "Cannot start a CALLBACK that already exist.")},
    "CHAINED_INVOKE": {"START": (frozenset({_NEW}), "Cannot start a CHAINED_INVOKE operation that already exists.")},
    "EXECUTION": {
        "SUCCEED": (frozenset({_NEW}), "Invalid current EXECUTION state to close."),
        "FAIL": (frozenset({_NEW}), "Invalid current EXECUTION state to close."),
    },
}
"""By type and action: the statuses from which it may be taken, and what is said otherwise."""

_STATUS_AFTER = {"START": "STARTED", "SUCCEED": "SUCCEEDED", "FAIL": "FAILED", "RETRY": "PENDING", "CANCEL": "CANCELLED"}

_LASTING = (("SubType", "sub_type", "subtype"), ("Name", "name", "name"))
"""What stays the same in all updates of an operation: member, attribute, AWS's word."""


@dataclass(slots=True, kw_only=True)
class DurableOperation:
    """One operation; `number` is its place in the order in which they started."""

    id: str
    type: str
    number: int
    started_at: int
    status: str = "STARTED"
    name: str | None = None
    sub_type: str | None = None
    parent_id: str | None = None
    ended_at: int | None = None
    due_at: int | None = None
    """When a wait is over, or a step is tried again."""
    attempt: int = 0
    """The attempts of a step that have ended."""
    input: str | None = None
    result: str | None = None
    error: Json | None = None
    replays_children: bool = False
    callback_id: str | None = None
    options: Mapping[str, Any] | None = None
    """CallbackOptions or ChainedInvokeOptions."""
    touched: int = 0
    """Grows with every change of any operation."""

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def description(self, time: Callable[[int], float]) -> Json:
        """The operation as the API and the envelope have it; `time` makes a timestamp of milliseconds."""
        described: Json = {"Id": self.id, "Type": self.type, "StartTimestamp": time(self.started_at), "Status": self.status}
        named = {"ParentId": self.parent_id, "Name": self.name, "SubType": self.sub_type}
        described |= {member: value for member, value in named.items() if value}
        if self.ended_at is not None:
            described["EndTimestamp"] = time(self.ended_at)
        return described | self._details(time)

    def _details(self, time: Callable[[int], float]) -> Json:
        details: Json = {}
        if self.type == "EXECUTION":
            return {"ExecutionDetails": {"InputPayload": self.input}}
        if self.type == "WAIT":
            return {"WaitDetails": {"ScheduledEndTimestamp": time(self.due_at)} if self.due_at is not None else {}}
        if self.type == "STEP":
            details["Attempt"] = self.attempt
            if self.status == "PENDING" and self.due_at is not None:
                details["NextAttemptTimestamp"] = time(self.due_at)
        elif self.type == "CALLBACK":
            details["CallbackId"] = self.callback_id
        elif self.type == "CONTEXT" and self.replays_children:
            details["ReplayChildren"] = True
        if self.result is not None:
            details["Result"] = self.result
        if self.error is not None:
            details["Error"] = self.error
        member = {"STEP": "StepDetails", "CALLBACK": "CallbackDetails", "CONTEXT": "ContextDetails"}
        return {member.get(self.type, "ChainedInvokeDetails"): details}


class DurableOperations:
    """The operations of one execution, in the order in which they started; the execution itself is the first."""

    def __init__(self, execution_id: str, input_payload: str, now: int) -> None:
        self._touches = 0
        self._seen = 0
        self.execution = DurableOperation(id=execution_id, type="EXECUTION", number=0, started_at=now, input=input_payload)
        self.by_id = {execution_id: self.execution}

    def check(self, updates: Updates, *, execution_limit: int) -> None:
        """Raises ServiceError where one of the updates is not allowed: then none of them counts.

        `execution_limit` is how many bytes the execution's own result may have.
        """
        closing = [update for update in updates if update["Type"] == "EXECUTION"]
        if len(closing) > 1:
            raise invalid("Cannot checkpoint multiple EXECUTION updates.")
        if closing and updates[-1] is not closing[0]:
            raise invalid("EXECUTION checkpoint must be the last update.")
        before: dict[str, Mapping[str, Any]] = {}
        for update in updates:
            self._check_place(update, before)
            self._check_update(update, before.get(update["Id"]), execution_limit)
            before[update["Id"]] = update

    def _check_place(self, update: Mapping[str, Any], before: Mapping[str, Mapping[str, Any]]) -> None:
        last = before.get(update["Id"])
        if last is not None and not (last["Type"] in {"STEP", "CONTEXT"} and last["Action"] == "START" and update["Action"] != "START"):
            raise invalid("Cannot checkpoint multiple operations with the same ID.")
        parent_id = update.get("ParentId")
        if parent_id is None:
            return
        started = before.get(parent_id)
        known = self.by_id.get(parent_id)
        if "CONTEXT" not in {started["Type"] if started is not None else None, known.type if known is not None else None}:
            raise invalid("Invalid parent operation id.")

    def _check_update(self, update: Mapping[str, Any], last: Mapping[str, Any] | None, execution_limit: int) -> None:
        kind, action = update["Type"], update["Action"]
        known = self.by_id.get(update["Id"])
        if known is not None:
            _check_identity(known, update)
        _check_sizes(update, execution_limit)
        if kind not in _TRANSITIONS:
            raise invalid("Unknown operation type.")
        if action not in _TRANSITIONS[kind]:
            raise invalid("Invalid action for the given operation type.")
        status = _STATUS_AFTER[last["Action"]] if last is not None else known.status if known is not None else _NEW
        allowed, message = _TRANSITIONS[kind][action]
        if status not in allowed:
            raise invalid(message)
        _check_members(kind, action, update)

    def apply(self, update: Mapping[str, Any], now: int) -> DurableOperation:
        """The operation after an update that was checked."""
        kind, action = update["Type"], update["Action"]
        operation = self.execution if kind == "EXECUTION" else self.by_id.get(update["Id"]) or self._new(update, now)
        operation.status = _STATUS_AFTER[action]
        operation.due_at = None if kind == "STEP" else operation.due_at
        if action == "START":
            self._start(operation, update, now)
        elif action in {"SUCCEED", "FAIL", "RETRY"}:
            operation.result, operation.error = update.get("Payload"), _error(update.get("Error"))
            operation.replays_children = bool((update.get("ContextOptions") or {}).get("ReplayChildren"))
            operation.attempt += kind == "STEP"
        if action == "RETRY":
            operation.due_at = now + 1000 * int(update["StepOptions"].get("NextAttemptDelaySeconds") or 1)
        self._touch(operation, now)
        return operation

    def complete(
        self, operation: DurableOperation, status: str, now: int, *, result: str | None = None, error: Mapping[str, Any] | None = None
    ) -> None:
        """Ends an operation from outside of the function."""
        operation.status = status
        operation.result = result
        operation.error = _error(error)
        self._touch(operation, now)

    def make_ready(self, operation: DurableOperation, now: int) -> None:
        """A step may be tried again."""
        operation.status = "READY"
        operation.due_at = None
        self._touch(operation, now)

    def replayed(self, first: int = 0) -> list[DurableOperation]:
        """What a function needs for its replay, from the number `first` on: not what is below a context that has ended."""
        return [operation for operation in self.by_id.values() if operation.number >= first and not self._is_below_ended(operation)]

    def unseen(self) -> list[DurableOperation]:
        """What has changed since the function was told last."""
        return [operation for operation in self.by_id.values() if operation.touched > self._seen]

    def mark_seen(self) -> None:
        """The function has been told of everything."""
        self._seen = self._touches

    def pending(self) -> list[DurableOperation]:
        """What ends without the function: waits, retries that are due later, callbacks, chained invokes."""
        return [
            operation
            for operation in self.by_id.values()
            if (operation.type == "STEP" and operation.status == "PENDING")
            or (operation.type in {"WAIT", "CALLBACK", "CHAINED_INVOKE"} and operation.status == "STARTED")
        ]

    def _new(self, update: Mapping[str, Any], now: int) -> DurableOperation:
        operation = DurableOperation(
            id=update["Id"],
            type=update["Type"],
            number=len(self.by_id),
            started_at=now,
            name=update.get("Name"),
            sub_type=update.get("SubType"),
            parent_id=update.get("ParentId"),
        )
        self.by_id[operation.id] = operation
        return operation

    @staticmethod
    def _start(operation: DurableOperation, update: Mapping[str, Any], now: int) -> None:
        if operation.type == "WAIT":
            operation.due_at = now + 1000 * int((update.get("WaitOptions") or {}).get("WaitSeconds") or 1)
        elif operation.type == "CALLBACK":
            operation.options = update.get("CallbackOptions") or {}
        elif operation.type == "CHAINED_INVOKE":
            operation.options = update["ChainedInvokeOptions"]
            operation.input = update.get("Payload")

    def _touch(self, operation: DurableOperation, now: int) -> None:
        self._touches += 1
        operation.touched = self._touches
        if operation.has_ended and operation.ended_at is None:
            operation.ended_at = now

    def _is_below_ended(self, operation: DurableOperation) -> bool:
        parent = self.by_id.get(operation.parent_id or "")
        while parent is not None:
            if parent.has_ended and not parent.replays_children:
                return True
            parent = self.by_id.get(parent.parent_id or "")
        return False


def invalid(message: str) -> ServiceError:
    """Lambda's refusal of a parameter."""
    return ServiceError("InvalidParameterValueException", message, {"Type": "User"})


def _check_identity(known: DurableOperation, update: Mapping[str, Any]) -> None:
    if update["Type"] != known.type:
        raise invalid("Inconsistent operation type.")
    for member, attribute, word in _LASTING:
        if update.get(member) is not None and update[member] != getattr(known, attribute):
            raise invalid(f"Inconsistent operation {word}.")
    if update.get("ParentId") is not None and update["ParentId"] != known.parent_id:
        raise invalid("Inconsistent parent operation id.")


def _check_sizes(update: Mapping[str, Any], execution_limit: int) -> None:
    if update.get("Error") and len(json.dumps(update["Error"], ensure_ascii=False).encode()) > ERROR_LIMIT_BYTES:
        raise invalid(f"Error object size must be less than {ERROR_LIMIT_BYTES} bytes.")
    kind = update["Type"]
    limit = execution_limit if kind == "EXECUTION" else PAYLOAD_LIMIT_BYTES
    if len((update.get("Payload") or "").encode()) > limit:
        what = "CHAINED_INVOKE input" if kind == "CHAINED_INVOKE" else "Execution output" if kind == "EXECUTION" else f"{kind} output"
        raise invalid(f"{what} payload size must be less than or equal to {limit} bytes.")


def _check_members(kind: str, action: str, update: Mapping[str, Any]) -> None:
    if action == "FAIL" and update.get("Payload") is not None:
        raise invalid("Cannot provide a Payload for FAIL action.")
    if action == "SUCCEED" and update.get("Error") is not None:
        raise invalid("Cannot provide an Error for SUCCEED action.")
    if action == "RETRY":
        if not update.get("StepOptions"):
            raise invalid("Invalid StepOptions for the given action.")
        if update.get("Error") is not None and update.get("Payload") is not None:
            raise invalid("Cannot provide both error and payload to RETRY a STEP.")
    if kind == "CHAINED_INVOKE" and not update.get("ChainedInvokeOptions"):
        raise invalid("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.")


def _error(given: Mapping[str, Any] | None) -> Json | None:
    return dict(given) if given is not None else None
