"""What the tests of the integrations share: an HTTP server on a socket of 127.0.0.1, and calls as the interpreter makes them."""

from __future__ import annotations

import asyncio
import inspect
import json
from dataclasses import dataclass

import pytest

from stepstack.clock import Clock
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.interpreter.ports import TaskCall, TaskFailed
from stepstack.language.resources import IntegrationPattern, ResourceKind, TaskResource

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:orders:e1"
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:orders"


@dataclass
class Request:
    method: str
    target: str
    headers: dict
    body: bytes

    @property
    def operation(self):
        return self.headers.get("x-amz-target", "").rpartition(".")[2]

    @property
    def json(self):
        return json.loads(self.body)


class LocalHttpServer:
    """Use with `async with`. `answer(request)` gives, or is awaited for: bytes, sent as they are before the connection is closed;
    `(status, body)` or `(status, body, headers)`, where a body that is not bytes goes as JSON.
    """

    def __init__(self, answer):
        self._answer = answer
        self.requests = []
        self.connections = 0
        self._tasks = set()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        try:
            while await self._serve_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        request = Request(*first.split(" ")[:2], headers, body)
        self.requests.append(request)
        answer = self._answer(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
            return False
        status, body, *more = answer
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        answered = {"Content-Length": str(len(body)), **(more[0] if more else {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in answered.items())
        writer.write(f"HTTP/1.1 {status} Words\r\n{lines}\r\n".encode() + body)
        await writer.drain()
        return answered.get("Connection") != "close"


@pytest.fixture(scope="session")
def local_server():
    """The class of the server; see there."""
    return LocalHttpServer


def _resource(name):
    if name.startswith("arn:aws:lambda:"):
        return TaskResource(name, ResourceKind.LAMBDA_FUNCTION, region=name.split(":")[3], name=name.partition(":function:")[2])
    if ":activity:" in name:
        return TaskResource(name, ResourceKind.ACTIVITY, name=name.partition(":activity:")[2])
    text, pattern = name, IntegrationPattern.REQUEST_RESPONSE
    for suffix in (IntegrationPattern.SYNC_2, IntegrationPattern.SYNC, IntegrationPattern.WAIT_FOR_TASK_TOKEN):
        if name.endswith(suffix.value):
            text, pattern = name.removesuffix(suffix.value), suffix
            break
    service, _, action = text.rpartition(":")
    return TaskResource(f"arn:aws:states:::{name}", ResourceKind.SERVICE, service=service, action=action, pattern=pattern)


@pytest.fixture(scope="session")
def resource():
    """Takes names apart: `dynamodb:getItem`, `states:startExecution.sync:2`, or the ARN of a function or of an activity."""
    return _resource


@pytest.fixture(scope="session")
def task_call():
    """Makes calls: of a resource, with parameters, and with changes to other fields of the call where these are given."""

    def make(name, parameters=None, **changes):
        try:
            clock = Clock(asyncio.get_running_loop())
        except RuntimeError:
            loop = asyncio.new_event_loop()
            clock = Clock(loop)
            loop.close()
        given = {
            "resource": _resource(name),
            "parameters": {} if parameters is None else parameters,
            "context_object": {},
            "state_name": "Work",
            "attempt": 0,
            "execution_arn": EXECUTION,
            "root_execution_arn": EXECUTION,
            "state_machine_arn": STATE_MACHINE,
            "test_case": None,
            "timeline": clock.timeline(),
        }
        return TaskCall(**{**given, **changes})

    return make


@pytest.fixture(scope="session")
def called(local_server, task_call):
    """Makes one call while a server answers on a socket: the result or the failure, and the server's requests.

    `answer` is the server's, or a function of the request. `endpoints` is the name of the service that the server is, or a function that
    makes Endpoints of the server's URL; `parameters` may be such a function too. Where it `follows`, the call is of a job, to its end.
    """

    def make(name, parameters, answer, endpoints, *, follows=False):
        async def scenario():
            async with local_server(answer if callable(answer) else lambda _request: answer) as server:
                integrations = Integrations(endpoints(server.url) if callable(endpoints) else Endpoints(urls={endpoints: server.url}))
                call = task_call(name, parameters(server.url) if callable(parameters) else parameters)
                try:
                    result = await integrations.request(call)
                    if follows:
                        with call.timeline.working():
                            result = await integrations.completion(call, result)
                except TaskFailed as failed:
                    result = failed.failure
                finally:
                    await integrations.close()
                return result, server.requests

        return asyncio.run(scenario())

    return make


@pytest.fixture(scope="session")
def answers():
    """What mocks answer to calls: results, and failures as pairs of Error Name and cause."""

    async def given(mocks, calls):
        for call in calls:
            assert mocks.is_mocked(call)
            try:
                yield await mocks.answer(call)
            except TaskFailed as failed:
                yield failed.failure.error_name, failed.failure.cause

    async def collected(mocks, calls):
        return [answer async for answer in given(mocks, calls)]

    return lambda mocks, *calls: asyncio.run(collected(mocks, calls))
