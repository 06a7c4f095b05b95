"""What CloudWatch Logs does with filter patterns, in front of moto, which ignores most of their syntax.

Called by `embedded.moto` with each request for Logs: FilterLogEvents is answered from all events that moto has,
filtered here; TestMetricFilter is answered here; the patterns of metric and subscription filters are checked. Everything else goes to
moto.
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.logs_filter import LogPattern, compile_pattern
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["answer"]

_Call: TypeAlias = "Callable[[ServiceRequest], ServiceResponse]"

MAXIMUM_EVENTS = 10_000
CONTENT_TYPE = "application/x-amz-json-1.1"

_compiled: Callable[[str], LogPattern] = functools.lru_cache(maxsize=256)(compile_pattern)


def answer(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """The answer of Logs to `request`; `moto` answers what is not done here."""
    try:
        parameters = request.json()
        if request.operation == "FilterLogEvents":
            return _filtered(request, parameters, moto)
        if request.operation == "TestMetricFilter":
            return _tested(parameters)
        if request.operation in {"PutMetricFilter", "PutSubscriptionFilter"}:
            _compiled(str(parameters.get("filterPattern") or ""))
    except ValueError:
        return _refusal(ServiceError("SerializationException", "The request body is not JSON"))
    except ServiceError as error:
        return _refusal(error)
    return moto(request)


def _filtered(request: ServiceRequest, parameters: Mapping[str, Any], moto: _Call) -> ServiceResponse:
    pattern = _compiled(str(parameters.get("filterPattern") or ""))
    limit = parameters.get("limit") or MAXIMUM_EVENTS
    if not isinstance(limit, int) or not 1 <= limit <= MAXIMUM_EVENTS:
        rule = (
            f"Member must have value less than or equal to {MAXIMUM_EVENTS}"
            if limit
            else "Member must have value greater than or equal to 1"
        )
        raise ServiceError(
            "InvalidParameterException", f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: {rule}"
        )
    group = _group_name(parameters)
    prefix = parameters.get("logStreamNamePrefix")
    if prefix and parameters.get("logStreamNames"):
        raise ServiceError("InvalidParameterException", "LogStreamNamePrefix and LogStreamNames are mutually exclusive.")
    events = _all_events(request, group, parameters, moto)
    if isinstance(events, ServiceResponse):
        return events
    matching = [
        event for event in events if (not prefix or event["logStreamName"].startswith(prefix)) and pattern.matches(event["message"])
    ]
    fingerprint = _fingerprint(parameters)
    start = _start(parameters.get("nextToken"), fingerprint)
    found: dict[str, Any] = {"events": matching[start : start + limit], "searchedLogStreams": []}
    if start + limit < len(matching):
        found["nextToken"] = f"{fingerprint}-{start + limit}"
    return json_response(200, found, content_type=CONTENT_TYPE)


def _all_events(request: ServiceRequest, group: str, parameters: Mapping[str, Any], moto: _Call) -> list[dict[str, Any]] | ServiceResponse:
    """Every event of the group in the time that is asked for, by time; or moto's refusal."""
    kept = {name: parameters[name] for name in ("logStreamNames", "startTime", "endTime") if parameters.get(name) is not None}
    asked: dict[str, Any] = {"logGroupName": group, "interleaved": True, "limit": MAXIMUM_EVENTS, **kept}
    events: list[dict[str, Any]] = []
    while True:
        response = moto(replace(request, body=json.dumps(asked).encode()))
        if response.status != 200:
            return response
        page = json.loads(response.body)
        events += page["events"]
        if not page.get("nextToken"):
            return events
        asked["nextToken"] = page["nextToken"]


def _group_name(parameters: Mapping[str, Any]) -> str:
    name, identifier = parameters.get("logGroupName"), parameters.get("logGroupIdentifier")
    if name and identifier:
        raise ServiceError("InvalidParameterException", "LogGroupName and LogGroupIdentifier are mutually exclusive.")
    if identifier and str(identifier).startswith("arn:"):
        return str(identifier).split(":log-group:", 1)[-1].removesuffix(":*")
    return str(name or identifier or "")


def _fingerprint(parameters: Mapping[str, Any]) -> str:
    text = json.dumps({name: value for name, value in parameters.items() if name not in {"nextToken", "limit"}}, sort_keys=True)
    return f"{zlib.crc32(text.encode()):08x}"


def _start(token: Any, fingerprint: str) -> int:
    if token is None:
        return 0
    owner, _, start = str(token).partition("-")
    if owner != fingerprint or not start.isdecimal():
        raise ServiceError("InvalidParameterException", "The specified nextToken is invalid.")
    return int(start)


def _tested(parameters: Mapping[str, Any]) -> ServiceResponse:
    pattern = _compiled(str(parameters.get("filterPattern") or ""))
    matches = []
    for number, message in enumerate(parameters.get("logEventMessages") or [], 1):
        extracted = pattern.extracted(str(message))
        if extracted is not None:
            matches.append({"eventNumber": number, "eventMessage": message, "extractedValues": dict(extracted)})
    return json_response(200, {"matches": matches}, content_type=CONTENT_TYPE)


def _refusal(error: ServiceError) -> ServiceResponse:
    return json_response(400, {"__type": error.error_code, "message": error.message}, content_type=CONTENT_TYPE)
