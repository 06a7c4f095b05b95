"""A JSON value that travels from state to state, with its text.

An input or an output is serialised at most once: StateExited, the next StateEntered and the execution's output share one text, and a
value that passes unchanged keeps the very text it came with, as AWS does (the spaces of StartExecution's input survive a Pass state).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stepstack.json_types import Json, json_text, parse_json

__all__ = ["EMPTY_OBJECT", "SIZE_LIMIT_BYTES", "VARIABLES_LIMIT_BYTES", "Payload", "is_too_large", "size_bytes"]

SIZE_LIMIT_BYTES: Final = 262_144
"""The most bytes that an input or an output may have, in UTF-8."""

VARIABLES_LIMIT_BYTES: Final = 10 * 1024 * 1024
"""The most bytes that all variables of an execution may have."""


class Payload:
    """`value` and its JSON `text`, which is made when it is first asked for."""

    __slots__ = ("_text", "value")

    def __init__(self, value: Json, text: str | None = None) -> None:
        self.value = value
        self._text = text

    @classmethod
    def parse(cls, text: str) -> Payload:
        """The payload of JSON `text`; ValueError where it is none."""
        return cls(parse_json(text), text)

    @classmethod
    def array(cls, items: Sequence[Payload]) -> Payload:
        """An array of payloads, whose text is put together from theirs."""
        return cls([item.value for item in items], f"[{','.join([item.text for item in items])}]")

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = json_text(self.value)
        return self._text


EMPTY_OBJECT: Final = Payload({}, "{}")


def is_too_large(text: str) -> bool:
    """Whether `text` exceeds AWS's limit of 256 KiB."""
    if len(text) > SIZE_LIMIT_BYTES:
        return True
    return len(text) * 4 > SIZE_LIMIT_BYTES and size_bytes(text) > SIZE_LIMIT_BYTES


def size_bytes(text: str) -> int:
    """The bytes of `text` in UTF-8; a half of a surrogate pair, which JSON may hold, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
