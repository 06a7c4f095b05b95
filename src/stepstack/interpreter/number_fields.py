"""Fields that hold a number: TimeoutSeconds, HeartbeatSeconds, MaxConcurrency, MaxItems, ToleratedFailureCount and their kin.

Each may be a constant, a Path (`...Path`) or JSONata; AWS words a value that is no number differently for a Path and for JSONata.
Source: recorded executions.
"""

from __future__ import annotations

import math
import re

from stepstack.interpreter.data_flow import is_jsonata
from stepstack.interpreter.failures import runtime_failure, unexpected_type
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, json_text
from stepstack.language.state_machine import Field
from stepstack.query.scope import Scope

__all__ = ["number", "whole_number"]


def whole_number(visit: Visit, field: Field, scope: Scope) -> int:
    """The value of `field`; a text that reads as a whole number is taken too, as AWS does for Paths."""
    value = visit.evaluate(field, scope)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if is_jsonata(visit.state):
        raise unexpected_type(visit, field.name, field.text, "integer" if isinstance(value, float) else "number", value)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        return int(value)
    raise _no_number(visit, field, value, "integer")


def number(visit: Visit, field: Field, scope: Scope) -> float:
    """The value of `field`, whole or not."""
    value = visit.evaluate(field, scope)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if is_jsonata(visit.state):
        raise unexpected_type(visit, field.name, field.text, "number", value)
    if isinstance(value, str):
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if math.isfinite(parsed):
            return parsed
    raise _no_number(visit, field, value, "float")


def _no_number(visit: Visit, field: Field, value: Json, kind: str) -> Exception:
    shown = value if isinstance(value, str) else json_text(value)
    return runtime_failure(visit, f'The {field.name} field refers to value "{shown}" which is not a valid {kind}: {field.text}')
