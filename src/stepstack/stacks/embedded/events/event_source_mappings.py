"""Event source mappings: DynamoDB streams and SQS queues whose records a Lambda function gets.

Nothing polls: a write to the source wakes its mappings, and a mapping reads until the source is empty. While it does, the stack counts
as at work, so that a clock that skips waits lets an execution's Wait pass only once the events have been delivered.

Called by `event_sources`. Source: the Lambda developer guide on both kinds of sources, filtering, batching and partial
batch responses. Left out: batching windows (a batch goes at once, a queue's with ten messages at most), parallelisation and
concurrency limits, tumbling windows.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

from stepstack.clock import awaiting, now_text, timestamp_text
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.event_patterns import EventPattern
from stepstack.stacks.embedded.functions.lambda_asynchronous import Send
from stepstack.stacks.embedded.functions.lambda_function import InvokeResult
from stepstack.stacks.embedded.functions.lambda_service import LambdaService

__all__ = ["EventSourceMapping", "Json", "QueueMapping", "ServiceCall", "StreamMapping", "mapping_of"]

Json: TypeAlias = dict[str, Any]
ServiceCall: TypeAlias = "Callable[[str, str, Mapping[str, Any], str], Awaitable[Json]]"
"""`await call("sqs", "ReceiveMessage", parameters, region)`: the answer; raises ServiceError."""

Working: TypeAlias = "Callable[[], AbstractContextManager[None]]"

_log = logging.getLogger("stepstack.embedded")

WARNED_FAILURES = 3
"""A batch that has failed so often is told of: it may come again without end, and all the while no wait is skipped."""

RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0
QUEUE_RETRY_SECONDS = 0.5
LARGEST_BATCH = 10_000

_STREAM_DEFAULTS: Json = {"BatchSize": 100, "StartingPosition": "LATEST", "MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False}
_QUEUE_DEFAULTS: Json = {"BatchSize": 10}
_KNOWN = frozenset(
    {
        "BatchSize",
        "BisectBatchOnFunctionError",
        "DestinationConfig",
        "Enabled",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
        "StartingPosition",
        "Tags",
    }
)


class EventSourceMapping(ABC):
    """One mapping; it belongs to the loop in which it was made."""

    def __init__(
        self, identifier: str, parameters: Mapping[str, Any], functions: LambdaService, call: ServiceCall, working: Working, *, send: Send
    ) -> None:
        self.identifier = identifier
        self.source_arn = str(parameters["EventSourceArn"])
        self.region = self.source_arn.split(":")[3]
        self._functions = functions
        self._call = call
        self._working = working
        self._send = send
        """Sends what became of a batch that failed."""
        self.update(parameters)
        self._last: InvokeResult | None = None
        """What came of the last invocation."""
        self._task: asyncio.Task[None] | None = None
        self._is_woken = False
        self._timer: asyncio.TimerHandle | None = None

    def update(self, parameters: Mapping[str, Any]) -> None:
        """Takes (other) parameters, those of CreateEventSourceMapping; ServiceError where one is not supported."""
        unknown = sorted(name for name in parameters.keys() - _KNOWN if parameters[name])
        if unknown:
            raise ServiceError("InvalidParameterValueException", f"stepstack's event source mappings do not support {', '.join(unknown)}")
        size = str(parameters.get("BatchSize") or 1)
        if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= LARGEST_BATCH:
            raise ServiceError("InvalidParameterValueException", f"BatchSize is a number from 1 to {LARGEST_BATCH}, not {size}")
        patterns = _patterns(parameters.get("FilterCriteria"))
        self.function_arn = self._target_of(parameters)
        self._patterns = patterns
        self.parameters: Json = dict(parameters)
        self.is_enabled = parameters.get("Enabled") is not False

    def _target_of(self, parameters: Mapping[str, Any]) -> str:
        """The ARN of what gets the records."""
        return self._functions.function(str(parameters["FunctionName"]), region=self.region).arn

    def wake(self) -> None:
        """There may be something to read. Returns at once; from here until it is read the stack is at work."""
        if not self.is_enabled:
            return
        self._is_woken = True
        if self._task is None or self._task.done():
            at_work = self._working()
            at_work.__enter__()
            self._task = asyncio.get_running_loop().create_task(self._run())
            self._task.add_done_callback(lambda task: self._ended(task, at_work))

    def _ended(self, task: asyncio.Task[None], at_work: AbstractContextManager[None]) -> None:
        at_work.__exit__(None, None, None)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("event source mapping %s (of %s) stopped reading", self.identifier, self.source_arn, exc_info=fault)

    def close(self) -> None:
        """Reads no more."""
        self.is_enabled = False
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None and not self._task.done():
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    def description(self) -> Json:
        """The mapping as Lambda's API answers it."""
        return {
            **self._defaults(),
            **{name: value for name, value in self.parameters.items() if name not in {"Enabled", "FunctionName", "Tags"}},
            "UUID": self.identifier,
            "FunctionArn": self.function_arn,
            "EventSourceMappingArn": f"arn:aws:lambda:{self.region}:{self._functions.account_id}:event-source-mapping:{self.identifier}",
            "State": "Enabled" if self.is_enabled else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
        }

    @abstractmethod
    def _defaults(self) -> Json: ...

    @abstractmethod
    async def _read(self) -> bool:
        """Reads and delivers one batch; whether there may be more."""

    @property
    def _batch_size(self) -> int:
        return int(self.parameters.get("BatchSize") or self._defaults()["BatchSize"])

    @property
    def _reports_items(self) -> bool:
        return "ReportBatchItemFailures" in (self.parameters.get("FunctionResponseTypes") or ())

    def _wanted(self, record: Any) -> bool:
        return not self._patterns or any(pattern.matches(record) for pattern in self._patterns)

    async def _run(self) -> None:
        while self._is_woken and self.is_enabled:
            self._is_woken = False
            try:
                while await self._read():
                    pass
            except ServiceError:
                # The source or the function is gone: there is nothing left to do.
                return

    async def _deliver(self, records: list[Json]) -> tuple[bool, list[str] | None]:
        """Whether the function took the batch, and which records it reports as failed (None where it reports nothing)."""
        with awaiting(self._functions.timeline()):
            result = await self._functions.invoke(self.function_arn, json.dumps({"Records": records}).encode())
        self._last = result
        if result.function_error:
            return False, None
        if not self._reports_items:
            return True, []
        return _reported(result.payload)

    def _wake_later(self, seconds: float) -> None:
        if self.is_enabled:
            self._timer = asyncio.get_running_loop().call_later(seconds, self.wake)


def _patterns(criteria: Any) -> list[EventPattern]:
    filters = (criteria or {}).get("Filters") or []
    try:
        return [EventPattern.compile(entry["Pattern"]) for entry in filters if entry.get("Pattern")]
    except ServiceError as refusal:
        # What EventBridge calls an invalid pattern is an invalid parameter to Lambda.
        raise ServiceError("InvalidParameterValueException", f"Invalid filter pattern definition. {refusal.message}") from refusal


def _reported(payload: bytes) -> tuple[bool, list[str] | None]:
    """What a function that reports partial failures reported; an answer of no such form fails the batch where AWS says so."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return False, None
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return True, []
    identifiers = [str(failure.get("itemIdentifier") or "") if isinstance(failure, dict) else "" for failure in failures]
    return (True, identifiers) if all(identifiers) else (False, None)


class StreamMapping(EventSourceMapping):
    """A DynamoDB stream: records in their order, a failed batch again and again until it succeeds or its retries are used up."""

    _iterator: str | None = None
    _waiting: list[Json]
    _shard = ""

    def _defaults(self) -> Json:
        return _STREAM_DEFAULTS

    async def open(self) -> None:
        """Fixes where reading begins."""
        self._waiting = []
        stream = (await self._call("dynamodbstreams", "DescribeStream", {"StreamArn": self.source_arn}, self.region))["StreamDescription"]
        self._shard = stream["Shards"][0]["ShardId"]
        request = {
            "StreamArn": self.source_arn,
            "ShardId": self._shard,
            "ShardIteratorType": self.parameters.get("StartingPosition") or "LATEST",
        }
        self._iterator = (await self._call("dynamodbstreams", "GetShardIterator", request, self.region))["ShardIterator"]

    async def _read(self) -> bool:
        if not self._waiting:
            answer = await self._call("dynamodbstreams", "GetRecords", {"ShardIterator": self._iterator}, self.region)
            self._iterator = answer.get("NextShardIterator")
            if not answer["Records"]:
                return False
            records = [_stream_record(record, self.source_arn) for record in answer["Records"] if _has_changed(record)]
            self._waiting = [record for record in records if self._wanted(record)]
        batch, self._waiting = self._waiting[: self._batch_size], self._waiting[self._batch_size :]
        if batch:
            await self._deliver_all(batch)
        return True

    async def _deliver_all(self, batch: list[Json]) -> None:
        limit = int(self.parameters.get("MaximumRetryAttempts", -1))
        attempts = itertools.count() if limit < 0 else range(limit + 1)
        for attempt in attempts:
            if attempt:
                await asyncio.sleep(min(RETRY_SECONDS * 2**attempt, LONGEST_RETRY_SECONDS))
            succeeded, failed = await self._deliver(batch)
            if succeeded and not failed:
                return
            if attempt + 1 == WARNED_FAILURES:
                self._warn(len(batch), limit)
            if succeeded and failed:
                # Everything from the first reported record on comes again.
                numbers = [record["dynamodb"]["SequenceNumber"] for record in batch]
                first = min((numbers.index(identifier) for identifier in failed if identifier in numbers), default=0)
                batch = batch[first:]
            elif self.parameters.get("BisectBatchOnFunctionError") and len(batch) > 1:
                middle = len(batch) // 2
                await self._deliver_all(batch[:middle])
                await self._deliver_all(batch[middle:])
                return
        await self._give_up(batch, limit + 1)

    def _warn(self, size: int, limit: int) -> None:
        answer = "" if self._last is None else self._last.payload[:1000].decode("utf-8", "replace")
        further = "without end (MaximumRetryAttempts is not set)" if limit < 0 else f"{limit} times in all"
        _log.warning(
            "%s has failed %d times at one batch of %d records, which event source mapping %s (of %s) retries %s; "
            "no wait is skipped meanwhile. Its answer: %s",
            *(self.function_arn, WARNED_FAILURES, size, self.identifier, self.source_arn, further, answer),
        )

    async def _give_up(self, batch: list[Json], attempts: int) -> None:
        """Tells the mapping's destination for failures which records are lost."""
        destination = ((self.parameters.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if not destination:
            return
        changes = [record["dynamodb"] for record in batch]
        arrivals = [timestamp_text(change["ApproximateCreationDateTime"]) for change in changes]
        record = {
            **self._failure_context(attempts),
            "version": "1.0",
            "timestamp": now_text(),
            "DDBStreamBatchInfo": {
                "shardId": self._shard,
                "startSequenceNumber": changes[0]["SequenceNumber"],
                "endSequenceNumber": changes[-1]["SequenceNumber"],
                "approximateArrivalOfFirstRecord": arrivals[0],
                "approximateArrivalOfLastRecord": arrivals[-1],
                "batchSize": len(batch),
                "streamArn": self.source_arn,
            },
        }
        try:
            await self._send(str(destination), json.dumps(record), {})
        except ServiceError as refusal:
            _log.error("%d records that %s has given up are lost: %s", len(batch), self.identifier, refusal)

    def _failure_context(self, attempts: int) -> Json:
        """What is told of the invocation that failed last."""
        assert self._last is not None  # noqa: S101 - nothing is given up before it was tried
        context: Json = {"statusCode": self._last.status_code, "executedVersion": self._last.executed_version}
        if self._last.function_error:
            context["functionError"] = self._last.function_error
        request = {
            "requestId": self._last.request_id,
            "functionArn": self.function_arn,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": attempts,
        }
        return {"requestContext": request, "responseContext": context}


def _has_changed(record: Json) -> bool:
    """Whether the write changed the item: DynamoDB writes no record otherwise, moto does."""
    images = record["dynamodb"]
    return "OldImage" not in images or "NewImage" not in images or images["OldImage"] != images["NewImage"]


def _stream_record(record: Json, source_arn: str) -> Json:
    change = {**record["dynamodb"], "ApproximateCreationDateTime": int(record["dynamodb"]["ApproximateCreationDateTime"])}
    return {**record, "eventVersion": "1.1", "dynamodb": change, "eventSourceARN": source_arn}


class QueueMapping(EventSourceMapping):
    """An SQS queue: messages that the function takes are deleted, others come again when their visibility timeout is over."""

    _url: str = ""

    def _defaults(self) -> Json:
        return _QUEUE_DEFAULTS

    async def open(self) -> None:
        """Finds the queue."""
        account, name = self.source_arn.split(":")[4:6]
        answer = await self._call("sqs", "GetQueueUrl", {"QueueName": name, "QueueOwnerAWSAccountId": account}, self.region)
        self._url = answer["QueueUrl"]

    async def _read(self) -> bool:
        request = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": min(10, self._batch_size),
            "WaitTimeSeconds": 0,
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        messages = (await self._call("sqs", "ReceiveMessage", request, self.region)).get("Messages") or []
        if not messages:
            await self._look_again()
            return False
        records = [_queue_record(message, self.source_arn, self.region) for message in messages]
        wanted = [record for record in records if self._wanted(_with_json_body(record))]
        done = [record for record in records if record not in wanted]
        if wanted:
            succeeded, failed = await self._deliver(wanted)
            if succeeded:
                done += [record for record in wanted if record["messageId"] not in (failed or ())]
        if done:
            entries = [{"Id": str(number), "ReceiptHandle": record["receiptHandle"]} for number, record in enumerate(done)]
            await self._call("sqs", "DeleteMessageBatch", {"QueueUrl": self._url, "Entries": entries}, self.region)
        return True

    async def _look_again(self) -> None:
        """Messages that are delayed or were not taken come (again) later."""
        names = ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        answer = await self._call("sqs", "GetQueueAttributes", {"QueueUrl": self._url, "AttributeNames": names}, self.region)
        if any(int(count) for count in answer.get("Attributes", {}).values()):
            self._wake_later(QUEUE_RETRY_SECONDS)


def _queue_record(message: Json, source_arn: str, region: str) -> Json:
    attributes = message.get("MessageAttributes") or {}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes") or {},
        "messageAttributes": {name: _message_attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": source_arn,
        "awsRegion": region,
    }


def _message_attribute(value: Json) -> Json:
    given = {f"{name[0].lower()}{name[1:]}": part for name, part in value.items()}
    return {"stringListValues": [], "binaryListValues": [], **given}


def _with_json_body(record: Json) -> Json:
    """For filters, which look into a body that is JSON."""
    try:
        return {**record, "body": json.loads(record["body"])}
    except (ValueError, RecursionError):
        return record


async def mapping_of(
    identifier: str, parameters: Mapping[str, Any], functions: LambdaService, call: ServiceCall, working: Working, *, send: Send
) -> EventSourceMapping:
    """A new mapping, ready to be woken; ServiceError where its source or its function is not there, or not supported."""
    service = str(parameters.get("EventSourceArn", "")).split(":")[2:3]
    if service == ["dynamodb"]:
        stream = StreamMapping(identifier, parameters, functions, call, working, send=send)
        await stream.open()
        return stream
    if service == ["sqs"]:
        if (parameters.get("DestinationConfig") or {}).get("OnFailure"):
            message = "A queue's mapping has no destination for failures: give the queue a RedrivePolicy"
            raise ServiceError("InvalidParameterValueException", message)
        queue = QueueMapping(identifier, parameters, functions, call, working, send=send)
        await queue.open()
        return queue
    source = parameters.get("EventSourceArn")
    raise ServiceError(
        "InvalidParameterValueException", f"stepstack's event source mappings read DynamoDB streams and SQS queues, not {source}"
    )
