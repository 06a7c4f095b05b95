"""JSON read character by character: where each value stands, and what is wrong in the words of AWS's reader, which is Jackson.

Called by `definition_text` for a text that Python's reader refused, and by `source_map` for lines and columns. It never recurses, and
refuses what is nested too deeply. Source: a recorded answer of AWS for the form; Jackson's documented messages for the other mistakes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NoReturn

__all__ = ["JsonSyntaxError", "ScannedValue", "check_json", "scan_json"]

NESTING_LIMIT: Final = 1000
"""Jackson's own; without it, the paths of a hundred thousand open brackets would fill the memory."""

_SPACES: Final = re.compile(r"[ \t\r\n]*")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER: Final = re.compile(r"-?\d+(?P<fraction>\.\d*)?(?P<exponent>[eE][+-]?\d*)?", re.ASCII)
_WORD: Final = re.compile(r"[\w$]+")
_HEX: Final = re.compile(r"[0-9a-fA-F]{4}")
_VALID_VALUES: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SNIPPET: Final = 500
"""Characters of its source that Jackson repeats."""
_TOKEN: Final = 256
"""Characters of a token that Jackson repeats."""


class JsonSyntaxError(ValueError):
    """`message` and `place` as Jackson words them: `[Source: (String)"..."; line: 1, column: 4]`."""

    def __init__(self, message: str, place: str) -> None:
        self.message = message
        self.place = place
        super().__init__(f"{message} at {place}")


@dataclass(frozen=True, slots=True)
class ScannedValue:
    """A value at `path` (`/States/A/Catch[0]/Next`), which begins at `offset`; its key, where it has one, at `key_offset`."""

    path: str
    offset: int
    key_offset: int


def check_json(text: str) -> None:
    """Raises JsonSyntaxError where `text` is no JSON."""
    for _ in scan_json(text):
        pass


def scan_json(text: str) -> Iterator[ScannedValue]:
    """Every value in `text`, in its order; raises JsonSyntaxError where the text breaks off being JSON."""
    return _Scanner(text).values()


@dataclass(slots=True)
class _Container:
    """An object or array that is still open; `count` of its values are read."""

    is_object: bool
    path: str
    offset: int
    count: int = 0

    @property
    def noun(self) -> str:
        return "Object" if self.is_object else "Array"

    @property
    def closer(self) -> str:
        return "}" if self.is_object else "]"


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.open: list[_Container] = []

    def values(self) -> Iterator[ScannedValue]:
        self._skip_spaces()
        found = ScannedValue("", self.offset, self.offset)
        while True:
            yield found
            if not self._enter(found.path):
                self._scalar()
            if not self._leave():
                break
            found = self._member(self.open[-1])
        self._skip_spaces()
        if self.offset < len(self.text):
            self._unexpected_value()

    def _member(self, container: _Container) -> ScannedValue:
        """Goes to the container's next value, over its key; something follows, as `_leave` found."""
        self._skip_spaces()
        if self.offset >= len(self.text):
            self._end_of_input()
        key_offset = self.offset
        if container.is_object:
            if self._current != '"':
                self._unexpected("was expecting double-quote to start field name")
            name = self._string(is_name=True)
            self._skip_spaces()
            if self._current != ":":
                self._unexpected("was expecting a colon to separate field name and value")
            self.offset += 1
            self._skip_spaces()
            path = f"{container.path}/{name}"
        else:
            path = f"{container.path}[{container.count}]"
        container.count += 1
        return ScannedValue(path, self.offset, key_offset)

    def _enter(self, path: str) -> bool:
        """Whether the value is an object or an array; it is the innermost open one then."""
        if self._current not in ("{", "["):
            return False
        self.open.append(_Container(self._current == "{", path, self.offset))
        self.offset += 1
        if len(self.open) > NESTING_LIMIT:
            self._fail(f"Document nesting depth ({len(self.open)}) exceeds the maximum allowed ({NESTING_LIMIT})")
        return True

    def _leave(self) -> bool:
        """Closes whatever ends here and reads the comma; whether another value must follow."""
        while self.open:
            container = self.open[-1]
            self._skip_spaces()
            if self.offset >= len(self.text):
                self._end_of_input()
            if container.count == 0 and self._current not in ("}", "]"):
                return True
            if self._current in ("}", "]"):
                self._close()
                continue
            if self._current != ",":
                self._unexpected(f"was expecting comma to separate {container.noun} entries")
            self.offset += 1
            return True
        return False

    def _close(self) -> None:
        container = self.open[-1]
        if self._current != container.closer:
            start = self._place(container.offset)
            self.offset += 1
            message = f"Unexpected close marker '{self.text[self.offset - 1]}': expected '{container.closer}'"
            self._fail(f"{message} (for {container.noun} starting at {start})")
        self.open.pop()
        self.offset += 1

    # Values without values inside

    def _scalar(self) -> None:
        current = self._current
        if current == '"':
            self._string(is_name=False)
        elif current == "-" or current.isdigit():
            self._number()
        else:
            word = self._word()
            if word not in {"true", "false", "null"}:
                self._unexpected_value()
            self.offset += len(word)

    def _string(self, *, is_name: bool) -> str:
        start = self.offset + 1
        self.offset = start
        while True:
            found = _PLAIN.match(self.text, self.offset)
            self.offset = found.end() if found else self.offset
            current = self._current
            if current == '"':
                break
            if not current:
                ending = " in field name" if is_name else ": was expecting closing quote for a string value"
                self._fail(f"Unexpected end-of-input{ending}")
            if current != "\\":
                self.offset += 1
                where = "name" if is_name else "string value"
                self._fail(
                    f"Illegal unquoted character ({_described(current)}): has to be escaped using backslash to be included in {where}"
                )
            self._escape()
        self.offset += 1
        written = self.text[start : self.offset - 1]
        return str(json.loads(f'"{written}"')) if "\\" in written else written

    def _escape(self) -> None:
        self.offset += 1
        current = self._current
        self.offset += 1
        if current == "u":
            if not _HEX.match(self.text, self.offset):
                self._fail(f"Unexpected character ({_described(self._current)}): expected a hex-digit for character escape sequence")
            self.offset += 4
        elif current not in tuple('"\\/bfnrt'):
            self._fail(f"Unrecognized character escape {_described(current)}")

    def _number(self) -> None:
        found = _NUMBER.match(self.text, self.offset)
        if found is None:
            self.offset += 1
            self._unexpected("expected digit (0-9) to follow minus sign, for valid numeric value", where=" in numeric value")
            return
        digits = found.group().lstrip("-")
        self.offset = found.end()
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            self._fail("Invalid numeric value: Leading zeroes not allowed")
        if found.group("fraction") == ".":
            self._unexpected("Decimal point not followed by a digit", where=" in numeric value")
        exponent = found.group("exponent")
        if exponent and not exponent[-1].isdigit():
            self._unexpected("Exponent indicator not followed by a digit", where=" in numeric value")

    # What is wrong

    def _unexpected_value(self) -> NoReturn:
        word = self._word()
        if word and not word[0].isdigit():
            self.offset += len(word)
            shown = word if len(word) <= _TOKEN else f"{word[:_TOKEN]}..."
            self._fail(f"Unrecognized token '{shown}': was expecting {_VALID_VALUES}")
        self._unexpected(f"expected a valid value {_VALID_VALUES}")

    def _unexpected(self, reason: str, *, where: str = "") -> NoReturn:
        current = self._current
        if not current:
            self._end_of_input(is_between=True)
        self.offset += 1
        self._fail(f"Unexpected character ({_described(current)}){where}: {reason}")

    def _end_of_input(self, *, is_between: bool = False) -> NoReturn:
        if not self.open:
            self._fail("Unexpected end-of-input")
        container = self.open[-1]
        if is_between:
            self._fail(f"Unexpected end-of-input within/between {container.noun} entries")
        start = self._place(container.offset)
        self._fail(f"Unexpected end-of-input: expected close marker for {container.noun} (start marker at {start})")

    def _fail(self, message: str) -> NoReturn:
        raise JsonSyntaxError(message, self._place(self.offset))

    def _place(self, offset: int) -> str:
        line, column = line_and_column(self.text, offset)
        rest = len(self.text) - _SNIPPET
        cut = f"[truncated {rest} chars]" if rest > 0 else ""
        return f'[Source: (String)"{self.text[:_SNIPPET]}"{cut}; line: {line}, column: {column}]'

    # The text

    @property
    def _current(self) -> str:
        return self.text[self.offset : self.offset + 1]

    def _word(self) -> str:
        found = _WORD.match(self.text, self.offset)
        return found.group() if found else ""

    def _skip_spaces(self) -> None:
        found = _SPACES.match(self.text, self.offset)
        self.offset = found.end() if found else self.offset


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """The line and the column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _described(character: str) -> str:
    """A character as Jackson shows it."""
    if not character:
        return "end-of-input"
    code = ord(character)
    if code < 32:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code} / 0x{code:x})" if code > 255 else f"'{character}' (code {code})"
