"""The text of a JSONPath taken apart into steps.

Called by `jsonpath` and `jsonpath_filters` (a filter holds paths itself). It leaves out what a step does: that is `jsonpath_steps`.
Source: the Amazon States Language on Paths; the grammar is that of Jayway's JsonPath, whose messages AWS repeats.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepstack.errors import ExpressionSyntaxError

__all__ = ["Cursor", "Descent", "Filter", "Function", "Indexes", "Names", "Slice", "StepSyntax", "Wildcard", "read_steps"]

_INDEXES = re.compile(r"\s*-?\d{1,9}\s*(?:,\s*-?\d{1,9}\s*)*\]")
_SLICE = re.compile(r"\s*(?:(-?\d{1,9})\s*)?:\s*(?:(-?\d{1,9})\s*)?(?::[\s\d-]*)?\]")
_WILDCARD = re.compile(r"\s*\*\s*\]")
_BARE_NAME = re.compile(r"[^\s.\[\]()'\"]+")
_BARE_NAME_IN_FILTER = re.compile(r"[^\s.\[\]()'\",<>=~!&|]+")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Names:
    """`.a`, `['a']`, `['a','b']`."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "[" + ",".join(f"'{name}'" for name in self.names) + "]"


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0]`, `[-1]`, `[0,2]`."""

    indexes: tuple[int, ...]

    def __str__(self) -> str:
        return "[" + ",".join(map(str, self.indexes)) + "]"


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:]`, `[:2]`, `[1:3]`; a third number is read and means nothing."""

    start: int | None
    stop: int | None

    def __str__(self) -> str:
        return f"[{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}]"


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*`, `[*]`."""

    def __str__(self) -> str:
        return "[*]"


@dataclass(frozen=True, slots=True)
class Descent:
    """`..`: the value and everything inside it."""

    def __str__(self) -> str:
        return ".."


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(...)]`; `text` is what stands between `?` and `]`."""

    text: str

    def __str__(self) -> str:
        return "[?]"


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()`, `.sum($.b)`; `arguments` are their texts."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f".{self.name}()"


StepSyntax = Names | Indexes | Slice | Wildcard | Descent | Filter | Function


class Cursor:
    """A place in a text that is read from left to right."""

    __slots__ = ("offset", "text")

    def __init__(self, text: str, offset: int = 0) -> None:
        self.text = text
        self.offset = offset

    @property
    def current(self) -> str:
        """The character here, "" at the end."""
        return self.text[self.offset : self.offset + 1]

    @property
    def at_end(self) -> bool:
        return self.offset >= len(self.text)

    def skip_spaces(self) -> None:
        while self.current.isspace():
            self.offset += 1

    def accept(self, prefix: str) -> bool:
        """Moves behind `prefix` where the text goes on with it."""
        if self.text.startswith(prefix, self.offset):
            self.offset += len(prefix)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Moves behind `pattern` where the text goes on with it."""
        found = pattern.match(self.text, self.offset)
        if found is not None:
            self.offset = found.end()
        return found

    def error(self, message: str) -> ExpressionSyntaxError:
        return ExpressionSyntaxError(message, text=self.text, offset=min(self.offset, len(self.text)))

    def quoted(self) -> str:
        """The string whose opening quote stands here, its escapes resolved."""
        return _ESCAPE.sub(_escaped, self.quoted_raw())

    def quoted_name(self) -> str:
        """The member name whose opening quote stands here: a backslash escapes that quote, and is itself anywhere else."""
        quote = self.current
        return self.quoted_raw().replace(f"\\{quote}", quote)

    def quoted_raw(self) -> str:
        """What stands between the opening quote here and its closing one, as it is written."""
        quote = self.current
        start = self.offset
        self.offset += 1
        while not self.at_end:
            character = self.current
            if character == quote:
                self.offset += 1
                return self.text[start + 1 : self.offset - 1]
            self.offset += 2 if character == "\\" else 1
        self.offset = start
        raise self.error("a string is not closed")


def _escaped(found: re.Match[str]) -> str:
    code, character = found.groups()
    return chr(int(code, 16)) if code else _ESCAPES.get(character, character)


def read_steps(cursor: Cursor, *, in_filter: bool = False) -> tuple[StepSyntax, ...]:
    """The steps behind `$` or `@`, to the end of the text, or (`in_filter`) to where the path cannot go on.

    Raises ExpressionSyntaxError.
    """
    steps: list[StepSyntax] = []
    while not cursor.at_end:
        if cursor.current == ".":
            _read_behind_dot(cursor, steps, _BARE_NAME_IN_FILTER if in_filter else _BARE_NAME)
        elif cursor.current == "[":
            steps.append(_read_bracket(cursor))
        elif in_filter:
            break
        else:
            raise cursor.error(f"'{cursor.current}' is not expected here")
    return tuple(steps)


def _read_behind_dot(cursor: Cursor, steps: list[StepSyntax], bare_name: re.Pattern[str]) -> None:
    cursor.offset += 1
    if cursor.accept("."):
        steps.append(Descent())
        if cursor.current == ".":
            raise cursor.error("'.' is not expected here")
    if cursor.at_end:
        if steps and not isinstance(steps[-1], Descent):
            return  # AWS publishes a definition in which a path ends so; it means nothing
        raise cursor.error("a path does not end with '.'")
    if cursor.current == "[":
        steps.append(_read_bracket(cursor))
    elif cursor.accept("*"):
        steps.append(Wildcard())
    else:
        steps.append(_read_name_or_function(cursor, bare_name))


def _read_name_or_function(cursor: Cursor, bare_name: re.Pattern[str]) -> Names | Function:
    found = cursor.match(bare_name)
    if found is None:
        raise cursor.error("a name is expected here; names with other characters are written ['so']")
    if cursor.accept("("):
        return Function(found.group(), _read_function_arguments(cursor))
    return Names((found.group(),))


def _read_function_arguments(cursor: Cursor) -> tuple[str, ...]:
    arguments: list[str] = []
    start = cursor.offset
    depth = 1
    while depth and not cursor.at_end:
        character = cursor.current
        if character in "'\"":
            cursor.quoted_raw()
            continue
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 or (depth == 1 and character == ","):
            arguments.append(cursor.text[start : cursor.offset].strip())
            start = cursor.offset + 1
        cursor.offset += 1
    if depth:
        raise cursor.error("')' is missing")
    return () if arguments == [""] else tuple(arguments)


def _read_bracket(cursor: Cursor) -> StepSyntax:
    cursor.offset += 1
    if cursor.match(_WILDCARD):
        return Wildcard()
    start = cursor.offset
    if cursor.match(_INDEXES):
        return Indexes(tuple(int(index) for index in cursor.text[start : cursor.offset - 1].split(",")))
    found = cursor.match(_SLICE)
    if found is not None:
        first, last = found.groups()
        if first is None and last is None:
            cursor.offset = start
            raise cursor.error("a slice has a first or a last index")
        return Slice(None if first is None else int(first), None if last is None else int(last))
    cursor.skip_spaces()
    if cursor.accept("?"):
        return _read_filter(cursor)
    if cursor.current in ("'", '"'):
        return _read_quoted_names(cursor)
    raise cursor.error("a name in quotes, an index, a slice, '*' or a filter is expected here")


def _read_quoted_names(cursor: Cursor) -> Names:
    names: list[str] = []
    while True:
        cursor.skip_spaces()
        if cursor.current not in ("'", '"'):
            raise cursor.error("a name in quotes is expected here")
        names.append(cursor.quoted_name())
        cursor.skip_spaces()
        if cursor.accept("]"):
            return Names(tuple(names))
        if not cursor.accept(","):
            raise cursor.error("',' or ']' is expected here")


BRACKETS_LIMIT = 3000
"""Open brackets in a filter: more than filters in filters may have (`jsonpath`), and few enough to be read over and over."""


def _read_filter(cursor: Cursor) -> Filter:
    """`(...)]`, whatever brackets, strings and regular expressions stand inside."""
    cursor.skip_spaces()
    if cursor.current != "(":
        raise cursor.error("'(' is expected here")
    start = cursor.offset
    depth = 0
    while not cursor.at_end:
        character = cursor.current
        if character in "'\"":
            cursor.quoted_raw()
            continue
        if character == "/":
            _skip_regular_expression(cursor)
            continue
        depth += (character in "([{") - (character in ")]}")
        if depth > BRACKETS_LIMIT:
            raise cursor.error("the filter is nested too deeply")
        cursor.offset += 1
        if depth == 0:
            text = cursor.text[start : cursor.offset]
            cursor.skip_spaces()
            if not cursor.accept("]"):
                raise cursor.error("']' is expected here")
            return Filter(text)
    cursor.offset = start
    raise cursor.error("a filter is not closed")


def _skip_regular_expression(cursor: Cursor) -> None:
    start = cursor.offset
    cursor.offset += 1
    while not cursor.at_end:
        character = cursor.current
        cursor.offset += 2 if character == "\\" else 1
        if character == "/":
            return
    cursor.offset = start
    raise cursor.error("a regular expression is not closed")
