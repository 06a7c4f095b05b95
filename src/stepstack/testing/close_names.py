"""Names that there are in place of one that there is not, and the one that may have been meant.

Called where states, tasks and files are named that do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["listed", "meant"]

SHOWN_NAMES = 20


def listed(names: Iterable[str], most: int = SHOWN_NAMES) -> str:
    """`there are 'Pay', 'Ship' and 3 more`: at most `most` of the names."""
    found = list(names)
    shown = ", ".join(map(repr, found[:most])) or "none"
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return f"there {'is' if len(found) == 1 else 'are'} {shown}{more}"


def meant(name: str, names: Iterable[str]) -> str:
    """`; was 'Pay' meant?`, where one of the names is close to `name`."""
    close = get_close_matches(name, list(names), n=1)
    return f"; was {close[0]!r} meant?" if close else ""
