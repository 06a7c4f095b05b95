"""One state alone, by the TestState API: what it makes of an input, without an execution.

Behind `StateMachineHandle.test_state`. Works on every backend that has TestState (our engine and AWS; Step Functions Local has not).
Source: botocore's service model of TestState, AWS's developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepstack.errors import StackError
from stepstack.integrations.mocks import Raises
from stepstack.json_types import Json, json_text, parse_json
from stepstack.testing.refusals import given_text

if TYPE_CHECKING:
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["StateResult", "run_single_state"]


@dataclass(frozen=True, slots=True)
class StateResult:
    """What TestState answers, its JSON texts as values."""

    status: str
    """SUCCEEDED, FAILED, RETRIABLE or CAUGHT_ERROR."""
    output: Json = None
    error: str | None = None
    cause: str | None = None
    next_state: str | None = None
    """The state that an execution would enter next; None where the state ends it."""
    inspection: Mapping[str, Any] = field(default_factory=dict)
    """The value after each step of the data flow, under TestState's names: `afterParameters`, `result`, ..."""

    def succeeded(self) -> StateResult:
        """Fails the test unless the state SUCCEEDED."""
        __tracebackhide__ = True
        if self.status != "SUCCEEDED":
            raise AssertionError(f"the state should have SUCCEEDED, and is {self.status}: {self.error}: {self.cause}\n{self._inspected()}")
        return self

    def failed(self, error: str | None = None) -> StateResult:
        """Fails the test unless the state failed, caught or not, with this error."""
        __tracebackhide__ = True
        if self.status == "SUCCEEDED" or (error is not None and self.error != error):
            wanted = f" with {error}" if error else ""
            raise AssertionError(f"the state should have failed{wanted}, and is {self.status}: {self.error}\n{self._inspected()}")
        return self

    def _inspected(self) -> str:
        return "\n".join(f"  {name}: {value if isinstance(value, str) else json_text(value)}" for name, value in self.inspection.items())


def run_single_state(
    machine: StateMachineHandle,
    state_name: str,
    state_input: Json,
    *,
    mock: Any = ...,
    variables: Mapping[str, Json] | None = None,
    context: Mapping[str, Json] | None = None,
    retry_count: int | None = None,
    checked: bool = True,
) -> StateResult:
    """What `state_name` of `machine` makes of `state_input`; see `StateMachineHandle.test_state`."""
    parameters: dict[str, Any] = {
        "definition": machine.prepare(machine.definition),
        "stateName": state_name,
        "input": given_text(state_input, "input"),
        "inspectionLevel": "DEBUG",
        "roleArn": machine.stack.role_arn(),
    }
    if mock is not ...:
        parameters["mock"] = _mock(mock) | ({} if checked else {"fieldValidationMode": "NONE"})
    if variables is not None:
        parameters["variables"] = given_text(variables, "value of variables")
    if context is not None:
        parameters["context"] = given_text(context, "context")
    if retry_count is not None:
        parameters["stateConfiguration"] = {"retrierRetryCount": retry_count}
    try:
        answer = machine.client.test_state(**parameters)
    except machine.client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in {"UnknownOperationException", "UnknownOperation"}:
            raise StackError(f"the backend {machine.stack.backend} has no TestState; our engine and AWS have it") from error
        raise
    return StateResult(
        status=answer["status"],
        output=_value(answer.get("output")),
        error=answer.get("error"),
        cause=answer.get("cause"),
        next_state=answer.get("nextState"),
        inspection={name: _value(value) for name, value in answer.get("inspectionData", {}).items()},
    )


def _mock(mock: Any) -> dict[str, Any]:
    if isinstance(mock, Raises):
        return {"errorOutput": {"error": mock.error_name, **({} if mock.cause is None else {"cause": mock.cause})}}
    return {"result": given_text(mock, "mock")}


def _value(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return parse_json(text)
    except ValueError:
        return text
