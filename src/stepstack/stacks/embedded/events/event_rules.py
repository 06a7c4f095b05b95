"""EventBridge rules whose targets are functions, state machines, queues, topics or event buses; other targets (logs) are moto's.

`handle` keeps such targets and hands all others on; `observe` delivers the events of a PutEvents; rules with a ScheduleExpression are
handed to `event_schedules`. Called by `event_sources` and `embedded.services`. Left out: targets in other accounts and regions,
retries (who is not there is not there a second time: the event goes to the target's dead-letter queue at once).
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import Randomness
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.event_patterns import EventPattern
from stepstack.stacks.embedded.events.event_schedules import EventSchedules, iso_time
from stepstack.stacks.embedded.events.event_targets import KNOWN_TARGETS, EventTargets
from stepstack.stacks.embedded.events.schedule_expressions import parse_schedule
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

if TYPE_CHECKING:
    from stepstack.stacks.embedded.events.event_source_mappings import Json, ServiceCall

__all__ = ["EventRules", "PlainText", "at_path", "transformed"]

_Answer: TypeAlias = "Callable[[ServiceRequest], Awaitable[ServiceResponse]]"

CONTENT_TYPE = "application/x-amz-json-1.1"

_PLACEHOLDER = re.compile(r"<(\$?[A-Za-z0-9_.\[\]-]+)>")
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")

_is_forwarded: ContextVar[bool] = ContextVar("is_forwarded", default=False)
"""Whether what is put on a bus comes from another bus: no third bus gets it, so that no event goes round in a circle."""


class EventRules:
    """Delivers events to the targets that moto does not know."""

    def __init__(
        self,
        answer: _Answer,
        call: ServiceCall,
        targets: EventTargets,
        schedules: EventSchedules,
        *,
        account_id: str,
        region: str,
        randomness: Randomness,
    ) -> None:
        self._answer = answer
        self._call = call
        self._deliveries = targets
        self._schedules = schedules
        self._account_id = account_id
        self._region = region
        self._randomness = randomness
        self._targets: dict[tuple[str, str, str], dict[str, Json]] = {}
        """By region, bus and rule, then by the target's Id."""

    @property
    def has_targets(self) -> bool:
        """Whether an event could reach anybody here."""
        return any(self._targets.values())

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """Whatever makes, changes or deletes a rule or its targets."""
        parameters = request.json()
        rule = str(parameters.get("Rule") or parameters.get("Name"))
        place = (request.region or self._region, _bus(parameters.get("EventBusName")), rule)
        try:
            if request.operation in {"DeleteRule", "DisableRule", "EnableRule", "PutRule"}:
                return await self._change_rule(request, parameters, place)
            return await self._change_targets(request, parameters, place)
        except ServiceError as error:
            return _refusal(error.error_code, error.message)

    async def _change_rule(self, request: ServiceRequest, parameters: Json, place: tuple[str, str, str]) -> ServiceResponse:
        if request.operation == "DeleteRule" and self._targets.get(place):
            return _refusal("ValidationException", "Rule can't be deleted since it has targets.")
        if parameters.get("ScheduleExpression"):
            parse_schedule(str(parameters["ScheduleExpression"]), counts_strictly=True)
        if parameters.get("EventPattern"):
            EventPattern.compile(str(parameters["EventPattern"]))
        response = await self._answer(request)
        if response.status == 200:
            await self._schedule(place)
        return response

    async def _change_targets(self, request: ServiceRequest, parameters: Json, place: tuple[str, str, str]) -> ServiceResponse:
        own = self._targets.setdefault(place, {})
        if request.operation == "ListTargetsByRule":
            response = await self._answer(request)
            return _changed(response, "Targets", lambda targets: [*targets, *own.values()])
        if request.operation == "RemoveTargets":
            gone = [identifier for identifier in parameters.get("Ids") or () if own.pop(identifier, None)]
            kept = {"Ids": [identifier for identifier in parameters.get("Ids") or () if identifier not in gone]}
        else:
            mine = [target for target in parameters.get("Targets") or () if EventTargets.is_known(str(target.get("Arn", "")))]
            described = await self._call("events", "DescribeRule", {"Name": place[2], "EventBusName": place[1]}, place[0])
            others = [target for target in parameters.get("Targets") or () if target not in mine]
            _check_targets(mine, others, is_schedule=bool(described.get("ScheduleExpression")))
            own |= {target["Id"]: target for target in mine}
            kept = {"Targets": others}
        if not any(kept.values()):
            return json_response(200, {"FailedEntryCount": 0, "FailedEntries": []}, content_type=CONTENT_TYPE)
        return await self._answer(replace(request, body=json.dumps({**parameters, **kept}).encode()))

    async def _schedule(self, place: tuple[str, str, str]) -> None:
        """Arms the schedule of a rule that has one and is enabled."""
        region, bus, name = place
        key = ("rule", *place)
        try:
            rule = await self._call("events", "DescribeRule", {"Name": name, "EventBusName": bus}, region)
        except ServiceError:
            rule = {}
        if not rule.get("ScheduleExpression") or rule.get("State", "ENABLED") == "DISABLED":
            self._schedules.disarm(key)
            return

        async def fire(moment: float) -> None:
            event = {
                "version": "0",
                "id": self._randomness.uuid(),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": self._account_id,
                "time": iso_time(moment),
                "region": region,
                "resources": [rule["Arn"]],
                "detail": {},
            }
            await self._deliver_to_targets(rule, bus, event, region)

        self._schedules.arm(key, parse_schedule(rule["ScheduleExpression"]), fire)

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

    async def send(self, event: Json, region: str) -> None:
        """Delivers an event of a service to whom the default bus's rules send it."""
        await self._deliver([("default", event)], region)

    async def tell(self, source: str, detail_type: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """The same, of a service that is in this process."""
        entry = {"Source": source, "DetailType": detail_type, "Resources": resources, "Detail": json.dumps(detail)}
        await self.send(_event(entry, self._randomness.uuid(), self._account_id, self._region), self._region)

    async def _deliver(self, events: list[tuple[str, Json]], region: str) -> None:
        is_forwarded = _is_forwarded.get()
        # What the targets do is no event's way from bus to bus.
        _is_forwarded.set(False)
        for bus, event in events:
            for rule in await self._rules_of(bus, region):
                is_wanted = rule.get("State", "ENABLED") != "DISABLED" and rule.get("EventPattern")
                if is_wanted and EventPattern.compile(rule["EventPattern"]).matches(event):
                    await self._deliver_to_targets(rule, bus, event, region, is_forwarded=is_forwarded)

    async def _rules_of(self, bus: str, region: str) -> list[Json]:
        """All rules of a bus; an answer has fifty of them."""
        rules: list[Json] = []
        token: Json = {}
        while True:
            answer = await self._call("events", "ListRules", {"EventBusName": bus, **token}, region)
            rules += answer.get("Rules") or []
            if not answer.get("NextToken"):
                return rules
            token = {"NextToken": answer["NextToken"]}

    async def _deliver_to_targets(self, rule: Json, bus: str, event: Json, region: str, *, is_forwarded: bool = False) -> None:
        for target in list(self._targets.get((region, bus, rule["Name"]), {}).values()):
            details: Json = target.get("SqsParameters") or {}
            value = _input(target, event, rule)
            is_to_bus = target["Arn"].split(":")[2] == "events"
            if is_to_bus:
                if is_forwarded:
                    continue
                # A bus gets the event as it was, whatever is asked for.
                details = {"Source": event["source"], "DetailType": event["detail-type"], "Resources": event["resources"]}
                value = event["detail"]
            text = value if isinstance(value, PlainText) else json.dumps(value, ensure_ascii=False)
            before = _is_forwarded.set(is_to_bus)
            try:
                await self._deliveries.deliver(target, text, details, {"RULE_ARN": rule["Arn"]})
            finally:
                _is_forwarded.reset(before)


class PlainText(str):
    """What a template made that is no JSON."""

    __slots__ = ()


def _check_targets(mine: list[Json], others: list[Json], *, is_schedule: bool) -> None:
    if is_schedule and others:
        raise ServiceError("ValidationException", f"stepstack's schedules invoke {KNOWN_TARGETS}, not {others[0].get('Arn')}")
    for target in mine:
        if target.get("Input"):
            try:
                json.loads(target["Input"])
            except ValueError as error:
                raise ServiceError("ValidationException", f"JSON syntax error in input for target {target['Id']}: [{error}]") from None
        if target["Arn"].endswith(".fifo") and ":sqs:" in target["Arn"] and not target.get("SqsParameters"):
            raise ServiceError("ValidationException", f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")


def _bus(name: Any) -> str:
    return str(name or "default").rpartition("/")[2]


def _refusal(code: str, message: str) -> ServiceResponse:
    return json_response(400, {"__type": code, "message": message}, content_type=CONTENT_TYPE)


def _changed(response: ServiceResponse, member: str, change: Callable[[list[Any]], list[Any]]) -> ServiceResponse:
    if response.status != 200:
        return response
    answer = json.loads(response.body)
    return json_response(200, {**answer, member: change(answer.get(member) or [])}, content_type=CONTENT_TYPE)


def _event(entry: Json, identifier: str, account_id: str, region: str) -> Json:
    given = entry.get("Time")
    return {
        "version": "0",
        "id": identifier,
        "detail-type": entry.get("DetailType"),
        "source": entry.get("Source"),
        "account": account_id,
        "time": iso_time(given if isinstance(given, (int, float)) else datetime.now(timezone.utc).timestamp()),
        "region": region,
        "resources": entry.get("Resources") or [],
        "detail": json.loads(entry.get("Detail") or "{}"),
    }


def _input(target: Json, event: Json, rule: Json) -> Any:
    """What the target gets of the event."""
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        return at_path(event, target["InputPath"])
    transformer = target.get("InputTransformer")
    if not transformer:
        return event
    values = {name: at_path(event, path) for name, path in (transformer.get("InputPathsMap") or {}).items()}
    values |= {
        "aws.events.event": event,
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.rule-arn": rule["Arn"],
        "aws.events.rule-name": rule["Name"],
    }
    return transformed(transformer["InputTemplate"], values.get)


def at_path(event: Any, path: str) -> Any:
    """What a path such as `$.detail.items[0].id` names; None where there is nothing."""
    for name, index in _STEP.findall(path.removeprefix("$")):
        if index:
            event = event[int(index)] if isinstance(event, list) and int(index) < len(event) else None
        else:
            event = event.get(name) if isinstance(event, dict) else None
    return event


def transformed(template: str, value_of: Callable[[str], Any]) -> Any:
    """The template with its `<names>` replaced: text within quotation marks, JSON elsewhere; PlainText where the whole is no JSON."""
    pieces: list[str] = []
    position = 0
    is_quoted = False
    for found in _PLACEHOLDER.finditer(template):
        between = template[position : found.start()]
        is_quoted ^= between.replace('\\"', "").count('"') % 2 == 1
        value = value_of(found[1])
        text = value if isinstance(value, str) else json.dumps(value)
        pieces += [between, json.dumps(text)[1:-1] if is_quoted else json.dumps(value)]
        position = found.end()
    pieces.append(template[position:])
    try:
        return json.loads("".join(pieces))
    except ValueError:
        return PlainText("".join(pieces))
