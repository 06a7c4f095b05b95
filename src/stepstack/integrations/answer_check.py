"""Whether a mocked result could be the service's: the check of TestState's mocks and of our own.

Called by the mocks, and by the service for TestState's `fieldValidationMode`. Members that the model does not know are let pass, as AWS
does. It leaves out results whose form is the user's own: functions, activities, callbacks, HTTP calls.
Source: recorded answers of TestState.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.integrations.catalog import SDK, sdk_operation
from stepstack.integrations.optimized import OptimizedAction
from stepstack.integrations.optimized_actions import optimized_action
from stepstack.integrations.service_model import describe
from stepstack.integrations.shapes import ListShape, MapShape, Shape, StructureShape
from stepstack.json_types import Json
from stepstack.language.resources import IntegrationPattern, ResourceKind, TaskResource

__all__ = ["answer_problem"]

_WORDS: Mapping[str, tuple[Any, str]] = {
    "blob": (str, "a string"),
    "boolean": (bool, "a boolean"),
    "double": ((int, float), "a number"),
    "float": ((int, float), "a number"),
    "integer": ((int, float), "a number"),
    "list": ((list, tuple), "an array"),
    "long": ((int, float), "a number"),
    "map": (Mapping, "an object"),
    "string": (str, "a string"),
    "structure": (Mapping, "an object"),
    "timestamp": (str, "a string"),
}


def answer_problem(resource: TaskResource, value: Json, *, requires_all: bool = True) -> str | None:
    """Why `value` cannot be the result of `resource`, in TestState's words ("Field 'Entries' must be an array"); None where it can.

    With `requires_all` members that the service always answers must be there.
    """
    found = _shape(resource)
    if found is None:
        return None
    shape, free = found
    if not isinstance(value, Mapping):
        return "Mocked result must be a JSON object"
    return _problem(shape, value, "", free, requires_all=requires_all)


def _shape(resource: TaskResource) -> tuple[StructureShape, tuple[str, ...]] | None:
    """The shape of the resource's result, and those of its members that take any JSON."""
    if resource.kind is not ResourceKind.SERVICE or resource.pattern is IntegrationPattern.WAIT_FOR_TASK_TOKEN:
        return None
    if resource.service.startswith(SDK):
        operation = sdk_operation(resource)
        return (operation.answer(is_sdk=True), ()) if operation is not None else None
    action = optimized_action(resource.service, resource.action)
    if action is None or not action.operation:
        return None
    if resource.pattern is not IntegrationPattern.REQUEST_RESPONSE:
        return _job_shape(action, resource)
    if action.service.name == "elasticmapreduce":
        return None  # these answers are formed anew
    free = ("Payload",) if action.service.api == "lambda" else action.json_answers
    return describe(action.service.api).operation(action.operation).answer(is_sdk=False), free


def _job_shape(action: OptimizedAction, resource: TaskResource) -> tuple[StructureShape, tuple[str, ...]] | None:
    if action.service.name == "states":
        free = ("Input", "Output") if resource.pattern is IntegrationPattern.SYNC_2 else ()
        # What the description says of the execution's dates, tests write in any form.
        return describe("stepfunctions").operation("DescribeExecution").answer(is_sdk=False), (*free, "StartDate", "StopDate")
    if action.job is None or action.job.answer or action.job.answer_name:
        return None
    return describe(action.service.api).operation(action.job.describe).answer(is_sdk=False), ()


def _problem(shape: Shape, value: Any, field: str, free: tuple[str, ...], *, requires_all: bool) -> str | None:
    if value is None:
        return None
    known = _WORDS.get(shape.kind)
    if known is not None and (not isinstance(value, known[0]) or (isinstance(value, bool) and shape.kind != "boolean")):
        return f"Field '{field}' must be {known[1]}"
    if isinstance(shape, StructureShape):
        return _structure_problem(shape, value, free, requires_all=requires_all)
    if isinstance(shape, (ListShape, MapShape)):
        items = value.items() if isinstance(shape, MapShape) else ((field, item) for item in value)
        for name, item in items:
            problem = _problem(shape.element, item, name, (), requires_all=requires_all)
            if problem is not None:
                return problem
        return None
    return _limit_problem(shape, value, field)


def _structure_problem(shape: StructureShape, value: Mapping[str, Any], free: tuple[str, ...], *, requires_all: bool) -> str | None:
    if requires_all:
        for name in shape.required:
            if name not in value:
                return f"Required field '{name}' is missing"
    for name, (_, member) in shape.members.items():
        if name in value and name not in free:
            problem = _problem(member, value[name], name, (), requires_all=requires_all)
            if problem is not None:
                return problem
    return None


def _limit_problem(shape: Shape, value: Any, field: str) -> str | None:
    model = shape.model
    if "enum" in model and value not in model["enum"]:
        return f"Field '{field}' is not an expected value"
    low, high = model.get("min"), model.get("max")
    if shape.kind in {"string", "blob"}:
        if low is not None and len(value) < low:
            return f"Field '{field}' is smaller than the minimum length"
        if high is not None and len(value) > high:
            return f"Field '{field}' exceeds the maximum length"
    elif shape.kind in {"integer", "long", "float", "double"}:
        if low is not None and value < low:
            return f"Field '{field}' is less than the minimum value"
        if high is not None and value > high:
            return f"Field '{field}' exceeds the maximum value"
    return None
