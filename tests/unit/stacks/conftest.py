"""Embedded services, and servers that answer as told, on this machine."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from textwrap import dedent

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.stacks.embedded.services import EmbeddedServices
from stepstack.stacks.embedded.templates.template_application import deploy


@pytest.fixture(scope="module")
def stack():
    """A running stack whose waits are skipped; the tests of a file share it."""
    with embedded_stack(Settings(scale=0.0)) as made:
        yield made


@pytest.fixture
def emptied_stack(stack):
    """The file's stack, of which nothing is left behind the test."""
    yield stack
    stack.run(stack.service.reset())
    stack.assembly.services.reset()


@pytest.fixture
def connect(stack):
    """`connect("sqs")` is boto3's client for a service of the file's stack."""

    def to(service):
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        return boto3.client(service, endpoint_url=stack.endpoint_url, region_name="us-east-1", **keys)

    return to


@pytest.fixture(scope="module")
def services():
    """Embedded services that the tests of a file share; each begins with a `reset()`."""
    embedded = EmbeddedServices()
    yield embedded
    embedded.close()


@pytest.fixture
def json_calls(services):
    """`json_calls(service, target)(operation, **parameters)` calls a service that speaks JSON: the status, and the answer or None."""

    def to(service, target):
        def call(operation, /, **parameters):
            headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.0"}
            body = json.dumps(parameters).encode()
            status, _, answer = asyncio.run(services.transport("POST", "http://anywhere/", headers, body, service=service))
            return status, json.loads(answer) if answer else None

        return call

    return to


@pytest.fixture
def unused_url():
    """An address where nobody listens; its port is held, so that nobody takes it meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def answering():
    """Starts a server: `answering(200, b"{}")` is its URL; each further answer is for a further request, the last for all the rest."""
    servers = []

    def start(*answers):
        remaining = list(answers)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                status, body = remaining.pop(0) if len(remaining) > 1 else remaining[0]
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


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
