"""ARNs of Step Functions' resources: taken apart, checked for the resource types that an operation takes, and made.

Called by every family of operations. Messages are AWS's. It leaves out whether the resource exists: that is the store's to say.

    arn:aws:states:us-east-1:123456789012:stateMachine:NAME            a state machine
    arn:aws:states:us-east-1:123456789012:stateMachine:NAME:3          its version 3; with a name instead of a number, an alias
    arn:aws:states:us-east-1:123456789012:stateMachine:NAME/LABEL      the child executions of its distributed Map
    arn:aws:states:us-east-1:123456789012:execution:NAME:EXECUTION     an execution; express:NAME:EXECUTION:ID an Express one
    arn:aws:states:us-east-1:123456789012:mapRun:NAME/LABEL:ID         a Map Run
    arn:aws:states:us-east-1:123456789012:activity:NAME                an activity
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepstack.errors import ServiceError

__all__ = ["StatesArn", "StatesArns", "checked_name", "parse_arn"]

INVALID_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U0010ffff]")
"""What AWS allows in no name."""


@dataclass(frozen=True, slots=True)
class StatesArn:
    """An ARN of Step Functions. `qualifier` is a version's number, an alias's name, or the last part of an execution's or a Map Run's."""

    text: str
    resource_type: str
    name: str
    qualifier: str | None = None
    label: str | None = None
    """Behind `/` in the name: the label of a distributed Map."""

    @property
    def is_version(self) -> bool:
        return self.qualifier is not None and self.qualifier.isascii() and self.qualifier.isdigit()

    @property
    def unqualified(self) -> str:
        """The state machine's own ARN, without version, alias or label."""
        prefix = self.text.split(":", 6)[:6]
        return ":".join([*prefix, self.name])


def parse_arn(text: str, *resource_types: str) -> StatesArn:
    """`text` taken apart; raises InvalidArn where it is none of Step Functions, or names none of `resource_types`."""
    parts = text.split(":")
    if parts[0] != "arn":
        raise _invalid(f"Invalid ARN prefix: {text}")
    if len(parts) < 7:
        raise _invalid(f"ARN does not have enough components: {text}")
    if parts[2] != "states":
        raise _invalid(f"Invalid ARN service: {parts[2]}")
    resource_type = parts[5]
    if resource_type not in resource_types:
        raise _invalid(f"Resource type not valid in this context: {resource_type}")
    name, _, label = parts[6].partition("/")
    qualifier = ":".join(parts[7:]) if len(parts) > 7 else None
    if not name or qualifier == "":
        raise _invalid(f"Invalid ARN: {text}")
    return StatesArn(text, resource_type, name, qualifier, label or None)


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidArn", f"Invalid Arn: '{reason}'")


def checked_name(name: str) -> str:
    """`name`; raises InvalidName where AWS takes no such name."""
    if not name or INVALID_NAME.search(name):
        raise ServiceError("InvalidName", f"Invalid Name: '{name}'")
    return name


@dataclass(frozen=True, slots=True)
class StatesArns:
    """Makes the ARNs of one account in one region."""

    region: str
    account: str

    @property
    def _prefix(self) -> str:
        partition = "aws-cn" if self.region.startswith("cn-") else "aws-us-gov" if self.region.startswith("us-gov-") else "aws"
        return f"arn:{partition}:states:{self.region}:{self.account}"

    def state_machine(self, name: str) -> str:
        return f"{self._prefix}:stateMachine:{name}"

    def activity(self, name: str) -> str:
        return f"{self._prefix}:activity:{name}"

    def execution(self, state_machine: str, name: str) -> str:
        return f"{self._prefix}:execution:{state_machine}:{name}"

    def express_execution(self, state_machine: str, name: str, run_id: str) -> str:
        return f"{self._prefix}:express:{state_machine}:{name}:{run_id}"
