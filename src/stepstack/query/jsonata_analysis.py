"""What a parsed JSONata expression reads, and the plain paths in it that need no interpreter.

`$states.input.order.id` inside a larger expression is a walk through objects: `lift_paths` takes such paths out of the syntax tree and
puts a variable in their place, which the engine binds before it evaluates. Called by `jsonata_engine`. The syntax tree is the library's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["LiftedPath", "bound_names", "free_names", "lift_paths", "references_to_context", "states_members"]

Node = Any
"""A Symbol of the library."""

_CHILDREN = (
    "procedure", "arguments", "expression", "expressions", "steps", "predicate", "stages", "expr", "group", "lhs", "rhs", "lhs_object",
    "rhs_object", "rhs_terms", "terms", "condition", "then", "_else", "body", "pattern", "update", "delete",
)  # fmt: skip
"""The attributes of a Symbol that hold Symbols, or lists (of lists) of them."""

_IN_SAME_CONTEXT = (
    "procedure", "arguments", "expression", "expressions", "lhs", "rhs", "lhs_object", "rhs_object", "condition", "then", "_else", "body",
)  # fmt: skip
"""Those of them whose Symbols are evaluated in the context of the Symbol itself."""

_SPECIAL = ("stages", "predicate", "focus", "index", "tuple", "group", "keep_array", "consarray", "ancestor", "seeking_parent")
"""Attributes that make a step more than a name."""


@dataclass(frozen=True, slots=True)
class LiftedPath:
    """A path taken out of an expression: the names to follow from the variable `root`."""

    root: str
    names: tuple[str, ...]
    variable: str
    """The variable that stands for it in the expression."""
    original: Node
    """Its syntax tree, for data in which the path meets an array."""


def _children(node: Node) -> Iterator[Node]:
    for attribute in _CHILDREN:
        yield from _symbols(getattr(node, attribute, None))


def _symbols(value: Any) -> Iterator[Node]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _symbols(item)
    elif hasattr(value, "type") and hasattr(value, "value"):
        yield value


def _walk(root: Node) -> Iterator[Node]:
    """Every node once; parts of a tree may be shared."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting.extend(_children(node))


def bound_names(root: Node) -> frozenset[str]:
    """The variables that the expression binds itself, anywhere: `:=`, parameters of functions, `@$v`, `#$i`."""
    names: set[str] = set()
    for node in _walk(root):
        if node.type == "bind":
            names.add(str(node.lhs.value))
        elif node.type == "lambda":
            names.update(str(parameter.value) for parameter in node.arguments or ())
        for attribute in (getattr(node, "focus", None), getattr(node, "index", None)):
            if isinstance(attribute, str):
                names.add(attribute)
    return frozenset(names)


def free_names(root: Node) -> frozenset[str]:
    """The variables that the expression reads and does not bind before, functions included; not `$` and `$$`."""
    found: set[str] = set()
    _collect_free(root, set(), found)
    return frozenset(found - {"", "$"})


def _collect_free(node: Node, bound: set[str], found: set[str]) -> None:
    if node.type == "variable" and str(node.value) not in bound:
        found.add(str(node.value))
    if node.type == "bind":
        _collect_free(node.rhs, bound, found)
        bound.add(str(node.lhs.value))
        return
    if node.type == "lambda":
        bound = bound | {str(parameter.value) for parameter in node.arguments or ()}
        _collect_free(node.body, bound, found)
        return
    if node.type == "block":
        bound = set(bound)
    for child in _children(node):
        for attribute in (getattr(child, "focus", None), getattr(child, "index", None)):
            if isinstance(attribute, str):
                bound = bound | {attribute}
        _collect_free(child, bound, found)


def references_to_context(root: Node) -> tuple[str, ...]:
    """What the expression reads of a context that it does not have on AWS, where everything comes in variables: bare names that begin a
    path (`name`, not `$x.name`), and `$$`. Names inside predicates, later steps and the like are read from a value, and are left out.
    """
    found = ["$$" for node in _walk(root) if node.type == "variable" and node.value == "$"]
    _collect_bare_names(root, found)
    return tuple(dict.fromkeys(found))


def states_members(root: Node) -> frozenset[str]:
    """The members of `$states` that the expression names: `input` for `$states.input.order`."""
    pairs = (node.steps[:2] for node in _walk(root) if node.type == "path" and len(node.steps) > 1)
    return frozenset(str(member.value) for first, member in pairs if first.type == "variable" and first.value == "states")


def _collect_bare_names(node: Node, found: list[str]) -> None:
    if node.type == "path":
        node = node.steps[0]
    if node.type == "name":
        found.append(str(node.value))
    for attribute in _IN_SAME_CONTEXT:
        for child in _symbols(getattr(node, attribute, None)):
            _collect_bare_names(child, found)


def lift_paths(root: Node) -> tuple[Node, tuple[LiftedPath, ...]]:
    """The expression without its plain paths, and those paths. Changes the tree that it is given."""
    bound = bound_names(root)
    lifted: dict[tuple[str, ...], LiftedPath] = {}
    for node in _walk(root):
        if node.type != "path" or node.tuple is not None or node.keep_singleton_array or node.predicate is not None:
            continue
        length = _plain_length(node.steps)
        if length < 2 or str(node.steps[0].value) in bound:
            continue
        names = tuple(str(step.value) for step in node.steps[:length])
        path = lifted.get(names)
        if path is None:
            original = copy.copy(node)
            original.steps = node.steps[:length]
            original.group = None
            path = lifted[names] = LiftedPath(names[0], names[1:], f" {len(lifted)}", original)
        first = copy.copy(node.steps[0])
        first.value = path.variable
        node.steps = [first, *node.steps[length:]]
    return root, tuple(lifted.values())


def _plain_length(steps: list[Node]) -> int:
    """How many steps from the first on are a variable and plain names."""
    for position, step in enumerate(steps):
        is_plain = step.type == ("name" if position else "variable") and step.value not in ("", "$")
        if not is_plain or any(getattr(step, attribute, None) for attribute in _SPECIAL):
            return position
    return len(steps)
