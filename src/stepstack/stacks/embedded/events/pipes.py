"""EventBridge Pipes: from a DynamoDB stream or an SQS queue, through a filter and an enrichment, to a target.

A pipe reads like an event source mapping; what it reads it enriches (a function, an Express state machine), transforms by an input template
and sends on: to a function or a state machine as an array, to a queue, a topic or an event bus one by one. A batch whose target fails comes
again. Called by `event_sources`. Source: the EventBridge user guide on pipes. Left out: other sources and targets, batching windows,
enrichments by APIs, partial failures that functions report.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from stepstack.clock import awaiting, now_text
from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.events.event_rules import PlainText, at_path, transformed
from stepstack.stacks.embedded.events.event_source_mappings import (
    EventSourceMapping,
    Json,
    QueueMapping,
    ServiceCall,
    StreamMapping,
    Working,
)
from stepstack.stacks.embedded.events.event_targets import KNOWN_TARGETS, EventTargets
from stepstack.stacks.embedded.functions.lambda_service import LambdaService

__all__ = ["PipeCarrier", "pipe_of"]

StepFunctions: TypeAlias = "Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]"

_log = logging.getLogger("stepstack.embedded")

_STREAM = ("BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRetryAttempts", "ParallelizationFactor", "StartingPosition")
_QUEUE = ("BatchSize", "MaximumBatchingWindowInSeconds")


class PipeCarrier:
    """Carries what a pipe has read to its enrichment and its target."""

    def __init__(self, functions: LambdaService, step_functions: StepFunctions, targets: EventTargets) -> None:
        self._functions = functions
        self._step_functions = step_functions
        self.targets = targets

    async def carry(self, pipe: Json, events: list[Json]) -> bool:
        """Whether the target took the events; `pipe` has the properties of a template's, and its `Arn`."""
        enriched: Any = events
        if pipe.get("Enrichment"):
            template = (pipe.get("EnrichmentParameters") or {}).get("InputTemplate")
            succeeded, enriched = await self._ask(str(pipe["Enrichment"]), _shaped(pipe, events, template))
            if not succeeded:
                return False
            if enriched in (None, [], {}, ""):
                # An enrichment that answers nothing ends the matter.
                return True
        parameters = pipe.get("TargetParameters") or {}
        members = enriched if isinstance(enriched, list) else [enriched]
        return await self._send(pipe, parameters, members, _shaped(pipe, members, parameters.get("InputTemplate")))

    async def _ask(self, arn: str, value: Any) -> tuple[bool, Any]:
        """What a function, or an Express execution, answers."""
        if arn.split(":")[2] == "lambda":
            result = await self._functions.invoke(arn, json.dumps(value).encode())
            return not result.function_error, json.loads(result.payload or b"null")
        started = {"stateMachineArn": arn, "input": json.dumps(value)}
        ended = await self._step_functions("StartSyncExecution", started)
        return ended["status"] == "SUCCEEDED", json.loads(str(ended.get("output") or "null"))

    async def _send(self, pipe: Json, parameters: Json, members: list[Any], values: list[Any]) -> bool:
        """Sends `values`, which the input template has made of `members`."""
        arn = str(pipe["Target"])
        service = arn.split(":")[2]
        if service == "lambda":
            kind = (parameters.get("LambdaFunctionParameters") or {}).get("InvocationType", "REQUEST_RESPONSE")
            invoked = "Event" if kind == "FIRE_AND_FORGET" else "RequestResponse"
            result = await self._functions.invoke(arn, _text(values).encode(), invocation_type=invoked)
            return not result.function_error
        if service == "states":
            kind = (parameters.get("StepFunctionStateMachineParameters") or {}).get("InvocationType", "FIRE_AND_FORGET")
            if kind == "REQUEST_RESPONSE":
                return (await self._ask(arn, values))[0]
            await self._step_functions("StartExecution", {"stateMachineArn": arn, "input": _text(values)})
            return True
        for member, value in zip(members, values, strict=True):
            await self.targets.send(arn, _text(value), _details(parameters, member))
        return True


def _shaped(pipe: Json, events: list[Any], template: str | None) -> list[Any]:
    """Each event as the input template makes it; as it is where there is none."""
    if not template:
        return events
    reserved = {
        "aws.pipes.enrichment-arn": pipe.get("Enrichment"),
        "aws.pipes.event.ingestion-time": now_text(),
        "aws.pipes.pipe-arn": pipe["Arn"],
        "aws.pipes.pipe-name": str(pipe["Arn"]).rpartition("/")[2],
        "aws.pipes.source-arn": pipe["Source"],
        "aws.pipes.target-arn": pipe["Target"],
    }

    def made_of(event: Any) -> Any:
        known = {**reserved, "aws.pipes.event": event, "aws.pipes.event.json": event}
        return transformed(template, lambda name: known[name] if name in known else _at(event, name))

    return [made_of(event) for event in events]


def _at(event: Any, path: str) -> Any:
    # A path into a body that is JSON text reads the JSON.
    return at_path(_with_documents(event), path)


def _with_documents(event: Any) -> Any:
    if not isinstance(event, dict) or not isinstance(event.get("body"), str):
        return event
    try:
        document = json.loads(event["body"])
    except (ValueError, RecursionError):
        return event
    return {**event, "body": document} if isinstance(document, (dict, list)) else event


def _text(value: Any) -> str:
    return str(value) if isinstance(value, PlainText) else json.dumps(value, ensure_ascii=False)


def _details(parameters: Json, value: Any) -> Json:
    """What a queue or a bus gets beside the event; a value such as `$.body.id` is a path into the event, as it was before the template."""
    bus = parameters.get("EventBridgeEventBusParameters") or {}
    queue = parameters.get("SqsQueueParameters") or {}
    known = {name: bus[name] for name in ("DetailType", "Source", "Resources") if name in bus}
    known |= {name: queue[name] for name in ("MessageGroupId", "MessageDeduplicationId") if name in queue}
    return {name: _at(value, told) if isinstance(told, str) and told.startswith("$.") else told for name, told in known.items()}


class _Pipe(EventSourceMapping):
    """What pipes of both sources have in common."""

    pipe: Json
    carrier: PipeCarrier
    _told = ""
    """The trouble that was told last: it may come again and again."""

    def _target_of(self, parameters: Mapping[str, Any]) -> str:
        return str(parameters["FunctionName"])

    async def _deliver(self, records: list[Json]) -> tuple[bool, list[str] | None]:
        with awaiting(self._functions.timeline()):
            try:
                return await self.carrier.carry(self.pipe, records), []
            except (ServiceError, ValueError, RecursionError) as trouble:
                self._tell(str(trouble))
                return False, None

    def _tell(self, trouble: str) -> None:
        if trouble != self._told:
            self._told = trouble
            _log.error("%s cannot hand on what it reads from %s: %s", self.identifier, self.source_arn, trouble)


class StreamPipe(_Pipe, StreamMapping):
    """A pipe from a DynamoDB stream."""

    def _failure_context(self, attempts: int) -> Json:
        del attempts
        return {"context": {"partnerResourceArn": self.identifier, "condition": "RetryAttemptsExhausted"}}


class QueuePipe(_Pipe, QueueMapping):
    """A pipe from a queue."""


async def pipe_of(
    arn: str, properties: Mapping[str, Any], functions: LambdaService, call: ServiceCall, working: Working, *, carrier: PipeCarrier
) -> EventSourceMapping:
    """A new pipe, ready to be woken. Raises UnsupportedFeature where its source, enrichment or target is not supported."""
    _check(arn, properties)
    source = properties.get("SourceParameters") or {}
    is_stream = str(properties["Source"]).split(":")[2] == "dynamodb"
    told = source.get("DynamoDBStreamParameters" if is_stream else "SqsQueueParameters") or {}
    parameters: Json = {name: told[name] for name in (_STREAM if is_stream else _QUEUE) if told.get(name) is not None}
    parameters |= {"EventSourceArn": str(properties["Source"]), "FunctionName": str(properties["Target"])}
    parameters["Enabled"] = properties.get("DesiredState", "RUNNING") != "STOPPED"
    if told.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT":
        parameters["BisectBatchOnFunctionError"] = True
    if source.get("FilterCriteria"):
        parameters["FilterCriteria"] = source["FilterCriteria"]
    letters = (told.get("DeadLetterConfig") or {}).get("Arn")
    if letters:
        parameters["DestinationConfig"] = {"OnFailure": {"Destination": letters}}
    kind = StreamPipe if is_stream else QueuePipe
    pipe = kind(arn, parameters, functions, call, working, send=carrier.targets.send)
    pipe.pipe, pipe.carrier = {**properties, "Arn": arn}, carrier
    await pipe.open()
    return pipe


def _check(arn: str, properties: Mapping[str, Any]) -> None:
    where = f"the pipe {arn.rpartition('/')[2]}"
    source, target = str(properties.get("Source")), str(properties.get("Target"))
    if source.split(":")[2:3] not in (["dynamodb"], ["sqs"]):
        raise UnsupportedFeature(f"{where} reads {source}: stepstack's pipes read DynamoDB streams and SQS queues")
    if not EventTargets.is_known(target):
        raise UnsupportedFeature(f"{where} sends to {target}: stepstack's pipes send to {KNOWN_TARGETS}")
    enrichment = properties.get("Enrichment")
    if enrichment and str(enrichment).split(":")[2:3] not in (["lambda"], ["states"]):
        raise UnsupportedFeature(f"{where} is enriched by {enrichment}: stepstack's pipes are enriched by functions and state machines")
