"""JSON aliases and the one way in and out of JSON text.

Called by every room. A JSON value is never changed in place once it is made, so it is shared freely and nothing is copied.
Source of the number and escape rules: recorded histories of AWS (compact separators, key order kept, 1 is not 1.0).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

__all__ = ["Json", "JsonObject", "json_text", "parse_json", "type_name", "without_nulls"]

Json: TypeAlias = Union[bool, int, float, str, "Sequence[Json]", "Mapping[str, Json]", None]
JsonObject: TypeAlias = "Mapping[str, Json]"

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
