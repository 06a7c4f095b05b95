"""JSON aliases and the one way in and out of JSON text.

Called by every room. A JSON value is never changed in place once it is made, so it is shared freely and nothing is copied.
Source of the number and escape rules: recorded histories of AWS (compact separators, key order kept, 1 is not 1.0).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, TypeAlias, Union

__all__ = ["Json", "JsonObject", "json_problem", "json_text", "parse_json", "type_name", "without_nulls"]

Json: TypeAlias = Union[bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]", None]
JsonObject: TypeAlias = "Mapping[str, Json]"

NoneType = type(None)
_DEEPEST: Final = 900
_SHOWN: Final = 60

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def json_text(value: Json) -> str:
    """`value` as compact JSON text, keys in their order: `{"a":[1,2.5]}`.

    Raises ValueError for NaN and infinity, RecursionError never: what `parse_json` took, `json_text` writes.
    """
    return _encode(value)


def parse_json(text: str | bytes) -> Json:
    """The value of JSON `text`; ValueError where it is none (`json.JSONDecodeError` with the place, where Python's reader knows it).

    NaN and infinity are no JSON, nor is a number that only infinity could stand for (1e999). Text nested deeper than Python's stack
    allows is refused too.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        value: Json = _decode(text)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None
    return value


def json_problem(value: Any) -> str | None:
    """Why a program's value has no JSON text, with the place: `$.lines[0].price is a Decimal, and JSON has none`; None where it has one."""
    return _problem_in(value, "$", ())


def _problem_in(value: Any, place: str, around: tuple[int, ...]) -> str | None:
    if not isinstance(value, (dict, list, tuple)):
        return _problem_of(value, place)
    if id(value) in around:
        return f"{place} holds itself"
    if len(around) > _DEEPEST:
        return f"{place[:_SHOWN]}... is nested too deeply"
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        if not isinstance(key, (str, int, float, NoneType)):
            return f"{place} has the key {key!r}, and JSON's are strings"
        where = f"{place}.{key}" if isinstance(value, dict) else f"{place}[{key}]"
        problem = _problem_in(member, where, (*around, id(value)))
        if problem is not None:
            return problem
    return None


def _problem_of(value: Any, place: str) -> str | None:
    if value is None or isinstance(value, (int, str)):
        return None
    if isinstance(value, float):
        return None if isfinite(value) else f"{place} is {value}, and JSON has no such number"
    name = type(value).__name__
    return f"{place} is {'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}, and JSON has none"


def type_name(value: Json) -> str:
    """The JSON type of `value`, as AWS's messages name it: `null`, `boolean`, `number`, `string`, `object` or `array`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def without_nulls(value: Json) -> Json:
    """`value` without the members that are null."""
    if isinstance(value, Mapping):
        return {name: without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(item) for item in value]
    return value


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _finite_number(digits: str) -> float:
    value = float(digits)
    if value in (_INFINITY, -_INFINITY):
        raise ValueError(f"the number {digits[:40]} is out of range")
    return value


_INFINITY = float("inf")
_decode = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite_number).decode
