"""One visit of a state: from its StateEntered event to its StateExited event, retries included.

Made by the branch that runs the state; the state modules read their input from it, evaluate expressions through it and record their
events with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from stepstack.clock import timestamp_text
from stepstack.errors import ExpressionError
from stepstack.interpreter.failures import ExecutionBroken, expression_failure, size_failure
from stepstack.interpreter.payload import Payload, is_too_large, size_bytes
from stepstack.interpreter.ports import StateFailure
from stepstack.json_types import Json, JsonObject, json_text
from stepstack.language.state_machine import Field, State, WorkState
from stepstack.query.scope import ABSENT, Scope

if TYPE_CHECKING:
    from stepstack.interpreter.branch import Branch

__all__ = ["NOT_TRUNCATED", "Resumption", "Visit"]

NOT_TRUNCATED: Final = {"truncated": False}


@dataclass(frozen=True, slots=True)
class Resumption:
    """How a Wait or a Task stood when the process ended, for `stepstack.interpreter.restoration` to have it go on from there."""

    since: float
    """The moment from which its time counts: when a Wait was entered, when the work of a Task began."""
    failures: tuple[StateFailure, ...] = ()
    """Of earlier attempts, which retriers have counted."""
    failure: StateFailure | None = None
    """Of the last attempt, where no further one had begun."""
    has_begun: bool = False
    """Whether the work had begun: a service was called, a worker had taken the task."""
    awaited_since: float = 0.0
    """Where it had begun, the moment from which the answer was awaited: a heartbeat counts from there."""
    submitted: Payload | None = None
    """What the service had answered to a request with `.sync` or `.waitForTaskToken`."""
    task_token: str | None = None


class Visit:
    """`next` and `assigned` are what the state decided: the state to go on with (None to end), the variables to set (None for none)."""

    __slots__ = (
        "_context",
        "assigned",
        "branch",
        "ended_in",
        "entered_at",
        "entered_event_id",
        "entered_previous_event_id",
        "next",
        "raw_input",
        "resumption",
        "retry_count",
        "state",
        "task_token",
    )

    def __init__(self, branch: Branch, state: State, raw_input: Payload) -> None:
        self.branch = branch
        self.state = state
        self.raw_input = raw_input
        self.next = state.next
        self.assigned: Mapping[str, Json] | None = None
        self.retry_count = 0
        self.task_token: str | None = None
        self.entered_at = 0.0
        self.entered_event_id = 0
        self.entered_previous_event_id = branch.previous_event_id
        self._context: JsonObject | None = None
        self.resumption: Resumption | None = None
        self.ended_in: object | None = None
        """The branches or iterations of the attempt in which the execution ended, for a redrive to go on with."""

    def enter(self) -> None:
        """Records StateEntered."""
        details = {"name": self.state.name, "input": self.raw_input.text, "inputDetails": NOT_TRUNCATED}
        branch = self.branch
        self.entered_event_id = branch.record(f"{self.state.type}StateEntered", details)
        self.entered_at = branch.history.events[-1].timestamp

    def exit(self, output: Payload) -> None:
        """Records StateExited and sets the variables; raises where the output is too large, or the variables are."""
        text = output.text
        branch = self.branch
        if is_too_large(text):
            raise ExecutionBroken(size_failure(self.state.name), branch.previous_event_id)
        details: dict[str, Any] = {"name": self.state.name, "output": text, "outputDetails": NOT_TRUNCATED}
        if self.assigned:
            variables = {name: json_text(value) for name, value in self.assigned.items()}
            assigned = "".join(variables.values())
            if is_too_large(assigned) or not branch.assign(self.assigned, size_bytes(assigned)):
                raise ExecutionBroken(size_failure(self.state.name), branch.previous_event_id)
            details["assignedVariables"] = variables
            details["assignedVariablesDetails"] = NOT_TRUNCATED
        branch.record(f"{self.state.type}StateExited", details)

    @property
    def context(self) -> JsonObject:
        """The Context Object as this state sees it."""
        context = self._context
        if context is None:
            trial = self.branch.execution.trial
            if trial is not None and trial.context is not None:
                return trial.context
            state: dict[str, Json] = {"Name": self.state.name, "EnteredTime": timestamp_text(self.entered_at)}
            if isinstance(self.state, WorkState):
                state["RetryCount"] = self.retry_count
            context = {**self.branch.context_members, "State": state}
            if self.task_token is not None:
                context["Task"] = {"Token": self.task_token}
            self._context = context
        return context

    def begin_attempt(self, retry_count: int, task_token: str | None = None) -> None:
        """The state is tried (again): its Context Object shows how often it was, and the token of this attempt."""
        self.retry_count = retry_count
        self.task_token = task_token
        self._context = None
        self.ended_in = None

    def begin_redrive(self) -> None:
        """The state in which the execution ended is taken up again: its retriers count from the beginning."""
        self.retry_count = 0
        self.task_token = None
        self.assigned = None
        self.next = self.state.next
        self._context = None

    def scope(self, data: Json, result: Json = ABSENT, error_output: Json = ABSENT) -> Scope:
        return Scope(data, self.context, self.branch.variables, result, error_output, self.branch.execution.sources)

    def evaluate(self, field: Field, scope: Scope) -> Json:
        """The value of `field`; an ExpressionError becomes the state's failure."""
        try:
            return field.expression.evaluate(scope)
        except ExpressionError as error:
            raise expression_failure(self, field.name, error) from error

    def record_evaluation_failed(self, error_name: str, cause: str, location: str | None) -> None:
        """EvaluationFailed follows the event before StateEntered, unless the state has recorded more since it was entered."""
        details = {"error": error_name, "cause": cause, "state": self.state.name}
        if location is not None:
            details["location"] = location
        branch = self.branch
        if branch.previous_event_id == self.entered_event_id:
            branch.previous_event_id = self.entered_previous_event_id
        branch.record("EvaluationFailed", details)

    def note(self, name: str, payload: Payload) -> None:
        """Tells TestState, where it runs the state, a value on the state's way."""
        trial = self.branch.execution.trial
        if trial is not None:
            trial.note(name, payload.text)
