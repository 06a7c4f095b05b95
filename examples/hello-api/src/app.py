"""Says hello to whoever has the id in the path, and keeps every message that was said.

One table holds both: an id's name under the sort key `NAME#`, and each message under `TS#` and the time at which it was said. What an item
says is in its attribute `data`. An id without a name is told so, and that message is kept too.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from functools import cache
from typing import Any

import boto3

NAME = "NAME#"
HISTORY = "TS#"


@cache
def dynamodb() -> Any:
    """One resource for as long as the function is warm."""
    return boto3.resource("dynamodb")


def lambda_handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    identifier = event["pathParameters"]["id"]
    table = dynamodb().Table(os.environ["DYNAMODB_TABLE_NAME"])
    name = name_of(table, identifier)
    status, message = (404, f"NOTFOUND: Name Not Found for ID {identifier}") if name is None else (200, f"Hello {name}!")
    keep(table, identifier, message)
    return {"statusCode": status, "headers": {"Content-Type": "text/plain; charset=utf-8"}, "body": message}


def name_of(table: Any, identifier: str) -> str | None:
    """The name that belongs to an id; None where there is none."""
    item = table.get_item(Key={"PK": identifier, "SK": NAME}).get("Item")
    return None if item is None else item["data"]


def keep(table: Any, identifier: str, message: str) -> None:
    """Adds a message to an id's history."""
    said = datetime.now(timezone.utc).isoformat()
    table.put_item(Item={"PK": identifier, "SK": f"{HISTORY}{said}", "data": message})
