"""Writes a line of JSON into the audit log for each user that was created.

Called with records of the table's stream; the event source mapping in the template lets only new USER items through.
"""

from __future__ import annotations

import json
from typing import Any


def event_handler(event: dict[str, Any], _context: Any) -> None:
    for record in event["Records"]:
        keys = record["dynamodb"]["Keys"]
        print(json.dumps({"EventType": "UserCreated", "PK": keys["PK"], "SK": keys["SK"]}))  # noqa: T201 - what is printed is logged
