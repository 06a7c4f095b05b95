"""Checks of parameters, compiled from the shapes of botocore's service model, with AWS's words for what is wrong.

A value of the wrong JSON type is a SerializationException at once; broken constraints are collected over the whole request and told
together ("2 validation errors detected: ...; ..."). Members that it does not know are dropped and null counts as absent, as AWS does.
Source: recorded answers of AWS for the wordings; the order of an enum's values in a message is that of the Java set that AWS keeps them in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from stepstack.errors import ServiceError
from stepstack.query.java_hash_map import hash_code

__all__ = ["Check", "compile_structure"]

Check: TypeAlias = "Callable[[Any], Any]"
_Collect: TypeAlias = "Callable[[Any, str, list[str]], Any]"
_Shapes: TypeAlias = "Mapping[str, Any]"

ENUM_TABLE_SIZE = 32
"""AWS names an enum's values in the order of a hash table of this many rows."""

INTEGER_LIMITS = {"integer": 2**31 - 1, "long": 2**63 - 1}


def compile_structure(name: str, shapes: _Shapes) -> Check:
    """A function from a request's JSON object to its parameters; it raises ServiceError."""
    collect = _structure(name, shapes)

    def check(value: Any) -> Any:
        violations: list[str] = []
        params = collect(value, "", violations)
        if violations:
            count = "1 validation error" if len(violations) == 1 else f"{len(violations)} validation errors"
            raise ServiceError("ValidationException", f"{count} detected: {'; '.join(violations)}")
        return params

    return check


def _violation(value: Any, path: str, constraint: str, *, sensitive: bool = False) -> str:
    shown = "Value" if sensitive else "Value null" if value is None else f"Value '{_java_text(value, '')}'"
    return f"{shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


def _java_text(value: Any, shape_name: str) -> str:
    """`value` as AWS's messages print it: `[RoutingConfigurationListItem(weight=50), ...]`."""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_java_text(item, shape_name) for item in value)}]"
    if isinstance(value, dict):
        return f"{shape_name}({', '.join(f'{key}={_java_text(item, shape_name)}' for key, item in value.items())})"
    return str(value)


def _wrong_type(value: Any, wanted: str) -> ServiceError:
    if isinstance(value, dict):
        message = "Start of structure or map found where not expected."
    elif isinstance(value, list):
        message = "Start of list found where not expected"
    else:
        article = "an" if wanted[0] in "AEIOU" else "a"
        message = f"{_token(value)} can not be converted to {article} {wanted}"
    return ServiceError("SerializationException", message)


def _token(value: Any) -> str:
    """What AWS's reader of JSON calls a value that is no object and no array."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"


def _compile(name: str, shapes: _Shapes) -> _Collect:
    shape = shapes[name]
    kind = shape["type"]
    if kind == "structure":
        return _structure(name, shapes)
    if kind == "list":
        return _list(shape, shapes)
    if kind == "map":
        return _map(shape, shapes)
    if kind == "string":
        return _string(shape)
    if kind in INTEGER_LIMITS or kind in {"float", "double"}:
        return _number(shape)
    if kind == "boolean":
        return _boolean
    raise NotImplementedError(f"no check for a parameter of type {kind} ({name})")


def _structure(name: str, shapes: _Shapes) -> _Collect:
    shape = shapes[name]
    required = set(shape.get("required", ()))
    members = [(member, member in required, _compile(target["shape"], shapes)) for member, target in shape["members"].items()]

    def collect(value: Any, path: str, violations: list[str]) -> Any:
        if type(value) is not dict:
            raise _wrong_type(value, name)
        prefix = f"{path}." if path else ""
        result = {}
        for member, is_required, check in members:
            item = value.get(member)
            if item is not None:
                result[member] = check(item, prefix + member, violations)
            elif is_required:
                violations.append(_violation(None, prefix + member, "not be null"))
        return result

    return collect


def _list(shape: Mapping[str, Any], shapes: _Shapes) -> _Collect:
    member_name = shape["member"]["shape"]
    check = _compile(member_name, shapes)
    low, high = shape.get("min"), shape.get("max")

    def collect(value: Any, path: str, violations: list[str]) -> Any:
        if type(value) is not list:
            raise ServiceError("SerializationException", "Expected list or null")
        items = [check(item, f"{path}.{index}.member", violations) for index, item in enumerate(value, 1) if item is not None]
        if high is not None and len(items) > high:
            violations.append(_collection_violation(items, path, f"have length less than or equal to {high}", member_name))
        if low is not None and len(items) < low:
            violations.append(_collection_violation(items, path, f"have length greater than or equal to {low}", member_name))
        return items

    return collect


def _collection_violation(items: list[Any], path: str, constraint: str, member_name: str) -> str:
    return f"Value '{_java_text(items, member_name)}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def _map(shape: Mapping[str, Any], shapes: _Shapes) -> _Collect:
    check = _compile(shape["value"]["shape"], shapes)

    def collect(value: Any, path: str, violations: list[str]) -> Any:
        if type(value) is not dict:
            raise _wrong_type(value, "Map")
        return {key: check(item, f"{path}.{key}.member", violations) for key, item in value.items() if item is not None}

    return collect


def _string(shape: Mapping[str, Any]) -> _Collect:
    low, high, enum = shape.get("min", 0), shape.get("max"), shape.get("enum")
    pattern, matches = shape.get("pattern"), _matcher(shape.get("pattern"))
    sensitive = bool(shape.get("sensitive"))
    allowed = frozenset(enum or ())
    enum_text = f"satisfy enum value set: [{', '.join(_in_java_order(enum or ()))}]"

    def collect(value: Any, path: str, violations: list[str]) -> Any:
        if type(value) is not str:
            raise _wrong_type(value, "String")
        if high is not None and len(value) > high:
            violations.append(_violation(value, path, f"have length less than or equal to {high}", sensitive=sensitive))
        if len(value) < low:
            violations.append(_violation(value, path, f"have length greater than or equal to {low}", sensitive=sensitive))
        if matches is not None and not matches(value):
            violations.append(_violation(value, path, f"satisfy regular expression pattern: {pattern}", sensitive=sensitive))
        if enum is not None and value not in allowed:
            violations.append(_violation(value, path, enum_text, sensitive=sensitive))
        return value

    return collect


def _matcher(pattern: str | None) -> Callable[[str], Any] | None:
    return None if pattern is None else re.compile(pattern.replace(r"\p{ASCII}", r"[\x00-\x7f]")).fullmatch


def _number(shape: Mapping[str, Any]) -> _Collect:
    kind = shape["type"]
    low, high, limit = shape.get("min"), shape.get("max"), INTEGER_LIMITS.get(kind)
    wanted = kind.capitalize()

    def collect(value: Any, path: str, violations: list[str]) -> Any:
        if type(value) is not int and type(value) is not float:
            raise _wrong_type(value, wanted)
        if limit is not None:
            if not -limit - 1 <= value <= limit:
                raise ServiceError("SerializationException", f"{value} is out of range for {wanted}")
            value = int(value)
        if high is not None and value > high:
            violations.append(_violation(value, path, f"have value less than or equal to {high}"))
        if low is not None and value < low:
            violations.append(_violation(value, path, f"have value greater than or equal to {low}"))
        return value

    return collect


def _boolean(value: Any, _path: str, _violations: list[str]) -> Any:
    if value is not True and value is not False:
        raise _wrong_type(value, "Boolean")
    return value


def _in_java_order(values: list[str] | tuple[str, ...]) -> list[str]:
    """Rows in their order; within one row, what was added last comes first."""
    rows = [(hash_code(value) % ENUM_TABLE_SIZE, -number, value) for number, value in enumerate(values)]
    return [value for _, _, value in sorted(rows)]
