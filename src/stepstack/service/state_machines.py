"""State machines: create, describe, update, delete, list.

Called by `stepstack.service.service`. A definition is parsed here, once; every execution runs the frozen result. Source: recorded answers
of AWS for idempotence, revisions and messages; AWS's API reference.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stepstack.errors import DefinitionError, ServiceError
from stepstack.language import parse
from stepstack.language.map_state import INVALID_LABEL_NAME
from stepstack.language.state_machine import StateMachine
from stepstack.service.account import Account, Params, Result, wire_time
from stepstack.service.arns import checked_name, parse_arn
from stepstack.service.configurations import AWS_OWNED_KEY, encryption_configuration, logging_configuration, tracing_configuration
from stepstack.service.large_definitions import read_ahead
from stepstack.service.paging import listed
from stepstack.service.store import ExecutionRecord, Revision, StateMachineRecord
from stepstack.service.tags import tag_map
from stepstack.service.versions import Versions

if TYPE_CHECKING:
    from stepstack.language.diagnostics import Diagnostic

__all__ = ["StateMachines", "invalid_definition"]

STATE_MACHINE_LIMIT = 10_000

UPDATABLE = ("definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")


class StateMachines:
    def __init__(self, account: Account, versions: Versions, stop: Callable[[ExecutionRecord], None]) -> None:
        self._account = account
        self._versions = versions
        self._stop = stop

    async def create(self, params: Params) -> Result:
        name = checked_name(params["name"])
        publish = params.get("publish", False)
        _check_version_description(params)
        kind = params.get("type", "STANDARD")
        logging = logging_configuration(params.get("loggingConfiguration"))
        tracing = tracing_configuration(params.get("tracingConfiguration"))
        encryption = encryption_configuration(params.get("encryptionConfiguration"))
        tags = tag_map(params.get("tags", ()))
        _check_role_arn(params["roleArn"])
        arn = self._account.arns.state_machine(name)
        wanted = (params["definition"], kind, logging, tracing, encryption)
        read = await self._reading(params["definition"], kind)
        existing = self._account.store.state_machines.get(arn)
        if existing is not None:
            return self._created_again(existing, wanted, publish=publish, description=params.get("versionDescription"))
        if len(self._account.store.state_machines) >= STATE_MACHINE_LIMIT:
            raise ServiceError("StateMachineLimitExceeded", f"State Machine Limit Exceeded: '{STATE_MACHINE_LIMIT}'")
        machine = _machine(read, params["definition"])
        now = self._account.now()
        revision = Revision(params["definition"], machine, params["roleArn"], logging, tracing, encryption, None, now, kind)
        record = StateMachineRecord(arn, name, kind, now, revision, tags)
        result: dict[str, Any] = {"stateMachineArn": arn, "creationDate": wire_time(now)}
        if publish:
            result["stateMachineVersionArn"] = self._versions.publish_revision(record, params.get("versionDescription")).arn
        self._account.store.add_state_machine(record)
        self._account.journal.state_machine(record)
        return result

    def _created_again(self, record: StateMachineRecord, wanted: tuple[Any, ...], *, publish: bool, description: str | None) -> Result:
        current = record.revision
        if (current.definition, record.type, current.logging, current.tracing, current.encryption) != wanted:
            raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{record.arn}'")
        result = {"stateMachineArn": record.arn, "creationDate": wire_time(record.created_at)}
        if publish:
            result["stateMachineVersionArn"] = self._versions.publish_revision(record, description).arn
            self._account.journal.state_machine(record)
        return result

    async def _reading(self, definition: str, kind: str) -> Callable[[], StateMachine]:
        """What reads the definition, where it is not read already."""
        return await read_ahead(definition, functools.partial(parse, definition, catalog=self._account.catalog, machine_type=kind))

    def describe(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        record, revision = self._account.find_revision(arn)
        version = record.versions.get(int(arn.qualifier or 0)) if arn.is_version else None
        result = {
            "stateMachineArn": arn.text,
            "name": record.name,
            "status": "ACTIVE",
            "definition": _shown_definition(revision, params) if arn.label is None else revision.definition,
            "roleArn": revision.role_arn,
            "type": record.type,
            "creationDate": wire_time(record.created_at if version is None else version.created_at),
            **_described_configuration(revision),
        }
        if arn.label is not None:
            result["label"] = arn.label
        if version is not None and version.description is not None:
            result["description"] = version.description
        return result

    def describe_for_execution(self, params: Params) -> Result:
        execution = self._account.find_execution(params["executionArn"])
        revision = execution.revision
        arn = parse_arn(execution.state_machine_arn, "stateMachine")
        result = {
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.state_machine_name,
            "definition": _shown_definition(revision, params),
            "roleArn": revision.role_arn,
            "updateDate": wire_time(revision.updated_at),
            **_described_configuration(revision),
        }
        if execution.map_run_arn is not None:
            result["mapRunArn"] = execution.map_run_arn
        if arn.label is not None:
            result["label"] = arn.label
        return result

    async def update(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        # A version's or an alias's ARN names no state machine that could be updated: it is looked up in vain.
        record = self._account.find_state_machine(arn.text)
        publish = params.get("publish", False)
        if not publish and not any(params.get(name) is not None for name in UPDATABLE):
            message = "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
            raise ServiceError("MissingRequiredParameter", message)
        _check_version_description(params)
        read = await self._reading(params.get("definition", ""), record.type)
        if self._account.find_state_machine(arn.text) is not record:
            raise ServiceError("ConflictException", f"State machine {arn.text} was deleted and created anew meanwhile")
        now = self._account.now()
        revision = self._revised(record, params, read, now)
        result: dict[str, Any] = {"updateDate": wire_time(now)}
        if revision is not None:
            record.revision = revision
            self._account.journal.state_machine(record)
        if record.revision.revision_id is not None:
            result["revisionId"] = record.revision.revision_id
        if publish:
            result["stateMachineVersionArn"] = self._versions.publish_revision(record, params.get("versionDescription")).arn
            self._account.journal.state_machine(record)
        return result

    def _revised(self, record: StateMachineRecord, params: Params, read: Callable[[], StateMachine], now: float) -> Revision | None:
        """The revision that `params` make of the current one; None where they change nothing."""
        old = record.revision
        definition = params.get("definition", old.definition)
        role_arn = params.get("roleArn", old.role_arn)
        _check_role_arn(role_arn)
        logging = logging_configuration(params["loggingConfiguration"]) if "loggingConfiguration" in params else old.logging
        tracing = tracing_configuration(params["tracingConfiguration"]) if "tracingConfiguration" in params else old.tracing
        encryption = encryption_configuration(params["encryptionConfiguration"]) if "encryptionConfiguration" in params else old.encryption
        unchanged = (old.definition, old.role_arn, old.logging, old.tracing, old.encryption)
        if (definition, role_arn, logging, tracing, encryption) == unchanged:
            return None
        machine = old.machine if definition == old.definition else _machine(read, definition)
        return Revision(definition, machine, role_arn, logging, tracing, encryption, self._account.randomness.uuid(), now, record.type)

    def delete(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        if arn.qualifier is not None or arn.label is not None:
            raise ServiceError("ValidationException", f"The state machine ARN must not be qualified. Received: {arn.text}")
        record = self._account.store.state_machines.pop(arn.text, None)
        if record is not None:
            for execution in list(record.executions.values()):
                if execution.execution is not None:
                    self._stop(execution)
            self._account.journal.state_machine_deleted(record)
        return {}

    def list(self, params: Params) -> Result:
        records = sorted(self._account.store.state_machines.values(), key=lambda record: record.name)
        return listed("stateMachines", records, lambda record: record.name, _list_item, params, scope="stateMachines")


def _list_item(record: StateMachineRecord) -> Result:
    return {
        "stateMachineArn": record.arn,
        "name": record.name,
        "type": record.type,
        "creationDate": wire_time(record.created_at),
    }


def _machine(read: Callable[[], StateMachine], definition: str) -> StateMachine:
    try:
        return read()
    except DefinitionError as error:
        raise invalid_definition(error.diagnostics, definition) from error


def _check_version_description(params: Params) -> None:
    if params.get("versionDescription") is not None and not params.get("publish", False):
        raise ServiceError("ValidationException", "Version description can only be set when publish is true")


def _check_role_arn(arn: str) -> None:
    """Raises InvalidArn where `arn` can't be a role's. Whether the role exists is not asked."""
    parts = arn.split(":", 5)
    if len(parts) < 6 or (parts[0], parts[2]) != ("arn", "iam") or not parts[5].startswith("role/"):
        raise ServiceError("InvalidArn", f"Invalid Role Arn: '{arn}'")


def _shown_definition(revision: Revision, params: Params) -> str:
    """The definition, or what stands for it where only metadata are asked for."""
    return "{}" if params.get("includedData") == "METADATA_ONLY" else revision.definition


def _described_configuration(revision: Revision) -> dict[str, Any]:
    """The members that a description of a state machine has besides its definition."""
    result: dict[str, Any] = {
        "loggingConfiguration": revision.logging,
        "tracingConfiguration": revision.tracing,
        "encryptionConfiguration": revision.encryption or AWS_OWNED_KEY,
    }
    if revision.revision_id is not None:
        result["revisionId"] = revision.revision_id
    if revision.machine.variable_references:
        result["variableReferences"] = {state: list(names) for state, names in revision.machine.variable_references.items()}
    return result


def invalid_definition(diagnostics: tuple[Diagnostic, ...], definition: str) -> ServiceError:
    """InvalidDefinition, with every error found, as AWS lists them; a bad Label alone has a text of its own, which holds the definition."""
    for diagnostic in diagnostics:
        if diagnostic.code == INVALID_LABEL_NAME:
            return ServiceError("InvalidDefinition", f"Error=ValueError Args={[diagnostic.message]} in definition '{definition}'.")
    problems = ", ".join(str(diagnostic) for diagnostic in diagnostics)
    return ServiceError("InvalidDefinition", f"Invalid State Machine Definition: '{problems}'")
