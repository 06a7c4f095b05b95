"""Schedules of EventBridge: rules with a ScheduleExpression, and the schedules of EventBridge Scheduler, under the stack's clock.

A schedule never moves the clock: where waits are skipped, nothing is skipped because a schedule is the next to happen. It fires when
modelled time passes its moment for another reason: it flows, a test advances it, an execution's wait is skipped over the moment. Then it
fires at each of its moments, in their order, and what it invokes has ended before time goes on.

`EventSchedules` holds what is to fire; `SchedulerFront` reads EventBridge Scheduler's requests. Called by `event_sources`.
Source: the user guides of EventBridge and EventBridge Scheduler. Left out: universal targets, retries, flexible time windows (a schedule
fires at the window's beginning), groups' deletion.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qs, unquote

from stepstack.clock import Randomness, Timeline, Timer, set_off_by_schedule
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.event_targets import KNOWN_TARGETS, EventTargets
from stepstack.stacks.embedded.events.schedule_expressions import Schedule, parse_schedule
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

if TYPE_CHECKING:
    from stepstack.stacks.embedded.events.event_source_mappings import Json

__all__ = ["EventSchedules", "SchedulerFront", "iso_time"]

Key: TypeAlias = "tuple[str, ...]"
Fire: TypeAlias = "Callable[[float], Awaitable[None]]"

_PATH = re.compile(r"/schedules/([^/]+)")


@dataclass(eq=False, slots=True)
class _Armed:
    schedule: Schedule
    begun: float
    end: float
    fire: Fire
    """Called with the moment, in seconds since the epoch."""
    ended: Callable[[], Awaitable[None]] | None
    timer: Timer | None = None


class EventSchedules:
    """What is to fire, by the key of its rule or schedule. `after(delivery)` runs a delivery in the background, at work."""

    def __init__(self, timeline: Callable[[], Timeline], after: Callable[[Awaitable[None]], None]) -> None:
        self._make_timeline = timeline
        self._timeline: Timeline | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._after = after
        self._armed: dict[Key, _Armed] = {}

    def arm(
        self,
        key: Key,
        schedule: Schedule,
        fire: Fire,
        *,
        start: float | None = None,
        end: float = float("inf"),
        fires_at_start: bool = False,
        ended: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Takes the place of what had that key. It counts from `start`, or from now, until `end`; then `ended` is called."""
        self.disarm(key)
        self._loop = asyncio.get_running_loop()
        now = self._time().now()
        begun = max(now, start or now)
        armed = _Armed(schedule, begun, end, fire, ended)
        self._armed[key] = armed
        # A moment that is the start itself counts.
        self._wait(key, armed, begun if fires_at_start else schedule.after(max(now, begun - 1), begun))

    def disarm(self, key: Key) -> None:
        """Forgets what has that key; nothing there is no fault."""
        armed = self._armed.pop(key, None)
        if armed is not None and armed.timer is not None:
            armed.timer.cancel()

    def close(self) -> None:
        """Fires nothing any more. May be called from another thread than the loop's."""
        timers = [armed.timer for armed in self._armed.values() if armed.timer is not None]
        self._armed.clear()
        if self._loop is not None and not self._loop.is_closed():
            for timer in timers:
                self._loop.call_soon_threadsafe(timer.cancel)

    def _time(self) -> Timeline:
        self._timeline = self._timeline or self._make_timeline()
        return self._timeline

    def _wait(self, key: Key, armed: _Armed, moment: float | None) -> None:
        if moment is None or moment > armed.end:
            self._armed.pop(key, None)
            if armed.ended is not None:
                self._after(armed.ended())
            return
        timeline = self._time()
        armed.timer = timeline.call_later(moment - timeline.now(), lambda: self._due(key, armed, moment), is_awaited=False)

    def _due(self, key: Key, armed: _Armed, moment: float) -> None:
        if self._armed.get(key) is armed:
            token = set_off_by_schedule.set(True)
            try:
                self._after(armed.fire(moment))
            finally:
                set_off_by_schedule.reset(token)
            self._wait(key, armed, armed.schedule.after(moment, armed.begun))


class SchedulerFront:
    """EventBridge Scheduler's requests: moto keeps the schedules, and what it takes is armed."""

    def __init__(
        self,
        answer: Callable[[ServiceRequest], Awaitable[ServiceResponse]],
        schedules: EventSchedules,
        targets: EventTargets,
        *,
        account_id: str,
        region: str,
        randomness: Randomness,
    ) -> None:
        self._answer = answer
        self._schedules = schedules
        self._targets = targets
        self._account_id = account_id
        self._region = region
        self._randomness = randomness

    @staticmethod
    def is_for(request: ServiceRequest) -> bool:
        """Whether a request makes, changes or deletes a schedule."""
        return request.method in {"POST", "PUT", "DELETE"} and _PATH.fullmatch(request.path) is not None

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """CreateSchedule, UpdateSchedule or DeleteSchedule."""
        found = _PATH.fullmatch(request.path)
        name = unquote(found[1]) if found else ""
        parameters = request.json() if request.method != "DELETE" else {}
        group = parameters.get("GroupName") or (parse_qs(request.query).get("groupName") or ["default"])[0]
        key = ("schedule", request.region or self._region, group, name)
        try:
            schedule = self._checked(parameters) if parameters else None
        except ServiceError as error:
            return json_response(400, {"Message": error.message}, headers={"x-amzn-ErrorType": error.error_code})
        response = await self._answer(request)
        if response.status < 300:
            self._schedules.disarm(key)
            if schedule is not None and parameters.get("State", "ENABLED") == "ENABLED":
                self._arm(key, schedule, parameters)
        return response

    def _checked(self, parameters: Json) -> Schedule:
        target = parameters.get("Target") or {}
        if not EventTargets.is_known(str(target.get("Arn", ""))):
            raise ServiceError("ValidationException", f"stepstack's schedules invoke {KNOWN_TARGETS}, not {target.get('Arn')}")
        for name in ("StartDate", "EndDate"):
            _date(parameters, name)
        zone = str(parameters.get("ScheduleExpressionTimezone") or "UTC")
        return parse_schedule(str(parameters.get("ScheduleExpression", "")), zone)

    def _arm(self, key: Key, schedule: Schedule, parameters: Json) -> None:
        _, region, group, name = key
        target: Json = parameters["Target"]
        arn = f"arn:aws:scheduler:{region}:{self._account_id}:schedule/{group}/{name}"

        async def fire(moment: float) -> None:
            identifier = self._randomness.uuid()
            keywords = {
                "<aws.scheduler.schedule-arn>": arn,
                "<aws.scheduler.scheduled-time>": iso_time(moment),
                "<aws.scheduler.execution-id>": identifier,
                "<aws.scheduler.attempt-number>": "1",
            }
            text = str(target.get("Input") or json.dumps(self._default_event(identifier, arn, region, moment)))
            for keyword, value in keywords.items():
                text = text.replace(keyword, value)
            bus = target.get("EventBridgeParameters") or {}
            await self._targets.deliver(target, text, {**bus, **(target.get("SqsParameters") or {})}, {"SCHEDULE_ARN": arn})

        async def delete() -> None:
            path = f"/schedules/{name}"
            await self._answer(ServiceRequest("DELETE", path, f"groupName={group}", {}, b"", service="scheduler", region=region))

        self._schedules.arm(
            key,
            schedule,
            fire,
            start=_date(parameters, "StartDate"),
            end=_date(parameters, "EndDate") or float("inf"),
            fires_at_start=schedule.is_rate,
            ended=delete if parameters.get("ActionAfterCompletion") == "DELETE" else None,
        )

    def _default_event(self, identifier: str, arn: str, region: str, moment: float) -> Json:
        return {
            "version": "0",
            "id": identifier,
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": self._account_id,
            "time": iso_time(moment),
            "region": region,
            "resources": [arn],
            "detail": "{}",
        }


def iso_time(moment: float) -> str:
    """Seconds since the epoch as EventBridge writes them."""
    return f"{datetime.fromtimestamp(round(moment), timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _date(parameters: Json, name: str) -> float | None:
    """A date in seconds since the epoch: it is sent so, templates write it as text. ServiceError where it is none."""
    value = parameters.get(name)
    if value is None or isinstance(value, (int, float)):
        return value
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        raise ServiceError("ValidationException", f"{name} is no date: {value}") from None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
