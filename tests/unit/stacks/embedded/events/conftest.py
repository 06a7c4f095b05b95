"""Embedded services with a function that keeps its events."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest
from tests.unit.stacks.embedded.recording import Recorder

from stepstack.stacks.embedded.services import EmbeddedServices

TABLE = {
    "TableName": "people",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
TARGETS = {"dynamodb": "DynamoDB_20120810", "sqs": "AmazonSQS", "events": "AWSEvents"}


class World(Recorder):
    """Services with one function, `seen`, and no server; what is at work can be waited for."""

    def __init__(self):
        super().__init__()
        self.services = EmbeddedServices()
        self.services.working = self.working
        self.at_work = 0
        self.started = []
        self.arn = self.services.lambda_service.register("seen", self.handler)
        self.services.start_execution = self.start_execution

    @contextlib.contextmanager
    def working(self):
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    async def start_execution(self, arn, text):
        self.started.append((arn, json.loads(text)))

    async def send(self, service, method="POST", path="/", *, headers=None, body=b""):
        status, received, content = await self.services.transport(method, f"http://anywhere{path}", headers or {}, body, service=service)
        assert status < 300, content
        return received, content

    async def call(self, service, operation, parameters):
        headers = {"X-Amz-Target": f"{TARGETS[service]}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        _, content = await self.send(service, headers=headers, body=json.dumps(parameters).encode())
        return json.loads(content) if content else None

    async def map_source(self, **parameters):
        _, content = await self.send(
            "lambda", path="/2015-03-31/event-source-mappings", body=json.dumps({"FunctionName": "seen", **parameters}).encode()
        )
        return json.loads(content)

    async def map_stream(self, **parameters):
        """Maps a new table's stream to `seen`."""
        arn = (await self.call("dynamodb", "CreateTable", TABLE))["TableDescription"]["LatestStreamArn"]
        return await self.map_source(EventSourceArn=arn, StartingPosition="LATEST", **parameters)

    async def put(self, identifier, **attributes):
        item = {"id": {"S": identifier}, **{name: {"S": value} for name, value in attributes.items()}}
        await self.call("dynamodb", "PutItem", {"TableName": "people", "Item": item})

    async def rest(self):
        """Until nothing is at work."""
        deadline = asyncio.get_running_loop().time() + 20
        while self.at_work:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.005)


@pytest.fixture
def world():
    made = World()
    yield made
    made.services.close()


@pytest.fixture
def streamed_table():
    """The parameters of a table with a stream."""
    return TABLE
