"""The deployed system: on the embedded stack deployed for each test, on AWS the one named by AWS_SAM_STACK_NAME."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

SECONDS = float(os.environ.get("EVENTUALLY_SECONDS", "60"))
"""How long something may take to arrive; on AWS, streams and logs take seconds."""


@dataclass
class System:
    """The clients of one deployed system, and what it has."""

    stack: Any
    outputs: dict[str, str]

    def __post_init__(self) -> None:
        self.bucket = self.outputs["ImagesBucket"]
        self.s3 = self.stack.client("s3")
        self.users = self.stack.resource("dynamodb").Table(self.outputs["UsersTable"])

    def audit_lines(self, user: str) -> list[dict[str, Any]]:
        """What the audit log says of a user."""
        pages = self.stack.client("logs").get_paginator("filter_log_events")
        pattern = f'{{ $.PK.S = "{user}" }}'
        found = pages.paginate(logGroupName=self.outputs["AuditLog"], filterPattern=pattern)
        return [json.loads(event["message"]) for page in found for event in page["events"]]

    def metadata(self, key: str) -> dict[str, str]:
        return self.s3.head_object(Bucket=self.bucket, Key=key)["Metadata"]


@pytest.fixture
def system(application, stepstack) -> System:
    return System(stepstack, application("../../template.yaml").outputs)


@pytest.fixture
def put_object(system):
    """Puts objects under keys of this test's own; they are deleted when it ends."""
    keys = []

    def put(name: str, body: bytes, **more: Any) -> str:
        key = f"{uuid.uuid4()}/{name}"
        keys.append(key)
        system.s3.put_object(Bucket=system.bucket, Key=key, Body=body, **more)
        return key

    yield put
    for key in keys:
        system.s3.delete_object(Bucket=system.bucket, Key=key)


@pytest.fixture
def put_item(system):
    """Puts items into the table; they are deleted when the test ends."""
    keys = []

    def put(pk: str, sk: str, **attributes: Any) -> None:
        keys.append({"PK": pk, "SK": sk})
        system.users.put_item(Item={"PK": pk, "SK": sk, **attributes})

    yield put
    for key in keys:
        system.users.delete_item(Key=key)


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """What a look finds, once it finds something."""

    def look(find: Callable[[], Any]) -> Any:
        end = time.monotonic() + SECONDS
        while not (found := find()):
            assert time.monotonic() < end, f"nothing came within {SECONDS} seconds"
            time.sleep(0.02)
        return found

    return look
