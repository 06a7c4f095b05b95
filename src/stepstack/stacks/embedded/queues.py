"""SQS long polls: ReceiveMessage with WaitTimeSeconds waits on the event loop, not in moto.

moto would sleep in its thread and hold the service's lock. So a long poll becomes a row of short polls (WaitTimeSeconds 0) until a message
comes or the time is over. Called by `embedded.services`. The time a poll waits is real time, whatever the stack's clock does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlencode

from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

__all__ = ["LongPoll"]

POLL_SECONDS = 0.02
MAXIMUM_WAIT_SECONDS = 20


class LongPoll:
    """A ReceiveMessage that may wait; `short` is the same request, not waiting."""

    def __init__(self, short: ServiceRequest, seconds: float | None, queue_url: str) -> None:
        self._short = short
        self._seconds = seconds
        self._queue_url = queue_url

    @classmethod
    def of(cls, request: ServiceRequest) -> LongPoll | None:
        """The long poll that `request` is; None for any other request, and for one that moto is to refuse."""
        if request.operation != "ReceiveMessage":
            return None
        try:
            parameters = request.json() if request.target else request.form()
            wait = parameters.get("WaitTimeSeconds")
            seconds = None if wait is None else int(wait)
        except (ValueError, AttributeError, TypeError):
            return None
        if seconds is not None and not 0 < seconds <= MAXIMUM_WAIT_SECONDS:
            return None
        short = {**parameters, "WaitTimeSeconds": 0}
        body = (json.dumps(short) if request.target else urlencode(short)).encode()
        return cls(replace(request, body=body), seconds, str(parameters.get("QueueUrl", "")))

    async def answer(self, call: Callable[[ServiceRequest], Awaitable[ServiceResponse]]) -> ServiceResponse:
        """The first answer with a message, or the last one."""
        response = await call(self._short)
        if _is_final(response):
            return response
        seconds = await self._queue_seconds(call) if self._seconds is None else self._seconds
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not _is_final(response) and loop.time() < deadline:
            await asyncio.sleep(POLL_SECONDS)
            response = await call(self._short)
        return response

    async def _queue_seconds(self, call: Callable[[ServiceRequest], Awaitable[ServiceResponse]]) -> float:
        """What the queue's own attribute says, where the request says nothing."""
        headers = {**self._short.headers, "x-amz-target": "AmazonSQS.GetQueueAttributes", "content-type": "application/x-amz-json-1.0"}
        body = json.dumps({"QueueUrl": self._queue_url, "AttributeNames": ["ReceiveMessageWaitTimeSeconds"]}).encode()
        response = await call(replace(self._short, headers=headers, body=body))
        if response.status != 200:
            return 0
        return float(json.loads(response.body).get("Attributes", {}).get("ReceiveMessageWaitTimeSeconds", 0))


def _is_final(response: ServiceResponse) -> bool:
    return response.status != 200 or b'"Messages"' in response.body or b"<Message>" in response.body
