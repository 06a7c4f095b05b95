"""The history of one execution: its events, in order, densely numbered.

The interpreter records; the service pages it, coverage and reports read it. Event types and details have AWS's names, because they are
what GetExecutionHistory answers. Details hold finished values (inputs and outputs as JSON text), so that reading costs nothing.
Source: botocore's service model of GetExecutionHistory, recorded histories.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from stepstack.clock import Timeline

__all__ = ["EVENT_LIMIT", "EventLimitReached", "History", "HistoryEvent", "details_key"]

EVENT_LIMIT: Final = 25_000
"""AWS ends an execution that would write more events."""

STATE_TYPES: Final = ("Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait")


class HistoryEvent(NamedTuple):
    """`details_key` is the member that holds the details (`stateEnteredEventDetails`); None where the event has no details.

    `timestamp` is in seconds since the epoch.
    """

    id: int
    previous_event_id: int
    timestamp: float
    type: str
    details_key: str | None = None
    details: Mapping[str, Any] | None = None


class EventLimitReached(Exception):
    """Raised instead of recording an event that only the execution's end may still take."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The execution reached the maximum number of history events ({limit}).")


def _details_keys() -> dict[str, str]:
    keys = {f"{state_type}StateEntered": "stateEnteredEventDetails" for state_type in STATE_TYPES}
    keys.update({f"{state_type}StateExited": "stateExitedEventDetails" for state_type in STATE_TYPES})
    return keys


_DETAILS_KEYS: Final = _details_keys()


def details_key(event_type: str) -> str:
    """The member of an event that holds its details: `TaskScheduled` gives `taskScheduledEventDetails`."""
    key = _DETAILS_KEYS.get(event_type)
    if key is None:
        key = _DETAILS_KEYS[event_type] = f"{event_type[0].lower()}{event_type[1:]}EventDetails"
    return key


class History:
    """The events of one execution. `listener`, where given, hears of each event as it is recorded (execution logs, the journal).

    Behind the event that ends the execution nothing is recorded: what was cancelled by then may still be cleaning up.
    """

    __slots__ = ("_is_closed", "_limit", "_timeline", "events", "listener")

    def __init__(self, timeline: Timeline, event_limit: int | None = None, listener: Callable[[HistoryEvent], None] | None = None) -> None:
        self._timeline = timeline
        self._limit = EVENT_LIMIT if event_limit is None else event_limit
        self.events: list[HistoryEvent] = []
        self.listener = listener
        self._is_closed = False

    def record(self, event_type: str, previous_event_id: int, details: Mapping[str, Any] | None = None) -> int:
        """The id of the new event. Raises EventLimitReached where the history has room for nothing but the execution's end."""
        if self._is_closed:
            return len(self.events)
        if len(self.events) >= self._limit - 1:
            raise EventLimitReached(self._limit)
        return self._append(event_type, previous_event_id, details)

    def record_end(self, event_type: str, previous_event_id: int, details: Mapping[str, Any] | None = None) -> int:
        """Records the event that ends the execution, for which there is always room."""
        self._is_closed = True
        return self._append(event_type, previous_event_id, details)

    def reopen(self) -> None:
        """The execution is taken up again."""
        self._is_closed = False

    def _append(self, event_type: str, previous_event_id: int, details: Mapping[str, Any] | None) -> int:
        events = self.events
        number = len(events) + 1
        key = None if details is None else _DETAILS_KEYS.get(event_type) or details_key(event_type)
        event = HistoryEvent(number, previous_event_id, self._timeline.now(), event_type, key, details)
        events.append(event)
        if self.listener is not None:
            self.listener(event)
        return number
