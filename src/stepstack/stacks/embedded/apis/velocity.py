"""Velocity, the language of API Gateway's mapping templates: text with references (`$a.b`) and directives (`#set`, `#if`, `#foreach`).

A template is compiled once, when an API is deployed, and rendered for each request, within a time and a size: what it loops over comes
with the request. Called by `mapping_templates`; the expressions are in `velocity_expressions`. Source: the Velocity 1.7 user guide. Left
out: macros, includes, `#evaluate`, `#define`: a template with one of them is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis.velocity_expressions import (
    Cursor,
    Evaluated,
    Scope,
    read_assignment,
    read_expression,
    read_reference,
)
from stepstack.stacks.embedded.apis.velocity_methods import LONGEST_TEXT, java_text

__all__ = ["VelocityTemplate"]

_Node: TypeAlias = "Callable[[Scope], Iterator[str]]"

MOST_ITERATIONS = 1_000
"""Of one #foreach: API Gateway's quota."""

_NAMES = "set|if|elseif|else|end|foreach|break|stop|macro|parse|include|define|evaluate"
_DIRECTIVE = re.compile(rf"#(?:\{{(?P<braced>{_NAMES})\}}|(?P<plain>{_NAMES})\b)")
_REFERENCE = re.compile(r"\$!?\{?[A-Za-z_]")
_MARK = re.compile(rf"(?P<escape>\\+)(?={_REFERENCE.pattern}|#\{{?(?:{_NAMES})\b)|[$#]")
"""Backslashes mean something before a reference or a directive, and are text everywhere else, as in JSON."""
_REST_OF_LINE = re.compile(r"[ \t]*\r?\n")
_REFUSED = frozenset({"define", "evaluate", "include", "macro", "parse"})


class _Stopped(Exception):
    """#break, or #stop where `whole`."""

    def __init__(self, *, whole: bool) -> None:
        super().__init__()
        self.whole = whole


class VelocityTemplate:
    """A compiled template. Raises UnsupportedFeature where it cannot be read."""

    def __init__(self, text: str) -> None:
        cursor = Cursor(text, _interpolated)
        self._nodes, ended = _read_block(cursor, frozenset())
        assert ended == ""  # noqa: S101 - nothing else ends the outermost block

    def render(self, variables: Mapping[str, Any], *, silent: frozenset[str] = frozenset()) -> str:
        """The text; `variables` are by their names without `$`, and a template may set members of them.

        A reference to nothing is written as it stands in the template; as nothing, where it begins with a name in `silent`.
        """
        scope = Scope(dict(variables), silent)
        pieces: list[str] = []
        with suppress(_Stopped):
            _collect(_run(self._nodes, scope), pieces)
        return "".join(pieces)


def _interpolated(text: str) -> Evaluated:
    """A string in double quotation marks, in which references are replaced."""
    if "$" not in text and "#" not in text:
        return lambda _: text
    nodes, _ = _read_block(Cursor(text, _interpolated), frozenset())

    def evaluate(scope: Scope) -> str:
        pieces: list[str] = []
        _collect(_run(nodes, scope), pieces)
        text: str = scope.weighed("".join(pieces))
        return text

    return evaluate


def _run(nodes: list[_Node], scope: Scope) -> Iterator[str]:
    for node in nodes:
        scope.look()
        yield from node(scope)


def _collect(made: Iterator[str], pieces: list[str]) -> None:
    """Adds what is made to `pieces`."""
    length = 0
    for piece in made:
        pieces.append(piece)
        length += len(piece)
        if length > LONGEST_TEXT:
            raise UnsupportedFeature(f"a mapping template makes more than {LONGEST_TEXT} characters")


def _read_block(cursor: Cursor, ends: frozenset[str]) -> tuple[list[_Node], str]:
    """The nodes up to a directive of `ends`, and that directive; "" at the end of the text."""
    nodes: list[_Node] = []
    while True:
        found = _MARK.search(cursor.text, cursor.position)
        if found is None:
            nodes.append(_literal(cursor.text[cursor.position :]))
            cursor.position = len(cursor.text)
            if ends:
                raise cursor.fault("#end is missing")
            return nodes, ""
        nodes.append(_literal(cursor.text[cursor.position : found.start()]))
        cursor.position = found.start()
        if found["escape"]:
            # Two are one that is text; an odd one makes text of what follows.
            pairs, is_escaped = divmod(len(found["escape"]), 2)
            cursor.position = found.end() + is_escaped
            nodes.append(_literal("\\" * pairs + cursor.text[found.end() : cursor.position]))
        elif found[0] == "$":
            nodes.append(_read_text_reference(cursor))
        elif (directive := _read_directive(cursor)) in ends:
            return nodes, directive
        else:
            nodes.append(_read_node(cursor, directive))


def _literal(text: str) -> _Node:
    return lambda _: iter((text,) if text else ())


def _read_text_reference(cursor: Cursor) -> _Node:
    if not _REFERENCE.match(cursor.text, cursor.position):
        cursor.position += 1
        return _literal("$")
    start = cursor.position
    reference = read_reference(cursor)
    source = cursor.text[start : cursor.position]

    def node(scope: Scope) -> Iterator[str]:
        value = reference.evaluate(scope)
        if value is not None:
            yield java_text(value)
        elif not reference.is_quiet and reference.name not in scope.silent:
            yield source

    return node


def _read_directive(cursor: Cursor) -> str:
    """The name of the directive at the cursor, behind which the cursor stands then; "" where the mark is text, comments left out."""
    text, position = cursor.text, cursor.position
    if text.startswith("##", position):
        end = text.find("\n", position)
        cursor.position = len(text) if end < 0 else end + 1
        return "comment"
    for opening, closing in (("#*", "*#"), ("#[[", "]]#")):
        if text.startswith(opening, position):
            end = text.find(closing, position)
            if end < 0:
                raise cursor.fault(f"{closing} is missing")
            cursor.position = end + len(closing)
            return "comment" if opening == "#*" else f"text {text[position + 3 : end]}"
    found = _DIRECTIVE.match(text, position)
    if found is None:
        cursor.position += 1
        return ""
    cursor.position = found.end()
    name = found["braced"] or found["plain"]
    if name in _REFUSED:
        raise cursor.fault(f"#{name} is not supported")
    if name in {"else", "end", "break", "stop"}:
        _gobble(cursor)
    return str(name)


def _gobble(cursor: Cursor) -> None:
    """A directive takes the rest of an empty line with it."""
    rest = _REST_OF_LINE.match(cursor.text, cursor.position)
    if rest is not None:
        cursor.position = rest.end()


def _read_node(cursor: Cursor, directive: str) -> _Node:
    if directive == "":
        return _literal("#")
    if directive == "comment":
        return _literal("")
    if directive.startswith("text "):
        return _literal(directive[5:])
    if directive in {"break", "stop"}:
        return _stopping(whole=directive == "stop")
    if directive in {"else", "elseif", "end"}:
        raise cursor.fault(f"#{directive} has no beginning")
    cursor.expect("(")
    reader = {"set": _read_set, "if": _read_if, "foreach": _read_foreach}[directive]
    return reader(cursor)


def _stopping(*, whole: bool) -> _Node:
    def node(_: Scope) -> Iterator[str]:
        yield from ()
        raise _Stopped(whole=whole)

    return node


def _read_set(cursor: Cursor) -> _Node:
    assign = read_assignment(cursor)
    cursor.expect(")")
    _gobble(cursor)

    def node(scope: Scope) -> Iterator[str]:
        assign(scope)
        return iter(())

    return node


def _read_if(cursor: Cursor) -> _Node:
    branches: list[tuple[Evaluated, list[_Node]]] = []
    otherwise: list[_Node] = []
    directive = "elseif"
    while directive == "elseif":
        condition = _read_condition(cursor)
        nodes, directive = _read_block(cursor, frozenset({"elseif", "else", "end"}))
        branches.append((condition, nodes))
        if directive == "elseif":
            cursor.expect("(")
    if directive == "else":
        otherwise, _ = _read_block(cursor, frozenset({"end"}))

    def node(scope: Scope) -> Iterator[str]:
        taken = next((nodes for condition, nodes in branches if condition(scope)), otherwise)
        return _run(taken, scope)

    return node


def _read_condition(cursor: Cursor) -> Evaluated:
    expression = read_expression(cursor)
    cursor.expect(")")
    _gobble(cursor)

    def condition(scope: Scope) -> bool:
        value = expression(scope)
        return value is not None and value is not False

    return condition


def _read_foreach(cursor: Cursor) -> _Node:
    name = cursor.name_of_variable()
    cursor.expect("in")
    items = read_expression(cursor)
    cursor.expect(")")
    _gobble(cursor)
    body, _ = _read_block(cursor, frozenset({"end"}))

    def node(scope: Scope) -> Iterator[str]:
        value = items(scope)
        members = list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
        outer = {kept: scope.variables.get(kept) for kept in (name, "foreach", "velocityCount")}
        try:
            for index, member in enumerate(members):
                if index == MOST_ITERATIONS:
                    raise UnsupportedFeature(f"a mapping template's #foreach goes round more than {MOST_ITERATIONS} times, AWS's quota")
                state = {"index": index, "count": index + 1, "hasNext": index + 1 < len(members)}
                state |= {"first": index == 0, "last": index + 1 == len(members)}
                scope.variables |= {name: member, "foreach": state, "velocityCount": index + 1}
                yield from _run(body, scope)
        except _Stopped as stop:
            if stop.whole:
                raise
        finally:
            scope.variables |= outer

    return node
