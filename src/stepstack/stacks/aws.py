"""A real AWS account: only where somebody said so, and only under a prefix of names.

Called by `stepstack.testing.Stack.aws`. Variables:

    STEPSTACK_AWS=1             the opt-in; without it nothing is ever sent to AWS
    STEPSTACK_AWS_PREFIX=team   every name begins with it
    STEPSTACK_AWS_ROLE_ARN=...  the role that state machines assume; needs what their tasks call
    AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE, ...   as for every SDK

Each fixture deletes what it made; `sweep` then deletes whatever of this run is left, such as what a killed worker made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.errors import SettingsError

__all__ = ["AwsAccount"]

OPT_IN_VARIABLE = "STEPSTACK_AWS"
PREFIX_VARIABLE = "STEPSTACK_AWS_PREFIX"
ROLE_VARIABLE = "STEPSTACK_AWS_ROLE_ARN"


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """Where tests may work on AWS: names begin with `prefix`."""

    prefix: str
    region: str
    role_arn: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> AwsAccount:
        """SettingsError where the opt-in, the prefix or the region is missing."""
        variables = os.environ if environment is None else environment
        if variables.get(OPT_IN_VARIABLE, "").lower() not in {"1", "yes", "true"}:
            raise SettingsError(f"the backend aws works on a real account and costs money: say {OPT_IN_VARIABLE}=1 to allow it")
        prefix = variables.get(PREFIX_VARIABLE, "")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,18}[A-Za-z0-9]", prefix):
            raise SettingsError(
                f"the backend aws needs {PREFIX_VARIABLE}, the beginning of all names: 3 to 20 letters, digits, hyphens; it is {prefix!r}"
            )
        region = variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
        if not region:
            raise SettingsError("the backend aws needs a region: set AWS_REGION")
        return cls(prefix, region, variables.get(ROLE_VARIABLE) or None)

    def required_role_arn(self) -> str:
        if self.role_arn is None:
            raise SettingsError(f"a state machine on AWS needs a role: set {ROLE_VARIABLE} to the ARN of one, or give role_arn=")
        return self.role_arn

    def sweep(self, run: str, client: Callable[[str], Any]) -> list[str]:
        """Deletes every state machine and table whose name begins with `PREFIX-RUN-`; their names. `client(service)` is boto3's."""
        begin = f"{self.prefix}-{run}-"
        return [name for sweep_one in (_sweep_state_machines, _sweep_tables) for name in sweep_one(begin, client)]


def _sweep_state_machines(begin: str, client: Callable[[str], Any]) -> Iterator[str]:
    stepfunctions = client("stepfunctions")
    for page in stepfunctions.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            if machine["name"].startswith(begin):
                stepfunctions.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
                yield machine["name"]


def _sweep_tables(begin: str, client: Callable[[str], Any]) -> Iterator[str]:
    dynamodb = client("dynamodb")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            if name.startswith(begin):
                dynamodb.delete_table(TableName=name)
                yield name
