"""The logs of functions, while nobody reads them."""

from __future__ import annotations

import asyncio
import json

from stepstack.stacks.embedded.functions.lambda_logs import EVENTS_KEPT, FunctionLogs
from stepstack.stacks.embedded.request import ServiceResponse


def put(logs):
    """The messages that a flush puts, by stream."""
    found = {}

    async def call(request):
        if request.operation == "PutLogEvents":
            sent = request.json()
            found.setdefault(sent["logStreamName"], []).extend(event["message"] for event in sent["logEvents"])
        return ServiceResponse(200, {}, json.dumps({}).encode())

    asyncio.run(logs.flush(call))
    return found


def test_the_oldest_events_make_room_for_new_ones():
    logs = FunctionLogs()
    logs.add("us-east-1", "group", "first", [(0, "first")] * 10)
    logs.add("us-east-1", "group", "second", [(number, str(number)) for number in range(EVENTS_KEPT + 5)])
    logs.add("us-east-1", "group", "third", [(0, "third")])

    found = put(logs)
    assert sorted(found) == ["second", "third"]
    assert found["third"] == ["third"]
    assert found["second"] == [str(number) for number in range(6, EVENTS_KEPT + 5)]
    assert put(logs) == {}
