"""History events and their numbering."""

from stepstack.history.history import EVENT_LIMIT, EventLimitReached, History, HistoryEvent

__all__ = ["EVENT_LIMIT", "EventLimitReached", "History", "HistoryEvent"]
