"""The text of a Task's Resource to a `TaskResource`.

Called by the states that call something: Task, and a Map's ItemReader and ResultWriter.
"""

from __future__ import annotations

import re
from typing import Final

from stepstack.language.resources import IntegrationPattern, ResourceKind, TaskResource

__all__ = ["parse_resource"]

_SERVICE: Final = re.compile(r"arn:([\w-]+):states:([\w-]*):(\d*):((?:aws-sdk:)?[\w-]+):(\w+)((?:\.\w+(?::2)?)?)", re.ASCII)
_ACTIVITY: Final = re.compile(r"arn:([\w-]+):states:([^:\s]+):([^:\s]+):activity:([^:\s]+)")
_LAMBDA_FUNCTION: Final = re.compile(r"arn:([\w-]+):lambda:([^:\s]*):([^:\s]*):function:(\S+)")
_PATTERNS: Final = {pattern.value: pattern for pattern in IntegrationPattern}


def parse_resource(arn: str) -> TaskResource | None:
    """`arn` taken apart, or None where it names nothing that a Task could call."""
    found = _ACTIVITY.fullmatch(arn)
    if found:
        partition, region, account, name = found.groups()
        return TaskResource(arn, ResourceKind.ACTIVITY, partition, region, account, "activity", name=name)
    found = _LAMBDA_FUNCTION.fullmatch(arn)
    if found:
        partition, region, account, name = found.groups()
        return TaskResource(arn, ResourceKind.LAMBDA_FUNCTION, partition, region, account, "lambda", name=name)
    found = _SERVICE.fullmatch(arn)
    if found is None:
        return None
    partition, region, account, service, action, suffix = found.groups()
    pattern = _PATTERNS.get(suffix)
    if pattern is None:
        return None
    return TaskResource(arn, ResourceKind.SERVICE, partition, region, account, service, action, pattern)
