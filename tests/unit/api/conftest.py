"""The application, called in this process as an ASGI server would."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.api import create_app
from stepstack.clock import Clock, Randomness
from stepstack.in_process import PythonTasks
from stepstack.service import StepFunctionsService

ROLE = "arn:aws:iam::123456789012:role/test"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = dict(headers)
        self.body = body

    @property
    def value(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error's code without its namespace, and its message."""
        return self.value["__type"].rpartition("#")[2], self.value["message"]


class Browser:
    """Sends requests to an application, on a loop of its own."""

    def __init__(self, end_loop, fallback=None, **options):
        self._end_loop = end_loop
        self.loop = asyncio.new_event_loop()
        self.service = StepFunctionsService(Clock(self.loop, 0.0), Randomness(1), PythonTasks({}))
        self.app = create_app(self.service, fallback, **options)

    def request(self, method="POST", path="/", headers=(), body=b"", *, parts=None, leaves=False, hangs_up=False):
        """One request; `parts` are its body in pieces.

        Where it `leaves`, the client goes away within its body; where it `hangs_up`, while it waits for the answer.
        """
        work = self._request(method, path, dict(headers), parts or [body], leaves=leaves, hangs_up=hangs_up)
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    async def _request(self, method, path, headers, parts, *, leaves, hangs_up):
        named = {"host": "127.0.0.1:8083", **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in named.items()],
        }
        pending = list(parts)

        async def receive():
            if pending:
                return {"type": "http.request", "body": pending.pop(0), "more_body": bool(pending) or leaves}
            if leaves or hangs_up:
                return {"type": "http.disconnect"}
            return await asyncio.Event().wait()

        sent = []

        async def send(message):
            sent.append(message)

        await self.app(scope, receive, send)
        if not sent:
            return None
        headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
        return Answer(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))

    def call(self, operation, params=None, *, text=None, **options):
        body = json.dumps(params or {}).encode() if text is None else text
        return self.request(headers={"x-amz-target": f"AWSStepFunctions.{operation}"}, body=body, **options)

    def close(self):
        self.loop.run_until_complete(self.service.close())
        self._end_loop(self.loop)


@pytest.fixture
def make_browser(end_loop):
    browsers = []

    def make(*arguments, **options):
        browsers.append(Browser(end_loop, *arguments, **options))
        return browsers[-1]

    yield make
    for browser in browsers:
        browser.close()


@pytest.fixture
def browser(make_browser):
    return make_browser()
