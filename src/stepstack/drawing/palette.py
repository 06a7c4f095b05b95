"""The colours of drawings and pages, for a light and a dark screen, and the style sheet that switches between them.

Called by `svg` and `page`. Every text has a contrast of 4.5 and more to what it stands on, every line and mark 3 and more (WCAG 2.2, AA): a
test computes it from these tables. Nothing is told by colour alone: marks have signs, labels have words. Paper is printed light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["DARK", "LIGHT", "MARKS", "colour_rules"]

LIGHT: Final[Mapping[str, str]] = {
    "paper": "#ffffff",
    "ink": "#1f2933",
    "quiet": "#52606d",
    "line": "#6b7785",
    "rule": "#cbd2d9",
    "fill": "#f5f7fa",
    "inner": "#ffffff",
    "link": "#1d4ed8",
    "focus": "#1d4ed8",
    "covered": "#d8f3e0",
    "covered-line": "#18703a",
    "partial": "#fff1cc",
    "partial-line": "#805600",
    "missed": "#fdeaea",
    "missed-line": "#b42318",
    "failed": "#fbd0cc",
    "failed-line": "#a11d13",
}
DARK: Final[Mapping[str, str]] = {
    "paper": "#12161c",
    "ink": "#e8edf3",
    "quiet": "#a7b4c2",
    "line": "#8292a5",
    "rule": "#36414f",
    "fill": "#1e2630",
    "inner": "#151b23",
    "link": "#8ab8ff",
    "focus": "#8ab8ff",
    "covered": "#123a22",
    "covered-line": "#57cc84",
    "partial": "#3f3208",
    "partial-line": "#f0c04a",
    "missed": "#3d1a19",
    "missed-line": "#ff8f87",
    "failed": "#661f1b",
    "failed-line": "#ff9f98",
}
MARKS: Final = ("covered", "partial", "missed", "failed")
"""What a state may be marked as. Each has a fill and a line above."""


def colour_rules(selector: str) -> str:
    """The colours as custom properties of `selector`: light, dark where the reader's screen is, light again on paper."""
    light, dark = (f"{selector} {{ {_properties(colours)} }}" for colours in (LIGHT, DARK))
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{ {dark} }}"


def _properties(colours: Mapping[str, str]) -> str:
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
