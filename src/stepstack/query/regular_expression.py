r"""Regular expressions that end: each use of one has what is left of its evaluation's time, so that no pattern hangs the process.

Called by the filters of paths (`=~`) and by JSONata's literals (`/a+/`). Both come from Java and JavaScript, whose syntax the library
`regex` reads where Python's `re` does not: `\p{L}`, `(?<name>...)`, possessive quantifiers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from stepstack.query.time_bound import look, seconds_left, time_is_up

if TYPE_CHECKING:
    import regex

__all__ = ["RegularExpression"]

MOST_MATCHES = 1_000_000
MOST_CHARACTERS = 16_000_000
"""What one use may yield; beyond it raises MemoryError."""

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
        """Whether the whole of `text` matches."""
        return self._in_time(self._pattern.fullmatch, text) is not None

    def search(self, string: str) -> regex.Match[str] | None:
        found: regex.Match[str] | None = self._in_time(self._pattern.search, string)
        return found

    def finditer(self, string: str) -> Iterator[regex.Match[str]]:
        matches = self._in_time(self._pattern.finditer, string)
        count = 0
        while (found := self._in_time(next, matches, None)) is not None:
            count += 1
            if count & 255 == 0:
                look()
                if count > MOST_MATCHES:
                    raise MemoryError
            yield found

    def sub(self, repl: str | Callable[[Any], str], string: str, count: int = 0) -> str:
        size = len(string)

        def bounded(match: Any) -> str:
            nonlocal size
            piece: str = match.expand(repl) if isinstance(repl, str) else repl(match)
            size += len(piece)
            if size > MOST_CHARACTERS:
                raise MemoryError
            return piece

        replaced: str = self._in_time(self._pattern.sub, bounded, string, count=count)
        return replaced

    def split(self, string: str, maxsplit: int = 0) -> list[str | Any]:
        pieces: list[str | Any] = self._in_time(self._pattern.split, string, maxsplit=maxsplit)
        return pieces

    @staticmethod
    def _in_time(use: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Raises TimeoutError, or whatever ends the evaluation that goes on, where its time is up."""
        if use is not next:
            seconds, is_concurrent = seconds_left()
            options["timeout"] = seconds
            # Without the interpreter's lock, where others wait for it.
            options["concurrent"] = is_concurrent
        try:
            return use(*arguments, **options)
        except TimeoutError:
            time_is_up()


def _reference(found: re.Match[str]) -> str:
    return f"(?P={found.group(1)})" if found.group(1) else found.group()
