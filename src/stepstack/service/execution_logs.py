"""Execution logs: the events of an execution, as CloudWatch Logs is to have them.

The executions ask for a `listener` per execution; what it hears is handed in batches to a `LogSink`, which `stepstack.assembly` connects to
the stack's CloudWatch Logs. Delivery is best effort, as on AWS: a missing log group loses the events, never the execution.
Source: recorded log events of AWS; AWS's developer guide, "Log levels for Step Functions execution events".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Protocol

from stepstack.clock import Randomness
from stepstack.history import HistoryEvent
from stepstack.history.wire import without_data
from stepstack.json_types import Json, json_text
from stepstack.service.account import wire_milliseconds
from stepstack.service.store import ExecutionRecord

__all__ = ["ExecutionLogs", "LogSink", "is_logged", "log_message"]

BATCH_SIZE = 1000
STREAMS_KEPT = 10_000
"""For so many state machines the stream is known that their executions log to; the one known the longest gets another one."""

logger = logging.getLogger("stepstack.service")


class LogSink(Protocol):
    """Puts events into a stream of a log group; raises where it cannot."""

    async def put(self, log_group_arn: str, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
        """`events` are {"timestamp": milliseconds, "message": text}, in their order."""
        ...


def is_logged(level: str, event_type: str) -> bool:
    """Whether a state machine that logs at `level` logs events of this type."""
    if level == "ALL":
        return True
    if level == "ERROR":
        return event_type == "FailStateEntered" or event_type.endswith(("Failed", "TimedOut", "Aborted"))
    return level == "FATAL" and event_type in {"ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}


def log_message(event: HistoryEvent, record: ExecutionRecord, *, include_execution_data: bool) -> str:
    """One event as the JSON text that AWS logs."""
    details: Mapping[str, Json] = event.details or {}
    if not include_execution_data:
        details = without_data(details)
    message: dict[str, Json] = {
        "id": str(event.id),
        "type": event.type,
        "details": details,
        "previous_event_id": str(event.previous_event_id),
        "event_timestamp": str(wire_milliseconds(event.timestamp)),
        "execution_arn": record.arn,
        "redrive_count": str(record.redrive_count),
    }
    return json_text(message)


class ExecutionLogs:
    """Collects what executions log, and delivers it in the background, in order."""

    def __init__(self, sink: LogSink | None, randomness: Randomness) -> None:
        self._sink = sink
        self._randomness = randomness
        self._pending: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._streams: dict[str, str] = {}
        self._delivery: asyncio.Task[None] | None = None

    def listener(self, record: ExecutionRecord) -> Callable[[HistoryEvent], None] | None:
        """What is to hear of each event of `record`; None where the state machine logs nothing."""
        configuration = record.revision.logging
        level, destinations = configuration["level"], configuration.get("destinations")
        if self._sink is None or level == "OFF" or not destinations:
            return None
        group = destinations[0].get("cloudWatchLogsLogGroup", {}).get("logGroupArn", "")
        include_data = configuration["includeExecutionData"]

        def hear(event: HistoryEvent) -> None:
            if is_logged(level, event.type):
                message = log_message(event, record, include_execution_data=include_data)
                self._add(group, self._stream(record, event.timestamp), wire_milliseconds(event.timestamp), message)

        return hear

    def _stream(self, record: ExecutionRecord, timestamp: float) -> str:
        """One stream for each state machine of a service: `states/NAME/2026-01-31-12-00/3f2a9c1e`."""
        stream = self._streams.get(record.state_machine_arn)
        if stream is None:
            minute = datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d-%H-%M")
            if len(self._streams) >= STREAMS_KEPT:
                del self._streams[next(iter(self._streams))]
            stream = f"states/{record.state_machine_name}/{minute}/{self._randomness.uuid()[:8]}"
            self._streams[record.state_machine_arn] = stream
        return stream

    def _add(self, group: str, stream: str, timestamp: int, message: str) -> None:
        self._pending.setdefault((group, stream), []).append({"timestamp": timestamp, "message": message})
        if self._delivery is None or self._delivery.done():
            self._delivery = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._pending:
            (group, stream), events = next(iter(self._pending.items()))
            del self._pending[group, stream]
            for begin in range(0, len(events), BATCH_SIZE):
                await self._put(group, stream, events[begin : begin + BATCH_SIZE])

    async def _put(self, group: str, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
        try:
            assert self._sink is not None  # noqa: S101 - nothing is pending without a sink
            await self._sink.put(group, stream, events)
        except Exception as error:  # noqa: BLE001 - whatever keeps a log from its group must not reach an execution
            logger.warning("execution logs for %s were not delivered: %s", group, error)

    async def delivered(self) -> None:
        """Waits until everything logged so far has been handed to the sink."""
        if self._delivery is not None:
            await self._delivery

    def clear(self) -> None:
        self._pending.clear()
        self._streams.clear()
