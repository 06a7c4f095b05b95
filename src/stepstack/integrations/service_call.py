"""One call of one operation of an AWS API: serialised, signed, sent, parsed.

Called by the runner for every service, with botocore's serializers, signers and parsers (without its HTTP stack); DynamoDB's operations on
items take a direct path (`dynamodb.py`). Services in this process are called as functions. What comes back is the same for all: a `Reply`,
or a `Refusal` raised. It leaves out retries (a test wants to see the first error) and event streams.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.clock import Randomness
from stepstack.errors import ServiceError, StorageError
from stepstack.integrations.endpoints import Endpoint, Endpoints
from stepstack.integrations.http_client import CallTimedOut, ConnectionFailed, Headers, HttpClient
from stepstack.integrations.service_model import Operation, describe

__all__ = ["Refusal", "Reply", "ServiceCaller", "Unreachable", "Unsendable", "call_in_process", "lowered"]

TIMEOUT_SECONDS = 75.0
"""Longer than the longest poll of a service: GetActivityTask answers within 60 seconds."""
LONG_TIMEOUT_SECONDS: Mapping[str, float] = {"bedrock": 3600.0, "lambda": 910.0, "states": 310.0}


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of an operation: members named as in botocore's model."""

    content: Mapping[str, Any]
    status: int = 200
    headers: Headers = ()
    """Empty where the service is in this process."""
    is_aws: bool = False


class Refusal(Exception):
    """The service refuses; `code` as on the wire, `shape` as the model names the error, where the wire tells both."""

    def __init__(self, service: str, code: str, message: str, status: int, headers: Mapping[str, str], *, shape: str | None = None) -> None:
        self.service = service
        self.code = code
        self.shape = shape or code
        self.message = message
        self.status = status
        self.headers = headers
        """Names in small letters."""
        super().__init__(f"{code}: {message}")


class Unreachable(Exception):
    """No answer came; the text is what AWS's SDK says of it."""


class Unsendable(Exception):
    """The parameters have values that the service's protocol cannot carry, such as a date that is none."""


class ServiceCaller:
    """Calls operations of services, wherever `endpoints` says they are."""

    def __init__(self, endpoints: Endpoints, http: HttpClient, randomness: Randomness) -> None:
        self._endpoints = endpoints
        self._http = http
        self._randomness = randomness

    async def endpoint(self, service: str, *, region: str | None = None) -> Endpoint:
        """Where `service` is called, with the keys for it. Raises EndpointMissing."""
        return await self._endpoints.endpoint(service, region=region)

    async def call(self, service: str, operation_name: str, params: Mapping[str, Any], *, region: str | None = None) -> Reply:
        """The answer of the operation. Raises Refusal, Unreachable, Unsendable, or EndpointMissing."""
        function = self._endpoints.function(service)
        if function is not None:
            return await call_in_process(service, function(service, operation_name, params))
        operation = describe(service).operation(operation_name)
        endpoint = await self.endpoint(service, region=region)
        url, headers, body, method = self._sendable(operation, endpoint, dict(params))
        status, answer_headers, answer = await self.send(
            endpoint, operation.service.signing_name, url=url, headers=headers, body=body, method=method
        )
        return self._reply(operation, endpoint, status, answer_headers, answer)

    async def send(
        self, endpoint: Endpoint, signing_name: str, *, url: str, headers: Mapping[str, str], body: bytes, method: str = "POST"
    ) -> tuple[int, Headers, bytes]:
        """Status, headers and body of the answer. Raises Unreachable."""
        if endpoint.application is not None:
            status, named, answer = await endpoint.application(method, url, headers, body, service=signing_name, region=endpoint.region)
            length = () if method == "HEAD" else (("Content-Length", str(len(answer))),)  # as a server would tell it
            return status, [*named.items(), *length], answer
        seconds = LONG_TIMEOUT_SECONDS.get(signing_name, TIMEOUT_SECONDS)
        try:
            response = await self._http.request(method, url, list(headers.items()), body, timeout_seconds=seconds)
        except (ConnectionFailed, CallTimedOut) as error:
            raise Unreachable(str(error)) from error
        return response.status, response.headers, response.body

    def _sendable(self, operation: Operation, endpoint: Endpoint, params: dict[str, Any]) -> tuple[str, Mapping[str, str], bytes, str]:
        from botocore.exceptions import BotoCoreError

        try:
            return self._message(operation, endpoint, params)
        except (TypeError, ValueError, AttributeError, LookupError, BotoCoreError) as error:
            raise Unsendable(f"The parameters of {operation.name} cannot be sent: {error}") from error

    def _message(self, operation: Operation, endpoint: Endpoint, params: dict[str, Any]) -> tuple[str, Mapping[str, str], bytes, str]:
        from botocore.awsrequest import AWSRequest, prepare_request_dict

        model = operation.botocore_model
        for name in model.idempotent_members:
            params.setdefault(name, self._randomness.uuid())
        request = operation.service.serializer.serialize_to_request(params, model)
        prepare_request_dict(request, endpoint_url=_with_host_prefix(request, endpoint, params))
        if model.has_streaming_input and "Content-Type" not in request["headers"]:
            request["headers"]["Content-Type"] = "text/plain; charset=UTF-8"
        _add_checksum(request, operation, params)
        prepared = AWSRequest(method=request["method"], url=request["url"], data=request["body"], headers=request["headers"])
        if endpoint.application is None:
            _sign(prepared, operation, endpoint)
        final = prepared.prepare()
        body = final.body or b""
        if hasattr(body, "read"):
            body = body.read()
        headers = {name: _text(value) for name, value in final.headers.items() if name.lower() != "content-length"}
        return final.url, headers, body.encode() if isinstance(body, str) else bytes(body), final.method

    @staticmethod
    def _reply(operation: Operation, endpoint: Endpoint, status: int, headers: Headers, body: bytes) -> Reply:
        from botocore.awsrequest import HeadersDict
        from botocore.parsers import ResponseParserError

        model = operation.botocore_model
        # The parser takes bytes for text, but leaves a stream alone.
        content = io.BytesIO(body) if status < 300 and operation.answers_bytes else body
        raw = {"status_code": status, "headers": HeadersDict(dict(headers)), "body": content, "context": {"operation_name": operation.name}}
        try:
            parsed = operation.service.parser.parse(raw, model.output_shape)
        except ResponseParserError as error:
            if status < 300:
                raise Unreachable(f"Unable to unmarshall response: {error}") from error
            parsed = {"Error": {"Code": str(status), "Message": body[:1000].decode("utf-8", "replace")}}
        if status >= 300 and operation.is_head:
            raise _head_refusal(operation, status, headers)
        if status >= 300:
            given = parsed.get("Error", {})
            message = given.get("Message") or given.get("message") or parsed.get("Message") or "null"
            code = str(given.get("Code") or status)
            raise Refusal(operation.service.name, code, str(message), status, lowered(headers), shape=given.get("QueryErrorCode", code))
        members = {name: value.read() if isinstance(value, io.BytesIO) else value for name, value in parsed.items()}
        members.pop("ResponseMetadata", None)
        return Reply(members, status, headers, endpoint.is_aws)


def _head_refusal(operation: Operation, status: int, headers: Headers) -> Refusal:
    """What AWS's SDK makes of an error without words: where nothing is found, the one error that the operation may answer."""
    code = operation.errors[0] if status == 404 and len(operation.errors) == 1 else str(status)
    return Refusal(operation.service.name, code, "null", status, lowered(headers))


def lowered(headers: Headers) -> dict[str, str]:
    """`headers` by their names in small letters."""
    return {name.lower(): value for name, value in headers}


async def call_in_process(service: str, answer: Any) -> Reply:
    """The answer that a service in this process gives; `answer` is awaited."""
    try:
        content = await answer
    except ServiceError as error:
        known = describe(service).errors.get(error.error_code)
        raise Refusal(service, error.error_code, error.message, known[1] if known else 400, {}) from error
    except StorageError as error:
        # As the API tells it.
        raise Refusal(service, "InternalServerError", str(error), 500, {}) from error
    return Reply({name: value for name, value in content.items() if name != "ResponseMetadata"})


def _with_host_prefix(request: dict[str, Any], endpoint: Endpoint, params: Mapping[str, Any]) -> str:
    """AWS's own endpoint, with what some operations put before its host; a given URL is taken as it is."""
    prefix = request.pop("host_prefix", None)
    if not prefix or not endpoint.is_aws:
        return endpoint.url
    scheme, _, rest = endpoint.url.partition("://")
    return f"{scheme}://{prefix.format(**params)}{rest}"


def _add_checksum(request: dict[str, Any], operation: Operation, params: Mapping[str, Any]) -> None:
    from botocore.config import Config
    from botocore.httpchecksum import apply_request_checksum, resolve_request_checksum_algorithm

    config = Config(signature_version="s3", request_checksum_calculation="when_supported")
    request["context"] = {"client_config": config}
    resolve_request_checksum_algorithm(request, operation.botocore_model, params)
    apply_request_checksum(request)


def _sign(request: Any, operation: Operation, endpoint: Endpoint) -> None:
    from botocore.auth import AUTH_TYPE_MAPS
    from botocore.credentials import Credentials

    if "aws.auth#sigv4" not in (operation.model.get("auth") or ["aws.auth#sigv4"]) or operation.model.get("authtype") == "none":
        return
    keys = Credentials(endpoint.credentials.access_key, endpoint.credentials.secret_key, endpoint.credentials.session_token)
    signer = AUTH_TYPE_MAPS["s3v4" if operation.service.name in {"s3", "s3control"} else "v4"]
    signer(keys, operation.service.signing_name, endpoint.region).add_auth(request)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
