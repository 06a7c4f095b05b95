"""What an expression may read: the data, the Context Object and the variables of one state, at one moment.

Made by the interpreter, read by every kind of expression. The language compiles each expressive field to an `Expression`, whatever its
notation, so that the interpreter evaluates them all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from stepstack.json_types import Json, JsonObject

if TYPE_CHECKING:
    from stepstack.clock import Randomness

__all__ = ["ABSENT", "TEMPLATE_NESTING_LIMIT", "Expression", "Literal", "Scope", "Sources"]

TEMPLATE_NESTING_LIMIT: Final = 250
"""Objects and arrays inside each other in a template, of either query language: within Python's stack, wherever one is evaluated."""


class _Absent:
    """The type of ABSENT: no value at all, which JSON's null is not."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final[Any] = _Absent()


@dataclass(frozen=True, slots=True)
class Sources:
    """What an expression draws from besides data: the time, for `$now()`, and randomness, for States.UUID and `$random()`.

    An execution passes its timeline's `now`, so that expressions and waits agree.
    """

    now: Callable[[], float]
    """Seconds since the epoch."""
    randomness: Randomness
    can_wait: bool = False
    """Whether whoever evaluates takes `TakesLong` for an answer (`query.time_bound`)."""


@cache
def _real_sources() -> Sources:
    from stepstack.clock import Randomness  # the clock imports asyncio, which compiling expressions does not need

    return Sources(lambda: datetime.now(timezone.utc).timestamp(), Randomness())


@dataclass(slots=True)
class Scope:
    """`data` is `$` in JSONPath and `$states.input` in JSONata; `context` is `$$` and `$states.context`.

    `result` and `error_output` are `$states.result` and `$states.errorOutput`, ABSENT where the state has none (yet).
    """

    data: Json
    context: JsonObject
    variables: Mapping[str, Json]
    result: Json = ABSENT
    error_output: Json = ABSENT
    sources: Sources | None = None
    """None for real time and a random seed: see `drawn_from`."""

    @property
    def drawn_from(self) -> Sources:
        """Where the expressions of this scope draw from."""
        return self.sources or _real_sources()


class Expression(Protocol):
    """A compiled expression. It is immutable, and one instance serves every execution."""

    @property
    def variables(self) -> frozenset[str]:
        """The names of the variables that it reads, without `$`."""
        ...

    def evaluate(self, scope: Scope) -> Json:
        """Its value in `scope`; raises an ExpressionError."""
        ...


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant where an expression could stand."""

    value: Json

    @property
    def variables(self) -> frozenset[str]:
        return frozenset()

    def evaluate(self, scope: Scope) -> Json:
        return self.value
