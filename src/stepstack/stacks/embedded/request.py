"""A request to the embedded services and their answer, whichever way it came: over HTTP or from the engine itself.

Made by `embedded.services`, read by what answers it (moto, Lambda, the checks in front of them). Which service a request is for
stands in its signature (`Credential=key/date/region/service/aws4_request`), in the query of a presigned URL, or, where it is not
signed, in X-Amz-Target or the host's name. Nothing checks the signature itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from stepstack.errors import ServiceError

__all__ = ["ServiceRequest", "ServiceResponse", "call_operation", "error_code_of", "failure", "json_response"]

_SCOPE = re.compile(r"(?:Credential=|X-Amz-Credential=)([^/,&]+)/(\d+)/([^/,&]+)/([^/,&]+)/aws4_request")
_AWS_HOST = re.compile(r"(?:[^.]+\.)*?(?P<service>[a-z0-9-]+)(?:\.(?P<region>[a-z]{2,3}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?::\d+)?")

LARGEST_FORM_BYTES = 8 * 1024 * 1024
MOST_FIELDS = 100_000
"""Of a form. What has more is no request of the query protocol, but an object, which curl sends as a form unless it is told otherwise."""

_TARGETS = {
    "AWSEvents": "events",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "DynamoDBStreams_20120810": "dynamodb",
    "DynamoDB_20120810": "dynamodb",
    "Logs_20140328": "logs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
"""What stands before the operation in X-Amz-Target, for requests that carry no signature."""

_LAMBDA_PATH = re.compile(
    r"/20\d\d-\d\d-\d\d/"
    r"(?:functions|durable-executions|durable-execution-callbacks|event-source-mappings|layers|tags|account-settings)(?:/|$)"
)
"""Lambda's API has paths that begin with the date of a version; each of its operations has its own."""


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """An answer: status, headers as they are to be written (a value of several lines is as many headers of that name), body."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request; `headers` has lower-case names, `path` is as sent (not percent-decoded)."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    scheme: str = "http"
    service: str = ""
    """The name in the signature, `s3` or `lambda`; empty where nothing tells."""
    region: str = ""

    @classmethod
    def read(
        cls,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        scheme: str = "http",
        service: str = "",
        region: str = "",
    ) -> ServiceRequest:
        """A request whose service and region are read from what it carries, where they are not given."""
        if not service:
            service, scope_region = _service_and_region(path, query, headers)
            region = region or scope_region
        return cls(method, path or "/", query, headers, body, scheme, service.lower(), region)

    @property
    def target(self) -> str:
        """X-Amz-Target: `DynamoDB_20120810.PutItem`; empty where the protocol has none."""
        return self.headers.get("x-amz-target", "")

    @property
    def operation(self) -> str:
        """The operation, where the request names one: behind the dot of X-Amz-Target, or the query protocol's Action."""
        if self.target:
            return self.target.rpartition(".")[2]
        return self.form().get("Action", "")

    def form(self) -> dict[str, str]:
        """The parameters of the AWS query protocol; empty for any other body."""
        is_form = self.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        if not is_form or len(self.body) > LARGEST_FORM_BYTES:
            return {}
        text = self.body.decode("utf-8", "replace")
        try:
            return {name: values[-1] for name, values in parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS).items()}
        except ValueError:
            return {}

    def names(self, subresource: str) -> bool:
        """Whether the query names one of S3's subresources, such as `notification`; in the value of another parameter it does not count."""
        return subresource in self.query and subresource in parse_qs(self.query, keep_blank_values=True)

    def json(self) -> Any:
        """The body's JSON value; ValueError where it is none."""
        return json.loads(self.body or b"{}")


def _service_and_region(path: str, query: str, headers: Mapping[str, str]) -> tuple[str, str]:
    scope = _SCOPE.search(headers.get("authorization", "")) or ("X-Amz-Credential=" in query and _SCOPE.search(unquote(query)))
    if scope:
        return scope[4], scope[3]
    service = _TARGETS.get(headers.get("x-amz-target", "").partition(".")[0], "")
    host = _AWS_HOST.fullmatch(headers.get("host", ""))
    if host:
        return service or ("dynamodb" if host["service"] == "streams" else host["service"]), host["region"] or ""
    if not service and _LAMBDA_PATH.match(path):
        service = "lambda"
    return service, ""


def json_response(
    status: int, value: Any, *, content_type: str = "application/json", headers: Mapping[str, str] | None = None
) -> ServiceResponse:
    """`value` as a JSON answer."""
    return ServiceResponse(
        status, {"Content-Type": content_type, **(headers or {})}, json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    )


def failure(request: ServiceRequest, status: int, code: str, message: str) -> ServiceResponse:
    """A refusal in the form of the service that `request` is for."""
    if request.service == "s3" or request.form():
        error = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        body = f"<Error>{error}</Error>" if request.service == "s3" else f"<ErrorResponse><Error>{error}</Error></ErrorResponse>"
        return ServiceResponse(status, {"Content-Type": "text/xml"}, body.encode())
    return json_response(
        status, {"__type": code, "message": message}, content_type="application/x-amz-json-1.0", headers={"x-amzn-ErrorType": code}
    )


_CODE = re.compile(rb"<Code>([^<]*)</Code>|\"__type\":\s*\"(?:[^\"]*#)?([^\"#]*)\"")


def error_code_of(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """The code of a refusal, whatever protocol told it; `NotFound` or `InternalFailure` where it tells none."""
    told = next((value for name, value in headers.items() if name.lower() == "x-amzn-errortype"), "")
    found = _CODE.search(body)
    code = told.partition(":")[0] or ((found[1] or found[2] or b"").decode("utf-8", "replace") if found else "")
    return code or ("NotFound" if status == 404 else "InternalFailure")


_TARGETS_OF = {
    "dynamodb": "DynamoDB_20120810",
    "dynamodbstreams": "DynamoDBStreams_20120810",
    "events": "AWSEvents",
    "kms": "TrentService",
    "logs": "Logs_20140328",
    "secretsmanager": "secretsmanager",
    "sqs": "AmazonSQS",
    "ssm": "AmazonSSM",
}


async def call_operation(
    answer: Callable[[ServiceRequest], Awaitable[ServiceResponse]], service: str, operation: str, parameters: Mapping[str, Any], region: str
) -> dict[str, Any]:
    """One operation of a service with a JSON protocol, answered by `answer`; ServiceError where it refuses."""
    headers = {"x-amz-target": f"{_TARGETS_OF[service]}.{operation}", "content-type": "application/x-amz-json-1.0", "host": "127.0.0.1"}
    name = "dynamodb" if service == "dynamodbstreams" else service
    response = await answer(ServiceRequest("POST", "/", "", headers, json.dumps(parameters).encode(), service=name, region=region))
    content: dict[str, Any] = json.loads(response.body) if response.body else {}
    if response.status >= 300:
        code = str(content.get("__type", "InternalFailure")).rpartition("#")[2]
        raise ServiceError(code, str(content.get("message") or content.get("Message") or ""))
    return content
