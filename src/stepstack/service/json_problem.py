"""What is wrong with a text that should be JSON, in the words of the JSON reader that AWS uses (Jackson).

Called by the operations that take JSON as a string: an execution's input, a task's output. Source: recorded answers of AWS; Jackson's
messages for what no recording shows.
"""

from __future__ import annotations

import re

from stepstack.json_types import parse_json

__all__ = ["json_problem"]

VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
WORD = re.compile(r"[A-Za-z_$][\w$]*")
SPACE = re.compile(r"[ \t\r\n]*")
STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
STRING_BEGIN = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
DEPTH_LIMIT = 1000


def json_problem(text: str) -> str | None:
    """Why `text` is no JSON; None where it is."""
    try:
        parse_json(text)
    except ValueError:
        return _Scanner(text).problem()
    return None


class _Problem(Exception):
    """The way out of the scanner, with its finding."""


class _Scanner:
    """Reads a text as Jackson does, up to the first thing that is wrong."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def problem(self) -> str:
        try:
            self._document()
        except _Problem as problem:
            return str(problem)
        return "Number value is out of range"

    def _document(self) -> None:
        """Without recursion: `open_containers` has a closing bracket for each array and object that is open."""
        open_containers: list[str] = []
        self._value(open_containers)
        while open_containers:
            closing = open_containers[-1]
            kind = "Object" if closing == "}" else "Array"
            character = self._next(f"expected close marker for {kind}")
            if character == closing:
                self._at += 1
                open_containers.pop()
                continue
            if character != ",":
                raise self._unexpected(f"was expecting comma to separate {kind} entries")
            self._at += 1
            if closing == "}":
                self._field_name()
            self._value(open_containers)
        if self._next("") is not None:
            raise self._unexpected("was expecting the end of the text")

    def _value(self, open_containers: list[str]) -> None:
        character = self._next("was expecting a value")
        while character in {"{", "["}:
            if len(open_containers) == DEPTH_LIMIT:
                limit = "`StreamReadConstraints.getMaxNestingDepth()`"
                raise _Problem(f"Document nesting depth ({DEPTH_LIMIT + 1}) exceeds the maximum allowed ({DEPTH_LIMIT}, from {limit})")
            closing = "}" if character == "{" else "]"
            self._at += 1
            open_containers.append(closing)
            character = self._next(f"expected close marker for {'Object' if closing == '}' else 'Array'}")
            if character == closing:
                return
            if closing == "}":
                self._field_name()
                character = self._next("was expecting a value")
        self._scalar(character)

    def _scalar(self, character: str | None) -> None:
        if character == '"':
            self._string("string value")
            return
        number = NUMBER.match(self._text, self._at)
        if number:
            self._at = number.end()
            return
        word = WORD.match(self._text, self._at)
        if word is None:
            raise self._unexpected(f"expected a valid value {VALUES}")
        if word.group() not in {"true", "false", "null"}:
            raise _Problem(f"Unrecognized token '{word.group()}': was expecting {VALUES}")
        self._at = word.end()

    def _field_name(self) -> None:
        if self._next("was expecting double-quote to start field name") != '"':
            raise self._unexpected("was expecting double-quote to start field name")
        self._string("field name")
        if self._next("was expecting a colon to separate field name and value") != ":":
            raise self._unexpected("was expecting a colon to separate field name and value")
        self._at += 1

    def _string(self, what: str) -> None:
        whole = STRING.match(self._text, self._at)
        if whole:
            self._at = whole.end()
            return
        begin = STRING_BEGIN.match(self._text, self._at)
        end = begin.end() if begin else self._at
        if end >= len(self._text):
            raise _Problem(f"Unexpected end-of-input in {'field name' if what == 'field name' else 'VALUE_STRING'}")
        if self._text[end] == "\\":
            escape = self._text[end + 1 : end + 2]
            shown = f"Unrecognized character escape {_shown(escape)}"
            raise _Problem(shown if escape else "Unexpected end-of-input in character escape sequence")
        code = ord(self._text[end])
        raise _Problem(f"Illegal unquoted character ((CTRL-CHAR, code {code})): has to be escaped using backslash to be included in {what}")

    def _next(self, expected: str) -> str | None:
        """The next character that is no space; None at the text's end where nothing need follow."""
        space = SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at
        if self._at < len(self._text):
            return self._text[self._at]
        if expected:
            raise _Problem(f"Unexpected end-of-input: {expected}")
        return None

    def _unexpected(self, expectation: str) -> _Problem:
        return _Problem(f"Unexpected character ({_shown(self._text[self._at])}): {expectation}")


def _shown(character: str) -> str:
    return f"'{character}' (code {ord(character)})"
