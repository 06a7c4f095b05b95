"""Status changes: what EventBridge hears of Standard executions, as "Step Functions Execution Status Change" of the source aws.states.

Executions ask for a `listener` per execution; what it hears goes to a `StatusSink`, which `stepstack.assembly` connects to the embedded
EventBridge. Nothing is made of it where no rule would hear. Left out: Express executions, of which AWS tells nothing, and the children of
Map Runs. Source: recorded events of AWS; AWS's developer guide, "Automating Step Functions event delivery with EventBridge".
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from stepstack.history import HistoryEvent
from stepstack.interpreter.payload import size_bytes
from stepstack.json_types import Json, JsonObject, json_text
from stepstack.service.account import wire_milliseconds
from stepstack.service.store import ExecutionRecord

__all__ = ["StatusChanges", "StatusSink"]

DETAIL_TYPE = "Step Functions Execution Status Change"
SOURCE = "aws.states"
DATA_LIMIT_BYTES = 248 * 1024
"""What does not fit in an event is left out, first the input."""

STATUSES: Mapping[str, str] = {
    "ExecutionStarted": "RUNNING",
    "ExecutionRedriven": "RUNNING",
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
"""The status that each type of event brings about."""


class StatusSink(Protocol):
    """Takes events for EventBridge's default bus."""

    def hears_events(self) -> bool:
        """Whether anybody would get one."""
        ...

    def tell_event(self, source: str, detail_type: str, resources: list[str], detail: JsonObject) -> None:
        """Delivers an event, in the background."""
        ...


class StatusChanges:
    """`sink` is None where there is no EventBridge."""

    def __init__(self, sink: StatusSink | None) -> None:
        self._sink = sink
        self._is_silent = False

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """For the body, nothing is told: executions are stopped because the service ends or forgets all, and so do the rules' targets."""
        self._is_silent = True
        try:
            yield
        finally:
            self._is_silent = False

    def listener(self, record: ExecutionRecord) -> Callable[[HistoryEvent], None] | None:
        """What is to hear of each event of `record`; None where nothing is told of it."""
        sink = self._sink
        if sink is None or record.type == "EXPRESS":
            return None

        def hear(event: HistoryEvent) -> None:
            if event.type in STATUSES and not self._is_silent and sink.hears_events():
                sink.tell_event(SOURCE, DETAIL_TYPE, [record.arn], status_detail(record, event))

        return hear


def status_detail(record: ExecutionRecord, event: HistoryEvent) -> JsonObject:
    """The detail of the status change that `event` brings about. Times are milliseconds."""
    details: Mapping[str, Any] = event.details or {}
    status = STATUSES[event.type]
    is_final = status != "RUNNING"
    is_redriven = event.type == "ExecutionRedriven"
    redriven_at = event.timestamp if is_redriven else record.redriven_at
    can_be_redriven = is_final and status != "SUCCEEDED"
    return {
        "executionArn": record.arn,
        "stateMachineArn": record.state_machine_arn,
        "name": record.name,
        "status": status,
        "startDate": wire_milliseconds(record.started_at if event.type != "ExecutionStarted" else event.timestamp),
        "stopDate": wire_milliseconds(event.timestamp) if is_final else None,
        **_data(record.input, details.get("output")),
        "stateMachineVersionArn": record.version_arn,
        "stateMachineAliasArn": record.alias_arn,
        "redriveCount": details["redriveCount"] if is_redriven else record.redrive_count,
        "redriveDate": None if redriven_at is None else wire_milliseconds(redriven_at),
        "redriveStatus": "REDRIVABLE" if can_be_redriven else "NOT_REDRIVABLE",
        "redriveStatusReason": None if can_be_redriven else f"Execution is {status} and cannot be redriven",
        "error": details.get("error"),
        "cause": details.get("cause"),
    }


def _data(given: str, output: str | None) -> dict[str, Json]:
    """Input and output, as far as they fit in an event, in which they are JSON text within JSON."""
    sizes = [0 if text is None else size_bytes(json_text(text)) for text in (given, output)]
    has_output = output is not None and sizes[1] <= DATA_LIMIT_BYTES
    has_input = sum(sizes) <= DATA_LIMIT_BYTES
    return {
        "input": given if has_input else None,
        "inputDetails": {"included": has_input},
        "output": output if has_output else None,
        "outputDetails": None if output is None else {"included": has_output},
    }
