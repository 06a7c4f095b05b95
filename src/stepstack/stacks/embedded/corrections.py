"""Answers of services that differ from moto's, where a small general rule makes them AWS's.

Called by `embedded.moto` with each request of the services in `CORRECTIONS`. Source: recorded answers of AWS, the services' API
references, and AWS's answers that people have reported. Left out: whatever needs state of its own (moto's limits are listed in the
documentation).
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

from stepstack.clock import Randomness
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["CORRECTIONS"]

_Call: TypeAlias = "Callable[[ServiceRequest], ServiceResponse]"
_Correction: TypeAlias = "Callable[[ServiceRequest, _Call], ServiceResponse]"

Json: TypeAlias = dict[str, Any]

MOST_ENTRIES = 10
"""That one PutEvents takes."""

_JSON_1_1 = "application/x-amz-json-1.1"
_SECRET_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_sequence_numbers = itertools.count(10_000_000_000_000_000_000, 1000)


def _s3(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """Every object is encrypted by S3, and says so; a checksum says what it covers."""
    response = moto(request)
    if response.status not in {200, 206} or request.method not in {"PUT", "GET", "HEAD"} or request.path.strip("/").count("/") == 0:
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
    problem = _publish_problem(parameters, request.region)
    if problem is not None:
        return _query_refusal(*problem)
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


def _publish_problem(parameters: Mapping[str, str], region: str) -> tuple[str, str] | None:
    """The code and the words with which SNS refuses a message; None where moto may judge it."""
    message = parameters.get("Message")
    if message is None:
        words = "1 validation error detected: Value null at 'message' failed to satisfy constraint: Member must not be null"
        return "ValidationError", words
    problem = "Empty message" if not message else _target_problem(parameters, region)
    if problem is None and parameters.get("MessageStructure") == "json":
        problem = _structure_problem(message)
    return None if problem is None else ("InvalidParameter", f"Invalid parameter: {problem}")


def _target_problem(parameters: Mapping[str, str], region: str) -> str | None:
    named = next((name for name in ("TopicArn", "TargetArn") if parameters.get(name)), None)
    if named is None:
        return None if parameters.get("PhoneNumber") else "TopicArn or TargetArn Reason: no value for required parameter"
    parts = parameters[named].split(":")
    if len(parts) < 6:
        return f"{named} Reason: An ARN must have at least 6 elements, not {len(parts)}"
    return named if region and parts[3] != region else None


def _structure_problem(message: str) -> str | None:
    """Why a message that is to differ by protocol cannot."""
    try:
        messages = json.loads(message)
    except (ValueError, RecursionError):
        messages = None
    if not isinstance(messages, dict):
        return "Message Structure - JSON message body failed to parse"
    return None if isinstance(messages.get("default"), str) else "Message Structure - No default entry in JSON message body"


def _sqs(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """A message has a body."""
    if request.operation != "SendMessage":
        return moto(request)
    try:
        parameters = request.json() if request.target else request.form()
        has_body = bool(parameters.get("MessageBody"))
    except (ValueError, AttributeError):
        return moto(request)
    if has_body:
        return moto(request)
    message = "The request must contain the parameter MessageBody."
    if not request.target:
        return _query_refusal("MissingParameter", message)
    return json_response(
        400,
        {"__type": "com.amazon.coral.service#MissingRequiredParameterException", "message": message},
        content_type="application/x-amz-json-1.0",
        headers={"x-amzn-query-error": "MissingParameter;Sender"},
    )


def _events(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """PutEvents takes what it can and tells what is wrong with the rest. Events for a bus that is not there are taken, and reach nobody."""
    if request.operation != "PutEvents":
        return moto(request)
    try:
        parameters = request.json()
    except ValueError:
        return moto(request)
    entries = parameters.get("Entries")
    if entries == []:
        constraint = "Member must have length greater than or equal to 1"
        words = f"1 validation error detected: Value '[]' at 'entries' failed to satisfy constraint: {constraint}"
        return json_response(400, {"__type": "ValidationException", "message": words}, content_type=_JSON_1_1)
    if not isinstance(entries, list) or len(entries) > MOST_ENTRIES or not all(isinstance(entry, dict) for entry in entries):
        return moto(request)
    answers = [_entry_problem(entry) or _lost(entry, request, moto) for entry in entries]
    kept = [entry for entry, answer in zip(entries, answers, strict=True) if answer is None]
    results: Iterator[Json] = iter(())
    if kept:
        response = moto(replace(request, body=json.dumps({**parameters, "Entries": kept}).encode()))
        if response.status != 200:
            return response
        results = iter(json.loads(response.body)["Entries"])
    merged = [next(results) if answer is None else answer for answer in answers]
    failed = sum("ErrorCode" in answer for answer in merged)
    return json_response(200, {"FailedEntryCount": failed, "Entries": merged}, content_type=_JSON_1_1)


def _entry_problem(entry: Json) -> Json | None:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            words = f"Parameter {name} is not valid. Reason: {name} is a required argument."
            return {"ErrorCode": "InvalidArgument", "ErrorMessage": words}
    try:
        is_object = isinstance(json.loads(entry["Detail"]), dict)
    except (ValueError, TypeError, RecursionError):
        is_object = False
    return None if is_object else {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}


def _lost(entry: Json, request: ServiceRequest, moto: _Call) -> Json | None:
    """The answer for an event whose bus is not there."""
    bus = str(entry.get("EventBusName") or "default").rpartition("/")[2]
    if bus == "default":
        return None
    headers = {**request.headers, "x-amz-target": "AWSEvents.DescribeEventBus"}
    described = moto(replace(request, headers=headers, body=json.dumps({"Name": bus}).encode()))
    return None if described.status == 200 else {"EventId": Randomness().uuid()}


def _secretsmanager(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """A secret's name has letters, digits and few signs; one that is not there, or no longer, is refused as every bad request is."""
    if request.operation == "CreateSecret":
        try:
            name = request.json().get("Name")
        except (ValueError, AttributeError):
            return moto(request)
        if isinstance(name, str) and not _SECRET_NAME.fullmatch(name):
            message = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"
            return json_response(400, {"__type": "ValidationException", "message": message}, content_type=_JSON_1_1)
    response = moto(request)
    if response.status == 400 and b"currently marked deleted" in response.body:
        message = "You can't perform this operation on the secret because it was marked for deletion."
        return json_response(400, {"__type": "InvalidRequestException", "message": message}, content_type=_JSON_1_1)
    return replace(response, status=400) if response.status == 404 else response


def _ssm(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """Of a parameter that is not there, nothing is said."""
    response = moto(request)
    if response.status == 400 and request.operation in {"DeleteParameter", "GetParameter"} and b'"ParameterNotFound"' in response.body:
        return json_response(400, {"__type": "ParameterNotFound"}, content_type=_JSON_1_1)
    return response


def _ecs(request: ServiceRequest, moto: _Call) -> ServiceResponse:
    """RunTask needs a task definition and, with its launch type EC2, an instance."""
    if request.operation != "RunTask":
        return moto(request)
    try:
        response = moto(request)
    except Exception as fault:
        if not str(fault).startswith("No instances found in cluster"):
            raise
        refusal = {"__type": "InvalidParameterException", "message": "No Container Instances were found in your cluster."}
        return json_response(400, refusal, content_type=_JSON_1_1)
    if response.status == 400 and b"Unable to describe task definition" in response.body:
        return json_response(400, {"__type": "ClientException", "message": "TaskDefinition not found."}, content_type=_JSON_1_1)
    return response


def _query_refusal(code: str, message: str) -> ServiceResponse:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    return ServiceResponse(400, {"Content-Type": "text/xml"}, f"<ErrorResponse>{error}<RequestId>none</RequestId></ErrorResponse>".encode())


CORRECTIONS: Mapping[str, _Correction] = {
    "ecs": _ecs,
    "events": _events,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
}
"""By the services' signing names."""
