"""The text of an Intrinsic Function call taken apart: `States.Format('{} of {}', $.a, States.ArrayLength($.b))`.

Called by `intrinsic_functions`. Source: the Amazon States Language on Intrinsic Functions; the developer guide's "Reserved characters": a
backslash escapes an apostrophe, a brace or a backslash, and is an error in front of anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepstack.json_types import Json, parse_json
from stepstack.query.jsonpath_syntax import Cursor

__all__ = ["CallSyntax", "LiteralSyntax", "PathSyntax", "StringSyntax", "read_call"]

NESTING_LIMIT = 10
"""Intrinsic Functions inside each other; AWS takes ten in a field."""

_FUNCTION = re.compile(r"States\.([A-Za-z0-9]+)\s*\(")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_ESCAPABLE = re.compile(r"\\([\\'{}])")
_ESCAPED_WELL = re.compile(r"(?:[^\\]|\\[\\'{}])*")


@dataclass(frozen=True, slots=True)
class StringSyntax:
    """`raw` is what stands between the apostrophes."""

    raw: str

    @property
    def value(self) -> str:
        return _ESCAPABLE.sub(r"\1", self.raw)


@dataclass(frozen=True, slots=True)
class LiteralSyntax:
    """A number, true, false or null."""

    value: Json


@dataclass(frozen=True, slots=True)
class PathSyntax:
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class CallSyntax:
    """`text` is the call as it is written."""

    name: str
    arguments: tuple[ArgumentSyntax, ...]
    text: str
    offset: int


ArgumentSyntax = StringSyntax | LiteralSyntax | PathSyntax | CallSyntax


def read_call(text: str) -> CallSyntax:
    """The call that `text` is; raises ExpressionSyntaxError."""
    cursor = Cursor(text)
    cursor.skip_spaces()
    call = _read_call(cursor, nesting=1)
    cursor.skip_spaces()
    if not cursor.at_end:
        raise cursor.error("the call does not end here")
    return call


def _read_call(cursor: Cursor, nesting: int) -> CallSyntax:
    start = cursor.offset
    found = cursor.match(_FUNCTION)
    if found is None:
        raise cursor.error("a call such as States.UUID() is expected here")
    if nesting > NESTING_LIMIT:
        raise cursor.error(f"more than {NESTING_LIMIT} Intrinsic Functions stand inside each other")
    arguments: list[ArgumentSyntax] = []
    cursor.skip_spaces()
    while not cursor.accept(")"):
        if arguments and not cursor.accept(","):
            raise cursor.error("',' or ')' is expected here")
        cursor.skip_spaces()
        arguments.append(_read_argument(cursor, nesting))
        cursor.skip_spaces()
    return CallSyntax(found.group(1), tuple(arguments), cursor.text[start : cursor.offset], start)


def _read_argument(cursor: Cursor, nesting: int) -> ArgumentSyntax:
    if cursor.current == "'":
        return _read_string(cursor)
    if cursor.current == "$":
        return _read_path(cursor)
    found = cursor.match(_NUMBER)
    if found is not None:
        return LiteralSyntax(parse_json(found.group()))
    for word, value in _WORDS.items():
        if cursor.accept(word):
            return LiteralSyntax(value)
    return _read_call(cursor, nesting + 1)


def _read_string(cursor: Cursor) -> StringSyntax:
    start = cursor.offset
    raw = cursor.quoted_raw()
    well = _ESCAPED_WELL.match(raw)
    if well is not None and well.end() < len(raw):
        cursor.offset = start + 1 + well.end()
        raise cursor.error("a backslash escapes an apostrophe, a brace or a backslash, and nothing else")
    return StringSyntax(raw)


def _read_path(cursor: Cursor) -> PathSyntax:
    """A path ends at a comma or parenthesis that belongs to no bracket, string or call inside it."""
    start = cursor.offset
    depth = 0
    while not cursor.at_end:
        character = cursor.current
        if depth and character in "'\"":
            cursor.quoted_raw()
            continue
        if depth == 0 and character in ",)":
            break
        depth += (character in "([") - (character in ")]")
        cursor.offset += 1
    return PathSyntax(cursor.text[start : cursor.offset].rstrip(), start)
