"""Plain paths of JSONata, `$states.input.order.id`: a walk through objects, without the library.

Most expressions of a state machine are one, and in larger expressions `jsonata_engine` evaluates them so, too. Where a path meets an
array, JSONata's rules for sequences apply, and the walk gives up. Called by `jsonata` and `jsonata_engine`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from stepstack.json_types import Json
from stepstack.query.scope import ABSENT, Scope

__all__ = ["MEETS_ARRAY", "follow", "plain_path", "states_object"]

_PLAIN = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)")
_WORDS = frozenset({"and", "or", "in", "true", "false", "null", "function"})
"""Names that mean something else in some places of an expression."""


class _MeetsArray:
    """The type of MEETS_ARRAY."""


MEETS_ARRAY: Final[Any] = _MeetsArray()
"""A path meets an array on its way, and goes on in each of its items."""


def plain_path(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The variable and the names behind it, where `text` is a plain path and nothing else."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return None
    names = tuple(found.group(2).split(".")[1:])
    return None if _WORDS.intersection(names) else (found.group(1), names)


def follow(root: str, names: tuple[str, ...], scope: Scope) -> Any:
    """What is behind the names: JSON, ABSENT where there is nothing, or MEETS_ARRAY."""
    if root != "states":
        value = scope.variables.get(root, ABSENT)
    elif names:
        value = _states_member(names[0], scope)
        names = names[1:]
    else:
        return states_object(scope)
    for name in names:
        if type(value) is not dict:
            return MEETS_ARRAY if isinstance(value, list) else ABSENT
        value = value.get(name, ABSENT)
    return value


def _states_member(name: str, scope: Scope) -> Any:
    if name == "input":
        return scope.data
    if name == "context":
        return scope.context
    if name == "result":
        return scope.result
    return scope.error_output if name == "errorOutput" else ABSENT


def states_object(scope: Scope) -> dict[str, Json]:
    """`$states`"""
    states: dict[str, Json] = {"input": scope.data, "context": scope.context}
    if scope.result is not ABSENT:
        states["result"] = scope.result
    if scope.error_output is not ABSENT:
        states["errorOutput"] = scope.error_output
    return states
