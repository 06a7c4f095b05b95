"""The embedded services: DynamoDB, S3, SQS, SNS, EventBridge, Logs and the rest, in this process, by moto.

`EmbeddedServices` is an ASGI application (the api's fallback, and what `stepstack up` serves on the DynamoDB port) and a transport for
the engine's own calls, which spares them the socket. Importing this module imports no moto: that happens in a worker thread
with the first request.

Each service's requests are handled one after the other, because moto locks nothing: of two concurrent conditional puts one must
fail. A request runs in a pool of threads; a small DynamoDB request, once moto is loaded and nobody else holds the service, runs at once
on the caller's loop, where it costs less than the way to a thread and back. An SQS long poll waits on the loop and holds nothing.

Called by `stepstack.assembly`; calls `embedded.moto`, the checks in front of moto and the Lambda service.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import unescape

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.body import read_upload
from stepstack.stacks.embedded.queues import LongPoll
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, failure
from stepstack.stacks.embedded.templates.deployed_stacks import DeployedStacks

if TYPE_CHECKING:
    from stepstack.clock import Timeline
    from stepstack.stacks.embedded.apis.api_gateway import ApiGateway
    from stepstack.stacks.embedded.events.event_sources import EventSources
    from stepstack.stacks.embedded.functions.lambda_api import LambdaApi
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService
    from stepstack.stacks.embedded.moto import MotoBackends
    from stepstack.stacks.embedded.templates.custom_resources import CustomResources

__all__ = ["EmbeddedServices"]

_log = logging.getLogger("stepstack.embedded")

MAXIMUM_THREADS = 16

MAXIMUM_LOCKS = 512
"""More than AWS has services."""

CLOSING_SECONDS = 5.0
"""A request that is still under way then (moto calls an HTTP subscriber that does not answer) is left behind."""

_QUICK = frozenset({"GetItem", "PutItem", "UpdateItem", "DeleteItem"})
"""DynamoDB operations on one item: done in less time than a thread takes to wake."""

_VERSION = re.compile(r"<Key>([^<]*)</Key>.*?<VersionId>([^<]*)</VersionId>", re.DOTALL)

_RULE_OPERATIONS = frozenset({"DeleteRule", "DisableRule", "EnableRule", "ListTargetsByRule", "PutRule", "PutTargets", "RemoveTargets"})
"""EventBridge's operations on rules: some have schedules, and targets that are functions and state machines of this stack."""


class EmbeddedServices:
    """Every AWS service that moto has, with data of its own; one for a stack.

    May be used from several threads and loops. `endpoint_url` is where HTTP clients reach it; answers that carry URLs, such as a queue's,
    carry that one.
    """

    def __init__(self, *, account_id: str = "123456789012", region: str = "us-east-1", endpoint_url: str = "http://127.0.0.1") -> None:
        self.account_id = account_id
        self.region = region
        self.endpoint_url = endpoint_url
        self.working: Callable[[], AbstractContextManager[None]] = nullcontext
        """Entered while events are on their way to a function; a stack with a clock gives `clock.timeline().working`."""
        self.timeline: Callable[[], Timeline] | None = None
        """The time of a durable execution; a stack with a clock gives `clock.timeline`."""
        self.start_execution: Callable[[str, str], Awaitable[object]] | None = None
        """Starts an execution by its state machine's ARN with an input's text, for EventBridge rules."""
        self.step_functions: Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]] | None = None
        """Any operation of Step Functions, by its name with its parameters, for APIs that are integrated with it."""
        self.deployed_stacks = DeployedStacks()
        """What templates were deployed, for CloudFormation's answers."""
        self._lambda: tuple[LambdaService, LambdaApi] | None = None
        self._event_sources: EventSources | None = None
        self._api_gateway: ApiGateway | None = None
        self._custom_resources: CustomResources | None = None
        self._moto: MotoBackends | None = None
        self._loading = threading.Lock()
        """Held while moto is imported, in a worker thread."""
        self._making = threading.Lock()
        """Held while the Lambda service is made, which the loop may do: it must not wait for moto."""
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._dynamodb_is_warm = False
        """Whether moto's DynamoDB is imported: the loop may then answer quick requests itself."""
        self._busy = 0
        """Threads that are at work on a request."""
        self._idle = threading.Condition()
        self._threads = ThreadPoolExecutor(MAXIMUM_THREADS, thread_name_prefix="stepstack-services")

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Answers one HTTP request (ASGI)."""
        if scope["type"] != "http":
            return
        request = _request_of(scope)
        try:
            body = await read_upload(receive, request.headers.get("content-length"), is_for_api=_is_open(request))
        except ServiceError as refusal:
            status = 413 if _is_open(request) and refusal.error_code == "EntityTooLarge" else 400
            refused = failure(request, status, refusal.error_code, refusal.message)
            # What is left of the body would be taken for the next request.
            response = replace(refused, headers={**refused.headers, "Connection": "close"})
        else:
            if body is None:
                return
            request = replace(request, body=body)
            response = await self.handle(request)
        await send({"type": "http.response.start", "status": response.status, "headers": _wire_headers(request, response)})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})

    def hears_events(self) -> bool:
        """Whether a rule of EventBridge has a target that an event could reach."""
        return self._event_sources is not None and self._event_sources.rules.has_targets

    def tell_event(self, source: str, detail_type: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """Sends an event of the stack's own to EventBridge's rules, in the background; to be called in the stack's loop."""
        self.event_sources.tell(source, detail_type, resources, detail)

    async def transport(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, service: str = "", region: str = ""
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One request of the engine's own: status, headers and body of the answer.

        The URL's path and query count, its host does not. `service` (its signing name, such as `dynamodb`) and `region` need not be given
        where the request is signed. Headers may have any case.
        """
        response = await self.handle(self._request(method, url, headers, body, service=service, region=region))
        return response.status, response.headers, response.body

    def _request(self, method: str, url: str, headers: Mapping[str, str], body: bytes, *, service: str, region: str) -> ServiceRequest:
        parts = urlsplit(url)
        lowered = {name.lower(): value for name, value in headers.items()}
        request = ServiceRequest.read(method, parts.path, parts.query, lowered, body, service=service, region=region)
        lowered["host"] = urlsplit(self.endpoint_url).netloc
        return request

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """The answer of the service that `request` is for; never raises for what a client may send."""
        try:
            return await self._handled(request)
        except ServiceError as refusal:
            return failure(request, 400, refusal.error_code, refusal.message)
        except Exception as fault:  # noqa: BLE001 - the boundary: a fault of ours is an answer too
            _log.exception("%s %s (%s) failed", request.method, request.path, request.operation)
            return failure(request, 500, "InternalFailure", f"stepstack failed: {type(fault).__name__}: {fault}")

    async def _handled(self, request: ServiceRequest) -> ServiceResponse:
        own = self._own_answer(request)
        if own is not None:
            return await own
        if request.service == "logs" and self._lambda is not None:
            await self.lambda_service.logs.flush(self._answer)
        response = await self._answer(request)
        if self._event_sources is not None and response.status < 300:
            self._event_sources.observe(request, response)
        return response

    def _own_answer(self, request: ServiceRequest) -> Awaitable[ServiceResponse] | None:
        """The answer to what is not moto's, in whole or in part; None for all else."""
        service = request.service
        if (answer := self._application_answer(request)) is not None:
            return answer
        if service == "lambda":
            return self._lambda_parts()[1].handle(request)
        if service == "s3" and request.method in {"GET", "PUT"} and request.names("notification"):
            return self.event_sources.notifications.handle(request)
        if service == "events" and request.operation in _RULE_OPERATIONS:
            return self.event_sources.rules.handle(request)
        if service == "scheduler" and self.event_sources.scheduler.is_for(request):
            return self.event_sources.scheduler.handle(request)
        poll = LongPoll.of(request) if service == "sqs" else None
        return None if poll is None else poll.answer(self._answer)

    def _application_answer(self, request: ServiceRequest) -> Awaitable[ServiceResponse] | None:
        """The answer of what templates have made; None where a request is for none of it."""
        if (_is_open(request) or self._api_gateway is not None) and (found := self.api_gateway.found(request)):
            return self.api_gateway.handle(*found, request)
        if self._custom_resources is not None and self._custom_resources.is_answer(request):
            return self._custom_resources.receive(request)
        return self.deployed_stacks.answer(request) if request.service == "cloudformation" else None

    @property
    def event_sources(self) -> EventSources:
        """The event sources of this stack: mappings, notifications and rules."""
        return self._event_sources or self._open_event_sources()

    @property
    def lambda_service(self) -> LambdaService:
        """The functions of this stack: to register handlers, and to invoke them without a socket."""
        return self._lambda_parts()[0]

    def reset(self) -> None:
        """Forgets everything in every service."""
        if self._event_sources is not None:
            self._event_sources.close()
            self._event_sources = None
        self._api_gateway = None
        self.deployed_stacks.clear()
        if self._lambda is not None:
            self.lambda_service.reset()
        if self._moto is not None:
            self._moto.reset()

    def close(self) -> None:
        """Forgets everything and ends the threads, once requests under way have been answered or have had their time."""
        with self._idle:
            is_idle = self._idle.wait_for(lambda: not self._busy, CLOSING_SECONDS)
        self._threads.shutdown(wait=is_idle, cancel_futures=True)
        self.reset()

    def _lambda_parts(self) -> tuple[LambdaService, LambdaApi]:
        from stepstack.stacks.embedded.functions.lambda_api import LambdaApi
        from stepstack.stacks.embedded.functions.lambda_service import LambdaService

        with self._making:
            if self._lambda is None:
                service = LambdaService(account_id=self.account_id, region=self.region, variables=self._function_variables)
                service.working = self._at_work
                service.send = self._send
                if self.timeline is not None:
                    service.timeline = self.timeline
                self._lambda = service, LambdaApi(service, self._object, self._open_event_sources)
            return self._lambda

    @property
    def api_gateway(self) -> ApiGateway:
        """The APIs of this stack."""
        from stepstack.stacks.embedded.apis.api_calls import Backends
        from stepstack.stacks.embedded.apis.api_gateway import ApiGateway

        if self._api_gateway is None:
            backends = Backends(self.lambda_service, self.handle, self._step_functions, self.account_id, self.region)
            self._api_gateway = ApiGateway(backends)
        return self._api_gateway

    @property
    def custom_resources(self) -> CustomResources:
        """What waits for the answers of custom resources' functions."""
        from stepstack.stacks.embedded.templates.custom_resources import CustomResources

        if self._custom_resources is None:
            self._custom_resources = CustomResources(self.lambda_service)
        return self._custom_resources

    async def empty_bucket(self, bucket: str) -> None:
        """Removes the objects of a bucket, all versions of them but those that are locked; one that is not there is no fault."""
        before: list[Any] = []
        while True:
            _, _, body = await self.transport("GET", f"http://s3/{bucket}?versions", {}, b"", service="s3", region=self.region)
            found = _VERSION.findall(body.decode("utf-8", "replace"))
            if not found or found == before:
                return
            before = found
            for key, version in found:
                path = f"http://s3/{bucket}/{quote(unescape(key))}?versionId={version}"
                await self._answer(self._request("DELETE", path, {}, b"", service="s3", region=self.region))

    def _function_variables(self) -> Mapping[str, str]:
        return {"AWS_ENDPOINT_URL": self.endpoint_url, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}

    def _at_work(self) -> AbstractContextManager[None]:
        # `working` is set after the functions are made.
        return self.working()

    def _open_event_sources(self) -> EventSources:
        from stepstack.stacks.embedded.events.event_sources import EventSources

        if self._event_sources is None:
            self._event_sources = EventSources(
                self._answer,
                self.lambda_service,
                region=self.region,
                working=self._at_work,
                start_execution=self._start_execution,
                handle=self.handle,
                timeline=self._time,
                step_functions=self._step_functions,
            )
        return self._event_sources

    def _time(self) -> Timeline:
        """The time of schedules."""
        from stepstack.clock import Clock

        return self.timeline() if self.timeline is not None else Clock(asyncio.get_running_loop()).timeline()

    async def _send(self, arn: str, text: str, details: dict[str, Any]) -> None:
        """Sends what came of an asynchronous invocation."""
        await self.event_sources.targets.send(arn, text, details)

    async def _start_execution(self, state_machine_arn: str, input_text: str) -> None:
        if self.start_execution is not None:
            await self.start_execution(state_machine_arn, input_text)

    async def _step_functions(self, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.step_functions is None:
            raise ServiceError("ServiceUnavailable", "There is no Step Functions beside these services")
        return await self.step_functions(operation, parameters)

    async def _object(self, bucket: str, key: str, region: str | None) -> bytes:
        """An object of the stack's S3."""
        status, _, body = await self.transport("GET", f"/{bucket}/{quote(key)}", {}, b"", service="s3", region=region or self.region)
        if status != 200:
            raise ServiceError("InvalidParameterValueException", f"The object s3://{bucket}/{key} cannot be read (status {status})")
        return body

    async def _answer(self, request: ServiceRequest) -> ServiceResponse:
        lock = self._lock_of(request.service)
        is_quick = self._dynamodb_is_warm and request.service == "dynamodb" and request.operation in _QUICK
        if is_quick and lock.acquire(blocking=False):
            try:
                return self._handle_now(request)
            finally:
                lock.release()
        response = await asyncio.get_running_loop().run_in_executor(self._threads, self._handle_in_turn, request, lock)
        if self._moto is not None:
            while self._moto.outbox:
                self.event_sources.deliver_message(*self._moto.outbox.popleft())
        return response

    def _lock_of(self, service: str) -> threading.Lock:
        """The lock of a service. Who signs requests may name any: those beyond the maximum share a lock."""
        is_one_too_many = service not in self._locks and len(self._locks) >= MAXIMUM_LOCKS
        return self._locks["" if is_one_too_many else service]

    def _handle_in_turn(self, request: ServiceRequest, lock: threading.Lock) -> ServiceResponse:
        with self._idle:
            self._busy += 1
        try:
            with lock:
                response = self._handle_now(request)
                if request.service == "dynamodb":
                    self._dynamodb_is_warm = True
                return response
        finally:
            with self._idle:
                self._busy -= 1
                self._idle.notify_all()

    def _handle_now(self, request: ServiceRequest) -> ServiceResponse:
        return (self._moto or self._load()).handle(request)

    def _load(self) -> MotoBackends:
        from stepstack.stacks.embedded.moto import MotoBackends

        with self._loading:
            if self._moto is None:
                self._moto = MotoBackends(account_id=self.account_id, region=self.region)
            return self._moto


def _is_open(request: ServiceRequest) -> bool:
    """Whether it is for an API: what stands in front lets web pages through to these paths, where nothing else may answer."""
    return request.path.startswith(("/execute-api/", "/lambda-url/"))


def _request_of(scope: MutableMapping[str, Any]) -> ServiceRequest:
    """The request as far as its head tells it."""
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"").decode("latin-1")
    return ServiceRequest.read(
        scope["method"], path.decode("latin-1").partition("?")[0], query, headers, b"", scheme=scope.get("scheme", "http")
    )


def _wire_headers(request: ServiceRequest, response: ServiceResponse) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.lower().encode("latin-1"), line.strip().encode("utf-8"))
        for name, value in response.headers.items()
        for line in value.split("\n")
    ]
    if request.method != "HEAD" or not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(response.body)).encode()))
    return headers
