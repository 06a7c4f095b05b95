"""How a state fails: a failure that Retry and Catch may see, or one that ends the execution; and AWS's words for both.

The state modules raise these; the nearest Retry or Catch, or the execution, takes the data out. An ExpressionError becomes a failure
here and nowhere else. Source: the developer guide's "Handling errors", recorded executions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepstack.errors import ExpressionError, IntrinsicFailure, PathNotFound, QueryEvaluationFailure
from stepstack.interpreter.ports import StateFailure, TaskFailed
from stepstack.json_types import Json, json_text, type_name

if TYPE_CHECKING:
    from stepstack.interpreter.visit import Visit

__all__ = [
    "ExecutionBroken",
    "StateFailed",
    "call_failure",
    "expression_failure",
    "query_evaluation_failure",
    "runtime_failure",
    "size_failure",
    "unexpected_type",
]

TEMPLATE_FIELDS = frozenset(
    {"Parameters", "ResultSelector", "Assign", "ItemSelector", "BatchInput", "Arguments", "Output", "Credentials", "ErrorPath", "CausePath"}
)
"""Fields for which AWS words a path that finds nothing as "The JSONPath '...' specified for the field '...'"."""


class StateFailed(Exception):
    """A failure that Retry and Catch may see."""

    def __init__(self, failure: StateFailure) -> None:
        self.failure = failure
        self.event_id = 0
        """The last event of the branch that failed, before its Aborted or Failed event; set as the failure leaves the branch."""
        super().__init__(f"{failure.error_name}: {failure.cause}")


class ExecutionBroken(Exception):
    """A failure that nothing catches: States.Runtime, or a state's output over the size limit."""

    def __init__(self, failure: StateFailure, event_id: int, *, is_fault: bool = False) -> None:
        self.failure = failure
        self.event_id = event_id
        """The event that precedes ExecutionFailed."""
        self.is_fault = is_fault
        """Whether a test is wrong: it also ends the execution whose Map Run this one is a child of."""
        super().__init__(f"{failure.error_name}: {failure.cause}")


def _words(visit: Visit, reason: str) -> str:
    """`reason` with the state and its event before it, which TestState leaves out."""
    if visit.branch.execution.trial is not None:
        return reason
    return f"An error occurred while executing the state '{visit.state.name}' (entered at the event id #{visit.entered_event_id}). {reason}"


def runtime_failure(visit: Visit, reason: str) -> ExecutionBroken:
    """A States.Runtime failure, which no Retry and no Catch sees."""
    return ExecutionBroken(StateFailure("States.Runtime", _words(visit, reason)), visit.branch.previous_event_id)


def call_failure(visit: Visit, failed: TaskFailed, error_name: str | None = None) -> StateFailed | ExecutionBroken:
    """What a call that failed means for the state: its failure, or one of `error_name` for the same cause."""
    if failed.is_final:
        return ExecutionBroken(failed.failure, visit.branch.previous_event_id, is_fault=True)
    return StateFailed(failed.failure if error_name is None else StateFailure(error_name, failed.failure.cause))


def size_failure(subject: str) -> StateFailure:
    """The failure of `subject`, a state or what a Task called: what it returned, or the variables that it set, are too large."""
    cause = f"The state/task '{subject}' returned a result with a size exceeding the maximum number of bytes service limit."
    return StateFailure("States.DataLimitExceeded", cause)


def query_evaluation_failure(visit: Visit, reason: str, location: str | None = None) -> StateFailed:
    """A States.QueryEvaluationError; records its EvaluationFailed event."""
    cause = _words(visit, reason)
    visit.record_evaluation_failed("States.QueryEvaluationError", cause, location)
    return StateFailed(StateFailure("States.QueryEvaluationError", cause))


def unexpected_type(visit: Visit, field_name: str, text: str, expected: str, value: Json) -> StateFailed:
    """The failure of a JSONata expression whose value its field does not take."""
    reason = (
        f"The JSONata expression '{text}' specified for the field '{field_name}' returned an unexpected result type. "
        f"Expected '{expected}', but was '{type_name(value)}' for value: {json_text(value)}"
    )
    return query_evaluation_failure(visit, reason, field_name)


def expression_failure(visit: Visit, field_name: str, error: ExpressionError) -> StateFailed | ExecutionBroken:
    """What `error`, raised while the field named `field_name` was evaluated, means for the state."""
    place = error.field or field_name
    if isinstance(error, QueryEvaluationFailure):
        reason = f"The JSONata expression '{error.text}' specified for the field '{place}' {error.reason}"
        return query_evaluation_failure(visit, reason, place)
    if isinstance(error, PathNotFound):
        if field_name in TEMPLATE_FIELDS:
            data = json_text(error.data)
            return runtime_failure(
                visit, f"The JSONPath '{error.text}' specified for the field '{place}' could not be found in the input '{data}'"
            )
        return runtime_failure(visit, f"Invalid path '{error.text}' : {error.message}")
    if isinstance(error, IntrinsicFailure):
        reason = f"The function '{error.text}' had the following error: {error.message}"
        return runtime_failure(visit, reason)
    return runtime_failure(visit, error.message)
