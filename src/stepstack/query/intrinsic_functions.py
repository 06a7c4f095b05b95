"""Intrinsic Functions: `States.Format('Hello {}', $.name)` and the other seventeen.

Compiled by payload templates and, for fields that take a Path or a call, by the language (`compile_expression`). Arguments are strings,
numbers, true, false, null, paths and calls. Source: the Amazon States Language, AWS's developer guide (what is rounded, limits), recorded
answers of AWS (what a text of an object looks like, what is split where, how halves are rounded).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Hashable
from typing import NoReturn

from stepstack.errors import ExpressionSyntaxError, IntrinsicFailure, PathNotFound
from stepstack.json_types import Json, json_text, parse_json
from stepstack.query.equality import distinguishing_key, same
from stepstack.query.intrinsic_syntax import CallSyntax, PathSyntax, StringSyntax, read_call
from stepstack.query.java_hash_map import hash_map_order
from stepstack.query.java_random import JavaRandom
from stepstack.query.java_text import java_text
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Expression, Scope

__all__ = ["FUNCTION_NAMES", "HASH_ALGORITHMS", "IntrinsicCall", "compile_expression"]

RANGE_LIMIT = 1000
"""Items that States.ArrayRange makes at most."""

TEXT_LIMIT = 10_000
"""Characters that the Base64 functions and States.Hash take at most."""

_Function = Callable[[list[Json], Scope], Json]
_Argument = Callable[[Scope], Json]

HASH_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
"""AWS's names of hash functions, JSONata's `$hash` included, and Python's."""
_JSON_SPACES = " \t\r\n"
_PLACEHOLDER = re.compile(r"\\[\\'{}]|\{\}")


def compile_expression(text: str) -> AslPath | IntrinsicCall:
    """The Path or the Intrinsic Function call in `text`; raises ExpressionSyntaxError."""
    if text.startswith("$"):
        return AslPath.compile(text)
    return IntrinsicCall.compile(text)


class IntrinsicCall:
    """A compiled call."""

    __slots__ = ("_arguments", "_function", "text", "variables")

    def __init__(self, text: str, function: _Function, arguments: tuple[_Argument, ...], variables: frozenset[str]) -> None:
        self.text = text
        self.variables = variables
        self._function = function
        self._arguments = arguments

    def __repr__(self) -> str:
        return f"IntrinsicCall({self.text!r})"

    @classmethod
    def compile(cls, text: str) -> IntrinsicCall:
        """The call written in `text`; raises ExpressionSyntaxError, for an unknown function, too."""
        return _compile_call(read_call(text), text)

    def evaluate(self, scope: Scope) -> Json:
        """Raises IntrinsicFailure: its `text` is the call, whichever call inside it failed, and its message what AWS writes behind "had the
        following error: ", which names the function or the path.
        """
        try:
            return self._function([argument(scope) for argument in self._arguments], scope)
        except PathNotFound as missing:
            message = f"The JsonPath argument for the field '{missing.text}' could not be found in the input '{json_text(missing.data)}'"
            raise IntrinsicFailure(message, text=self.text) from None
        except _Refusal as refused:
            raise self._failure(str(refused)) from None
        except IntrinsicFailure as inner:
            raise IntrinsicFailure(inner.message, text=self.text) from None
        except RecursionError:
            raise self._failure("the values are nested too deeply") from None
        except (OverflowError, ValueError):  # beyond Python's floating-point numbers, or beyond the digits that it writes
            raise self._failure("a number is too large") from None

    def _failure(self, reason: str) -> IntrinsicFailure:
        name = self.text.partition("(")[0].rstrip()
        return IntrinsicFailure(f"Invalid arguments in {name}: {reason}", text=self.text)


class _Refusal(Exception):
    """A function does not take its arguments; the text says why."""


def _compile_call(syntax: CallSyntax, whole: str) -> IntrinsicCall:
    function = _FUNCTIONS.get(syntax.name)
    if function is None:
        raise ExpressionSyntaxError(f"there is no Intrinsic Function States.{syntax.name}", text=whole, offset=syntax.offset)
    arguments: list[_Argument] = []
    variables: frozenset[str] = frozenset()
    for position, argument in enumerate(syntax.arguments):
        if isinstance(argument, (CallSyntax, PathSyntax)):
            expression: Expression
            if isinstance(argument, CallSyntax):
                expression = _compile_call(argument, whole)
                arguments.append(expression.evaluate)
            else:
                expression = _compile_path(argument, whole)
                arguments.append(expression.select)
            variables |= expression.variables
        elif isinstance(argument, StringSyntax) and syntax.name == "Format" and position == 0:
            arguments.append(_constant(argument.raw))
        else:
            arguments.append(_constant(argument.value))
    return IntrinsicCall(syntax.text, function, tuple(arguments), variables)


def _compile_path(syntax: PathSyntax, whole: str) -> AslPath:
    try:
        return AslPath.compile(syntax.text)
    except ExpressionSyntaxError as refused:
        raise ExpressionSyntaxError(refused.message, text=whole, offset=syntax.offset + refused.offset) from None


def _constant(value: Json) -> _Argument:
    return lambda scope: value


def _check_count(arguments: list[Json], least: int, most: int | None = None) -> None:
    most = least if most is None else most
    if not least <= len(arguments) <= most:
        expected = str(least) if least == most else f"{least} to {most}"
        raise _Refusal(f"{expected} arguments are expected, but there are {len(arguments)}")


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise _Refusal(f"a string is expected, but was {_excerpt(value)}")
    return value


def _short_text(value: Json) -> str:
    text = _text(value)
    if len(text) > TEXT_LIMIT:
        raise _Refusal(f"the string has more than {TEXT_LIMIT} characters")
    return text


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _Refusal(f"an array is expected, but was {_excerpt(value)}")
    return value


def _whole_number(value: Json) -> int:
    """`value` rounded, halves upwards, as Java rounds: 1.5 is 2 and -1.5 is -1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Refusal(f"a number is expected, but was {_excerpt(value)}")
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        raise _Refusal("a finite number is expected")
    return math.floor(value + 0.5) if abs(value) < 2**52 else int(value)


def _excerpt(value: Json) -> str:
    text = json_text(value)
    return text if len(text) <= 100 else text[:100] + "..."


def _format(arguments: list[Json], scope: Scope) -> Json:
    if not arguments:
        raise _Refusal("a template is expected")
    template = _text(arguments[0])
    values = iter(arguments[1:])
    used = 0

    def replacement(found: re.Match[str]) -> str:
        nonlocal used
        if found.group() != "{}":
            return found.group()[1]
        used += 1
        try:
            return java_text(next(values))
        except StopIteration:
            _refuse_count(template, arguments)

    text = _PLACEHOLDER.sub(replacement, template)
    if used != len(arguments) - 1:
        _refuse_count(template, arguments)
    return text


def _refuse_count(template: str, arguments: list[Json]) -> NoReturn:
    places = sum(found == "{}" for found in _PLACEHOLDER.findall(template))
    raise _Refusal(f"the template has {places} times {{}}, but there are {len(arguments) - 1} values")


def _string_to_json(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    text = _text(arguments[0])
    if not text.strip(_JSON_SPACES):
        return None  # where there is nothing to read, Jackson's readTree has nothing to answer, and that is written as null
    try:
        return parse_json(text)
    except ValueError:
        raise _Refusal(f"the string is not JSON: {_excerpt(arguments[0])}") from None


def _json_to_string(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    return json_text(arguments[0])


def _array_of(arguments: list[Json], scope: Scope) -> Json:
    return arguments


def _array_partition(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2)
    array = _array(arguments[0])
    size = _whole_number(arguments[1])
    if size < 1:
        raise _Refusal(f"the size of the chunks is positive, but was {size}")
    return [array[start : start + size] for start in range(0, len(array), size)]


def _array_contains(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2)
    value = arguments[1]
    return any(same(item, value) for item in _array(arguments[0]))


def _array_range(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 3)
    first, last, step = map(_whole_number, arguments)
    if step == 0:
        raise _Refusal("the step is not 0")
    if (last - first) // step >= RANGE_LIMIT:
        raise _Refusal(f"the range has more than {RANGE_LIMIT} items")
    return list(range(first, last + (1 if step > 0 else -1), step))


def _array_get_item(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2)
    array = _array(arguments[0])
    index = _whole_number(arguments[1])
    if not 0 <= index < len(array):
        raise _Refusal(f"the index {index} is not in an array of {len(array)} items")
    return array[index]


def _array_length(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    return len(_array(arguments[0]))


def _array_unique(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    unique: dict[Hashable, Json] = {}
    for item in _array(arguments[0]):
        unique.setdefault(distinguishing_key(item), item)
    return list(unique.values())


def _base64_encode(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    return base64.b64encode(_short_text(arguments[0]).encode("utf-8", "surrogatepass")).decode("ascii")


def _base64_decode(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 1)
    try:
        return base64.b64decode(_short_text(arguments[0]), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise _Refusal("the string is not Base64") from None


def _hash(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2)
    algorithm = HASH_ALGORITHMS.get(_text(arguments[1]))
    if algorithm is None:
        raise _Refusal(f"the algorithm is one of {', '.join(HASH_ALGORITHMS)}, but was {arguments[1]}")
    data = _short_text(arguments[0]).encode("utf-8", "surrogatepass")
    return hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()


def _json_merge(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 3)
    left, right, deep = arguments
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise _Refusal(f"two objects are expected, but were {_excerpt(left)} and {_excerpt(right)}")
    if deep is not False:
        raise _Refusal("the third argument is false: there is only shallow merging")
    merged = {**left, **right}
    return {name: merged[name] for name in hash_map_order(merged)}


def _math_random(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2, 3)
    first, end = _whole_number(arguments[0]), _whole_number(arguments[1])
    if first >= end:
        raise _Refusal(f"the first number is below the second, but they were {first} and {end}")
    if len(arguments) == 3:
        return first + JavaRandom(_whole_number(arguments[2])).below(end - first)
    return scope.drawn_from.randomness.integer(first, end - 1)


def _math_add(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 2)
    return _whole_number(arguments[0]) + _whole_number(arguments[1])


def _string_split(arguments: list[Json], scope: Scope) -> Json:
    """Every character of the second string separates, and empty pieces are left out."""
    _check_count(arguments, 2)
    text, separators = _text(arguments[0]), _text(arguments[1])
    if not separators:
        return [text] if text else []
    return [piece for piece in re.split(f"[{re.escape(separators)}]", text) if piece]


def _uuid(arguments: list[Json], scope: Scope) -> Json:
    _check_count(arguments, 0)
    return scope.drawn_from.randomness.uuid()


_FUNCTIONS: dict[str, _Function] = {
    "Array": _array_of,
    "ArrayContains": _array_contains,
    "ArrayGetItem": _array_get_item,
    "ArrayLength": _array_length,
    "ArrayPartition": _array_partition,
    "ArrayRange": _array_range,
    "ArrayUnique": _array_unique,
    "Base64Decode": _base64_decode,
    "Base64Encode": _base64_encode,
    "Format": _format,
    "Hash": _hash,
    "JsonMerge": _json_merge,
    "JsonToString": _json_to_string,
    "MathAdd": _math_add,
    "MathRandom": _math_random,
    "StringSplit": _string_split,
    "StringToJson": _string_to_json,
    "UUID": _uuid,
}

FUNCTION_NAMES = tuple(f"States.{name}" for name in _FUNCTIONS)
