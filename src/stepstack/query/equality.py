"""When two JSON values are the same: 1 is not 1.0, nor true.

Python calls 1, 1.0 and True equal; AWS's Java does not. Called by filters of paths, by States.ArrayContains and States.ArrayUnique.
"""

from __future__ import annotations

from collections.abc import Hashable

from stepstack.json_types import Json

__all__ = ["distinguishing_key", "same"]


def same(left: Json, right: Json) -> bool:
    """Whether two JSON values have the same type and content; the order of members does not count."""
    if isinstance(left, dict):
        if not isinstance(right, dict) or len(left) != len(right):
            return False
        return all(name in right and same(value, right[name]) for name, value in left.items())
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and left == right


def distinguishing_key(value: Json) -> Hashable:
    """A hashable stand-in for `value`: two values are the same exactly where their keys are equal."""
    if isinstance(value, dict):
        return (dict, frozenset((name, distinguishing_key(member)) for name, member in value.items()))
    if isinstance(value, list):
        return (list, tuple(map(distinguishing_key, value)))
    return (type(value), value)
