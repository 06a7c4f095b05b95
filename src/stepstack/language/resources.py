"""A Task's Resource ARN, taken apart.

Made by the parser; read by the interpreter (names in histories) and by the integrations (what to call). It leaves out whether the
resource is supported: the parser asks the `ResourceCatalog` that it is given. Source: AWS's developer guide, "Integrating services".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

__all__ = ["IntegrationPattern", "ResourceCatalog", "ResourceKind", "TaskResource"]


class ResourceKind(enum.Enum):
    """What a Resource names."""

    SERVICE = "service"
    """`arn:aws:states:::dynamodb:getItem`, `arn:aws:states:::aws-sdk:s3:listBuckets`."""
    LAMBDA_FUNCTION = "lambda function"
    """A function's own ARN."""
    ACTIVITY = "activity"


class IntegrationPattern(enum.Enum):
    """The suffix of the resource."""

    REQUEST_RESPONSE = ""
    SYNC = ".sync"
    SYNC_2 = ".sync:2"
    WAIT_FOR_TASK_TOKEN = ".waitForTaskToken"  # noqa: S105 - no secret: a suffix


@dataclass(frozen=True, slots=True)
class TaskResource:
    """`arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken` has service `aws-sdk:dynamodb`, action `putItem`."""

    arn: str
    kind: ResourceKind
    partition: str = "aws"
    region: str = ""
    account: str = ""
    service: str = ""
    action: str = ""
    pattern: IntegrationPattern = IntegrationPattern.REQUEST_RESPONSE
    name: str = ""
    """The function's or the activity's name, with its qualifier (`echo:1`)."""

    @property
    def event_resource_type(self) -> str:
        """`resourceType` in histories: `aws-sdk:dynamodb`, `lambda`."""
        return self.service

    @property
    def event_resource(self) -> str:
        """`resource` in histories: `putItem.waitForTaskToken`."""
        return self.action + self.pattern.value


class ResourceCatalog(Protocol):
    """What can be called. The integrations are one; the parser asks it about every service resource."""

    def problem(self, resource: TaskResource) -> str | None:
        """Why `resource` cannot be used, in words for a diagnostic; None where it can."""
        ...

    def required_parameters(self, resource: TaskResource) -> tuple[str, ...]:
        """Parameters without which AWS refuses the definition."""
        ...

    def supported_parameters(self, resource: TaskResource) -> frozenset[str] | None:
        """Every parameter that `resource` takes; None where that is not known, or where it takes any JSON."""
        ...
