"""Instance fleets and groups of EMR by their names: the optimized integration takes names where the API takes ids.

Called by the runner for `elasticmapreduce:modifyInstanceFleetByName` and `modifyInstanceGroupByName`. Source: AWS's developer guide,
"Create and manage Amazon EMR clusters".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.integrations.service_call import Refusal, ServiceCaller

__all__ = ["with_ids"]

_LISTS: Mapping[str, tuple[str, str, str]] = {
    "ModifyInstanceFleet": ("ListInstanceFleets", "InstanceFleets", "InstanceFleetId"),
    "ModifyInstanceGroups": ("ListInstanceGroups", "InstanceGroups", "InstanceGroupId"),
}


async def with_ids(operation: str, params: Mapping[str, Any], caller: ServiceCaller) -> Mapping[str, Any]:
    """`params` of the operation with ids in place of names; other operations' as they are. Raises Refusal where there is no such name."""
    if operation not in _LISTS:
        return params
    lists, member, identifier = _LISTS[operation]
    reply = await caller.call("emr", lists, {"ClusterId": params.get("ClusterId")})
    ids = {listed.get("Name"): listed.get("Id") for listed in reply.content.get(member) or ()}
    if operation == "ModifyInstanceFleet":
        return {**params, "InstanceFleet": _with_id(params["InstanceFleet"], identifier, ids)}
    return {**params, "InstanceGroups": [_with_id(group, identifier, ids) for group in params["InstanceGroups"]]}


def _with_id(changes: Mapping[str, Any], identifier: str, ids: Mapping[Any, Any]) -> dict[str, Any]:
    name = changes.get(identifier)
    if name not in ids:
        raise Refusal("emr", "InvalidRequestException", f"There is no instance fleet or group named '{name}' in the cluster.", 400, {})
    return {**changes, identifier: ids[name]}
