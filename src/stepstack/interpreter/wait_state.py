"""The Wait state: parks its branch for some seconds, or until a moment.

Both may be constants, Paths or JSONata. Source: recorded executions for the limits and for the words of the failures.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, cast

from stepstack.errors import ExpressionError
from stepstack.interpreter.data_flow import is_jsonata, noted_input, output_from_input
from stepstack.interpreter.failures import expression_failure, query_evaluation_failure, runtime_failure, unexpected_type
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, json_text
from stepstack.language.state_machine import Field, WaitState

__all__ = ["epoch_seconds", "run_wait"]

LONGEST_WAIT_SECONDS: Final = 2**31 - 1

_LARGEST_OFFSET_SECONDS: Final = 18 * 3600
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(\.\d{1,9})?)?(?:Z|([+-])(\d\d)(?::?([0-5]\d)(?::?([0-5]\d))?)?)",
    re.ASCII | re.IGNORECASE,
)
"""As Java's DateTimeFormatter.ISO_OFFSET_DATE_TIME reads, whose description AWS's message repeats: in any case, seconds and the offset's
minutes and colons may be left out."""


async def run_wait(visit: Visit) -> Payload:
    """The state's output, after the wait."""
    state = cast("WaitState", visit.state)
    effective = await unhurried(noted_input, visit)
    timeline = visit.branch.timeline
    if state.seconds is not None:
        delay = await unhurried(_seconds, visit, state.seconds, effective)
        if visit.resumption is not None:
            delay += visit.resumption.since - timeline.now()
    else:
        delay = await unhurried(_moment, visit, cast("Field", state.timestamp), effective) - timeline.now()
    if delay > LONGEST_WAIT_SECONDS:
        raise runtime_failure(visit, "Wait state delay is too long.")
    if delay > 0:
        await timeline.sleep(delay)
    return await unhurried(output_from_input, visit, effective)


def _value(visit: Visit, field: Field, effective: Payload) -> Json:
    try:
        return field.expression.evaluate(visit.scope(effective.value))
    except ExpressionError as error:
        if is_jsonata(visit.state):
            raise expression_failure(visit, field.name, error) from error
        raise runtime_failure(visit, f"The {field.name} parameter does not reference an input value: {field.text}") from error


def _seconds(visit: Visit, field: Field, effective: Payload) -> float:
    value = _value(visit, field, effective)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_jsonata(visit.state):
        if not is_number:
            raise unexpected_type(visit, field.name, field.text, "number", value)
        seconds = float(cast("float", value))
        if seconds < 0 or not seconds.is_integer():
            reason = f"The JSONata expression '{field.text}' specified for the field '{field.name}' returned an invalid value: {value}"
            raise query_evaluation_failure(visit, reason, field.name)
        return seconds
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        shown = value if isinstance(value, str) else json_text(value)
        raise runtime_failure(visit, f"The {field.name} parameter cannot be parsed as a long value: {field.text} == {shown}")
    if value < 0:
        raise runtime_failure(visit, f"The {field.name} parameter references a negative value: {field.text} == {value}")
    return value


def _moment(visit: Visit, field: Field, effective: Payload) -> float:
    value = _value(visit, field, effective)
    moment = epoch_seconds(value) if isinstance(value, str) else None
    if moment is not None:
        return moment
    if is_jsonata(visit.state):
        if not isinstance(value, str):
            raise unexpected_type(visit, field.name, field.text, "string", value)
        reason = (
            f"The JSONata expression '{field.text}' specified for the field '{field.name}' returned a value that is not a valid "
            f"ISO-8601 extended offset date-time format string: {value}"
        )
        raise query_evaluation_failure(visit, reason, field.name)
    shown = value if isinstance(value, str) else json_text(value)
    raise runtime_failure(
        visit,
        f"The {field.name} parameter does not reference a valid ISO-8601 extended offset date-time format string: {field.text} == {shown}",
    )


def epoch_seconds(text: str) -> float | None:
    """Seconds since the epoch of `2026-11-21T10:00:00.5Z`; None where `text` is no such timestamp."""
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, *offset = match.groups()
    hours, minutes, seconds = (int(part or 0) for part in offset)
    shift = hours * 3600 + minutes * 60 + seconds
    try:
        moment = dt.datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=dt.timezone.utc)
    except ValueError:
        return None
    if shift > _LARGEST_OFFSET_SECONDS:
        return None
    return moment.timestamp() + (shift if sign == "-" else -shift) + (float(fraction) if fraction else 0.0)
