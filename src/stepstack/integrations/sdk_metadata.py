"""SdkHttpMetadata and SdkResponseMetadata, which most optimized integrations put into their answers.

What AWS itself sent is passed on. Any other endpoint sends headers of its own, or none: then the headers are those that AWS's service
sends, with the length that its answer would have. Called by the runner. Source: recorded answers.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import functools
import zlib
from collections.abc import Mapping
from typing import Any

from stepstack.integrations.service_call import Reply, lowered
from stepstack.integrations.service_model import describe
from stepstack.json_types import Json, json_text
from stepstack.query.java_hash_map import hash_map_order

__all__ = ["sdk_metadata"]

_SNS_FRAME = len(
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">\n  <PublishResult>\n    <MessageId></MessageId>\n'
    "  </PublishResult>\n  <ResponseMetadata>\n    <RequestId></RequestId>\n  </ResponseMetadata>\n</PublishResponse>\n"
)
_SNS_SEQUENCE_FRAME = len("    <SequenceNumber></SequenceNumber>\n")


def sdk_metadata(service: str, reply: Reply, request_id: str) -> dict[str, Json]:
    """Both members; `request_id` is for a reply that AWS did not send. `service` is botocore's name."""
    given = lowered(reply.headers)
    if reply.is_aws:
        request_id = given.get("x-amzn-requestid") or given.get("x-amz-request-id") or request_id
    headers = dict(reply.headers) if reply.is_aws else _service_headers(service, reply, given, request_id)
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [headers[name]] for name in _java_order(tuple(headers))},
            "HttpHeaders": {name: headers[name] for name in sorted(headers, key=str.lower)},
            "HttpStatusCode": reply.status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


@functools.lru_cache(maxsize=256)
def _java_order(names: tuple[str, ...]) -> tuple[str, ...]:
    # Every answer has the same few names; to hash them anew each time costs twelve microseconds of each task.
    return tuple(hash_map_order(names))


def _service_headers(service: str, reply: Reply, given: Mapping[str, str], request_id: str) -> dict[str, str]:
    # The moment of an answer is the world's, as in the header that the service itself would send.
    date = email.utils.format_datetime(dt.datetime.now(dt.timezone.utc), usegmt=True)
    content = reply.content
    if service == "dynamodb":
        body = json_text(dict(content)).encode()
        return {
            "Server": "Server",
            "Connection": "keep-alive",
            "x-amzn-RequestId": request_id,
            "x-amz-crc32": str(zlib.crc32(body)),
            "Content-Length": str(len(body)),
            "Date": date,
            "Content-Type": _content_type(service),
        }
    if service == "lambda":
        return _lambda_headers(content, given, request_id, date)
    if service == "sns":
        length = _SNS_FRAME + len(str(content.get("MessageId", ""))) + len(request_id)
        if content.get("SequenceNumber"):
            length += _SNS_SEQUENCE_FRAME + len(str(content["SequenceNumber"]))
        return _plain_headers(request_id, length, date, _content_type(service))
    return _plain_headers(request_id, len(_wire_text("", content)), date, _content_type(service))


@functools.cache
def _content_type(service: str) -> str:
    """Of the service's answers, by the protocol that AWS's SDK speaks with it."""
    metadata = describe(service).model["metadata"]
    protocols = {metadata["protocol"], *metadata.get("protocols", ())}
    if "json" in protocols:
        return f"application/x-amz-json-{metadata['jsonVersion']}"
    return "application/json" if "rest-json" in protocols else "text/xml"


def _plain_headers(request_id: str, length: int, date: str, content_type: str) -> dict[str, str]:
    return {
        "x-amzn-RequestId": request_id,
        "connection": "keep-alive",
        "Content-Length": str(length),
        "Date": date,
        "Content-Type": content_type,
    }


def _lambda_headers(content: Mapping[str, Any], given: Mapping[str, str], request_id: str, date: str) -> dict[str, str]:
    headers = {}
    if content.get("LogResult"):
        headers["X-Amz-Log-Result"] = content["LogResult"]
    if content.get("ExecutedVersion"):
        headers["X-Amz-Executed-Version"] = content["ExecutedVersion"]
    trace = given.get("x-amzn-trace-id") or f"Root=1-{request_id[:8]}-{request_id.replace('-', '')[8:]};Sampled=0"
    return {
        **headers,
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": str(len(content.get("Payload") or b"")),
        "Date": date,
        "X-Amzn-Trace-Id": trace,
        "Content-Type": _content_type("lambda"),
    }


def _wire_text(name: str, value: Any) -> str:
    """JSON as AWS's services write it, whose dates are numbers such as `1.745486528077E9`."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json_text(key)}:{_wire_text(key, item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_wire_text(name, item) for item in value) + "]"
    if isinstance(value, dt.datetime):
        return _wire_date(value.timestamp())
    if isinstance(value, float) and name.endswith("Date"):
        return _wire_date(value)
    return json_text(value) if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _wire_date(seconds: float) -> str:
    digits = f"{seconds:.3f}".replace(".", "")
    return f"{digits[0]}.{digits[1:].rstrip('0') or '0'}E{len(digits) - 4}"
