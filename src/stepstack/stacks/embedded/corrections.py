"""Answers of S3, SNS, EventBridge and Secrets Manager that differ from moto's, where a small general rule makes them AWS's.

Called by `embedded.moto` with each request of these services. Source: recorded answers of AWS and the services' API
references. Left out: whatever needs state of its own (moto's limits are listed in the documentation).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["CORRECTIONS"]

_Call: TypeAlias = "Callable[[ServiceRequest], ServiceResponse]"
_Correction: TypeAlias = "Callable[[ServiceRequest, _Call], ServiceResponse]"

_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_sequence_numbers = itertools.count(10_000_000_000_000_000_000, 1000)


def _s3(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """Every object is encrypted by S3, and says so; a checksum says what it covers."""
    response = moto(request)
    if response.status != 200 or request.method not in {"PUT", "GET", "HEAD"} or request.path.strip("/").count("/") == 0:
        return response
    names = {name.lower() for name in response.headers}
    if "etag" not in names:
        return response
    headers = dict(response.headers)
    if "x-amz-server-side-encryption" not in names:
        headers["x-amz-server-side-encryption"] = "AES256"
    if any(name.startswith("x-amz-checksum-") for name in names) and "x-amz-checksum-type" not in names:
        headers["x-amz-checksum-type"] = "FULL_OBJECT"
    return replace(response, headers=headers)


def _sns(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """FIFO topics need a group and give sequence numbers; a topic that is not there is called a topic."""
    parameters = request.form()
    if parameters.get("Action") != "Publish":
        return moto(request)
    is_fifo = parameters.get("TopicArn", "").endswith(".fifo")
    if is_fifo and not parameters.get("MessageGroupId"):
        return _query_refusal("InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics")
    response = moto(request)
    if response.status == 404 and parameters.get("TopicArn"):
        return replace(response, body=response.body.replace(b"Endpoint does not exist", b"Topic does not exist"))
    if is_fifo and response.status == 200:
        number = f"</MessageId>\n    <SequenceNumber>{next(_sequence_numbers)}</SequenceNumber>"
        return replace(response, body=response.body.replace(b"</MessageId>", number.encode(), 1))
    return response


def _events(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """PutEvents takes the entries whose Detail is a JSON object and tells which of the others are malformed."""
    if request.operation != "PutEvents":
        return moto(request)
    try:
        parameters = request.json()
    except ValueError:
        return moto(request)
    entries = parameters.get("Entries") or []
    malformed = {number for number, entry in enumerate(entries) if not _has_object_detail(entry)}
    if not malformed:
        return moto(request)
    kept = [entry for number, entry in enumerate(entries) if number not in malformed]
    taken: dict[str, Any] = {"FailedEntryCount": 0, "Entries": []}
    if kept:
        response = moto(replace(request, body=json.dumps({**parameters, "Entries": kept}).encode()))
        if response.status != 200:
            return response
        taken = json.loads(response.body)
    results = iter(taken["Entries"])
    refusal = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    merged = [refusal if number in malformed else next(results) for number in range(len(entries))]
    answer = {"FailedEntryCount": taken["FailedEntryCount"] + len(malformed), "Entries": merged}
    return json_response(200, answer, content_type="application/x-amz-json-1.1")


def _has_object_detail(entry: Any) -> bool:
    """Whether moto may judge the entry: it has no Detail, or one that is a JSON object."""
    detail = entry.get("Detail") if isinstance(entry, dict) else None
    if not isinstance(detail, str):
        return True
    try:
        return isinstance(json.loads(detail), dict)
    except (ValueError, RecursionError):
        return False


def _secretsmanager(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """A secret's name has letters, digits and few signs."""
    if request.operation == "CreateSecret":
        try:
            name = request.json().get("Name")
        except (ValueError, AttributeError):
            return moto(request)
        if isinstance(name, str) and not _SECRET_NAME.fullmatch(name):
            message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
            return json_response(400, {"__type": "ValidationException", "message": message}, content_type="application/x-amz-json-1.1")
    return moto(request)


def _query_refusal(code: str, message: str) -> ServiceResponse:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return ServiceResponse(400, {"Content-Type": "text/xml"}, f"<ErrorResponse>{error}<RequestId>none</RequestId></ErrorResponse>".encode())


CORRECTIONS: Mapping[str, _Correction] = {"events": _events, "s3": _s3, "secretsmanager": _secretsmanager, "sns": _sns}
"""By the services' signing names."""
