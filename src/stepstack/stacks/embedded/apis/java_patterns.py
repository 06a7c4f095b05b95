"""Java's regular expressions in an API's templates, models, authorizers and responses, whose uses end in time.

They are the template's own, but what they are tried on comes with a request: a text that makes one try everything would otherwise keep the
whole process busy. Called by the neighbours that have such patterns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from stepstack.errors import UnsupportedFeature
from stepstack.query.regular_expression import RegularExpression
from stepstack.query.scope import Scope
from stepstack.query.time_bound import TIME_LIMIT_SECONDS, begin

__all__ = ["JavaPattern"]

_Found = TypeVar("_Found")
_NOTHING = Scope(data=None, context={}, variables={})
_ESCAPED_OR_GROUP = re.compile(r"\\(.)|\$(\d)", re.DOTALL)


class JavaPattern:
    """A compiled pattern; flags are Java's letters. ValueError where it cannot be read, UnsupportedFeature where a use takes too long."""

    __slots__ = ("_expression", "_text")

    def __init__(self, text: str, flags: str = "") -> None:
        self._text = text
        self._expression = RegularExpression.compile(text, flags)

    def takes(self, text: str) -> bool:
        """Whether the whole of `text` matches."""
        return self._in_time(lambda: self._expression.takes(text))

    def is_in(self, text: str) -> bool:
        """Whether a part of `text` matches."""
        return self._in_time(lambda: self._expression.search(text) is not None)

    def replaced(self, text: str, replacement: str) -> str:
        """`text` with what matches replaced; `$1` is a group, and a backslash makes the next character itself."""

        def expand(found: Any) -> str:
            return _ESCAPED_OR_GROUP.sub(lambda part: part[1] or found[int(part[2])] or "", replacement)

        return self._in_time(lambda: self._expression.sub(expand, text))

    def split(self, text: str) -> list[str]:
        """What stands between the matches in `text`."""
        return self._in_time(lambda: [part or "" for part in self._expression.split(text)])

    def _in_time(self, use: Callable[[], _Found]) -> _Found:
        begin(self, _NOTHING)
        try:
            return use()
        except TimeoutError:
            raise UnsupportedFeature(f"the regular expression {self._text!r} takes longer than {TIME_LIMIT_SECONDS:g} s") from None
        except MemoryError:
            raise UnsupportedFeature(f"the regular expression {self._text!r} makes too long a text") from None
