"""CloudWatch Logs as the place where execution logs go.

Made by `stepstack.assembly`; called by `stepstack.service.execution_logs`. The service is reached as Task states reach it, through
`ServiceCaller`, so that the logs end up wherever the stack's CloudWatch Logs are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepstack.integrations.service_call import Refusal, ServiceCaller

__all__ = ["CloudWatchLogs"]

STREAMS_KEPT = 10_000
"""After so many streams it is asked anew which there are."""


class CloudWatchLogs:
    """A `LogSink`."""

    def __init__(self, caller: ServiceCaller) -> None:
        self._caller = caller
        self._created: set[tuple[str, str]] = set()

    async def put(self, log_group_arn: str, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
        group = log_group_arn.split(":")[6]
        try:
            await self._put(group, stream, events)
        except Refusal as refusal:
            if refusal.code != "ResourceNotFoundException" or (group, stream) not in self._created:
                raise
            # The log group was made anew since: so must the stream be.
            self._created.discard((group, stream))
            await self._put(group, stream, events)

    async def _put(self, group: str, stream: str, events: Sequence[Mapping[str, Any]]) -> None:
        if (group, stream) not in self._created:
            try:
                await self._caller.call("logs", "CreateLogStream", {"logGroupName": group, "logStreamName": stream})
            except Refusal as refusal:
                if refusal.code != "ResourceAlreadyExistsException":
                    raise
            if len(self._created) >= STREAMS_KEPT:
                self._created.clear()
            self._created.add((group, stream))
        await self._caller.call("logs", "PutLogEvents", {"logGroupName": group, "logStreamName": stream, "logEvents": list(events)})
