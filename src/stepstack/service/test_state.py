"""TestState: one state run by itself, with an input, a mock, a Context Object and variables of the caller's.

Called by `stepstack.service.service`. The state runs through the same code as in an execution (`stepstack.interpreter.test_state`); here
stand the checks of the request and the shape of the answer. Source: recorded answers of AWS; the API reference.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from stepstack.errors import DefinitionError, ServiceError
from stepstack.integrations.answer_check import answer_problem
from stepstack.interpreter.ports import Environment, StateFailure
from stepstack.interpreter.test_state import StateMock, StateTest, run_state
from stepstack.json_types import Json, parse_json
from stepstack.language import parse_state
from stepstack.language.resources import IntegrationPattern, ResourceKind
from stepstack.language.state_machine import MapState, ParallelState, State, TaskState
from stepstack.service.account import Account, Params, Result
from stepstack.service.executions import checked_input
from stepstack.service.large_definitions import read_ahead
from stepstack.service.state_machines import invalid_definition

__all__ = ["TestStates"]

CONTEXT_FIELDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "Execution": {"Id": str, "Input": object, "Name": str, "RoleArn": str, "StartTime": str, "RedriveCount": int, "RedriveTime": str},
    "State": {"EnteredTime": str, "Name": str, "RetryCount": int},
    "StateMachine": {"Id": str, "Name": str},
    "Task": {"Token": str},
}
"""What a Context Object of the caller's may hold, and of which type."""

MEMBERS_FOR_MOCKS = ("mapIterationFailureCount", "errorCausedByState", "mapItemReaderData")
"""What of a test's configuration says something about the mock."""

WORDS = {str: "a string", int: "a number"}


class TestStates:
    __test__ = False  # its name is AWS's, and no test's

    def __init__(self, account: Account, environment: Environment) -> None:
        self._account = account
        self._environment = environment

    async def test(self, params: Params) -> Result:
        state = await self._state(params)
        configuration = params.get("stateConfiguration", {})
        mock = params.get("mock")
        _check_request(state, params, mock, configuration)
        text = checked_input(params.get("input", "{}")).text
        context = _context(params.get("context"), state)
        result = await run_state(
            state,
            input_text=text,
            environment=self._environment,
            role_arn=params.get("roleArn", ""),
            context=context,
            variables=_variables(params.get("variables")),
            mock=_mock(mock, state),
            retrier_retry_count=configuration.get("retrierRetryCount", 0),
            map_iteration_failure_count=configuration.get("mapIterationFailureCount", 0),
            map_item_reader_data=configuration.get("mapItemReaderData"),
        )
        return _wire_result(result, params.get("inspectionLevel", "INFO"))

    async def _state(self, params: Params) -> State:
        definition, name = params["definition"], params.get("stateName")
        read = await read_ahead(definition, functools.partial(parse_state, definition, state_name=name, catalog=self._account.catalog))
        try:
            return read()
        except DefinitionError as error:
            raise invalid_definition(error.diagnostics, definition) from error


def _refused(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _check_request(state: State, params: Params, mock: Mapping[str, Any] | None, configuration: Mapping[str, Any]) -> None:
    """Refuses what TestState does not do with such a state, in AWS's words."""
    if mock is None:
        for name in MEMBERS_FOR_MOCKS:
            if name in configuration:
                raise _unmocked(f"{name[0].upper()}{name[1:]}")
        if isinstance(state, (MapState, ParallelState)):
            raise _refused(f"State type '{state.type}' is not supported when a mock is not specified")
        if isinstance(state, TaskState):
            _check_can_be_called(state)
        if params.get("roleArn") is None and isinstance(state, TaskState):
            raise _refused("RoleArn must be specified when testing a Task state without a mock")
        return
    if not isinstance(state, (TaskState, MapState, ParallelState)):
        raise _refused(f"State type '{state.type}' is not supported when a mock is specified")
    if ("result" in mock) == ("errorOutput" in mock):
        raise _refused("A test mock should have only one of the following fields: [result, errorOutput].")
    if params.get("revealSecrets"):
        raise _refused("TestState does not support RevealSecrets when a mock is specified.")


def _check_can_be_called(state: TaskState) -> None:
    if state.resource.kind is ResourceKind.ACTIVITY:
        raise _unmocked("Activity tasks")
    if state.resource.pattern is not IntegrationPattern.REQUEST_RESPONSE:
        raise _unmocked("'.sync' or '.waitForTaskToken' service integration patterns")


def _unmocked(what: str) -> ServiceError:
    return _refused(f"TestState does not support {what} when a mock is not specified.")


def _mock(mock: Mapping[str, Any] | None, state: State) -> StateMock | None:
    if mock is None:
        return None
    failure = mock.get("errorOutput")
    if failure is not None:
        return StateMock(failure=StateFailure(failure.get("error"), failure.get("cause")))
    value = _parsed("Mocked result", mock["result"])
    if isinstance(state, MapState):
        _check_map_result(state, value)
    elif isinstance(state, ParallelState) and not isinstance(value, list):
        raise _refused("Mocked result must be an array.")
    mode = mock.get("fieldValidationMode", "STRICT")
    if isinstance(state, TaskState) and mode != "NONE":
        problem = answer_problem(state.resource, value, requires_all=mode == "STRICT")
        if problem is not None:
            raise _refused(f"Mock result schema validation error: {problem}")
    return StateMock(result=mock["result"])


def _check_map_result(state: MapState, value: Json) -> None:
    has_writer = state.result_writer is not None and state.result_writer.resource is not None
    if has_writer and not isinstance(value, dict):
        raise _refused("Mocked result must be a JSON object.")
    if not has_writer and not isinstance(value, list):
        raise _refused("Mocked result must be an array.")


def _parsed(what: str, text: str) -> Json:
    try:
        return parse_json(text)
    except ValueError:
        raise _refused(f"{what} must be a valid JSON.") from None


def _variables(text: str | None) -> Mapping[str, Json] | None:
    if text is None:
        return None
    value = _parsed("Variables", text)
    if not isinstance(value, dict):
        raise _refused("Variables must be a JSON object.")
    return value


def _context(text: str | None, state: State) -> Mapping[str, Json] | None:
    """The caller's Context Object; raises ValidationException where it has what no Context Object of this state has."""
    if text is None or not text.strip():
        return None
    value = _parsed("Context object", text)
    if not isinstance(value, dict):
        raise _invalid_context("Context object must be a JSON object")
    for name, members in value.items():
        _check_context_member(name, members, state)
    return value


def _check_context_member(name: str, members: Json, state: State) -> None:
    if name == "Map":
        raise _invalid_context("'Map' field is not supported when mocking a Context object")
    fields = CONTEXT_FIELDS.get(name)
    if fields is None:
        raise _invalid_context(f"Field '{name}' is not allowed")
    if name == "Task" and not _has_task_token(state):
        pattern = "a '.sync' or '.waitForTaskToken' service integration pattern"
        raise _invalid_context(f"Context object contains 'Task' when state is not a Task state with {pattern}")
    if not isinstance(members, dict):
        raise _invalid_context(f"{name} must be an object")
    for member, value in members.items():
        kind = fields.get(member)
        if kind is None:
            raise _invalid_context(f"Field '{member}' is not allowed")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _invalid_context(f"{name}.{member} must be {WORDS.get(kind, 'valid')}")  # type: ignore[arg-type]


def _has_task_token(state: State) -> bool:
    if not isinstance(state, TaskState) or state.resource.kind is not ResourceKind.SERVICE:
        return False
    return state.resource.pattern is not IntegrationPattern.REQUEST_RESPONSE


def _invalid_context(reason: str) -> ServiceError:
    return _refused(f"Invalid Context object provided: {reason}")


def _wire_result(result: StateTest, inspection_level: str) -> Result:
    members = {
        "output": result.output,
        "error": result.error,
        "cause": result.cause,
        "nextState": result.next_state,
        "inspectionData": dict(result.inspection) if inspection_level != "INFO" else None,
    }
    return {"status": result.status, **{name: value for name, value in members.items() if value is not None}}
