"""What single optimized actions do to their parameters and answers beyond naming them.

Called by the runner. Each entry takes the parameters as a state gives them and returns those of the API's operation, still in states'
spelling; a parameter that does not fit is left as it is, for the check against the operation's shape to find. Source: AWS's developer
guide, the page of each service, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stepstack.interpreter.ports import TaskCall
from stepstack.json_types import Json, JsonObject, json_text

__all__ = ["ANSWER_FORMS", "REQUEST_FORMS", "STARTED_FORMS"]


def _put_events(parameters: JsonObject, call: TaskCall) -> JsonObject:
    """Details are JSON; every event names the state machine and the execution among its resources."""
    entries = parameters.get("Entries")
    if not isinstance(entries, (list, tuple)):
        return parameters
    origin = [call.state_machine_arn, call.execution_arn]
    return {**parameters, "Entries": [_event(entry, origin) if isinstance(entry, Mapping) else entry for entry in entries]}


def _event(entry: JsonObject, origin: list[str]) -> JsonObject:
    resources = entry.get("Resources")
    changed: dict[str, Json] = dict(entry)
    if resources is None or isinstance(resources, (list, tuple)):
        changed["Resources"] = [*(resources or ()), *origin]
    detail = entry.get("Detail")
    if detail is not None and not isinstance(detail, str):
        changed["Detail"] = json_text(detail)
    return changed


def _add_step(parameters: JsonObject, _: TaskCall) -> JsonObject:
    changed: dict[str, Json] = {"JobFlowId": parameters.get("ClusterId"), "Steps": [parameters.get("Step")]}
    if "ExecutionRoleArn" in parameters:
        changed["ExecutionRoleArn"] = parameters["ExecutionRoleArn"]
    return changed


def _cancel_step(parameters: JsonObject, _: TaskCall) -> JsonObject:
    return {"ClusterId": parameters.get("ClusterId"), "StepIds": [parameters.get("StepId")]}


def _terminate_cluster(parameters: JsonObject, _: TaskCall) -> JsonObject:
    return {"JobFlowIds": [parameters.get("ClusterId")]}


def _termination_protection(parameters: JsonObject, _: TaskCall) -> JsonObject:
    return {"JobFlowIds": [parameters.get("ClusterId")], "TerminationProtected": parameters.get("TerminationProtected")}


def _modify_fleet(parameters: JsonObject, _: TaskCall) -> JsonObject:
    """The fleet bears its name where the API wants its id, until that is looked up."""
    return {"ClusterId": parameters.get("ClusterId"), "InstanceFleet": _with(parameters, "InstanceFleet", "InstanceFleetId")}


def _modify_group(parameters: JsonObject, _: TaskCall) -> JsonObject:
    """As with a fleet."""
    return {"ClusterId": parameters.get("ClusterId"), "InstanceGroups": [_with(parameters, "InstanceGroup", "InstanceGroupId")]}


def _with(parameters: JsonObject, member: str, identifier: str) -> Json:
    changes = parameters.get(member)
    return {**changes, identifier: parameters.get(f"{member}Name")} if isinstance(changes, Mapping) else changes


def _created_cluster(answer: dict[str, Json]) -> dict[str, Json]:
    renamed = {"ClusterId": answer.pop("JobFlowId", None)}
    return {name: value for name, value in {**answer, **renamed}.items() if value is not None}


def _added_step(answer: dict[str, Json]) -> dict[str, Json]:
    identifiers = answer.pop("StepIds", None)
    return {**answer, "StepId": identifiers[0]} if isinstance(identifiers, list) and identifiers else answer


def _cancelled_step(answer: dict[str, Json]) -> dict[str, Json]:
    infos = answer.pop("CancelStepsInfoList", None)
    return {**answer, "CancelStepsInfo": infos[0]} if isinstance(infos, list) and infos else answer


REQUEST_FORMS: Mapping[tuple[str, str], Callable[[JsonObject, TaskCall], JsonObject]] = {
    ("events", "putEvents"): _put_events,
    ("elasticmapreduce", "addStep"): _add_step,
    ("elasticmapreduce", "cancelStep"): _cancel_step,
    ("elasticmapreduce", "modifyInstanceFleetByName"): _modify_fleet,
    ("elasticmapreduce", "modifyInstanceGroupByName"): _modify_group,
    ("elasticmapreduce", "terminateCluster"): _terminate_cluster,
    ("elasticmapreduce", "setClusterTerminationProtection"): _termination_protection,
}

ANSWER_FORMS: Mapping[tuple[str, str], Callable[[dict[str, Json]], dict[str, Json]]] = {
    ("elasticmapreduce", "addStep"): _added_step,
    ("elasticmapreduce", "cancelStep"): _cancelled_step,
    ("elasticmapreduce", "createCluster"): _created_cluster,
}

STARTED_FORMS: Mapping[tuple[str, str], Callable[[JsonObject], JsonObject]] = {
    ("elasticmapreduce", "addStep"): lambda answer: {**answer, "StepIds": [answer.get("StepId")]},
    ("elasticmapreduce", "createCluster"): lambda answer: {**answer, "JobFlowId": answer.get("ClusterId")},
}
"""The API's answer again, from the changed one, to follow a started job by."""
