"""Arrange and act of the DynamoDB test: creates a user."""

from __future__ import annotations

import os
import uuid
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def event_handler(_event: Any, _context: Any) -> dict[str, Any]:
    user = f"USER#{uuid.uuid4()}"
    key = {"PK": user, "SK": user}
    try:
        boto3.resource("dynamodb").Table(os.environ["DDB_TABLE"]).put_item(Item=key)
    except (BotoCoreError, ClientError) as error:
        return {"act_success": False, "error_message": f"failed to write to DynamoDB: {error}"}
    return {"act_success": True, "test_user_key": key}
