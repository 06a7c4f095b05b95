"""S3's notifications to Lambda functions and to EventBridge; those to queues and topics are moto's.

`put` takes a bucket's notification configuration, keeps the functions and EventBridge and hands the rest to moto; `observe` looks at
each request that S3 has answered and delivers what it caused. Called by `event_sources` and `embedded.services`. Source: "Event message
structure" in the S3 user guide. Left out: notifications of copies that other services make, of ACLs, tags, restores and lifecycle
rules.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import parse_qs, quote, quote_plus, unquote
from xml.etree import ElementTree as ET

from stepstack.clock import now_text
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.events.s3_events import BucketBridge
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

__all__ = ["BucketNotifications"]

_Answer: TypeAlias = "Callable[[ServiceRequest], Awaitable[ServiceResponse]]"
_Invoke: TypeAlias = "Callable[[str, Any], Awaitable[None]]"

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_BRIDGE_TAG = "EventBridgeConfiguration"
_FUNCTION_TAGS = ("CloudFunctionConfiguration", "LambdaFunctionConfiguration")
_VIRTUAL_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.(?:s3[.-][^:]*amazonaws\.com|s3\.amazonaws\.com|localhost)(?::\d+)?")
_SUBRESOURCES = frozenset({"acl", "legal-hold", "object-lock", "partNumber", "retention", "tagging", "torrent", "uploads"})
_BUCKET_SUBRESOURCES = frozenset(
    {
        "analytics",
        "cors",
        "encryption",
        "intelligent-tiering",
        "inventory",
        "lifecycle",
        "metadataConfiguration",
        "metadataTable",
        "metrics",
        "ownershipControls",
        "policy",
        "publicAccessBlock",
        "replication",
        "tagging",
        "website",
    }
)
"""What DELETE takes away from a bucket without deleting it."""

_MALFORMED = (
    b"<Error><Code>MalformedXML</Code>"
    b"<Message>The XML you provided was not well-formed or did not validate against our published schema</Message></Error>"
)


@dataclass(frozen=True, slots=True)
class FunctionConfiguration:
    """One function that a bucket notifies."""

    identifier: str
    function_arn: str
    events: tuple[str, ...]
    prefix: str = ""
    suffix: str = ""

    def wants(self, event: str, key: str) -> bool:
        named = any(event == wanted.removeprefix("s3:") or _covers(wanted.removeprefix("s3:"), event) for wanted in self.events)
        return named and key.startswith(self.prefix) and key.endswith(self.suffix)


def _covers(wanted: str, event: str) -> bool:
    return wanted.endswith(":*") and event.startswith(wanted[:-1])


class BucketNotifications:
    """The functions that the buckets of a stack notify."""

    def __init__(self, answer: _Answer, invoke: _Invoke, *, region: str, bridge: BucketBridge) -> None:
        self._answer = answer
        self._bridge = bridge
        self._invoke = invoke
        self._region = region
        self.configurations: dict[str, list[FunctionConfiguration]] = {}
        self._sequence = itertools.count(0x0066F0000000000000)

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """GET and PUT of a bucket's notification configuration."""
        bucket, _ = _bucket_and_key(request)
        if request.method == "PUT":
            return await self._put(bucket, request)
        response = await self._answer(request)
        functions = self.configurations.get(bucket, [])
        is_bridged = bucket in self._bridge.buckets
        if request.method != "GET" or response.status != 200 or not (functions or is_bridged):
            return response
        root = ET.fromstring(response.body or b"<NotificationConfiguration/>")  # noqa: S314 - moto's own answer
        root.extend(_element(function) for function in functions)
        if is_bridged:
            ET.SubElement(root, _BRIDGE_TAG)
        return replace(response, body=_written(root))

    def observe(self, request: ServiceRequest, response: ServiceResponse) -> Awaitable[None] | None:
        """The delivery of what the request caused; None where it caused nothing."""
        bucket, key = _bucket_and_key(request)
        functions = self.configurations.get(bucket, [])
        if not functions and bucket not in self._bridge.buckets:
            return None
        names = parse_qs(request.query, keep_blank_values=True)
        if request.method == "DELETE" and not key and not names.keys() & _BUCKET_SUBRESOURCES:
            # The bucket is gone: one of the same name that is made later notifies nobody.
            self.forget(bucket)
            return None
        if request.method == "POST" and "delete" in names and not key:
            removed = [("ObjectRemoved:Delete", bucket, name) for name in _deleted_keys(response.body)]
            return self._deliver(request, response, functions, removed)
        event = _event_name(request, response, names) if key else None
        return self._deliver(request, response, functions, [(event, bucket, key)]) if event else None

    def forget(self, bucket: str) -> None:
        """Notifies nobody of what happens in a bucket any more."""
        self.configurations.pop(bucket, None)
        self._bridge.buckets.discard(bucket)

    def clear(self) -> None:
        """Forgets all buckets."""
        self.configurations.clear()
        self._bridge.buckets.clear()

    async def _put(self, bucket: str, request: ServiceRequest) -> ServiceResponse:
        try:
            root = ET.fromstring(request.body)  # noqa: S314 - expat expands no external entities
            functions = [_configuration(element, number) for number, element in enumerate(_function_elements(root))]
        except ET.ParseError:
            return await self._answer(request)
        except (IndexError, ServiceError):
            return ServiceResponse(400, {"Content-Type": "application/xml"}, _MALFORMED)
        bridges = [element for element in root if _local(element) == _BRIDGE_TAG]
        for element in [*_function_elements(root), *bridges]:
            root.remove(element)
        response = await self._answer(replace(request, body=_written(root)))
        if response.status == 200:
            self.forget(bucket)
            self.configurations[bucket] = functions
            self._bridge.buckets |= {bucket} if bridges else set()
        return response

    async def _deliver(
        self,
        request: ServiceRequest,
        response: ServiceResponse,
        functions: list[FunctionConfiguration],
        happenings: list[tuple[str, str, str]],
    ) -> None:
        for event, bucket, key in happenings:
            wanting = [function for function in functions if function.wants(event, key)]
            if not wanting and bucket not in self._bridge.buckets:
                continue
            described = await self._described(request, response, event, bucket, key)
            region, time = request.region or self._region, now_text()
            if bucket in self._bridge.buckets:
                await self._bridge.tell(event, bucket, {"key": key, **described}, region=region, time=time)
            for function in wanting:
                told = {"key": quote_plus(key, safe="/"), **described}
                record = {"awsRegion": region, "eventTime": time, **_record(event, bucket, told, function.identifier)}
                await self._invoke(function.function_arn, {"Records": [record]})

    async def _described(self, request: ServiceRequest, response: ServiceResponse, event: str, bucket: str, key: str) -> dict[str, Any]:
        """What is told of an object beside its key."""
        described: dict[str, Any] = {}
        if event == "ObjectCreated:Put":
            size = request.headers.get("x-amz-decoded-content-length") or len(request.body)
            described = {"size": int(size), **_identity(response)}
        elif event.startswith("ObjectCreated"):
            path = _path(request, bucket, key)
            head = await self._answer(replace(request, method="HEAD", query="", body=b"", path=path, headers=_plain(request)))
            described = {"size": int(_lowered(head).get("content-length", 0)), **_identity(head)}
        return {**described, "sequencer": f"{next(self._sequence):018X}"}


def _record(event: str, bucket: str, described: dict[str, Any], identifier: str) -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": event,
        "userIdentity": {"principalId": "AWS:STEPSTACK"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"x-amz-request-id": "STEPSTACK", "x-amz-id-2": "STEPSTACK"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": identifier,
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "STEPSTACK"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": described,
        },
    }


def _identity(response: ServiceResponse) -> dict[str, str]:
    headers = _lowered(response)
    version = headers.get("x-amz-version-id", "null")
    return {"eTag": headers.get("etag", "").strip('"'), **({} if version == "null" else {"versionId": version})}


def _lowered(response: ServiceResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _plain(request: ServiceRequest) -> dict[str, str]:
    """The headers that say whom a request is for, without those that change its meaning."""
    return {name: value for name, value in request.headers.items() if name in {"authorization", "host"}}


def _path(request: ServiceRequest, bucket: str, key: str) -> str:
    return f"/{quote(key)}" if _VIRTUAL_HOST.fullmatch(request.headers.get("host", "")) else f"/{bucket}/{quote(key)}"


def _bucket_and_key(request: ServiceRequest) -> tuple[str, str]:
    path = unquote(request.path).lstrip("/")
    virtual = _VIRTUAL_HOST.fullmatch(request.headers.get("host", ""))
    if virtual:
        return virtual["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key


def _event_name(request: ServiceRequest, response: ServiceResponse, names: dict[str, list[str]]) -> str | None:
    if request.method == "POST" and "uploadId" in names:
        return "ObjectCreated:CompleteMultipartUpload"
    if names.keys() & _SUBRESOURCES or "uploadId" in names:
        return None
    if request.method == "PUT":
        return "ObjectCreated:Copy" if "x-amz-copy-source" in request.headers else "ObjectCreated:Put"
    if request.method != "DELETE":
        return None
    is_marked = "versionId" not in names and _lowered(response).get("x-amz-delete-marker") == "true"
    return "ObjectRemoved:DeleteMarkerCreated" if is_marked else "ObjectRemoved:Delete"


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _function_elements(root: ET.Element) -> list[ET.Element]:
    return [element for element in root if _local(element) in _FUNCTION_TAGS]


def _texts(element: ET.Element, *names: str) -> list[str]:
    return [(child.text or "").strip() for child in element.iter() if _local(child) in names]


def _configuration(element: ET.Element, number: int) -> FunctionConfiguration:
    rules = {}
    for rule in element.iter():
        if _local(rule) == "FilterRule":
            rules[_texts(rule, "Name")[0].lower()] = _texts(rule, "Value")[0]
    functions = _texts(element, "CloudFunction", "LambdaFunctionArn", "Function")
    if not functions:
        raise ServiceError("MalformedXML", "A function's configuration names no function")
    identifier = (_texts(element, "Id") or [f"function-{number}"])[0]
    events = tuple(_texts(element, "Event"))
    return FunctionConfiguration(identifier, functions[0], events, rules.get("prefix", ""), rules.get("suffix", ""))


def _element(function: FunctionConfiguration) -> ET.Element:
    element = ET.Element("CloudFunctionConfiguration")
    _add_text(element, "Id", function.identifier)
    _add_text(element, "CloudFunction", function.function_arn)
    for event in function.events:
        _add_text(element, "Event", event)
    rules = [(name, value) for name, value in (("prefix", function.prefix), ("suffix", function.suffix)) if value]
    if rules:
        holder = ET.SubElement(ET.SubElement(element, "Filter"), "S3Key")
        for name, value in rules:
            rule = ET.SubElement(holder, "FilterRule")
            _add_text(rule, "Name", name)
            _add_text(rule, "Value", value)
    return element


def _written(root: ET.Element) -> bytes:
    """The document with S3's namespace as its default one: moto reads no prefixes."""
    for element in root.iter():
        element.tag = _local(element)
    root.set("xmlns", _NAMESPACE)
    return ET.tostring(root)


def _add_text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _deleted_keys(answer: bytes) -> list[str]:
    try:
        root = ET.fromstring(answer)  # noqa: S314 - moto's own answer
    except ET.ParseError:
        return []
    return [key for element in root if _local(element) == "Deleted" for key in _texts(element, "Key")]
