"""What the steps of a JSONPath do to values.

Called by `jsonpath`, which compiles a path's syntax to steps once. A step before which everything is definite goes from one value to
one (`follow`) and says in AWS's words why it cannot; the others go from many values to many (`spread`) and pass over what does not
match. Source: Jayway's JsonPath, which AWS uses, as its documentation and AWS's recorded answers show it.
"""

from __future__ import annotations

from typing import Protocol

from stepstack.errors import PathNotFound
from stepstack.json_types import Json
from stepstack.query.java_text import java_text, java_type
from stepstack.query.jsonpath_filters import Condition
from stepstack.query.jsonpath_syntax import Indexes, Names, Slice
from stepstack.query.time_bound import look

__all__ = [
    "DefiniteStep",
    "DescentStep",
    "FilterStep",
    "IndexStep",
    "IndexesStep",
    "MergedNamesStep",
    "NameStep",
    "NamesStep",
    "SliceStep",
    "Step",
    "WildcardStep",
    "descendants",
]

MOST_VALUES = 2_000_000
"""What a `..` may find: several of them in one path multiply, and fill the memory."""


class Step(Protocol):
    """A step from many values to many."""

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        """What the step finds in each of `values`, in order."""
        ...


class DefiniteStep(Step, Protocol):
    """A step that finds one value at most in each value."""

    def follow(self, value: Json, walked: str, whole: str, *, is_last: bool) -> Json:
        """What the step finds in `value`; PathNotFound where that is nothing.

        `walked` is the path to `value`, `whole` the whole path, both as messages write them: `$['a'][0]`.
        """
        ...


def _refuse_non_object(step: object, value: Json, walked: str) -> PathNotFound:
    return PathNotFound(
        f"Expected to find an object with property {step} in path {walked} but found '{java_type(value)}'. This is not a json object "
        "according to the JsonProvider: 'com.jayway.jsonpath.spi.json.JacksonJsonProvider'."
    )


class NameStep:
    """`.a`"""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"['{self.name}']"

    def follow(self, value: Json, walked: str, whole: str, *, is_last: bool) -> Json:
        if not isinstance(value, dict):
            raise _refuse_non_object(self, value, walked)
        if self.name in value:
            found: Json = value[self.name]
            return found
        raise PathNotFound(f"No results for path: {whole}" if is_last else f"Missing property in path {walked}{self}")

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        name = self.name
        return [value[name] for value in values if isinstance(value, dict) and name in value]


class MergedNamesStep:
    """`['a','b']` at the end of a path: one object of those that are there."""

    __slots__ = ("names",)

    def __init__(self, names: Names) -> None:
        self.names = names

    def __str__(self) -> str:
        return str(self.names)

    def follow(self, value: Json, walked: str, whole: str, *, is_last: bool) -> Json:
        if not isinstance(value, dict):
            raise _refuse_non_object(self, value, walked)
        return self._merged(value)

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        return [self._merged(value) for value in values if isinstance(value, dict)]

    def _merged(self, value: dict[str, Json]) -> Json:
        return {name: value[name] for name in self.names.names if name in value}


class NamesStep:
    """`['a','b']` with more behind it: the path goes on in each of them."""

    __slots__ = ("names",)

    def __init__(self, names: Names) -> None:
        self.names = names.names

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        return [value[name] for value in values if isinstance(value, dict) for name in self.names if name in value]


class IndexStep:
    """`[0]`, `[-1]`"""

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = index

    def __str__(self) -> str:
        return f"[{self.index}]"

    def follow(self, value: Json, walked: str, whole: str, *, is_last: bool) -> Json:
        if value is None:
            raise PathNotFound(f"The path {walked} is null")
        if not isinstance(value, list):
            rest = whole[len(walked) :]
            raise PathNotFound(f"Filter: {rest} can only be applied to arrays. Current context is: {java_text(value)}")
        if -len(value) <= self.index < len(value):
            found: Json = value[self.index]
            return found
        raise PathNotFound(f"No results for path: {whole}")

    def is_beyond(self, value: Json) -> bool:
        """Whether `value` is an array without this index; an indefinite path then finds nothing instead of failing."""
        return isinstance(value, list) and not -len(value) <= self.index < len(value)

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        index = self.index
        return [value[index] for value in values if isinstance(value, list) and -len(value) <= index < len(value)]


class IndexesStep:
    """`[0,2]`"""

    __slots__ = ("indexes",)

    def __init__(self, indexes: Indexes) -> None:
        self.indexes = indexes.indexes

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        return [value[index] for value in values if isinstance(value, list) for index in self.indexes if -len(value) <= index < len(value)]


class SliceStep:
    """`[1:]`, `[:2]`, `[1:3]`"""

    __slots__ = ("slice",)

    def __init__(self, slice_: Slice) -> None:
        self.slice = slice_

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        found: list[Json] = []
        for value in values:
            if isinstance(value, list):
                length = len(value)
                found.extend(value[index] for index in self._indexes(length) if -length <= index < length)
        return found

    def _indexes(self, length: int) -> range:
        """Between two indexes, Jayway counts from the first to the last as they are written, negative ones too."""
        start, stop = self.slice.start, self.slice.stop
        if start is None:
            return range(length)[:stop]
        if stop is None:
            return range(length)[start:]
        return range(max(start, -length), min(stop, length))


class WildcardStep:
    """`.*`, `[*]`"""

    __slots__ = ()

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        found: list[Json] = []
        for value in values:
            if isinstance(value, dict):
                found.extend(value.values())
            elif isinstance(value, list):
                found.extend(value)
        return found


class DescentStep:
    """`..`"""

    __slots__ = ()

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        found: list[Json] = []
        for value in values:
            look()
            found.extend(descendants(value))
            if len(found) > MOST_VALUES:
                raise PathNotFound(f"The path finds more than {MOST_VALUES} values on its way")
        return found


def descendants(value: Json) -> list[Json]:
    """`value` and every object and array inside it, each before what it holds."""
    found: list[Json] = []
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            found.append(value)
            waiting.extend(reversed(value.values()))
        elif isinstance(value, list):
            found.append(value)
            waiting.extend(reversed(value))
    return found


class FilterStep:
    """`[?(...)]`: the items of an array, or the object itself, that the condition takes.

    Behind `..` each object is tested itself, and an array's items are, too: then only objects count, each once.
    """

    __slots__ = ("_behind_descent", "_condition")

    def __init__(self, condition: Condition, *, behind_descent: bool) -> None:
        self._condition = condition
        self._behind_descent = behind_descent

    def spread(self, values: list[Json], root: Json) -> list[Json]:
        condition = self._condition
        found: list[Json] = []
        for value in values:
            look()
            if isinstance(value, dict):
                if condition(value, root):
                    found.append(value)
            elif isinstance(value, list) and not self._behind_descent:
                for position, item in enumerate(value):
                    if not position & 15:
                        look()
                    if condition(item, root):
                        found.append(item)
        return found
