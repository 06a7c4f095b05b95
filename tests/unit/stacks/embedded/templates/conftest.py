"""Templates, deployed into embedded services that no test shares with another."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from stepstack.stacks.embedded.services import EmbeddedServices
from stepstack.stacks.embedded.templates.template_application import deploy

APP = """
import json
import os

import boto3


def handler(event, context):
    name = event["pathParameters"]["id"]
    if name == "boom":
        raise RuntimeError(name)
    body = json.dumps({"hello": name, "method": event["httpMethod"]})
    return {"statusCode": 200, "headers": {"X-Table": os.environ["TABLE"]}, "body": body}


def http(event, context):
    return {"key": event["routeKey"], "query": event.get("queryStringParameters"), "body": event.get("body")}


def record(event, context):
    seen.append(event)


seen = []
"""


class World:
    """Services into which templates are deployed from a folder; state machines are only remembered."""

    def __init__(self, folder):
        self.folder = folder
        self.services = EmbeddedServices(endpoint_url="http://127.0.0.1:4321")
        self.machines = {}
        (folder / "src").mkdir()
        (folder / "src" / "app.py").write_text(APP)

    async def step_functions(self, operation, parameters):
        if operation == "CreateStateMachine":
            arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{parameters['name']}"
            self.machines[arn] = parameters
            return {"stateMachineArn": arn}
        assert operation == "DeleteStateMachine"
        del self.machines[parameters["stateMachineArn"]]
        return {}

    async def deploy(self, template, **options):
        path = self.folder / "template.yaml"
        path.write_text(dedent(template) if isinstance(template, str) else json.dumps(template))
        return await deploy(path, self.services, self.step_functions, **{"name": "app", **options})

    async def get(self, url, method="GET", body=b"", headers=None):
        status, received, content = await self.services.transport(method, url, headers or {}, body)
        return status, received, json.loads(content) if content else None

    async def names(self, service, operation, member):
        return (await self.services.event_sources.call(service, operation, {}, "us-east-1"))[member]


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.services.close()
