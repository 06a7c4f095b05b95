"""Texts in which `*` stands for any text, in IAM's policies and in EventBridge's patterns, as expressions that always end soon.

Python tries every way to share a text among several `.*`: four of them in a policy's resource, and a path of some thousand slashes would
keep it busy for years. Here each part is looked for once, from where the one before it ended, which finds a match wherever there is one.

Called by `apis.authorizers` and `events.event_patterns`, which know what else such a text may have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["between_wildcards"]


def between_wildcards(parts: Sequence[str]) -> re.Pattern[str]:
    """The expression for `parts`, expressions without repetitions, with a `*` between each two of them; for `fullmatch`."""
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    first, *inner, last = parts
    # What a lookahead has found, Python does not look for again; the reference takes it.
    found = "".join(f"(?=(?P<part{number}>.*?{part}))(?P=part{number})" for number, part in enumerate(inner) if part)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)
