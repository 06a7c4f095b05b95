"""A function for tests of what invokes functions: it keeps what it gets, and answers as a test says."""

from __future__ import annotations

import asyncio


class Recorder:
    """A handler whose `events` are what it got, in order; of `answers` each is for one invocation, and an exception is raised."""

    def __init__(self):
        self.events = []
        self.answers = []

    def handler(self, event, _context):
        self.events.append(event)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def records(self):
        return [record for event in self.events for record in event["Records"]]


class RecordingStack(Recorder):
    """A running stack with the function `seen`; `client("sqs")` is boto3's client for a service of it."""

    def __init__(self, stack, client):
        super().__init__()
        self.stack = stack
        self.client = client
        self.services = stack.assembly.services
        self.arn = self.services.lambda_service.register("seen", self.handler)

    def settle(self):
        """Until every event is delivered, and every function has ended."""

        async def settle():
            if deliveries := list(self.services.event_sources._deliveries):
                await asyncio.wait(deliveries)
            await self.services.lambda_service.settle()

        self.stack.run(asyncio.wait_for(settle(), 20))
