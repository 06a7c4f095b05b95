"""The direct path to DynamoDB: its operations on items, as signed JSON over a kept connection.

States and DynamoDB's wire name nearly everything alike, so parameters go out, and answers come back, as they are: no model is walked.
Called by the runner, for `dynamodb:*` and for `aws-sdk:dynamodb:*`. Other operations (tables, backups) go the way of every service.
Source: DynamoDB's developer guide, "Low-level API", and recorded answers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast

from stepstack.integrations.attribute_names import in_sdk_spelling, in_wire_spelling
from stepstack.integrations.endpoints import Endpoint, Endpoints
from stepstack.integrations.http_client import split_url
from stepstack.integrations.service_call import Refusal, Reply, ServiceCaller, Unreachable, call_in_process, lowered
from stepstack.integrations.signature import JsonSigner
from stepstack.json_types import Json, json_text, parse_json, without_nulls

__all__ = ["ITEM_OPERATIONS", "DynamoDbItems"]

ITEM_OPERATIONS = frozenset(
    {
        "BatchExecuteStatement",
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "ExecuteStatement",
        "ExecuteTransaction",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    }
)

_CONTENT_TYPE = "application/x-amz-json-1.0"
_OF_ATTRIBUTES = frozenset({"Attributes", "Item", "Items", "LastEvaluatedKey", "Responses", "UnprocessedItems", "UnprocessedKeys"})
"""Members whose objects are maps, in the order of the service; the members of all other objects are answered in alphabetical order."""


class DynamoDbItems:
    """Calls DynamoDB's operations on items."""

    def __init__(self, endpoints: Endpoints, caller: ServiceCaller) -> None:
        self._endpoints = endpoints
        self._caller = caller
        self._signers: dict[str, JsonSigner] = {}

    async def sdk_call(self, operation: str, parameters: Mapping[str, Json]) -> Reply:
        """The answer to an `aws-sdk` task, in the SDK's spelling."""
        reply = await self.call(operation, cast("Mapping[str, Json]", in_wire_spelling(parameters)))
        return dataclasses.replace(reply, content=cast("Mapping[str, Json]", in_sdk_spelling(dict(reply.content))))

    async def call(self, operation: str, parameters: Mapping[str, Json]) -> Reply:
        """The answer. Raises Refusal, Unreachable, or EndpointMissing."""
        function = self._endpoints.function("dynamodb")
        if function is not None:
            return await call_in_process("dynamodb", function("dynamodb", operation, parameters))
        endpoint = await self._caller.endpoint("dynamodb")
        body = _body(parameters)
        status, headers, content = await self._caller.send(
            endpoint, "dynamodb", url=endpoint.url + "/", headers=self._headers(endpoint, operation, body), body=body
        )
        try:
            answer = parse_json(content) if content else {}
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"Unable to unmarshall response: {content[:200]!r}")
        if status >= 300:
            code = str(answer.get("__type") or status).rpartition("#")[2]
            message = answer.get("message") or answer.get("Message") or "null"
            raise Refusal("dynamodb", code, str(message), status, lowered(headers))
        return Reply({name: _ordered(name, answer[name]) for name in sorted(answer)}, status, headers, endpoint.is_aws)

    def _headers(self, endpoint: Endpoint, operation: str, body: bytes) -> Mapping[str, str]:
        target = f"DynamoDB_20120810.{operation}"
        if endpoint.application is not None:
            return {"content-type": _CONTENT_TYPE, "x-amz-target": target}
        signer = self._signers.get(endpoint.region)
        if signer is None:
            signer = self._signers[endpoint.region] = JsonSigner("dynamodb", endpoint.region)
        host = split_url(endpoint.url)[0].authority
        return dict(signer.headers(host, target, _CONTENT_TYPE, body, endpoint.credentials))


def _body(parameters: Mapping[str, Json]) -> bytes:
    text = json_text(parameters)
    if "null" in text:
        text = json_text(without_nulls(parameters))
    return text.encode()


def _ordered(name: str, value: Any) -> Json:
    if name in _OF_ATTRIBUTES or not isinstance(value, (dict, list)):
        return value  # type: ignore[no-any-return]
    if isinstance(value, list):
        return [_ordered("", item) for item in value]
    return {key: _ordered(key, value[key]) for key in sorted(value)}
