"""Embedded services, alone and as part of a running stack."""

from __future__ import annotations

import asyncio
import json

import boto3
import pytest

from stepstack.assembly import Settings, embedded_stack
from stepstack.stacks.embedded.services import EmbeddedServices


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
