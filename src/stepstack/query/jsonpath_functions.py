"""The functions at the end of a JSONPath: `$.items.length()`, `$..price.max()`.

Called by `jsonpath`. In Payload Templates AWS matches nothing with them (recorded by its users: "The JSONPath '$.Jobs.sum()' specified
for the field ... could not be found in the input"), so they work in the other fields alone. Source: Jayway's JsonPath.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import pstdev

from stepstack.errors import ExpressionSyntaxError, PathNotFound
from stepstack.json_types import Json, parse_json
from stepstack.query.java_text import java_text
from stepstack.query.jsonpath_filters import PathCompiler
from stepstack.query.jsonpath_syntax import Cursor, Function

__all__ = ["FunctionCall"]


class FunctionCall:
    """One function with its compiled arguments, applied to what the path in front of it found."""

    __slots__ = ("_arguments", "_name")

    def __init__(self, name: str, arguments: list[Callable[[Json], Json]]) -> None:
        self._name = name
        self._arguments = arguments

    @classmethod
    def compile(cls, syntax: Function, compile_path: PathCompiler) -> FunctionCall:
        """Raises ExpressionSyntaxError for a function that there is not, or an argument that is no path and no JSON."""
        if syntax.name not in _FUNCTIONS:
            raise ExpressionSyntaxError(f"there is no function {syntax.name}()", text=str(syntax))
        return cls(syntax.name, [_compile_argument(text, compile_path) for text in syntax.arguments])

    def apply(self, found: Json, root: Json) -> Json:
        """The function's value; PathNotFound where it cannot be applied to what was found."""
        try:
            return _FUNCTIONS[self._name](found, [argument(root) for argument in self._arguments])
        except OverflowError:
            raise PathNotFound(f"{self._name}() comes to a number that is too large") from None


def _compile_argument(text: str, compile_path: PathCompiler) -> Callable[[Json], Json]:
    if text.startswith("$"):
        cursor = Cursor(text, 1)
        path = compile_path(cursor)
        if not cursor.at_end:
            raise cursor.error("the path does not end here")
        return lambda root: path.search(root, root)
    try:
        value = parse_json(text)
    except ValueError:
        raise ExpressionSyntaxError("an argument is a path beginning with $ or JSON", text=text) from None
    return lambda root: value


def _numbers(found: Json, arguments: list[Json]) -> list[float]:
    values: list[Json] = list(found) if isinstance(found, list) else []
    for argument in arguments:
        values.extend(argument if isinstance(argument, list) else [argument])
    numbers = [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if not numbers:
        raise PathNotFound("Aggregation function attempted to calculate value using empty array")
    return numbers


def _length(found: Json, arguments: list[Json]) -> Json:
    subject = arguments[0] if arguments else found
    return len(subject) if isinstance(subject, (list, dict, str)) else None


def _keys(found: Json, arguments: list[Json]) -> Json:
    return list(found) if isinstance(found, dict) else None


def _concat(found: Json, arguments: list[Json]) -> Json:
    values: list[Json] = list(found) if isinstance(found, list) else []
    for argument in arguments:
        values.extend(argument if isinstance(argument, list) else [argument])
    return "".join(java_text(value) for value in values)


def _append(found: Json, arguments: list[Json]) -> Json:
    return [*found, *arguments] if isinstance(found, list) else found


def _item(found: Json, index: Json) -> Json:
    if not isinstance(found, list) or not isinstance(index, int) or not -len(found) <= index < len(found):
        raise PathNotFound(f"Array index {java_text(index)} is not in an array here")
    item: Json = found[index]
    return item


_FUNCTIONS: dict[str, Callable[[Json, list[Json]], Json]] = {
    "length": _length,
    "size": _length,
    "keys": _keys,
    "min": lambda found, arguments: min(_numbers(found, arguments)),
    "max": lambda found, arguments: max(_numbers(found, arguments)),
    "sum": lambda found, arguments: math.fsum(_numbers(found, arguments)),
    "avg": lambda found, arguments: math.fsum(numbers := _numbers(found, arguments)) / len(numbers),
    "stddev": lambda found, arguments: pstdev(_numbers(found, arguments)),
    "concat": _concat,
    "append": _append,
    "first": lambda found, arguments: _item(found, 0),
    "last": lambda found, arguments: _item(found, -1),
    "index": lambda found, arguments: _item(found, arguments[0] if arguments else None),
}
