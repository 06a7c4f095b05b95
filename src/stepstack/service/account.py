"""What the families of operations share: the store, the time, the ARNs of this account, and the look-ups that refuse in AWS's words.

Made by `stepstack.service.service`; used by every family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from stepstack.clock import Clock, Randomness
from stepstack.errors import ServiceError
from stepstack.language.resources import ResourceCatalog
from stepstack.service.arns import StatesArn, StatesArns, parse_arn
from stepstack.service.journal import Journal
from stepstack.service.store import AliasRecord, ExecutionRecord, Revision, StateMachineRecord, Store, VersionRecord

__all__ = ["Account", "Params", "Result", "resource_not_found", "wire_milliseconds", "wire_time"]

Params: TypeAlias = "Mapping[str, Any]"
Result: TypeAlias = "dict[str, Any]"


def wire_time(seconds: float) -> float:
    """A time as the wire has it: seconds since the epoch, to the millisecond."""
    return round(seconds, 3)


def wire_milliseconds(seconds: float) -> int:
    """The same moment in whole milliseconds, as events and logs have it; rounding twice, so that both tell the same one."""
    return round(wire_time(seconds) * 1000)


def resource_not_found(arn: str) -> ServiceError:
    """ResourceNotFound, which operations on tags and Map Runs answer."""
    return ServiceError("ResourceNotFound", f"Resource not found: '{arn}'", {"resourceName": arn})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account in one region."""

    store: Store
    clock: Clock
    randomness: Randomness
    arns: StatesArns
    catalog: ResourceCatalog | None
    journal: Journal

    def now(self) -> float:
        return self.clock.now()

    def ended(self, record: ExecutionRecord) -> None:
        """Keeps what an ended execution has come to, as far as the API will tell it; forgets what is then too much."""
        record.settle()
        self.journal.execution(record)
        for forgotten in self.store.finished(record, self.now()):
            self.journal.execution_forgotten(forgotten)

    def find_state_machine(self, arn: str) -> StateMachineRecord:
        """The state machine whose own ARN is `arn`; raises StateMachineDoesNotExist."""
        record = self.store.state_machines.get(arn)
        if record is None:
            raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return record

    def find_version(self, arn: str) -> VersionRecord | None:
        """The version whose ARN is `arn`; None where there is none."""
        parsed = parse_arn(arn, "stateMachine")
        record = self.store.state_machines.get(parsed.unqualified)
        return record.versions.get(int(parsed.qualifier or 0)) if record is not None and parsed.is_version else None

    def find_alias(self, arn: StatesArn) -> AliasRecord | None:
        record = self.store.state_machines.get(arn.unqualified)
        return record.aliases.get(arn.qualifier or "") if record is not None else None

    def find_revision(self, arn: StatesArn) -> tuple[StateMachineRecord, Revision]:
        """The state machine that `arn` names, with the revision of its version or alias; raises StateMachineDoesNotExist."""
        record = self.store.state_machines.get(arn.unqualified)
        if record is not None:
            if arn.qualifier is None:
                return record, record.revision
            version = record.versions.get(int(arn.qualifier)) if arn.is_version else self.routed(record, arn.qualifier)
            if version is not None:
                return record, version.revision
        raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn.text}'")

    def routed(self, record: StateMachineRecord, alias_name: str) -> VersionRecord | None:
        """The version that the alias's weights draw; None where there is no such alias."""
        alias = record.aliases.get(alias_name)
        if alias is None:
            return None
        drawn = self.randomness.uniform(0, 100)
        for arn, weight in alias.routing:
            drawn -= weight
            if drawn < 0:
                return self.find_version(arn)
        return self.find_version(next(arn for arn, weight in alias.routing if weight))

    def find_execution(self, arn: str) -> ExecutionRecord:
        """The execution whose ARN is `arn`; raises InvalidArn (for an Express one too) or ExecutionDoesNotExist."""
        record = self.store.executions.get(arn)
        if record is not None and record.type == "STANDARD":
            return record
        parse_arn(arn, "execution")
        raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
