"""Retry and Catch to Retriers and Catchers. Called by the states that have them: Task, Parallel, Map."""

from __future__ import annotations

from typing import Final

from stepstack.language import known_fields
from stepstack.language.fields import LARGEST_SECONDS, Fields, root_reference_path
from stepstack.language.state_machine import Catcher, Retrier

__all__ = ["read_catchers", "read_retriers"]

LARGEST_DELAY_SECONDS: Final = 31_622_400
ANY_ERROR: Final = "States.ALL"


def read_retriers(state: Fields) -> tuple[Retrier, ...]:
    """The entries of Retry, in their order."""
    if "Retry" not in state.members:
        return ()
    retriers = tuple(_retrier(fields) for fields in state.objects("Retry"))
    _check_any_error(state, "Retry", [retrier.error_equals for retrier in retriers])
    return retriers


def _retrier(fields: Fields) -> Retrier:
    fields.refuse_unknown(known_fields.RETRIER)
    fields.require("ErrorEquals")
    fields.text("Comment")
    return Retrier(
        error_equals=_error_names(fields),
        interval_seconds=_default(fields.number("IntervalSeconds", 0, LARGEST_SECONDS), 1),
        max_attempts=int(_default(fields.number("MaxAttempts", 0, LARGEST_SECONDS), 3)),
        backoff_rate=_default(fields.number("BackoffRate", 1.0, kind="Number"), 2.0),
        max_delay_seconds=fields.number("MaxDelaySeconds", 1, LARGEST_DELAY_SECONDS),
        full_jitter=fields.choice("JitterStrategy", "NONE", "FULL") == "FULL",
    )


def _default(value: float | None, default: float) -> float:
    return default if value is None else value


def read_catchers(state: Fields) -> tuple[Catcher, ...]:
    """The entries of Catch, in their order."""
    if "Catch" not in state.members:
        return ()
    catchers = tuple(_catcher(fields) for fields in state.objects("Catch"))
    _check_any_error(state, "Catch", [catcher.error_equals for catcher in catchers])
    return catchers


def _catcher(fields: Fields) -> Catcher:
    fields.refuse_unknown(known_fields.CATCHER)
    fields.require("ErrorEquals", "Next")
    fields.text("Comment")
    return Catcher(
        error_equals=_error_names(fields),
        next=fields.text("Next") or "",
        result_path=root_reference_path() if fields.is_jsonata else fields.reference_path("ResultPath"),
        assign=fields.assign(),
        output=fields.jsonata_output(),
    )


def _error_names(fields: Fields) -> tuple[str, ...]:
    names = fields.array("ErrorEquals")
    if names is None:
        return ()
    if not names:
        fields.refuse("Value cannot be empty", "ErrorEquals")
    for index, name in enumerate(names):
        if not isinstance(name, str):
            fields.refuse("Expected value of type String", f"ErrorEquals[{index}]")
    return tuple(name for name in names if isinstance(name, str))


def _check_any_error(state: Fields, name: str, handlers: list[tuple[str, ...]]) -> None:
    for index, names in enumerate(handlers):
        if ANY_ERROR in names and (len(names) > 1 or index < len(handlers) - 1):
            state.refuse("States.ALL must appear alone and at end of list", f"{name}[{index}]/ErrorEquals")
