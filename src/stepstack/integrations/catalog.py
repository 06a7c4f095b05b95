"""What a Task may call: the `ResourceCatalog` that the parser asks.

Optimized integrations come from the table in `optimized_actions.py`; `aws-sdk` ones from botocore's models, each read when a definition
first names its service, and from a list of what the installed botocore does not describe. The words of refusals are AWS's. It leaves out
activities and functions (any ARN of theirs will do), and whether an Express state machine may use a pattern (the parser knows).
Source: AWS's developer guide, "Integrating services", and recorded answers.
"""

from __future__ import annotations

from stepstack.integrations.optimized import OptimizedAction
from stepstack.integrations.optimized_actions import optimized_action
from stepstack.integrations.service_model import Operation, describe, sdk_service
from stepstack.integrations.services_without_model import is_known_without_model
from stepstack.language.resources import IntegrationPattern, ResourceKind, TaskResource

__all__ = ["IntegrationCatalog", "sdk_operation"]

SDK = "aws-sdk:"
_SDK_PATTERNS = frozenset({IntegrationPattern.REQUEST_RESPONSE, IntegrationPattern.WAIT_FOR_TASK_TOKEN})


def sdk_operation(resource: TaskResource) -> Operation | None:
    """The operation that an `aws-sdk` resource names; None where there is no such service or action, or one of streamed events."""
    name = sdk_service(resource.service.removeprefix(SDK))
    if name is None:
        return None
    service = describe(name)
    operation = service.actions.get(resource.action)
    if operation is None:
        return None
    found = service.operation(operation)
    return None if found.is_event_stream else found


def _is_without_model(resource: TaskResource) -> bool:
    return is_known_without_model(resource.service.removeprefix(SDK), resource.action)


class IntegrationCatalog:
    """Every integration that stepstack knows."""

    def problem(self, resource: TaskResource) -> str | None:
        """Why `resource` cannot be used, in AWS's words; None where it can."""
        if resource.kind is not ResourceKind.SERVICE:
            return None
        if resource.service.startswith(SDK):
            is_known = resource.pattern in _SDK_PATTERNS and (sdk_operation(resource) is not None or _is_without_model(resource))
        else:
            action = optimized_action(resource.service, resource.action)
            is_known = action is not None and resource.pattern in action.patterns
        if is_known:
            return None
        return (
            f"The resource provided {resource.arn} is not recognized. "
            "The value is not a valid resource ARN, or the resource is not available in this region."
        )

    def required_parameters(self, resource: TaskResource) -> tuple[str, ...]:
        """Parameters without which AWS refuses the definition."""
        if resource.kind is not ResourceKind.SERVICE:
            return ()
        if resource.service.startswith(SDK):
            operation = sdk_operation(resource)
            return operation.parameters(is_sdk=True).required if operation is not None else ()
        action = optimized_action(resource.service, resource.action)
        return action.required if action is not None else ()

    def supported_parameters(self, resource: TaskResource) -> frozenset[str] | None:
        """Every parameter that the resource takes; None where that is not known, or where it takes any JSON."""
        if resource.kind is not ResourceKind.SERVICE:
            return None
        if resource.service.startswith(SDK):
            operation = sdk_operation(resource)
            return frozenset(operation.parameters(is_sdk=True).members) if operation is not None else None
        action = optimized_action(resource.service, resource.action)
        return supported_parameters(action) if action is not None else None


def supported_parameters(action: OptimizedAction) -> frozenset[str]:
    """Every parameter that the optimized integration takes."""
    if action.parameters:
        return frozenset(action.parameters)
    return frozenset(describe(action.service.api).operation(action.operation).parameters(is_sdk=False).members).union(action.refused)
