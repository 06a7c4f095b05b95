"""How wide a text will be, and how it is broken into lines, without a font at hand.

Called by the layout, before anything is drawn. Widths are those of a wide sans-serif (DejaVu Sans, Verdana) in parts of the font size: what
fits there fits in the narrower fonts of most systems. No text of a definition is lost: names wrap; only labels have an end.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

__all__ = ["label_lines", "text_width", "wrapped"]

_NARROW, _LOW, _USUAL, _HIGH, _WIDE = 0.32, 0.43, 0.62, 0.70, 1.0
_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|! ", _NARROW),
    **dict.fromkeys('frtI()[]-/\\"`', _LOW),
    **dict.fromkeys("ABCDEFGHJKLNPRSTUVXYZ&", _HIGH),
    **dict.fromkeys("OQG\u2026", 0.79),
    **dict.fromkeys("=+<>#~^$_*", 0.84),
    **dict.fromkeys("mwMW@%\u2014", _WIDE),
}
_BREAKS = re.compile(r"(?<=[\s._/:,;-])|(?<=[a-z0-9])(?=[A-Z])")


def text_width(text: str, size: float) -> float:
    """How wide `text` is at most, in a font of `size` pixels."""
    return size * sum(_character_width(character) for character in text)


def _character_width(character: str) -> float:
    known = _WIDTHS.get(character)
    if known is not None:
        return known
    if character < "\u0300":
        return _USUAL
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0.0
    return 1.3 if unicodedata.category(character) == "So" else _WIDE if unicodedata.east_asian_width(character) in "WF" else _HIGH


def wrapped(text: str, width: float, size: float) -> tuple[str, ...]:
    """`text` in lines of at most `width` pixels, broken between words where that is possible, of much the same length."""
    lines = _filled(text, width, size)
    if len(lines) == 1:
        return lines
    # As many lines as needed, but narrower ones while they stay as many: no last line with one word.
    for share in (0.7, 0.8, 0.9):
        narrower = _filled(text, width * share, size)
        if len(narrower) == len(lines):
            return narrower
    return lines


def _filled(text: str, width: float, size: float) -> tuple[str, ...]:
    lines: list[str] = []
    line = ""
    for piece in _pieces(text, width, size):
        if line and text_width((line + piece).rstrip(), size) > width:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return (*lines, line.rstrip())


def _pieces(text: str, width: float, size: float) -> Iterator[str]:
    """Words with the space behind them; a word that is wider than a line in parts."""
    for word in re.findall(r"\s*\S+\s*?(?=\s|$)|\s+", text) or [text]:
        if text_width(word.strip(), size) <= width:
            yield word
            continue
        for part in _BREAKS.split(word):
            if text_width(part, size) <= width:
                yield part
            else:
                yield from part


def label_lines(entries: Sequence[str], width: float, size: float, most: int) -> tuple[str, ...]:
    """The entries of a label one below the other: at most `most` lines, each cut at `width`; the last one may say how many are left."""
    shown = list(entries) if len(entries) <= most else [*entries[: most - 1], f"+ {len(entries) - most + 1} more"]
    return tuple(_cut(entry, width, size) for entry in shown)


def _cut(text: str, width: float, size: float) -> str:
    if text_width(text, size) <= width:
        return text
    room = width - text_width("\u2026", size)
    kept = 0
    for character in text:
        room -= text_width(character, size)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "\u2026"
