r"""Regular expressions that end: each use of one has a time limit, so that no pattern hangs the process.

Called by the filters of paths (`=~`) and by JSONata's literals (`/a+/`). Both come from Java and JavaScript, whose syntax the library
`regex` reads where Python's `re` does not: `\p{L}`, `(?<name>...)`, possessive quantifiers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import regex

__all__ = ["TIME_LIMIT_SECONDS", "RegularExpression"]

TIME_LIMIT_SECONDS = 2.0
"""How long one match may take; longer ones raise TimeoutError."""

_FLAGS = {"i": "IGNORECASE", "m": "MULTILINE", "s": "DOTALL", "x": "VERBOSE", "u": "IGNORECASE", "U": "UNICODE", "d": "VERSION0"}
"""Java's flags, and the library's constants for them."""


_ESCAPED_OR_REFERENCE = re.compile(r"\\\\|\\k<(\w+)>")
"""An escaped backslash, or a reference to a named group as Java and JavaScript write it."""


class RegularExpression:
    """A compiled pattern. Its methods are those of Python's patterns, which the JSONata library calls."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: regex.Pattern[str]) -> None:
        self._pattern = pattern

    @classmethod
    def compile(cls, pattern: str, flags: str = "") -> RegularExpression:
        """`flags` are Java's letters; raises ValueError where `pattern` is malformed."""
        import regex  # few definitions use one

        bits = regex.VERSION0
        for flag in flags:
            bits |= getattr(regex, _FLAGS[flag])
        try:
            return cls(regex.compile(_ESCAPED_OR_REFERENCE.sub(_reference, pattern), bits))
        except (regex.error, OverflowError, RecursionError) as refused:
            raise ValueError(str(refused)) from None

    def takes(self, text: str) -> bool:
        """Whether the whole of `text` matches; one that takes too long does not."""
        try:
            return self._pattern.fullmatch(text, timeout=TIME_LIMIT_SECONDS) is not None
        except TimeoutError:
            return False

    def search(self, string: str) -> regex.Match[str] | None:
        return self._pattern.search(string, timeout=TIME_LIMIT_SECONDS)

    def finditer(self, string: str) -> Iterator[regex.Match[str]]:
        return iter(self._pattern.finditer(string, timeout=TIME_LIMIT_SECONDS))

    def sub(self, repl: str | Callable[[Any], str], string: str, count: int = 0) -> str:
        replaced: str = self._pattern.sub(repl, string, count=count, timeout=TIME_LIMIT_SECONDS)
        return replaced

    def split(self, string: str, maxsplit: int = 0) -> list[str | Any]:
        pieces: list[str | Any] = self._pattern.split(string, maxsplit=maxsplit, timeout=TIME_LIMIT_SECONDS)
        return pieces


def _reference(found: re.Match[str]) -> str:
    return f"(?P={found.group(1)})" if found.group(1) else found.group()
