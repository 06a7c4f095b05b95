"""The logs of functions on their way to CloudWatch Logs.

Invocations add their events here, which costs nothing; the events go to the embedded CloudWatch Logs when somebody asks it something
(`flush`, called by `embedded.services` before each request for Logs). So a stack whose logs nobody reads never loads them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

__all__ = ["FunctionLogs", "log_lines"]

EVENTS_KEPT = 50_000
"""More than so many unread events push the oldest out."""

EVENTS_IN_A_PUT = 10_000
BYTES_IN_A_PUT = 900_000
TAIL_BYTES = 4096

Event = tuple[int, str]


def log_lines(request_id: str, version: str, log: list[Event], duration_millis: float, memory_mb: int) -> list[Event]:
    """The log of one invocation as Lambda writes it: START, the function's own events, END and REPORT."""
    started = log[0][0] if log else 0
    billed = int(duration_millis) + 1
    report = (
        f"Duration: {duration_millis:.2f} ms\tBilled Duration: {billed} ms\tMemory Size: {memory_mb} MB\tMax Memory Used: {memory_mb} MB"
    )
    return [
        (started, f"START RequestId: {request_id} Version: {version}\n"),
        *log,
        (log[-1][0] if log else started, f"END RequestId: {request_id}\n"),
        (log[-1][0] if log else started, f"REPORT RequestId: {request_id}\t{report}\t\n"),
    ]


def tail(log: list[Event]) -> bytes:
    """The last four kilobytes, as Invoke returns them."""
    return "".join(message for _, message in log).encode()[-TAIL_BYTES:]


class FunctionLogs:
    """Events that wait to be put into log streams."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, str], list[Event]] = {}
        self._count = 0

    def add(self, region: str, group: str, stream: str, events: list[Event]) -> None:
        """Keeps the events of one invocation."""
        self._waiting.setdefault((region, group, stream), []).extend(events)
        self._count += len(events)
        while (surplus := self._count - EVENTS_KEPT) > 0:
            oldest = next(iter(self._waiting))
            dropped = min(surplus, len(self._waiting[oldest]))
            del self._waiting[oldest][:dropped]
            self._count -= dropped
            if not self._waiting[oldest]:
                del self._waiting[oldest]

    def reset(self) -> None:
        """Forgets what waits."""
        self._waiting.clear()
        self._count = 0

    async def flush(self, call: Callable[[ServiceRequest], Awaitable[ServiceResponse]]) -> None:
        """Puts everything into the log streams, making groups and streams where they are missing."""
        while self._waiting:
            (region, group, stream), events = self._waiting.popitem()
            self._count -= len(events)
            # A group or a stream that is there already is refused, which is as good.
            await call(_request(region, "CreateLogGroup", {"logGroupName": group}))
            await call(_request(region, "CreateLogStream", {"logGroupName": group, "logStreamName": stream}))
            for batch in _batches(sorted(events, key=lambda event: event[0])):
                entries = [{"timestamp": timestamp, "message": message} for timestamp, message in batch]
                await call(_request(region, "PutLogEvents", {"logGroupName": group, "logStreamName": stream, "logEvents": entries}))


def _batches(events: list[Event]) -> list[list[Event]]:
    batches: list[list[Event]] = [[]]
    size = 0
    for event in events:
        size += len(event[1]) * 4 + 26
        if batches[-1] and (size > BYTES_IN_A_PUT or len(batches[-1]) == EVENTS_IN_A_PUT):
            batches.append([])
            size = len(event[1]) * 4 + 26
        batches[-1].append(event)
    return batches


def _request(region: str, operation: str, parameters: Mapping[str, Any]) -> ServiceRequest:
    headers = {"x-amz-target": f"Logs_20140328.{operation}", "content-type": "application/x-amz-json-1.1", "host": "127.0.0.1"}
    return ServiceRequest("POST", "/", "", headers, json.dumps(parameters).encode(), service="logs", region=region)
