"""The way of data through a state: from its raw input to the input of its work, and from its result to its output.

JSONPath: InputPath, Parameters, (the work), ResultSelector, ResultPath, Assign, OutputPath. JSONata: Arguments, (the work), Assign and
Output. Called by every state module, in executions and in TestState alike. Source: the developer guide's "Processing input and output".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from stepstack.errors import ExpressionError
from stepstack.interpreter.failures import StateFailed, expression_failure
from stepstack.interpreter.payload import EMPTY_OBJECT, Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json
from stepstack.language.state_machine import Field, QueryLanguage, State, WorkState
from stepstack.query.jsonpath import AslPath
from stepstack.query.reference_path import ReferencePath
from stepstack.query.scope import ABSENT

__all__ = [
    "arguments",
    "assign",
    "effective_input",
    "is_jsonata",
    "noted_arguments",
    "noted_input",
    "output_from_input",
    "output_from_result",
    "place_result",
    "through_path",
    "through_result_path",
]


def is_jsonata(state: State) -> bool:
    """Whether the state is written in JSONata; in JSONPath otherwise."""
    return state.query_language is QueryLanguage.JSONATA


def effective_input(visit: Visit) -> Payload:
    """The raw input through InputPath; JSONata has none."""
    state = visit.state
    raw = visit.raw_input
    if is_jsonata(state):
        return raw
    return through_path(visit, state.input_path, raw, "InputPath")


def noted_input(visit: Visit) -> Payload:
    """The effective input, which TestState shows for most types of states."""
    effective = effective_input(visit)
    if not is_jsonata(visit.state):
        visit.note("afterInputPath", effective)
    return effective


def arguments(visit: Visit, effective: Payload, parameters: Field | None) -> Payload:
    """What the state's work gets: Parameters or Arguments evaluated, the effective input without them."""
    return effective if parameters is None else Payload(visit.evaluate(parameters, visit.scope(effective.value)))


def noted_arguments(visit: Visit, effective: Payload, parameters: Field | None) -> Payload:
    """The arguments, which TestState shows for Pass and Task."""
    payload = arguments(visit, effective, parameters)
    if is_jsonata(visit.state):
        if parameters is not None:
            visit.note("afterArguments", payload)
    else:
        visit.note("afterParameters", payload)
    return payload


def output_from_input(visit: Visit, effective: Payload) -> Payload:
    """The output of a state without a result: Choice, Wait, Succeed, and Pass in JSONata."""
    state = visit.state
    if is_jsonata(state):
        return _jsonata_output(visit, effective, ABSENT)
    assign(visit, state.assign, effective.value)
    return through_path(visit, state.output_path, effective, "OutputPath")


def output_from_result(visit: Visit, state: WorkState, result: Payload) -> Payload:
    """The output of a state whose work yielded `result`."""
    if is_jsonata(state):
        return _jsonata_output(visit, result, result.value)
    selected = result
    if state.result_selector is not None:
        selected = Payload(visit.evaluate(state.result_selector, visit.scope(result.value)))
    return place_result(visit, state.result_path, selected)


def place_result(visit: Visit, result_path: ReferencePath | None, result: Payload) -> Payload:
    """JSONPath's last steps: Assign, ResultPath on the raw input, OutputPath."""
    state = visit.state
    visit.note("afterResultSelector", result)
    assign(visit, state.assign, result.value)
    placed = through_result_path(visit, result_path, result)
    visit.note("afterResultPath", placed)
    return through_path(visit, state.output_path, placed, "OutputPath")


def through_result_path(visit: Visit, result_path: ReferencePath | None, result: Payload) -> Payload:
    """The raw input with `result` at ResultPath; States.ResultPathMatchFailure where it cannot be put there."""
    if result_path is None:
        return visit.raw_input
    if result_path.is_root:
        return result
    try:
        return Payload(result_path.place(visit.raw_input.value, result.value))
    except ExpressionError as error:
        raise StateFailed(StateFailure("States.ResultPathMatchFailure", error.message)) from error


def assign(visit: Visit, field: Field | None, data: Json, result: Json = ABSENT, error_output: Json = ABSENT) -> None:
    """Decides the variables that StateExited will set; all are evaluated with the old values."""
    if field is None:
        return
    value = visit.evaluate(field, visit.scope(data, result, error_output))
    visit.assigned = cast("Mapping[str, Json]", value)


def _jsonata_output(visit: Visit, default: Payload, result: Json) -> Payload:
    state = visit.state
    assign(visit, state.assign, visit.raw_input.value, result)
    if state.output is None:
        return default
    return Payload(visit.evaluate(state.output, visit.scope(visit.raw_input.value, result)))


def through_path(visit: Visit, path: AslPath | None, payload: Payload, field_name: str) -> Payload:
    """What InputPath or OutputPath, `path`, lets through of `payload`."""
    if path is None:
        return EMPTY_OBJECT
    if path.is_root:
        return payload
    try:
        return Payload(path.evaluate(visit.scope(payload.value)))
    except ExpressionError as error:
        raise expression_failure(visit, field_name, error) from error
