"""The custom resource: starts the integration tests when the stack is created or updated. The tests' report answers CloudFormation."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
import urllib3


def event_handler(event: dict[str, Any], _context: Any) -> None:
    if event["RequestType"] == "Delete":
        done(event)
        return
    boto3.client("stepfunctions").start_execution(
        stateMachineArn=os.environ["STATE_MACHINE"], name=event["RequestId"], input=json.dumps(event)
    )


def done(event: dict[str, Any]) -> None:
    """There is nothing to delete."""
    answer = {name: event[name] for name in ("PhysicalResourceId", "StackId", "RequestId", "LogicalResourceId")}
    with urllib3.PoolManager() as connections:
        connections.request(
            "PUT", event["ResponseURL"], body=json.dumps({"Status": "SUCCESS", **answer}), headers={"Content-Type": ""}, timeout=10
        )
