"""Event patterns: what EventBridge rules and the FilterCriteria of event source mappings select by.

A pattern is an object whose leaves are lists of what a value may be: `{"detail": {"state": ["done", {"prefix": "re"}]}}`. Compiled once,
then matched. Called by `event_rules` and `event_source_mappings`. Source: "Comparison operators for use in event patterns" in the
EventBridge user guide, "Lambda event filtering" in the Lambda developer guide.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from stepstack.errors import ServiceError
from stepstack.json_types import parse_json
from stepstack.stacks.embedded.wildcards import between_wildcards

__all__ = ["EventPattern"]

_Test: TypeAlias = "Callable[[Any], bool]"
_MISSING = object()

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


class EventPattern:
    """A compiled pattern."""

    def __init__(self, text: str) -> None:
        try:
            self._test = _object(parse_json(text))
        except (ValueError, RecursionError) as error:
            raise _invalid(f"Filter is not an object: {error}") from None

    @staticmethod
    @lru_cache(maxsize=512)
    def compile(text: str) -> EventPattern:
        """The pattern of `text`, compiled when it is seen first; ServiceError where it is none."""
        return EventPattern(text)

    def matches(self, event: Any) -> bool:
        """Whether the event (a JSON value) has what the pattern asks for."""
        return self._test(event)


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


def _object(pattern: Any) -> _Test:
    if not isinstance(pattern, dict) or not pattern:
        raise _invalid("Filter is not an object")
    tests = [_alternatives(member) if name == "$or" else _member(name, member) for name, member in pattern.items()]
    return lambda value: all(test(value) for test in tests)


def _alternatives(patterns: Any) -> _Test:
    if not isinstance(patterns, list) or len(patterns) < 2:
        raise _invalid("There must have at least 2 Objects in $or relationship")
    tests = [_object(pattern) for pattern in patterns]
    return lambda value: any(test(value) for test in tests)


def _member(name: str, pattern: Any) -> _Test:
    if isinstance(pattern, dict):
        inner = _object(pattern)

        def test_object(value: Any) -> bool:
            found = value.get(name, {}) if isinstance(value, dict) else {}
            return any(inner(part) for part in found) if isinstance(found, list) else inner(found)

        return test_object
    if not isinstance(pattern, list):
        raise _invalid(f'"{name}" must be an object or an array')
    if not pattern:
        raise _invalid("Empty arrays are not allowed")
    tests = [_leaf(entry) for entry in pattern]

    def test_leaf(value: Any) -> bool:
        found = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
        parts = found if isinstance(found, list) and found else [found]
        return any(test(part) for test in tests for part in parts)

    return test_leaf


def _leaf(entry: Any) -> _Test:
    if not isinstance(entry, dict):
        return lambda value: _same(value, entry)
    if len(entry) != 1:
        raise _invalid("Only one key allowed in match expression")
    ((kind, argument),) = entry.items()
    make = _MATCHERS.get(kind)
    if make is None:
        raise _invalid(f"Unrecognized match type {kind}")
    return make(argument)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def _text_test(argument: Any, test: Callable[[str, str], bool]) -> _Test:
    """A test of text; `{"equals-ignore-case": ...}` as the argument ignores case."""
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        wanted = str(argument["equals-ignore-case"]).casefold()
        return lambda value: isinstance(value, str) and test(value.casefold(), wanted)
    if not isinstance(argument, str):
        raise _invalid("a match on text needs a string")
    return lambda value: isinstance(value, str) and test(value, argument)


def _anything_but(argument: Any) -> _Test:
    if isinstance(argument, dict):
        if len(argument) != 1 or not set(argument) <= {"prefix", "suffix", "wildcard", "equals-ignore-case"}:
            raise _invalid("Unsupported anything-but pattern")
        ((kind, texts),) = argument.items()
        tests = [_MATCHERS[kind](text) for text in (texts if isinstance(texts, list) else [texts])]
    else:
        tests = [_leaf(entry) for entry in (argument if isinstance(argument, list) else [argument])]
    return lambda value: value is not _MISSING and not any(test(value) for test in tests)


def _numeric(argument: Any) -> _Test:
    if not isinstance(argument, list) or len(argument) not in {2, 4}:
        raise _invalid("Value of numeric must be an array of an operator and a number, once or twice")
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    if any(sign not in _COMPARISONS or isinstance(bound, bool) or not isinstance(bound, (int, float)) for sign, bound in pairs):
        raise _invalid("Value of numeric must be an array of an operator and a number, once or twice")
    tests = [(_COMPARISONS[sign], bound) for sign, bound in pairs]
    return lambda value: (
        isinstance(value, (int, float)) and not isinstance(value, bool) and all(compare(value, bound) for compare, bound in tests)
    )


def _exists(argument: Any) -> _Test:
    if not isinstance(argument, bool):
        raise _invalid("exists match pattern must be either true or false.")
    # An object in the leaf's place is no leaf: EventBridge looks for leaves only.
    return lambda value: (value is not _MISSING and not isinstance(value, dict)) is argument


def _wildcard(argument: Any) -> _Test:
    if not isinstance(argument, str) or "**" in argument:
        raise _invalid("Consecutive wildcard characters")
    expression = between_wildcards([re.escape(part).replace(r"\\\*", r"\*") for part in re.split(r"(?<!\\)\*", argument)])
    return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None


def _cidr(argument: Any) -> _Test:
    try:
        network = ipaddress.ip_network(argument, strict=False)
    except ValueError:
        raise _invalid("Malformed CIDR") from None

    def test(value: Any) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test


_MATCHERS: dict[str, Callable[[Any], _Test]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    "equals-ignore-case": lambda argument: _text_test({"equals-ignore-case": argument}, operator.eq),
    "exists": _exists,
    "numeric": _numeric,
    "prefix": lambda argument: _text_test(argument, str.startswith),
    "suffix": lambda argument: _text_test(argument, str.endswith),
    "wildcard": _wildcard,
}
