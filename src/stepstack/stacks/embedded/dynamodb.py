"""What DynamoDB refuses and moto lets pass, checked in front of moto; and answers cut to what DynamoDB would send.

Called by `embedded.moto` with each DynamoDB request. Checked: required parameters, attribute values (one type each,
numbers of at most 38 digits within DynamoDB's range, sets without duplicates), expression values that are used and not defined or
defined and not used, batches over 25 writes, the types of keys, limits below 1, and a ClientRequestToken that was seen before.
Numbers are stored as DynamoDB returns them: "001.50" and "1.5E0" become "1.5". Left out: throughput, item collection metrics, and
everything that moto itself refuses.

Source of the wordings: DynamoDB's API reference and error messages that users report.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from moto.core.utils import get_service_model

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["DynamoDbFront"]

_Call: TypeAlias = "Callable[[ServiceRequest], ServiceResponse]"
_Attributes: TypeAlias = "dict[str, Any]"

TOKEN_SECONDS = 600
"""For so long DynamoDB remembers a ClientRequestToken."""

_SCALARS = frozenset({"S", "N", "B", "BOOL", "NULL"})
_TYPES = _SCALARS | {"SS", "NS", "BS", "L", "M"}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_PLACEHOLDER = re.compile(r":[A-Za-z0-9_]+")
_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "FilterExpression", "KeyConditionExpression")

_EXPRESSIONS_WITH_VALUES = {
    "DeleteItem": "ConditionExpression is null",
    "PutItem": "ConditionExpression is null",
    "Query": "FilterExpression and KeyConditionExpression are null",
    "Scan": "FilterExpression is null",
    "UpdateItem": "UpdateExpression and ConditionExpression are null",
}
_KEYED = frozenset({"GetItem", "DeleteItem", "UpdateItem"})
_OF_TABLES = frozenset({"DeleteTable", "DescribeTimeToLive", "UpdateTable", "UpdateTimeToLive"})
"""Operations on tables that name the one that is not there."""

_UNASKED = {"ConsumedCapacity": "ReturnConsumedCapacity", "ItemCollectionMetrics": "ReturnItemCollectionMetrics"}


class DynamoDbFront:
    """DynamoDB's checks for one stack; used while the stack's lock on DynamoDB is held."""

    def __init__(self) -> None:
        self._key_types: dict[tuple[str, str], dict[str, str]] = {}
        self._tokens: dict[str, tuple[float, str, ServiceResponse]] = {}

    def reset(self) -> None:
        """Forgets tables and tokens."""
        self._key_types.clear()
        self._tokens.clear()

    def answer(self, request: ServiceRequest, moto: _Call) -> ServiceResponse:
        """The refusal of DynamoDB, or what `moto` answers."""
        if not request.target.startswith("DynamoDB_20120810."):
            return moto(request)
        operation = request.operation
        try:
            parameters = request.json()
        except ValueError:
            return _refusal(ServiceError("SerializationException", "The request body is not JSON"), "com.amazon.coral.service")
        if not isinstance(parameters, dict):
            return _refusal(
                ServiceError("SerializationException", "Start of structure or map found where not expected."), "com.amazon.coral.service"
            )
        try:
            self._check(operation, parameters, request, moto)
            changed = _canonical_numbers(operation, parameters) or _completed(operation, parameters)
        except ServiceError as error:
            return _refusal(error)
        if changed:
            request = replace(request, body=json.dumps(parameters).encode())
        if operation.endswith("Table"):
            self._key_types.pop((request.region, str(parameters.get("TableName"))), None)
        if operation == "TransactWriteItems" and parameters.get("ClientRequestToken"):
            return self._once(request, parameters, moto)
        return _trimmed(parameters, _named_table(operation, parameters, moto(request)))

    def _check(self, operation: str, parameters: dict[str, Any], request: ServiceRequest, moto: _Call) -> None:
        _require(operation, parameters)
        _check_table_name(parameters.get("TableName"))
        if operation in _EXPRESSIONS_WITH_VALUES:
            _check_values(operation, parameters)
        if operation in {"Query", "Scan"} and isinstance(limit := parameters.get("Limit"), int) and limit < 1:
            raise _constraint(limit, "limit", "Member must have value greater than or equal to 1")
        if operation == "BatchWriteItem":
            _check_batch(parameters["RequestItems"])
        if operation in _KEYED:
            self._check_key(parameters, request, moto)

    def _check_key(self, parameters: dict[str, Any], request: ServiceRequest, moto: _Call) -> None:
        types = self._types_of_keys(str(parameters["TableName"]), request, moto)
        key = parameters["Key"]
        if (
            types
            and isinstance(key, dict)
            and {name: next(iter(value), "") for name, value in key.items() if isinstance(value, dict)} != types
        ):
            raise ServiceError("ValidationException", "The provided key element does not match the schema")

    def _types_of_keys(self, table: str, request: ServiceRequest, moto: _Call) -> dict[str, str]:
        """The types of a table's key attributes; empty where there is no such table."""
        known = self._key_types.get((request.region, table))
        if known is not None:
            return known
        headers = {**request.headers, "x-amz-target": "DynamoDB_20120810.DescribeTable"}
        response = moto(replace(request, headers=headers, body=json.dumps({"TableName": table}).encode()))
        if response.status != 200:
            return {}
        description = json.loads(response.body)["Table"]
        types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in description["AttributeDefinitions"]}
        keys = {key["AttributeName"]: types[key["AttributeName"]] for key in description["KeySchema"]}
        self._key_types[request.region, table] = keys
        return keys

    def _once(self, request: ServiceRequest, parameters: dict[str, Any], moto: _Call) -> ServiceResponse:
        """A transaction with a token: made once within ten minutes, answered again as often as it is sent again."""
        token = f"{request.region} {parameters['ClientRequestToken']}"
        contents = json.dumps(parameters["TransactItems"], sort_keys=True)
        now = time.monotonic()
        # SDKs send a token with every transaction: what is too old is let go, the oldest stand first.
        while self._tokens and now - next(iter(self._tokens.values()))[0] >= TOKEN_SECONDS:
            del self._tokens[next(iter(self._tokens))]
        seen = self._tokens.get(token)
        if seen is not None:
            if seen[1] == contents:
                return seen[2]
            return _refusal(
                ServiceError(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical request. "
                    "Do not reuse a client token with different requests, unless the requests are identical.",
                )
            )
        response = _trimmed(parameters, moto(request))
        if response.status == 200:
            self._tokens[token] = (now, contents, response)
        return response


def _require(operation: str, parameters: Mapping[str, Any]) -> None:
    model = get_service_model("dynamodb")
    if operation not in model.operation_names:
        raise ServiceError("UnknownOperationException", f"DynamoDB has no operation {operation}")
    shape = model.operation_model(operation).input_shape
    missing = [name for name in shape.required_members if parameters.get(name) is None] if shape else []
    if missing:
        places = [f"Value null at '{name[0].lower()}{name[1:]}' failed to satisfy constraint: Member must not be null" for name in missing]
        errors = "error" if len(missing) == 1 else "errors"
        raise ServiceError("ValidationException", f"{len(missing)} validation {errors} detected: {'; '.join(places)}")


def _check_table_name(name: Any) -> None:
    if not isinstance(name, str) or name.startswith("arn:"):
        return
    if not re.fullmatch(r"[a-zA-Z0-9_.-]*", name):
        raise _constraint(name, "tableName", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
    if len(name) < 3:
        raise _constraint(name, "tableName", "Member must have length greater than or equal to 3")
    if len(name) > 255:
        raise _constraint(name, "tableName", "Member must have length less than or equal to 255")


def _constraint(value: object, path: str, constraint: str) -> ServiceError:
    return ServiceError(
        "ValidationException", f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"
    )


def _check_values(operation: str, parameters: Mapping[str, Any]) -> None:
    values = parameters.get("ExpressionAttributeValues") or {}
    texts = {name: str(parameters[name]) for name in _EXPRESSIONS if parameters.get(name) is not None}
    if values and not texts:
        absent = _EXPRESSIONS_WITH_VALUES[operation]
        raise _invalid(f"ExpressionAttributeValues can only be specified when using expressions: {absent}")
    used = {placeholder: name for name, text in texts.items() for placeholder in _PLACEHOLDER.findall(text)}
    undefined = next((placeholder for placeholder in used if placeholder not in values), None)
    if undefined:
        text = "An expression attribute value used in expression is not defined; attribute value"
        raise _invalid(f"Invalid {used[undefined]}: {text}: {undefined}")
    unused = [name for name in values if name not in used]
    # Of an update's values moto says so itself, once the expression's syntax is right.
    if unused and operation != "UpdateItem":
        raise _invalid(f"Value provided in ExpressionAttributeValues unused in expressions: keys: {{{', '.join(unused)}}}")


def _check_batch(items: Any) -> None:
    if not isinstance(items, dict):
        return
    if not items:
        raise _constraint("{}", "requestItems", "Member must have length greater than or equal to 1")
    writes = [len(requests) for requests in items.values() if isinstance(requests, list)]
    if sum(writes) > 25 or 0 in writes:
        shown = ", ".join(f"{table}=[{len(requests)} requests]" for table, requests in items.items())
        rule = "Member must have length less than or equal to 25, Member must have length greater than or equal to 1"
        if max(writes) <= 25 and 0 not in writes:
            raise ServiceError("ValidationException", "Too many items requested for the BatchWriteItem call")
        raise _constraint(f"{{{shown}}}", "requestItems", f"Map value must satisfy constraint: [{rule}]")


def _completed(operation: str, parameters: dict[str, Any]) -> bool:
    """Gives an update that updates nothing (it makes the item, or leaves it) the member that moto expects; whether it did."""
    if operation != "UpdateItem" or "UpdateExpression" in parameters or "AttributeUpdates" in parameters:
        return False
    parameters["AttributeUpdates"] = {}
    return True


def _attribute_maps(operation: str, parameters: Mapping[str, Any]) -> Iterator[_Attributes]:
    """Every map of attribute values in a request but ExpressionAttributeValues."""
    if operation == "BatchWriteItem":
        for requests in _objects(parameters.get("RequestItems")):
            for request in requests if isinstance(requests, list) else ():
                yield from (value for entry in _objects(request) for value in _objects(entry))
    elif operation == "BatchGetItem":
        for request in _objects(parameters.get("RequestItems")):
            yield from (key for key in request.get("Keys", ()) if isinstance(key, dict))
    elif operation.startswith("Transact"):
        for item in parameters.get("TransactItems") or ():
            for action in _objects(item):
                yield from (action[name] for name in ("Item", "Key") if isinstance(action.get(name), dict))
    else:
        yield from (parameters[name] for name in ("Item", "Key", "ExclusiveStartKey") if isinstance(parameters.get(name), dict))


def _value_maps(operation: str, parameters: Mapping[str, Any]) -> Iterator[_Attributes]:
    """Every ExpressionAttributeValues in a request."""
    actions = [action for item in parameters.get("TransactItems") or () for action in _objects(item)]
    for holder in actions if operation.startswith("Transact") else [parameters]:
        values = holder.get("ExpressionAttributeValues") if isinstance(holder, dict) else None
        if isinstance(values, dict):
            yield values


def _objects(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []


def _canonical_numbers(operation: str, parameters: dict[str, Any]) -> bool:
    """Checks every attribute value and writes numbers as DynamoDB does, in place; whether anything changed."""
    changed = False
    for attributes in _attribute_maps(operation, parameters):
        for value in attributes.values():
            changed |= _checked(value)
    for values in _value_maps(operation, parameters):
        for name, value in values.items():
            changed |= _checked_value_of(name, value)
    return changed


def _checked_value_of(name: str, value: Any) -> bool:
    try:
        return _checked(value)
    except ServiceError as error:
        text = f"ExpressionAttributeValues contains invalid value: {error.message} for key {name}"
        raise _invalid(text) from None


def _checked(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if len(value) != 1:
        types = _TYPES & value.keys()
        if len(types) > 1:
            raise _invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
        if not types:
            raise _invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
        return False
    ((kind, content),) = value.items()
    if kind in {"S", "B", "BOOL"}:
        return False
    if kind == "N":
        text = _canonical_number(content)
        value["N"] = text
        return bool(text != content)
    return _checked_collection(value, kind, content)


def _checked_collection(value: dict[str, Any], kind: str, content: Any) -> bool:
    if kind == "M" and isinstance(content, dict):
        return _checked_members(content.values())
    if kind == "L" and isinstance(content, list):
        return _checked_members(content)
    if kind == "NS" and isinstance(content, list):
        numbers = [_canonical_number(number) for number in content]
        if len(set(numbers)) < len(numbers):
            raise _invalid("Input collection contains duplicates")
        value["NS"] = numbers
        return numbers != content
    if kind in {"SS", "BS"} and isinstance(content, list) and len(set(map(str, content))) < len(content):
        shown = f" [{', '.join(map(str, content))}]" if kind == "SS" else ""
        prefix, stop = ("One or more parameter values were invalid: ", ".") if kind == "SS" else ("", "")
        raise _invalid(f"{prefix}Input collection{shown} contains duplicates{stop}")
    if kind == "NULL" and content is not True:
        raise _invalid("One or more parameter values were invalid: Null attribute value types must have the value of true")
    if kind not in _TYPES:
        raise _invalid("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
    return False


def _checked_members(values: Iterable[Any]) -> bool:
    changed = False
    for value in values:
        changed |= _checked(value)
    return changed


def _canonical_number(text: Any) -> str:
    """A number as DynamoDB returns it: no exponent, no zeros that say nothing."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise _invalid(f"The parameter cannot be converted to a numeric value: {text}")
    if text.isdecimal() and len(text) < 38 and (text[0] != "0" or text == "0") and text.isascii():
        return text
    try:
        number = Decimal(text)
    except InvalidOperation:
        # Its exponent is more than Python's numbers take.
        raise _invalid(f"The parameter cannot be converted to a numeric value: {text}") from None
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if not digits:
        return "0"
    if len(digits) > 38:
        raise _invalid("Attempting to store more than 38 significant digits in a Number")
    if number.adjusted() > 125:
        raise _invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if number.adjusted() < -130:
        raise _invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _named_table(operation: str, parameters: Mapping[str, Any], response: ServiceResponse) -> ServiceResponse:
    """A refusal for a table that is not there names it, where the operation is on the table itself."""
    if response.status != 400 or operation not in _OF_TABLES or b"ot found" not in response.body:
        return response
    message = f"Requested resource not found: Table: {parameters.get('TableName')} not found"
    return _refusal(ServiceError("ResourceNotFoundException", message))


def _trimmed(parameters: Mapping[str, Any], response: ServiceResponse) -> ServiceResponse:
    """Without the metrics that nobody asked for."""
    if response.status != 200 or not any(member in response.body for member in (b'"ConsumedCapacity"', b'"ItemCollectionMetrics"')):
        return response
    answer = json.loads(response.body)
    unasked = [member for member, switch in _UNASKED.items() if member in answer and parameters.get(switch, "NONE") == "NONE"]
    if not unasked:
        return response
    headers = {name: value for name, value in response.headers.items() if name.lower() != "x-amz-crc32"}
    body = json.dumps({name: value for name, value in answer.items() if name not in unasked}).encode()
    return ServiceResponse(200, headers, body)


def _refusal(error: ServiceError, namespace: str = "com.amazonaws.dynamodb.v20120810") -> ServiceResponse:
    if error.error_code == "ValidationException":
        namespace = "com.amazon.coral.validate"
    if error.error_code == "UnknownOperationException":
        namespace = "com.amazon.coral.service"
    body = {"__type": f"{namespace}#{error.error_code}", "message": error.message}
    return json_response(400, body, content_type="application/x-amz-json-1.0")
