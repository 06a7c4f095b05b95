"""History events as GetExecutionHistory answers them.

Called by the service, which pages them, and by whoever prints a history. A rendered event is a new dict each time; its details are
shared with the history and must not be changed. Left out: paging and the wire's number format for timestamps, which are the service's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.history.history import HistoryEvent

__all__ = ["wire_event", "without_data"]

_DATA_MEMBERS = ("input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables", "assignedVariablesDetails")


def wire_event(event: HistoryEvent, *, include_execution_data: bool = True) -> dict[str, Any]:
    """One event as the API answers it, `timestamp` in seconds since the epoch.

    Without execution data, inputs, outputs and variables are left out, as AWS does for `includeExecutionData: false`.
    """
    rendered: dict[str, Any] = {
        "timestamp": event.timestamp,
        "type": event.type,
        "id": event.id,
        "previousEventId": event.previous_event_id,
    }
    if event.details_key is not None and event.details is not None:
        rendered[event.details_key] = event.details if include_execution_data else without_data(event.details)
    return rendered


def without_data(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an event but for inputs, outputs and variables."""
    return {name: value for name, value in details.items() if name not in _DATA_MEMBERS}
