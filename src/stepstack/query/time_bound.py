"""How long one evaluation may take, and where it goes on when it takes long.

An expression is evaluated at once, in the thread that asks: nearly all take microseconds. One that takes longer than PATIENCE_SECONDS
would hold up everybody else in the thread's loop, so its evaluation is given up with `TakesLong`, and whoever can wait (the interpreter)
has it done again in a thread of its own, within TIME_LIMIT_SECONDS. Called by paths that search and by JSONata, which `begin` and `look`
every so often, and by regular expressions. A scope whose sources do not say `can_wait` is evaluated at once, within the same limit.

No evaluation begins another one, so each thread has one at most. Nothing here costs time until somebody looks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, thread_time
from typing import Any, Final, NoReturn

from stepstack.json_types import Json, json_text
from stepstack.query.scope import ABSENT, Scope

__all__ = [
    "PATIENCE_SECONDS",
    "TIME_LIMIT_SECONDS",
    "OutOfPatience",
    "Outcome",
    "TakesLong",
    "begin",
    "look",
    "outcomes_known",
    "seconds_left",
    "time_is_up",
]

PATIENCE_SECONDS = 0.05
"""How long an evaluation may hold up the loop."""

TIME_LIMIT_SECONDS = 5.0
"""How much of a thread's processor time an evaluation may take."""


class OutOfPatience(BaseException):
    """What unwinds an evaluation that has held up the loop for long enough; the library's handlers of exceptions let it pass."""


class Outcome:
    """What an evaluation came to: a value, or the exception that it raised."""

    __slots__ = ("_error", "_value")

    def __init__(self, value: Json = None, error: Exception | None = None) -> None:
        self._value = value
        self._error = error

    def get(self) -> Json:
        if self._error is not None:
            raise self._error
        return self._value


class TakesLong(BaseException):
    """An evaluation was given up because it takes long; `key` tells it from others.

    It is no Exception, so that nothing takes it for a failure.
    """

    def __init__(self, expression: object, scope: Scope, evaluate: Callable[[], Json]) -> None:
        self.key = _key(expression, scope)
        self.is_cancelled = False
        self._evaluate = evaluate
        super().__init__("an evaluation takes long")

    def finish(self) -> Outcome:
        """Evaluates anew, in the thread that calls."""
        here = _HERE
        here.can_wait, here.finishing = False, self
        here.deadline = thread_time() + TIME_LIMIT_SECONDS
        try:
            return Outcome(self._evaluate())
        except Exception as error:  # noqa: BLE001 - raised again where the outcome is asked for
            return Outcome(error=error)
        finally:
            here.finishing = None

    def cancel(self) -> None:
        """Ends `finish`, which another thread may have begun: nobody wants to know any more."""
        self.is_cancelled = True


class _Here(threading.local):
    """The evaluation that goes on in this thread."""

    can_wait = False
    deadline: float | None = None
    """None until somebody has looked."""
    finishing: TakesLong | None = None
    """What it finishes in place of the thread that gave it up; then the thread's own time counts."""
    outcomes: Mapping[object, Outcome] | None = None


_HERE: Final = _Here()


def begin(expression: object, scope: Scope) -> Outcome | None:
    """An evaluation begins, unless its outcome is known already."""
    here = _HERE
    here.deadline = None
    here.can_wait = scope.sources is not None and scope.sources.can_wait
    return None if here.outcomes is None else here.outcomes.get(_key(expression, scope))


def look() -> None:
    """Ends the evaluation of this thread once its time is up: by OutOfPatience where somebody can wait, else by TimeoutError."""
    here = _HERE
    if here.deadline is None:
        here.deadline = monotonic() + (PATIENCE_SECONDS if here.can_wait else TIME_LIMIT_SECONDS)
    finishing = here.finishing
    if (monotonic() if finishing is None else thread_time()) > here.deadline or (finishing is not None and finishing.is_cancelled):
        time_is_up()


def seconds_left() -> tuple[float, bool]:
    """The time that is left to the evaluation that goes on in this thread, and whether others wait for the interpreter's lock."""
    look()
    here = _HERE
    now = monotonic() if here.finishing is None else thread_time()
    return max((here.deadline or 0.0) - now, 0.001), here.finishing is not None


def time_is_up() -> NoReturn:
    """Ends the evaluation: something that was told how many seconds are left has used them."""
    raise OutOfPatience if _HERE.can_wait else TimeoutError


@contextmanager
def outcomes_known(outcomes: Mapping[object, Outcome]) -> Iterator[None]:
    """For the body, evaluations of this thread that are in `outcomes`, by the keys of their TakesLong, are not done again."""
    _HERE.outcomes = outcomes
    try:
        yield
    finally:
        _HERE.outcomes = None


def _key(expression: object, scope: Scope) -> tuple[Any, ...]:
    """The expression, and all that it can read as text: equal values of Python's need not be the same JSON."""
    read = [scope.data, scope.context, dict(scope.variables)]
    read += [None if value is ABSENT else [value] for value in (scope.result, scope.error_output)]
    return (expression, json_text(read))
