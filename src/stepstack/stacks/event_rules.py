"""EventBridge rules whose targets are Lambda functions or state machines; other targets (queues, logs) are moto's.

`handle` keeps such targets, which moto would refuse to send to, and hands all others on; `observe` delivers the events of a PutEvents.
Called by `stepstack.stacks.event_sources` and `embedded`. Left out: schedules, targets in other accounts and regions, retries and
dead-letter queues of targets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.stacks.embedded_request import ServiceRequest, ServiceResponse, json_response
from stepstack.stacks.event_patterns import EventPattern

if TYPE_CHECKING:
    from stepstack.stacks.event_source_mappings import Json, ServiceCall

__all__ = ["EventRules"]

_Invoke: TypeAlias = "Callable[[str, Any], Awaitable[None]]"
_Start: TypeAlias = "Callable[[str, str], Awaitable[object]]"

_Answer: TypeAlias = "Callable[[ServiceRequest], Awaitable[ServiceResponse]]"

CONTENT_TYPE = "application/x-amz-json-1.1"

_PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.-]+)>")


class EventRules:
    """Delivers events to the targets that moto does not know."""

    def __init__(
        self, answer: _Answer, call: ServiceCall, invoke: _Invoke, start_execution: _Start, *, account_id: str, region: str
    ) -> None:
        self._answer = answer
        self._call = call
        self._invoke = invoke
        self._start_execution = start_execution
        self._account_id = account_id
        self._region = region
        self._targets: dict[tuple[str, str, str], dict[str, Json]] = {}
        """By region, bus and rule, then by the target's Id."""

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """PutTargets, RemoveTargets, ListTargetsByRule or DeleteRule."""
        parameters = request.json()
        rule = str(parameters.get("Rule") or parameters.get("Name"))
        region = request.region or self._region
        own = self._targets.setdefault((region, _bus(parameters.get("EventBusName")), rule), {})
        if request.operation == "DeleteRule":
            return await self._answer(request) if not own else _refusal("Rule can't be deleted since it has targets.")
        if request.operation == "ListTargetsByRule":
            response = await self._answer(request)
            return _changed(response, "Targets", lambda targets: [*targets, *own.values()])
        if request.operation == "RemoveTargets":
            gone = [identifier for identifier in parameters.get("Ids") or () if own.pop(identifier, None)]
            kept = {"Ids": [identifier for identifier in parameters.get("Ids") or () if identifier not in gone]}
        else:
            mine = [target for target in parameters.get("Targets") or () if _is_own(target)]
            await self._call("events", "DescribeRule", {"Name": rule, "EventBusName": _bus(parameters.get("EventBusName"))}, region)
            own |= {target["Id"]: target for target in mine}
            kept = {"Targets": [target for target in parameters.get("Targets") or () if target not in mine]}
        if not any(kept.values()):
            return json_response(200, {"FailedEntryCount": 0, "FailedEntries": []}, content_type=CONTENT_TYPE)
        return await self._answer(replace(request, body=json.dumps({**parameters, **kept}).encode()))

    def observe(self, request: ServiceRequest, response: ServiceResponse) -> Awaitable[None]:
        """The delivery of the events of one PutEvents."""
        entries = request.json().get("Entries") or []
        results = json.loads(response.body).get("Entries") or []
        region = request.region or self._region
        events = [
            (_bus(entry.get("EventBusName")), _event(entry, result["EventId"], self._account_id, region))
            for entry, result in zip(entries, results, strict=False)
            if result.get("EventId")
        ]
        return self._deliver(events, region)

    async def _deliver(self, events: list[tuple[str, Json]], region: str) -> None:
        for bus, event in events:
            rules = (await self._call("events", "ListRules", {"EventBusName": bus}, region)).get("Rules") or []
            for rule in rules:
                if (
                    rule.get("State", "ENABLED") == "ENABLED"
                    and rule.get("EventPattern")
                    and EventPattern(rule["EventPattern"]).matches(event)
                ):
                    await self._deliver_to_targets(rule["Name"], bus, event, region)

    async def _deliver_to_targets(self, rule: str, bus: str, event: Json, region: str) -> None:
        for target in list(self._targets.get((region, bus, rule), {}).values()):
            if target["Arn"].split(":")[2] == "lambda":
                await self._invoke(target["Arn"], _input(target, event))
            else:
                await self._start_execution(target["Arn"], json.dumps(_input(target, event)))


def _bus(name: Any) -> str:
    return str(name or "default").rpartition("/")[2]


def _is_own(target: Json) -> bool:
    return str(target.get("Arn", "")).split(":")[2:3] in (["lambda"], ["states"])


def _refusal(message: str) -> ServiceResponse:
    return json_response(400, {"__type": "ValidationException", "message": message}, content_type=CONTENT_TYPE)


def _changed(response: ServiceResponse, member: str, change: Callable[[list[Any]], list[Any]]) -> ServiceResponse:
    if response.status != 200:
        return response
    answer = json.loads(response.body)
    return json_response(200, {**answer, member: change(answer.get(member) or [])}, content_type=CONTENT_TYPE)


def _event(entry: Json, identifier: str, account_id: str, region: str) -> Json:
    return {
        "version": "0",
        "id": identifier,
        "detail-type": entry.get("DetailType"),
        "source": entry.get("Source"),
        "account": account_id,
        "time": f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": entry.get("Resources") or [],
        "detail": json.loads(entry.get("Detail") or "{}"),
    }


def _input(target: Json, event: Json) -> Any:
    """What the target gets of the event."""
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        return _at(event, target["InputPath"])
    transformer = target.get("InputTransformer")
    if not transformer:
        return event
    values = {name: _at(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    return _transformed(transformer["InputTemplate"], values)


def _at(event: Any, path: str) -> Any:
    for name in [part for part in path.removeprefix("$").split(".") if part]:
        event = event.get(name) if isinstance(event, dict) else None
    return event


def _transformed(template: str, values: Json) -> Any:
    """The template with its `<names>` replaced: text within quotation marks, JSON elsewhere."""
    pieces: list[str] = []
    position = 0
    is_quoted = False
    for found in _PLACEHOLDER.finditer(template):
        between = template[position : found.start()]
        is_quoted ^= between.replace('\\"', "").count('"') % 2 == 1
        value = values.get(found[1])
        text = value if isinstance(value, str) else json.dumps(value)
        pieces += [between, json.dumps(text)[1:-1] if is_quoted else json.dumps(value)]
        position = found.end()
    pieces.append(template[position:])
    return json.loads("".join(pieces))
