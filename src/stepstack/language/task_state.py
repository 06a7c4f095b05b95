"""A Task's own fields: what it calls, with which parameters and credentials. Called by `states`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stepstack.language.field import Field
from stepstack.language.fields import LARGEST_SECONDS, Fields
from stepstack.language.resources import IntegrationPattern, ResourceCatalog, ResourceKind, TaskResource
from stepstack.language.task_resource import parse_resource

__all__ = ["read_credentials", "read_parameters", "read_resource", "read_seconds"]

_NOT_IN_EXPRESS: Final[Mapping[IntegrationPattern, str]] = {
    IntegrationPattern.SYNC: "'.sync' service integration",
    IntegrationPattern.SYNC_2: "'.sync' service integration",
    IntegrationPattern.WAIT_FOR_TASK_TOKEN: "'.waitForTaskToken' service integration ",
}
"""AWS's words; the space behind the last one is AWS's too."""


def read_resource(state: Fields) -> TaskResource | None:
    """What the Task calls; None where that cannot be called, or not from this type of machine."""
    state.require("Resource")
    arn = state.text("Resource")
    if arn is None:
        return None
    resource = parse_resource(arn)
    if resource is None:
        state.refuse("Value is not a valid resource ARN", "Resource")
        return None
    if state.around.machine_type == "EXPRESS":
        _check_express(state, resource)
    catalog = state.around.catalog
    if resource.kind is ResourceKind.SERVICE and catalog is not None:
        problem = catalog.problem(resource)
        if problem is not None:
            state.refuse(problem, "Resource")
            return None
    return resource


def _check_express(state: Fields, resource: TaskResource) -> None:
    if resource.kind is ResourceKind.ACTIVITY:
        state.refuse("Express state machine does not support Activity ARN", "Resource")
    elif resource.pattern in _NOT_IN_EXPRESS:
        state.refuse(f"Express state machine does not support {_NOT_IN_EXPRESS[resource.pattern]}", "Resource")


def read_parameters(state: Fields, resource: TaskResource | None) -> Field | None:
    """Parameters, or JSONata's Arguments; reports those that the resource requires and those that it does not take."""
    name = "Arguments" if state.is_jsonata else "Parameters"
    if resource is not None and resource.kind is ResourceKind.SERVICE and state.around.catalog is not None:
        _check_parameters(state, name, resource, state.around.catalog)
    return state.template(name)


def _check_parameters(state: Fields, name: str, resource: TaskResource, catalog: ResourceCatalog) -> None:
    parameters = state.members.get(name)
    if name not in state.members and catalog.required_parameters(resource):
        state.refuse(f"{name} field is required for resource ARN: {resource.arn}", "Resource")
    if not isinstance(parameters, dict):
        return
    given = {key if state.is_jsonata else key.removesuffix(".$") for key in parameters}
    for required in catalog.required_parameters(resource):
        if required not in given:
            state.refuse(f"The field '{required}' is required but was missing", name)
    supported = catalog.supported_parameters(resource)
    if supported is not None:
        for key in parameters:
            if (key if state.is_jsonata else key.removesuffix(".$")) not in supported:
                state.refuse(f"The field '{key}' is not supported by Step Functions", name)


def read_credentials(state: Fields, resource: TaskResource | None) -> Field | None:
    """Credentials, `{"RoleArn": ...}` as a template; reports them where `resource` takes none."""
    value = state.members.get("Credentials")
    if "Credentials" not in state.members:
        return None
    if resource is not None and resource.kind is ResourceKind.ACTIVITY:
        state.refuse("The field 'Credentials' is not supported for activities", "Credentials")
    if isinstance(value, dict):
        if "RoleArn" not in value and (state.is_jsonata or "RoleArn.$" not in value):
            state.refuse("The field 'RoleArn' is required but was missing", "Credentials")
    elif not state.is_jsonata:
        state.refuse("Expected value of type Object", "Credentials")
    return state.template("Credentials")


def read_seconds(state: Fields, name: str) -> Field | None:
    """TimeoutSeconds, HeartbeatSeconds, and their Path and JSONata forms."""
    return state.number_field(name, 1, LARGEST_SECONDS)
