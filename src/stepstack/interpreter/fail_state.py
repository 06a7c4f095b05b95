"""The Fail state: ends its graph with an Error Name and a cause, both optional, both constant or computed."""

from __future__ import annotations

from typing import NoReturn, cast

from stepstack.interpreter.data_flow import is_jsonata, noted_input
from stepstack.interpreter.failures import StateFailed, runtime_failure, unexpected_type
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.visit import Visit
from stepstack.json_types import json_text
from stepstack.language.state_machine import FailState, Field

__all__ = ["run_fail"]


def run_fail(visit: Visit) -> NoReturn:
    """Raises the state's failure."""
    state = cast("FailState", visit.state)
    effective = noted_input(visit)
    error_name = _text(visit, state.error, effective)
    raise StateFailed(StateFailure(error_name, _text(visit, state.cause, effective)))


def _text(visit: Visit, field: Field | None, effective: Payload) -> str | None:
    if field is None:
        return None
    value = visit.evaluate(field, visit.scope(effective.value))
    if isinstance(value, str):
        return value
    if is_jsonata(visit.state):
        raise unexpected_type(visit, field.name, field.text, "string", value)
    raise runtime_failure(visit, f"The {field.name} field refers to value {json_text(value)} which is not a string: {field.text}")
