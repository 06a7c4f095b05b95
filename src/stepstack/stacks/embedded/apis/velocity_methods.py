"""What templates call on values: the methods of Java's String, List and Map that mapping templates use.

Called by `velocity_expressions`. Source: Java's documentation of these classes. A method that is not here is refused with its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from stepstack.errors import UnsupportedFeature
from stepstack.query.java_text import double_text
from stepstack.stacks.embedded.apis.java_patterns import JavaPattern

__all__ = ["LONGEST_TEXT", "call_method", "java_text"]

LONGEST_TEXT = 10_000_000
"""Characters that a template, or an expression in it, may make: a loop over a large body makes many."""

MOST_MEMBERS = 100_000
"""Of a list that a template makes."""

MOST_VALUES = 1_000_000
"""That a list or a map which is written may hold: what a template has put together may hold the same many times, or itself."""

_Method = Callable[..., Any]


def call_method(value: Any, name: str, arguments: list[Any]) -> Any:
    """The result of a method; UnsupportedFeature where the value has none of that name, or takes other arguments."""
    offered = getattr(value, "methods", None)
    methods: Mapping[str, _Method] = offered if offered is not None else _methods_of(value)
    method = methods.get(name)
    if method is None:
        raise UnsupportedFeature(f"a mapping template calls {name}, which is not supported on a {_kind(value)}")
    try:
        result = method(*arguments) if offered is not None else method(value, *arguments)
    except (AttributeError, TypeError, ValueError, IndexError) as error:
        raise UnsupportedFeature(f"a mapping template calls {name} on a {_kind(value)} as it cannot be called: {error}") from error
    if isinstance(value, list) and len(value) > MOST_MEMBERS and name in {"add", "addAll"}:
        raise UnsupportedFeature(f"a mapping template makes a list of more than {MOST_MEMBERS} members")
    return result


def _methods_of(value: Any) -> Mapping[str, _Method]:
    if isinstance(value, str):
        return {**_ANY, **_TEXT}
    if isinstance(value, list):
        return {**_ANY, **_LIST}
    return {**_ANY, **_MAP} if isinstance(value, dict) else _ANY


def _kind(value: Any) -> str:
    return "string" if isinstance(value, str) else "list" if isinstance(value, list) else "map" if isinstance(value, dict) else "value"


_pattern = lru_cache(maxsize=128)(JavaPattern)


def _replaced(text: str, old: str, new: str) -> str:
    if len(text) + text.count(old) * len(new) > LONGEST_TEXT:
        raise UnsupportedFeature(f"a mapping template makes more than {LONGEST_TEXT} characters")
    return text.replace(old, new)


def _split(text: str, pattern: str) -> list[str]:
    parts = _pattern(pattern).split(text)
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _put(value: dict[str, Any], key: str, member: Any) -> Any:
    before = value.get(key)
    value[key] = member
    return before


def _add(value: list[Any], *arguments: Any) -> bool:
    if len(arguments) == 2:
        value.insert(arguments[0], arguments[1])
    else:
        value.append(*arguments)
    return True


def java_text(value: Any) -> str:
    """A value as API Gateway's templates write it: a map is `{a=1, b=2}` as in Java, an array is JSON, unlike in `query.java_text`."""
    if isinstance(value, str):
        return value
    if isinstance(value, (Mapping, list)):
        _check_size(value)
    try:
        return _written(value)
    except (RecursionError, ValueError):
        raise UnsupportedFeature("a mapping template writes what is nested too deeply, or too large a number") from None


def _check_size(value: Any) -> None:
    waiting = [value]
    count = 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, (Mapping, list)):
            count += len(part) + 1
            if count > MOST_VALUES:
                raise UnsupportedFeature(f"a mapping template writes more than {MOST_VALUES} values")
            waiting.extend(part.values() if isinstance(part, Mapping) else part)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}={_written(part)}" for key, part in value.items()) + "}"
    if value is None:
        return "null"
    if isinstance(value, float):
        return double_text(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if isinstance(value, list) else str(value)


_ANY: Mapping[str, _Method] = {
    "equals": lambda value, other: value == other,
    "toString": java_text,
}
_TEXT: Mapping[str, _Method] = {
    "charAt": lambda value, index: value[index],
    "concat": lambda value, other: value + other,
    "contains": lambda value, other: other in value,
    "endsWith": lambda value, other: value.endswith(other),
    "equalsIgnoreCase": lambda value, other: value.lower() == other.lower(),
    "indexOf": lambda value, other: value.find(other),
    "isEmpty": lambda value: not value,
    "lastIndexOf": lambda value, other: value.rfind(other),
    "length": len,
    "matches": lambda value, pattern: _pattern(pattern).takes(value),
    "replace": _replaced,
    "replaceAll": lambda value, pattern, new: _pattern(pattern).replaced(value, new),
    "split": _split,
    "startsWith": lambda value, other: value.startswith(other),
    "substring": lambda value, start, end=None: value[start:end],
    "toLowerCase": lambda value: value.lower(),
    "toUpperCase": lambda value: value.upper(),
    "trim": lambda value: value.strip(),
}
_LIST: Mapping[str, _Method] = {
    "add": _add,
    "addAll": lambda value, others: value.extend(others) or True,
    "contains": lambda value, member: member in value,
    "get": lambda value, index: value[index],
    "indexOf": lambda value, member: value.index(member) if member in value else -1,
    "isEmpty": lambda value: not value,
    "size": len,
}
_MAP: Mapping[str, _Method] = {
    "containsKey": lambda value, key: key in value,
    "entrySet": lambda value: [{"key": key, "value": member} for key, member in value.items()],
    "get": lambda value, key: value.get(key),
    "isEmpty": lambda value: not value,
    "keySet": list,
    "put": _put,
    "putAll": lambda value, others: value.update(others),
    "remove": lambda value, key: value.pop(key, None),
    "size": len,
    "values": lambda value: list(value.values()),
}
