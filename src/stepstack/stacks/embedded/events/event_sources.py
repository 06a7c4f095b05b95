"""What reaches functions and state machines without being called: S3 notifications, streams, queues, topics, rules, pipes and schedules.

`EventSources` sees every request that the embedded services have answered (`observe`) and wakes whom it concerns. Made by
`embedded.services` when the first mapping, notification or rule with such a target is made; until then nothing here costs anything.
From the write that causes an event until the function has ended, the stack counts as at work.

Left out: archives and replays of EventBridge, events that services other than S3 and Step Functions send by themselves.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from stepstack.clock import Randomness, Timeline
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.event_rules import EventRules
from stepstack.stacks.embedded.events.event_schedules import EventSchedules, SchedulerFront
from stepstack.stacks.embedded.events.event_source_mappings import (
    EventSourceMapping,
    Json,
    QueueMapping,
    StreamMapping,
    Working,
    mapping_of,
)
from stepstack.stacks.embedded.events.event_targets import EventTargets
from stepstack.stacks.embedded.events.pipes import PipeCarrier, pipe_of
from stepstack.stacks.embedded.events.s3_events import BucketBridge
from stepstack.stacks.embedded.events.s3_notifications import BucketNotifications
from stepstack.stacks.embedded.functions.lambda_service import LambdaService
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, call_operation

__all__ = ["EventSources"]

Answer: TypeAlias = "Callable[[ServiceRequest], Awaitable[ServiceResponse]]"
StepFunctions: TypeAlias = "Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]"
StartExecution: TypeAlias = "Callable[[str, str], Awaitable[object]]"
"""`await start(state_machine_arn, input_text)`"""

_log = logging.getLogger("stepstack.embedded")

_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet", "Receive", "Delete", "Change", "Purge")


class EventSources:
    """The event sources of one stack."""

    def __init__(
        self,
        answer: Answer,
        functions: LambdaService,
        *,
        region: str,
        working: Working,
        start_execution: StartExecution,
        handle: Answer,
        timeline: Callable[[], Timeline],
        step_functions: StepFunctions,
        randomness: Randomness | None = None,
    ) -> None:
        """`answer` is what moto answers, `handle` what the stack does: events that go through it wake whom they concern."""
        self._answer = answer
        self._functions = functions
        self._region = region
        self._working = working
        self._randomness = randomness or Randomness()
        self.mappings: dict[str, EventSourceMapping] = {}
        self.pipes: dict[str, EventSourceMapping] = {}
        """By their names."""
        self._step_functions = step_functions
        self.targets = EventTargets(handle, functions, start_execution, region)
        self.schedules = EventSchedules(timeline, self._after)
        known: dict[str, Any] = {"account_id": functions.account_id, "region": region, "randomness": self._randomness}
        self.rules = EventRules(answer, self.call, self.targets, self.schedules, **known)
        bridge = BucketBridge(self.rules.send, account_id=functions.account_id)
        self.notifications = BucketNotifications(answer, self._invoke, region=region, bridge=bridge)
        self.scheduler = SchedulerFront(answer, self.schedules, self.targets, **known)
        self._deliveries: set[asyncio.Future[Any]] = set()
        self._last: asyncio.Future[Any] | None = None
        """The delivery that was begun last."""

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str) -> Json:
        """One operation of an embedded service with a JSON protocol; its answer, or ServiceError."""
        return await call_operation(self._answer, service, operation, parameters, region)

    async def add_mapping(self, parameters: Mapping[str, Any]) -> EventSourceMapping:
        """CreateEventSourceMapping."""
        mapping = await mapping_of(self._randomness.uuid(), parameters, self._functions, self.call, self._working, send=self.targets.send)
        for other in self.mappings.values():
            if (other.source_arn, other.function_arn) == (mapping.source_arn, mapping.function_arn):
                what = "An event source mapping with event source arn and function arn already exists."
                message = f"{what} Please update or delete the existing mapping with UUID {other.identifier}"
                raise ServiceError("ResourceConflictException", message)
        self.mappings[mapping.identifier] = mapping
        if isinstance(mapping, QueueMapping) or parameters.get("StartingPosition") == "TRIM_HORIZON":
            mapping.wake()
        return mapping

    async def add_pipe(self, name: str, properties: Mapping[str, Any]) -> EventSourceMapping:
        """A pipe of EventBridge, with CloudFormation's names for its properties; ServiceError where there is one of that name."""
        carrier = PipeCarrier(self._functions, self._step_functions, self.targets)
        arn = f"arn:aws:pipes:{self._region}:{self._functions.account_id}:pipe/{name}"
        pipe = await pipe_of(arn, properties, self._functions, self.call, self._working, carrier=carrier)
        if name in self.pipes:
            raise ServiceError("ConflictException", f"Pipe {name} already exists.")
        self.pipes[name] = pipe
        if isinstance(pipe, QueueMapping) or pipe.parameters.get("StartingPosition") == "TRIM_HORIZON":
            pipe.wake()
        return pipe

    def observe(self, request: ServiceRequest, response: ServiceResponse) -> None:
        """Wakes whom a request that was answered well concerns. Returns at once."""
        service = request.service
        if service == "dynamodb":
            if not request.operation.startswith(_READS) or request.operation == "DeleteItem":
                self._wake(StreamMapping)
        elif service == "s3":
            self._after(self.notifications.observe(request, response))
        elif service == "events" and request.operation == "PutEvents":
            self._after(self.rules.observe(request, response))
        if service in {"sqs", "sns", "events", "s3"} and not request.operation.startswith(_READS):
            self._wake(QueueMapping)

    def tell(self, source: str, detail_type: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """Sends an event of one of AWS's services to whom the default bus's rules send it."""
        self._after(self.rules.tell(source, detail_type, resources, detail))

    def deliver_message(self, function_arn: str, event: Json) -> None:
        """Sends a topic's message to a function."""
        self._after(self._invoke(function_arn, event))

    def close(self) -> None:
        """Delivers nothing any more."""
        self.schedules.close()
        for mapping in (*self.mappings.values(), *self.pipes.values()):
            mapping.close()
        self.mappings.clear()
        self.pipes.clear()
        self.notifications.clear()
        for delivery in list(self._deliveries):
            delivery.get_loop().call_soon_threadsafe(delivery.cancel)
        self._last = None

    def _wake(self, kind: type[EventSourceMapping]) -> None:
        for mapping in [*self.mappings.values(), *self.pipes.values()]:
            if isinstance(mapping, kind):
                mapping.wake()

    def _after(self, delivery: Awaitable[None] | None) -> None:
        """Runs a delivery in the background, at work."""
        if delivery is None:
            return
        at_work = self._working()
        at_work.__enter__()
        task = asyncio.ensure_future(_one_after_the_other(self._last, delivery))
        self._last = task
        self._deliveries.add(task)

        def ended(task: asyncio.Future[None]) -> None:
            at_work.__exit__(None, None, None)
            self._deliveries.discard(task)
            if task.cancelled() or (fault := task.exception()) is None:
                return
            if isinstance(fault, ServiceError):
                # The function or the dead-letter queue is gone: AWS drops the event too, but tells nobody.
                _log.error("an event was not delivered: %s", fault)
            else:
                _log.error("an event was not delivered", exc_info=fault)

        task.add_done_callback(ended)

    async def _invoke(self, function_arn: str, event: Any) -> None:
        """An asynchronous invocation."""
        await self._functions.invoke(function_arn, json.dumps(event).encode(), invocation_type="Event")


async def _one_after_the_other(before: asyncio.Future[Any] | None, delivery: Awaitable[None]) -> None:
    """Events are sent off in the order in which they happened."""
    if before is not None and not before.done():
        await asyncio.wait([before])
    await delivery
