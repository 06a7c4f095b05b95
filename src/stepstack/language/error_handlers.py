"""Retry and Catch to Retriers and Catchers. Called by the states that have them: Task, Parallel, Map."""

from __future__ import annotations

from typing import Final

from stepstack.language.fields import LARGEST_SECONDS, Fields
from stepstack.language.state_machine import Catcher, Retrier

__all__ = ["read_catchers", "read_retriers"]

LARGEST_DELAY_SECONDS: Final = 31_622_400
_RETRIER: Final = frozenset(
    {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Comment"}
)
_CATCHER: Final = frozenset({"ErrorEquals", "Next", "ResultPath", "Assign", "Comment"})
_JSONATA_CATCHER: Final = frozenset({"ErrorEquals", "Next", "Assign", "Output", "Comment"})


def read_retriers(state: Fields) -> tuple[Retrier, ...]:
    return tuple(_retrier(fields) for fields in state.objects("Retry"))


def _retrier(fields: Fields) -> Retrier:
    fields.refuse_unknown(_RETRIER)
    fields.text("Comment")
    return Retrier(
        error_equals=_error_names(fields),
        interval_seconds=_default(fields.number("IntervalSeconds", 1, LARGEST_SECONDS), 1),
        max_attempts=int(_default(fields.number("MaxAttempts", 0, LARGEST_SECONDS), 3)),
        backoff_rate=_default(fields.number("BackoffRate", 1.0, LARGEST_SECONDS, is_integer=False), 2.0),
        max_delay_seconds=fields.number("MaxDelaySeconds", 1, LARGEST_DELAY_SECONDS),
        full_jitter=fields.choice("JitterStrategy", ("FULL", "NONE")) == "FULL",
    )


def _default(value: float | None, default: float) -> float:
    return default if value is None else value


def read_catchers(state: Fields) -> tuple[Catcher, ...]:
    return tuple(_catcher(fields) for fields in state.objects("Catch"))


def _catcher(fields: Fields) -> Catcher:
    fields.refuse_unknown(_JSONATA_CATCHER if fields.is_jsonata else _CATCHER)
    fields.text("Comment")
    if "Next" not in fields.members:
        fields.refuse("The field 'Next' is required but was missing")
    return Catcher(
        error_equals=_error_names(fields),
        next=fields.text("Next") or "",
        result_path=fields.reference_path("ResultPath"),
        assign=fields.template("Assign"),
        output=fields.template("Output") if fields.is_jsonata else None,
    )


def _error_names(fields: Fields) -> tuple[str, ...]:
    names = fields.members.get("ErrorEquals")
    if names is None:
        fields.refuse("The field 'ErrorEquals' is required but was missing")
        return ()
    if not isinstance(names, list):
        fields.refuse("Expected value of type Array", "ErrorEquals")
        return ()
    if not names:
        fields.refuse("Value cannot be empty", "ErrorEquals")
    for index, name in enumerate(names):
        if not isinstance(name, str):
            fields.refuse("Expected value of type String", f"ErrorEquals[{index}]")
    return tuple(name for name in names if isinstance(name, str))
