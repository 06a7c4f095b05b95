"""Aliases: a name that routes executions to one or two versions by weight.

Called by `stepstack.service.service`; StartExecution draws the version (`Account.routed`). Source: recorded answers of AWS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepstack.errors import ServiceError
from stepstack.service.account import Account, Params, Result, wire_time
from stepstack.service.arns import StatesArn, parse_arn
from stepstack.service.paging import listed
from stepstack.service.store import AliasRecord, StateMachineRecord

__all__ = ["Aliases"]

ALIAS_LIMIT = 100


class Aliases:
    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, params: Params) -> Result:
        name, description = params["name"], params.get("description")
        routing = self._routing(params["routingConfiguration"])
        record = self._machine_of(routing)
        existing = record.aliases.get(name)
        if existing is not None:
            if (existing.routing, existing.description) != (routing, description):
                message = "Failed to create alias because an alias with the same name and a different routing configuration already exists."
                raise ServiceError("ConflictException", message)
            return {"stateMachineAliasArn": existing.arn, "creationDate": wire_time(existing.created_at)}
        if len(record.aliases) >= ALIAS_LIMIT:
            raise ServiceError("ServiceQuotaExceededException", f"A state machine has at most {ALIAS_LIMIT} aliases: '{record.arn}'")
        now = self._account.now()
        alias = AliasRecord(f"{record.arn}:{name}", name, description, routing, now, now)
        record.aliases[name] = alias
        self._account.journal.state_machine(record)
        return {"stateMachineAliasArn": alias.arn, "creationDate": wire_time(now)}

    def describe(self, params: Params) -> Result:
        alias = self._find(_alias_arn(params))
        result = {
            "stateMachineAliasArn": alias.arn,
            "name": alias.name,
            "routingConfiguration": [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in alias.routing],
            "creationDate": wire_time(alias.created_at),
            "updateDate": wire_time(alias.updated_at),
        }
        if alias.description is not None:
            result["description"] = alias.description
        return result

    def update(self, params: Params) -> Result:
        arn = _alias_arn(params)
        alias = self._find(arn)
        if params.get("description") is None and params.get("routingConfiguration") is None:
            message = "Either the description or the routing configuration must be specified"
            raise ServiceError("ValidationException", message, {"reason": "MISSING_REQUIRED_PARAMETER"})
        if params.get("routingConfiguration") is not None:
            routing = self._routing(params["routingConfiguration"])
            if self._machine_of(routing).arn != arn.unqualified:
                raise _bad_routing(f"Routing configuration must contain versions of the alias's state machine. Received: {_arns(routing)}")
            alias.routing = routing
        if params.get("description") is not None:
            alias.description = params["description"]
        alias.updated_at = self._account.now()
        self._account.journal.state_machine(self._account.store.state_machines[arn.unqualified])
        return {"updateDate": wire_time(alias.updated_at)}

    def delete(self, params: Params) -> Result:
        arn = _alias_arn(params)
        record = self._account.store.state_machines.get(arn.unqualified)
        if record is not None and record.aliases.pop(arn.qualifier or "", None) is not None:
            self._account.journal.state_machine(record)
        return {}

    def list(self, params: Params) -> Result:
        arn = parse_arn(params["stateMachineArn"], "stateMachine")
        record, _ = self._account.find_revision(arn)
        aliases = sorted(record.aliases.values(), key=lambda alias: alias.name)
        if arn.is_version:
            aliases = [alias for alias in aliases if any(version == arn.text for version, _ in alias.routing)]

        def told(alias: AliasRecord) -> Result:
            return {"stateMachineAliasArn": alias.arn, "creationDate": wire_time(alias.created_at)}

        return listed("stateMachineAliases", aliases, lambda alias: alias.name, told, params, scope=f"aliases {arn.text}")

    def _find(self, arn: StatesArn) -> AliasRecord:
        alias = self._account.find_alias(arn)
        if alias is None:
            raise ServiceError("ResourceNotFound", "Request references a resource that does not exist.", {"resourceName": arn.text})
        return alias

    def _routing(self, given: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, int], ...]:
        """The routing configuration as pairs; raises ValidationException where it is none that AWS takes."""
        routing = tuple((item["stateMachineVersionArn"], item["weight"]) for item in given)
        arns = [parse_arn(arn, "stateMachine") for arn, _ in routing]
        if len({arn.text for arn in arns}) < len(arns):
            raise _bad_routing(f"Routing configuration must contain distinct state machine version ARNs. Received: {_arns(routing)}")
        if not all(arn.is_version for arn in arns):
            raise _bad_routing(f"Routing configuration must contain state machine version ARNs. Received: {_arns(routing)}")
        if sum(weight for _, weight in routing) != 100:
            weights = ", ".join(str(weight) for _, weight in routing)
            raise _bad_routing(f"Sum of routing configuration weights must equal 100. Received: [{weights}]")
        if len({arn.unqualified for arn in arns}) > 1:
            raise _bad_routing(f"Routing configuration must contain versions of the same state machine. Received: {_arns(routing)}")
        return routing

    def _machine_of(self, routing: tuple[tuple[str, int], ...]) -> StateMachineRecord:
        for arn, _ in routing:
            if self._account.find_version(arn) is None:
                raise ServiceError("ResourceNotFound", "Request references a resource that does not exist.", {"resourceName": arn})
        return self._account.store.state_machines[parse_arn(routing[0][0], "stateMachine").unqualified]


def _alias_arn(params: Params) -> StatesArn:
    arn = parse_arn(params["stateMachineAliasArn"], "stateMachine")
    if arn.qualifier is None or arn.is_version:
        raise ServiceError("ValidationException", f"The ARN must be a state machine alias ARN. Received: {arn.text}")
    return arn


def _arns(routing: tuple[tuple[str, int], ...]) -> str:
    return f"[{', '.join(arn for arn, _ in routing)}]"


def _bad_routing(message: str) -> ServiceError:
    return ServiceError("ValidationException", message, {"reason": "INVALID_ROUTING_CONFIGURATION"})
