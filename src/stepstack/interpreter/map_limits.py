"""A Map's limits: how many iterations run at once, and how many may fail.

Called by inline and distributed Maps and by TestState, which refuse the same values in the same words. Source: recorded executions.
"""

from __future__ import annotations

from stepstack.interpreter.failures import runtime_failure
from stepstack.interpreter.number_fields import number, whole_number
from stepstack.interpreter.visit import Visit
from stepstack.language.state_machine import MapState
from stepstack.query.scope import Scope

__all__ = ["max_concurrency", "tolerated_failure_count", "tolerated_failure_percentage"]


def max_concurrency(visit: Visit, state: MapState, scope: Scope) -> int:
    """0, which stands for no limit, where the state sets none."""
    limit = 0 if state.max_concurrency is None else whole_number(visit, state.max_concurrency, scope)
    if limit < 0:
        raise runtime_failure(visit, "MaxConcurrency cannot be negative.")
    return limit


def tolerated_failure_count(visit: Visit, state: MapState, scope: Scope) -> int:
    """0 where the state sets none."""
    count = 0 if state.tolerated_failure_count is None else whole_number(visit, state.tolerated_failure_count, scope)
    if count < 0:
        raise runtime_failure(visit, "ToleratedFailureCount cannot be negative.")
    return count


def tolerated_failure_percentage(visit: Visit, state: MapState, scope: Scope) -> float:
    """0 where the state sets none."""
    percentage = 0.0 if state.tolerated_failure_percentage is None else number(visit, state.tolerated_failure_percentage, scope)
    if not 0 <= percentage <= 100:
        raise runtime_failure(visit, "ToleratedFailurePercentage must be between 0 and 100.")
    return percentage
