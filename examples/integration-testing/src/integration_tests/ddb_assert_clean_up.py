"""Assert and clean up of the DynamoDB test: the audit log has one line for the user; the user is deleted."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3

TEST_NAME = "ddb_user_audit_log"
HORIZON = timedelta(minutes=1)
"""How far back the log is searched."""


def event_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    acted = event["arrange_act_payload"]
    if not acted["act_success"]:
        return {"success": False, "test_name": TEST_NAME, "error_message": acted["error_message"]}
    key = acted["test_user_key"]
    try:
        trouble = trouble_of(key)
    finally:
        boto3.resource("dynamodb").Table(os.environ["DDB_TABLE"]).delete_item(Key=key)
    if trouble:
        return {"success": False, "test_name": TEST_NAME, "error_message": trouble}
    return {"success": True, "test_name": TEST_NAME}


def trouble_of(key: dict[str, str]) -> str | None:
    """What is wrong with the audit log; None where nothing is."""
    pattern = f'{{ ($.EventType = "UserCreated") && ($.PK.S = "{key["PK"]}") && ($.SK.S = "{key["SK"]}") }}'
    start = int((datetime.now(timezone.utc) - HORIZON).timestamp() * 1000)
    pages = boto3.client("logs").get_paginator("filter_log_events")
    found = [
        event
        for page in pages.paginate(logGroupName=os.environ["LOG_GROUP"], startTime=start, filterPattern=pattern)
        for event in page["events"]
    ]
    if not found:
        return "event not found"
    if len(found) > 1:
        return "more than one event found"
    expected = {"EventType": "UserCreated", "PK": {"S": key["PK"]}, "SK": {"S": key["SK"]}}
    return None if json.loads(found[0]["message"]) == expected else "log event does not match expected JSON"
