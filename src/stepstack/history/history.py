"""The history of one execution: its events, in order, densely numbered.

The interpreter records; the service pages it, coverage and reports read it. Event types and details have AWS's names, because they are
what GetExecutionHistory answers. Details hold finished values (inputs and outputs as JSON text), so that reading costs nothing.
Source: botocore's service model of GetExecutionHistory, recorded histories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

EVENT_LIMIT = 25_000
"""AWS ends an execution that would write more events."""


@dataclass(slots=True, frozen=True)
class HistoryEvent:
    """`details_key` is the member that holds the details (`stateEnteredEventDetails`); None where the event type has none."""

    id: int
    previous_event_id: int
    timestamp: float
    type: str
    details_key: str | None = None
    details: Mapping[str, Any] | None = None
