"""Versions of state machines: publish, delete, list.

Called by `stepstack.service.service`, and by the state machines, which may publish what they create or update. A version keeps the
revision that it was published from; its number is never used again. Source: recorded answers of AWS.
"""

from __future__ import annotations

from stepstack.errors import ServiceError
from stepstack.service.account import Account, Params, Result, wire_time
from stepstack.service.arns import parse_arn
from stepstack.service.paging import listed
from stepstack.service.store import StateMachineRecord, VersionRecord

__all__ = ["Versions"]

VERSION_LIMIT = 1000
INITIAL_REVISION = "INITIAL"
"""How a request names the revision that a state machine was created with."""


class Versions:
    def __init__(self, account: Account) -> None:
        self._account = account

    def publish(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        record = self._account.find_state_machine(arn.text)
        wanted, current = params.get("revisionId"), record.revision.revision_id or INITIAL_REVISION
        if wanted is not None and wanted != current:
            message = f"Failed to publish the State Machine version for revision {wanted}. The current State Machine revision is {current}."
            raise ServiceError("ConflictException", message)
        version = self.publish_revision(record, params.get("description"))
        self._account.journal.state_machine(record)
        return {"creationDate": wire_time(version.created_at), "stateMachineVersionArn": version.arn}

    def publish_revision(self, record: StateMachineRecord, description: str | None) -> VersionRecord:
        """The version of the current revision: the one that is published already, or a new one."""
        latest = max(record.versions.values(), key=lambda version: version.number, default=None)
        if latest is not None and latest.revision is record.revision:
            if description is not None and description != latest.description:
                message = f"Failed to publish the State Machine version: version {latest.number} of this revision has another description."
                raise ServiceError("ConflictException", message)
            return latest
        if len(record.versions) >= VERSION_LIMIT:
            raise ServiceError("ServiceQuotaExceededException", f"A state machine has at most {VERSION_LIMIT} versions: '{record.arn}'")
        record.last_version += 1
        number = record.last_version
        version = VersionRecord(f"{record.arn}:{number}", number, record.revision, description, self._account.now())
        record.versions[number] = version
        return version

    def delete(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineVersionArn"], "stateMachine")
        if not arn.is_version:
            raise ServiceError("ValidationException", f"The ARN must be a state machine version ARN. Received: {arn.text}")
        record = self._account.store.state_machines.get(arn.unqualified)
        if record is None:
            return {}
        aliases = [alias.name for alias in record.aliases.values() if any(version == arn.text for version, _ in alias.routing)]
        if aliases:
            message = "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: "
            raise ServiceError("ConflictException", f"{message}[{', '.join(aliases)}]")
        if record.versions.pop(int(arn.qualifier or 0), None) is not None:
            self._account.journal.state_machine(record)
        return {}

    def list(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        if arn.qualifier is not None:
            raise ServiceError("ValidationException", f"The state machine ARN must not be qualified. Received: {arn.text}")
        # The model has no error for a state machine that is not there: it has no versions.
        record = self._account.store.state_machines.get(arn.text)
        published = record.versions.values() if record is not None else ()
        versions = sorted(published, key=lambda version: version.number, reverse=True)

        def told(version: VersionRecord) -> Result:
            return {"stateMachineVersionArn": version.arn, "creationDate": wire_time(version.created_at)}

        scope = f"versions {arn.text}"
        return listed("stateMachineVersions", versions, lambda version: version.number, told, params, scope=scope, descending=True)
