"""Lambda's API over HTTP (REST with JSON), for boto3, the AWS CLI and Step Functions Local's LAMBDA_ENDPOINT.

Called by `embedded.services` for every request to Lambda; calls `lambda_service`. An operation that is not here is refused by name,
never taken for done. Source: botocore's service model of Lambda for paths and members.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qs, unquote

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions.durable_api import DURABLE_ROUTES, Operation
from stepstack.stacks.embedded.functions.lambda_asynchronous import change_configuration, described_configuration
from stepstack.stacks.embedded.functions.lambda_function import LATEST, Function, InvokeResult
from stepstack.stacks.embedded.functions.lambda_service import LambdaService
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

if TYPE_CHECKING:
    from stepstack.stacks.embedded.events.event_source_mappings import EventSourceMapping
    from stepstack.stacks.embedded.events.event_sources import EventSources

__all__ = ["Call", "LambdaApi"]

FetchObject: TypeAlias = "Callable[[str, str, str | None], Awaitable[bytes]]"
_Answer: TypeAlias = "Awaitable[ServiceResponse]"
_Route: TypeAlias = "tuple[str, re.Pattern[str], Callable[[LambdaApi, Call], _Answer]]"

INVOCATION_TYPES = ("Event", "RequestResponse", "DryRun")
LISTED_FUNCTIONS = 50
"""The most functions in one answer."""

_STATUS = {
    "CallbackTimeoutException": 400,
    "DurableExecutionAlreadyStartedException": 409,
    "InvalidParameterValueException": 400,
    "InvalidRequestContentException": 400,
    "RequestEntityTooLargeException": 413,
    "RequestTooLargeException": 413,
    "ResourceConflictException": 409,
    "ResourceNotFoundException": 404,
    "TooManyRequestsException": 429,
    "UnknownOperationException": 404,
    "UnsupportedOperation": 501,
    "ValidationException": 400,
}


class LambdaApi:
    """Requests in, answers out. `fetch_object(bucket, key, region)` reads a zip file from the stack's S3."""

    def __init__(self, service: LambdaService, fetch_object: FetchObject, event_sources: Callable[[], EventSources]) -> None:
        self.service = service
        self._fetch_object = fetch_object
        self._event_sources = event_sources

    async def handle(self, request: ServiceRequest) -> ServiceResponse:
        """The answer to one request; a refusal is an answer too."""
        call, operation = _operation(request)
        try:
            answer: ServiceResponse = await operation(self, call)
        except ServiceError as error:
            return _refusal(error)
        return answer

    async def unsupported(self, call: Call) -> ServiceResponse:
        """Refuses what is not here."""
        raise ServiceError("UnsupportedOperation", f"stepstack's Lambda does not support {call.request.method} {call.request.path}")

    async def invoke(self, call: Call) -> ServiceResponse:
        headers = call.request.headers
        invocation_type = headers.get("x-amz-invocation-type", "RequestResponse")
        if invocation_type not in INVOCATION_TYPES:
            constraint = f"Member must satisfy enum value set: [{', '.join(INVOCATION_TYPES)}]"
            message = (
                f"1 validation error detected: Value '{invocation_type}' at 'invocationType' failed to satisfy constraint: {constraint}"
            )
            raise ServiceError("ValidationException", message)
        result = await self.service.invoke(
            call.path["name"],
            call.request.body,
            qualifier=call.query("Qualifier"),
            invocation_type=invocation_type,
            region=call.region,
            client_context=_client_context(headers.get("x-amz-client-context", "")),
            execution_name=headers.get("x-amz-durable-execution-name"),
        )
        return _invoked(result, with_log=headers.get("x-amz-log-type") == "Tail")

    async def create_function(self, call: Call) -> ServiceResponse:
        parameters = call.parameters()
        archive = await self._archive(parameters.get("Code") or {}, call.region)
        return json_response(201, self.service.create(parameters, archive, region=call.region))

    async def get_function(self, call: Call) -> ServiceResponse:
        function = self._named(call)
        answer: dict[str, Any] = {"Configuration": function.configuration, "Code": {"RepositoryType": "S3"}}
        if self.service.base_of(function).tags:
            answer["Tags"] = self.service.base_of(function).tags
        return json_response(200, answer)

    async def get_configuration(self, call: Call) -> ServiceResponse:
        return json_response(200, self._named(call).configuration)

    async def update_configuration(self, call: Call) -> ServiceResponse:
        return json_response(200, self.service.update_configuration(self._named(call), call.parameters()))

    async def update_code(self, call: Call) -> ServiceResponse:
        parameters = call.parameters()
        function = self._named(call)
        archive = await self._archive(parameters, call.region)
        return json_response(200, self.service.update_code(function, archive, publish=bool(parameters.get("Publish"))))

    async def delete_function(self, call: Call) -> ServiceResponse:
        self.service.delete(self._named(call), call.query("Qualifier"))
        return ServiceResponse(204)

    async def list_functions(self, call: Call) -> ServiceResponse:
        functions = self.service.listed(call.region)
        size = min(call.number("MaxItems") or LISTED_FUNCTIONS, LISTED_FUNCTIONS)
        start = call.number("Marker")
        answer: dict[str, Any] = {"Functions": functions[start : start + size]}
        if start + size < len(functions):
            answer["NextMarker"] = str(start + size)
        return json_response(200, answer)

    async def publish_version(self, call: Call) -> ServiceResponse:
        return json_response(201, self.service.publish(self._named(call), str(call.parameters().get("Description") or "")))

    async def list_versions(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        latest = base.configuration | {"FunctionArn": f"{base.arn}:$LATEST"}
        return json_response(200, {"Versions": [latest, *(version.configuration for version in base.versions.values())]})

    async def create_alias(self, call: Call) -> ServiceResponse:
        parameters = call.parameters()
        return json_response(201, self.service.put_alias(self._named(call), str(parameters.get("Name")), parameters, is_new=True))

    async def update_alias(self, call: Call) -> ServiceResponse:
        return json_response(200, self.service.put_alias(self._named(call), call.path["alias"], call.parameters(), is_new=False))

    async def get_alias(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        alias = base.aliases.get(call.path["alias"])
        if alias is None:
            raise ServiceError("ResourceNotFoundException", f"Cannot find alias arn: {base.arn}:{call.path['alias']}", {"Type": "User"})
        return json_response(200, alias)

    async def delete_alias(self, call: Call) -> ServiceResponse:
        self.service.base_of(self._named(call)).aliases.pop(call.path["alias"], None)
        return ServiceResponse(204)

    async def list_aliases(self, call: Call) -> ServiceResponse:
        return json_response(200, {"Aliases": list(self.service.base_of(self._named(call)).aliases.values())})

    async def add_permission(self, call: Call) -> ServiceResponse:
        parameters = call.parameters()
        base = self.service.base_of(self._named(call))
        identifier = str(parameters.get("StatementId"))
        if identifier in base.policy:
            advice = "Please provide a new statement id, or remove the existing statement."
            message = f"The statement id ({identifier}) provided already exists. {advice}"
            raise ServiceError("ResourceConflictException", message, {"Type": "User"})
        base.policy[identifier] = _statement(base, identifier, parameters)
        return json_response(201, {"Statement": json.dumps(base.policy[identifier], separators=(",", ":"))})

    async def get_policy(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        if not base.policy:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.", {"Type": "User"})
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(base.policy.values())}
        return json_response(200, {"Policy": json.dumps(policy, separators=(",", ":")), "RevisionId": base.configuration["RevisionId"]})

    async def remove_permission(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        if base.policy.pop(call.path["statement"], None) is None:
            message = f"Statement {call.path['statement']} is not found in resource policy."
            raise ServiceError("ResourceNotFoundException", message, {"Type": "User"})
        return ServiceResponse(204)

    async def put_invoke_configuration(self, call: Call) -> ServiceResponse:
        base, qualifier = self._configured(call)
        return json_response(200, change_configuration(base, qualifier, call.parameters(), is_update=call.request.method == "POST"))

    async def get_invoke_configuration(self, call: Call) -> ServiceResponse:
        return json_response(200, described_configuration(*self._configured(call)))

    async def delete_invoke_configuration(self, call: Call) -> ServiceResponse:
        base, qualifier = self._configured(call)
        described_configuration(base, qualifier)
        del base.invoke_configurations[qualifier]
        return ServiceResponse(204)

    async def list_invoke_configurations(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        return json_response(200, {"FunctionEventInvokeConfigs": list(base.invoke_configurations.values())})

    async def list_tags(self, call: Call) -> ServiceResponse:
        return json_response(200, {"Tags": self.service.base_of(self._named(call)).tags})

    async def tag(self, call: Call) -> ServiceResponse:
        self.service.base_of(self._named(call)).tags.update(call.parameters().get("Tags") or {})
        return ServiceResponse(204)

    async def untag(self, call: Call) -> ServiceResponse:
        base = self.service.base_of(self._named(call))
        for key in call.queries("tagKeys"):
            base.tags.pop(key, None)
        return ServiceResponse(204)

    async def create_mapping(self, call: Call) -> ServiceResponse:
        parameters = {"FunctionName": "", "EventSourceArn": "", **call.parameters()}
        mapping = await self._event_sources().add_mapping(parameters)
        return json_response(202, mapping.description())

    async def list_mappings(self, call: Call) -> ServiceResponse:
        source, function = call.query("EventSourceArn"), call.query("FunctionName")
        arn = self.service.function(function, region=call.region).arn if function else None
        found = [
            mapping.description()
            for mapping in self._event_sources().mappings.values()
            if source in {None, mapping.source_arn} and arn in {None, mapping.function_arn}
        ]
        return json_response(200, {"EventSourceMappings": found})

    async def get_mapping(self, call: Call) -> ServiceResponse:
        return json_response(200, self._mapping(call).description())

    async def update_mapping(self, call: Call) -> ServiceResponse:
        mapping = self._mapping(call)
        parameters = {**mapping.parameters, **call.parameters()}
        mapping.update(parameters)
        # Where it was disabled, there may be much to read.
        mapping.wake()
        return json_response(202, mapping.description())

    async def delete_mapping(self, call: Call) -> ServiceResponse:
        mapping = self._mapping(call)
        mapping.close()
        del self._event_sources().mappings[mapping.identifier]
        return json_response(202, {**mapping.description(), "State": "Deleting"})

    def _mapping(self, call: Call) -> EventSourceMapping:
        mapping = self._event_sources().mappings.get(call.path["name"])
        if mapping is None:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.", {"Type": "User"})
        return mapping

    def _configured(self, call: Call) -> tuple[Function, str]:
        """The function, and the qualifier that its asynchronous invocations are configured for."""
        return self.service.base_of(self._named(call)), call.query("Qualifier") or LATEST

    def _named(self, call: Call) -> Function:
        return self.service.function(call.path["name"], call.query("Qualifier"), region=call.region)

    async def _archive(self, code: Mapping[str, Any], region: str | None) -> bytes:
        if code.get("ImageUri"):
            raise ServiceError(
                "InvalidParameterValueException", "stepstack runs functions in zip files: container images are not supported"
            )
        if code.get("S3Bucket"):
            return await self._fetch_object(str(code["S3Bucket"]), str(code.get("S3Key", "")), region)
        try:
            return base64.b64decode(code.get("ZipFile") or "", validate=True)
        except ValueError:
            raise ServiceError("InvalidRequestContentException", "Could not parse request body into json: ZipFile is not base 64") from None


class Call:
    """One request to an operation, with what its path names."""

    def __init__(self, request: ServiceRequest, path: Mapping[str, str]) -> None:
        self.request = request
        self.path = path
        self.region = request.region or None
        self._query = parse_qs(request.query)

    def query(self, name: str) -> str | None:
        values = self._query.get(name)
        return values[-1] if values else None

    def queries(self, name: str) -> list[str]:
        return self._query.get(name, [])

    def number(self, name: str) -> int:
        """A whole number in the query, 0 where it is absent; ServiceError where it is none."""
        text = self.query(name) or "0"
        if not text.isascii() or not text.isdigit():
            raise ServiceError("InvalidParameterValueException", f"{name} is a whole number, not {text}", {"Type": "User"})
        return int(text)

    def parameters(self) -> dict[str, Any]:
        try:
            value = self.request.json()
        except ValueError as error:
            raise ServiceError(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}", {"Type": "User"}
            ) from None
        if not isinstance(value, dict):
            raise ServiceError("InvalidRequestContentException", "Could not parse request body into json: no object", {"Type": "User"})
        return value


def _route(method: str, path: str, operation: Callable[[LambdaApi, Call], _Answer]) -> _Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return method, re.compile(rf"/20\d\d-\d\d-\d\d{pattern}"), operation


def _durable_route(method: str, path: str, operation: Operation) -> _Route:
    async def answer(api: LambdaApi, call: Call) -> ServiceResponse:
        return operation(api.service, call)

    return _route(method, path, answer)


_ROUTES = [
    _route("POST", "/functions/{name}/invocations", LambdaApi.invoke),
    _route("POST", "/functions", LambdaApi.create_function),
    _route("GET", "/functions", LambdaApi.list_functions),
    _route("GET", "/functions/{name}", LambdaApi.get_function),
    _route("DELETE", "/functions/{name}", LambdaApi.delete_function),
    _route("GET", "/functions/{name}/configuration", LambdaApi.get_configuration),
    _route("PUT", "/functions/{name}/configuration", LambdaApi.update_configuration),
    _route("PUT", "/functions/{name}/code", LambdaApi.update_code),
    _route("POST", "/functions/{name}/versions", LambdaApi.publish_version),
    _route("GET", "/functions/{name}/versions", LambdaApi.list_versions),
    _route("POST", "/functions/{name}/aliases", LambdaApi.create_alias),
    _route("GET", "/functions/{name}/aliases", LambdaApi.list_aliases),
    _route("GET", "/functions/{name}/aliases/{alias}", LambdaApi.get_alias),
    _route("PUT", "/functions/{name}/aliases/{alias}", LambdaApi.update_alias),
    _route("DELETE", "/functions/{name}/aliases/{alias}", LambdaApi.delete_alias),
    _route("POST", "/functions/{name}/policy", LambdaApi.add_permission),
    _route("GET", "/functions/{name}/policy", LambdaApi.get_policy),
    _route("DELETE", "/functions/{name}/policy/{statement}", LambdaApi.remove_permission),
    _route("PUT", "/functions/{name}/event-invoke-config", LambdaApi.put_invoke_configuration),
    _route("POST", "/functions/{name}/event-invoke-config", LambdaApi.put_invoke_configuration),
    _route("GET", "/functions/{name}/event-invoke-config", LambdaApi.get_invoke_configuration),
    _route("DELETE", "/functions/{name}/event-invoke-config", LambdaApi.delete_invoke_configuration),
    _route("GET", "/functions/{name}/event-invoke-config/list", LambdaApi.list_invoke_configurations),
    _route("POST", "/event-source-mappings", LambdaApi.create_mapping),
    _route("GET", "/event-source-mappings", LambdaApi.list_mappings),
    _route("GET", "/event-source-mappings/{name}", LambdaApi.get_mapping),
    _route("PUT", "/event-source-mappings/{name}", LambdaApi.update_mapping),
    _route("DELETE", "/event-source-mappings/{name}", LambdaApi.delete_mapping),
    *(_durable_route(*route) for route in DURABLE_ROUTES),
    _route("GET", "/tags/{name}", LambdaApi.list_tags),
    _route("POST", "/tags/{name}", LambdaApi.tag),
    _route("DELETE", "/tags/{name}", LambdaApi.untag),
]


def _operation(request: ServiceRequest) -> tuple[Call, Callable[[LambdaApi, Call], _Answer]]:
    for method, pattern, operation in _ROUTES:
        matched = pattern.fullmatch(request.path.rstrip("/"))
        if matched is not None and method == request.method:
            return Call(request, {name: unquote(text) for name, text in matched.groupdict().items() if text}), operation
    return Call(request, {}), LambdaApi.unsupported


def _invoked(result: InvokeResult, *, with_log: bool) -> ServiceResponse:
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": result.request_id,
        "x-amzn-Remapped-Content-Length": "0",
    }
    if result.status_code == 200:
        # Nothing has been executed yet where the answer is 202, and nothing will be where it is 204.
        headers["X-Amz-Executed-Version"] = result.executed_version
    if result.function_error:
        headers["X-Amz-Function-Error"] = result.function_error
    if result.durable_execution_arn:
        headers["X-Amz-Durable-Execution-Arn"] = result.durable_execution_arn
    if with_log:
        headers["X-Amz-Log-Result"] = base64.b64encode(result.log_tail).decode()
    return ServiceResponse(result.status_code, headers, result.payload)


_CAPITAL_MESSAGE = frozenset(
    {"CallbackTimeoutException", "DurableExecutionAlreadyStartedException", "ResourceConflictException", "ResourceNotFoundException"}
)
"""Errors whose message is a member `Message`."""


def _refusal(error: ServiceError) -> ServiceResponse:
    message = "Message" if error.error_code in _CAPITAL_MESSAGE else "message"
    body = {**error.members, message: error.message}
    return json_response(_STATUS.get(error.error_code, 400), body, headers={"x-amzn-ErrorType": error.error_code})


def _client_context(header: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(base64.b64decode(header)) if header else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _statement(function: Function, identifier: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    principal = str(parameters.get("Principal"))
    statement: dict[str, Any] = {
        "Sid": identifier,
        "Effect": "Allow",
        "Principal": {"Service": principal} if principal.endswith(".amazonaws.com") else {"AWS": principal},
        "Action": parameters.get("Action"),
        "Resource": function.arn,
    }
    if parameters.get("SourceArn"):
        statement["Condition"] = {"ArnLike": {"AWS:SourceArn": parameters["SourceArn"]}}
    return statement
