"""Queues with thousands of messages: moto counts them when it is asked to, and not with every message that is sent or received.

moto's `Queue.attributes` has the numbers of messages that are visible, delayed and in flight, and reads the clock for each message to
find them. It is asked for other attributes three times with every message that is received. So the numbers become `LateCount`s, which
count when they are written, and what is visible is decided with one reading of the clock. Called by `embedded.moto`, once in a process;
what queues answer stays the same, and who looks into moto's queues outside of a stack, in a test's own `mock_aws`, finds numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from stepstack.stacks.embedded.isolation import IsolatedBackends

__all__ = ["LateCount", "count_when_asked"]


class LateCount:
    """A number that is counted when it is needed."""

    __slots__ = ("_count",)

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count

    def __index__(self) -> int:
        return self._count()

    __int__ = __index__

    def __str__(self) -> str:
        return str(self._count())

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return self._count() == (int(other) if isinstance(other, LateCount) else other)

    def __hash__(self) -> int:
        return hash(self._count())


@functools.cache
def count_when_asked() -> None:
    """Changes moto's class, once in a process; imports moto's SQS."""
    import moto.sqs.models
    from moto.core.utils import unix_time_millis

    def visible(queue: Any) -> list[Any]:
        now = unix_time_millis()
        return [message for message in queue._messages if now > message.visible_at and now >= message.delayed_until]

    def delayed(queue: Any) -> int:
        now = unix_time_millis()
        return sum(now < message.delayed_until for message in queue._messages)

    def in_flight(queue: Any) -> int:
        now = unix_time_millis()
        return sum(now <= message.visible_at for message in queue._messages)

    def number(count: Callable[[], int]) -> int | LateCount:
        return count() if IsolatedBackends.of_this_request() is None else LateCount(count)

    queues: Any = vars(moto.sqs.models)["Queue"]
    queues.messages = property(visible)
    queues.approximate_number_of_messages = property(lambda queue: number(lambda: len(visible(queue))))
    queues.approximate_number_of_messages_delayed = property(lambda queue: number(lambda: delayed(queue)))
    queues.approximate_number_of_messages_not_visible = property(lambda queue: number(lambda: in_flight(queue)))
