"""Velocity's expressions and references: what stands in `#if(...)`, behind `#set($a = `, and in `$a.b("c")[0]`.

Values are JSON's; the methods that templates call on them are Java's, of String, List and Map. Called by `velocity`. Source: the
Velocity 1.7 user guide. A method that is not here is refused when it is called, with its name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from stepstack.clock import Deadline
from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis.velocity_methods import LONGEST_TEXT, call_method, java_text

__all__ = ["Cursor", "Evaluated", "Reference", "Scope", "read_assignment", "read_expression", "read_reference"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SPACE = re.compile(r"\s*")
_OPERATORS: tuple[tuple[str, ...], ...] = (
    ("||", "or"),
    ("&&", "and"),
    ("==", "!=", "eq", "ne"),
    ("<=", ">=", "<", ">", "le", "ge", "lt", "gt"),
    ("+", "-"),
    ("*", "/", "%"),
)
"""Those that bind loosest come first."""

DEEPEST = 50
"""How deep expressions may nest."""

RENDERING_SECONDS = 5.0
MOST_CHARACTERS = 500_000_000
"""Of all texts that the expressions of one rendering make: a text that grows in a loop makes many."""

LARGEST_NUMBER_BITS = 4096

LONGEST_RANGE = 100_000


@dataclass(slots=True)
class Scope:
    """The variables of one rendering, by their names without `$`."""

    variables: dict[str, Any]
    silent: frozenset[str] = frozenset()
    """The variables that write nothing where they have nothing."""
    deadline: Deadline = field(default_factory=lambda: Deadline(RENDERING_SECONDS))
    characters: int = 0

    def look(self) -> None:
        """UnsupportedFeature where the rendering has taken too long."""
        if self.deadline.has_passed():
            raise UnsupportedFeature(f"a mapping template takes longer than {RENDERING_SECONDS:g} s")

    def weighed(self, value: Any) -> Any:
        """`value`, which an expression has made; UnsupportedFeature where the texts are too many."""
        if isinstance(value, str):
            self.characters += len(value)
            if len(value) > LONGEST_TEXT or self.characters > MOST_CHARACTERS:
                raise UnsupportedFeature("a mapping template makes texts that are too long")
        return value


Evaluated: TypeAlias = "Callable[[Scope], Any]"


@dataclass(slots=True)
class Cursor:
    """Where the reading of a template has come."""

    text: str
    interpolated: Callable[[str], Evaluated]
    """What reads the inside of a string in double quotation marks."""
    position: int = 0
    depth: int = field(default=0)

    def fault(self, what: str) -> UnsupportedFeature:
        line = self.text.count("\n", 0, self.position) + 1
        return UnsupportedFeature(f"a mapping template cannot be read: {what} (line {line}): {self.text[:200]!r}")

    def skip_space(self) -> None:
        found = _SPACE.match(self.text, self.position)
        assert found is not None  # noqa: S101 - it matches the empty text, too
        self.position = found.end()

    def take(self, token: str) -> bool:
        """Whether `token` comes next, behind white space; then it is behind the cursor."""
        self.skip_space()
        if not self.text.startswith(token, self.position):
            return False
        behind = self.text[self.position + len(token) : self.position + len(token) + 1]
        if token.isalpha() and _NAME.match(behind):
            return False
        self.position += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.take(token):
            raise self.fault(f"{token} is missing")

    def name(self) -> str:
        found = _NAME.match(self.text, self.position)
        if found is None:
            raise self.fault("a name is missing")
        self.position = found.end()
        return found[0]

    def name_of_variable(self) -> str:
        """The name in `$name` or `${name}`."""
        self.expect("$")
        is_braced = self.take("{")
        name = self.name()
        if is_braced:
            self.expect("}")
        return name


_Step: TypeAlias = "Callable[[Scope, Any], Any]"


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name`, with what follows it."""

    name: str
    steps: tuple[_Step, ...]
    properties: tuple[str, ...] | None
    """The names behind the first, where there are only such: what #set may set."""
    is_quiet: bool

    def evaluate(self, scope: Scope) -> Any:
        """The value; None where there is none."""
        value = scope.variables.get(self.name)
        for step in self.steps:
            if value is None:
                return None
            value = step(scope, value)
        return value


def read_reference(cursor: Cursor) -> Reference:
    """The reference at the cursor, which stands at its `$`."""
    cursor.position += 1
    is_quiet = cursor.text.startswith("!", cursor.position)
    cursor.position += is_quiet
    is_braced = cursor.text.startswith("{", cursor.position)
    cursor.position += is_braced
    name = cursor.name()
    steps: list[_Step] = []
    properties: list[str] | None = []
    while (step := _read_step(cursor)) is not None:
        steps.append(step[0])
        properties = None if properties is None or step[1] is None else [*properties, step[1]]
    if is_braced:
        cursor.expect("}")
    return Reference(name, tuple(steps), None if properties is None else tuple(properties), is_quiet)


def _read_step(cursor: Cursor) -> tuple[_Step, str | None] | None:
    text, position = cursor.text, cursor.position
    if text.startswith(".", position) and _NAME.match(text, position + 1):
        cursor.position += 1
        name = cursor.name()
        if not text.startswith("(", cursor.position):
            return (lambda _, value: _property(value, name)), name
        cursor.position += 1
        arguments = _read_list(cursor, ")")
        return (lambda scope, value: scope.weighed(call_method(value, name, [argument(scope) for argument in arguments]))), None
    if text.startswith("[", position):
        start = cursor.position
        cursor.position += 1
        try:
            index = read_expression(cursor)
            cursor.expect("]")
        except UnsupportedFeature:
            # A bracket that is no index is text behind the reference.
            cursor.position = start
            return None
        return (lambda scope, value: _item(value, index(scope))), None
    return None


def _property(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name)
    return value.property(name) if hasattr(value, "property") else None


def _item(value: Any, index: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get(index)
    is_inside = isinstance(value, list) and isinstance(index, int) and -len(value) <= index < len(value)
    return value[index] if is_inside else None


def read_assignment(cursor: Cursor) -> Callable[[Scope], None]:
    """What stands in `#set(...)`."""
    cursor.skip_space()
    if not cursor.text.startswith("$", cursor.position):
        raise cursor.fault("#set sets a reference")
    reference = read_reference(cursor)
    if reference.properties is None:
        raise cursor.fault("#set sets a name, or a property")
    cursor.expect("=")
    expression = read_expression(cursor)
    names = reference.properties

    def assign(scope: Scope) -> None:
        value = expression(scope)
        if not names:
            scope.variables[reference.name] = value
            return
        holder = scope.variables.get(reference.name)
        for name in names[:-1]:
            holder = holder.setdefault(name, {}) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[names[-1]] = value

    return assign


def read_expression(cursor: Cursor, level: int = 0) -> Evaluated:
    """The expression at the cursor."""
    if level == len(_OPERATORS):
        return _read_operand(cursor)
    left = read_expression(cursor, level + 1)
    while (sign := next((sign for sign in _OPERATORS[level] if cursor.take(sign)), None)) is not None:
        left = _combined(sign, left, read_expression(cursor, level + 1))
    return left


def _combined(sign: str, left: Evaluated, right: Evaluated) -> Evaluated:
    if sign in {"||", "or"}:
        return lambda scope: _is_true(left(scope)) or _is_true(right(scope))
    if sign in {"&&", "and"}:
        return lambda scope: _is_true(left(scope)) and _is_true(right(scope))
    compute = _COMPUTED[sign]
    return lambda scope: scope.weighed(compute(left(scope), right(scope)))


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _read_operand(cursor: Cursor) -> Evaluated:
    cursor.depth += 1
    if cursor.depth > DEEPEST:
        raise cursor.fault(f"expressions nest deeper than {DEEPEST}")
    try:
        return _read_operand_here(cursor)
    finally:
        cursor.depth -= 1


def _read_operand_here(cursor: Cursor) -> Evaluated:
    if cursor.take("!") or cursor.take("not"):
        negated = _read_operand(cursor)
        return lambda scope: not _is_true(negated(scope))
    if cursor.take("("):
        inner = read_expression(cursor)
        cursor.expect(")")
        return inner
    if cursor.take("["):
        return _read_array(cursor)
    return _read_map(cursor) if cursor.take("{") else _read_value(cursor)


def _read_value(cursor: Cursor) -> Evaluated:
    for word, value in (("true", True), ("false", False), ("null", None)):
        if cursor.take(word):
            return _constant(value)
    number = _NUMBER.match(cursor.text, cursor.position)
    if number is not None:
        cursor.position = number.end()
        return _constant(float(number[0]) if "." in number[0] else int(number[0]))
    mark = cursor.text[cursor.position : cursor.position + 1]
    if mark and mark in "'\"":
        return _read_string(cursor, mark)
    if mark == "$":
        return read_reference(cursor).evaluate
    raise cursor.fault("an expression is missing")


def _constant(value: Any) -> Evaluated:
    return lambda _: value


def _read_string(cursor: Cursor, mark: str) -> Evaluated:
    start = cursor.position + 1
    end = cursor.text.find(mark, start)
    # A doubled mark stands for itself.
    while end >= 0 and cursor.text.startswith(mark, end + 1):
        end = cursor.text.find(mark, end + 2)
    if end < 0:
        raise cursor.fault(f"a string lacks its {mark}")
    cursor.position = end + 1
    text = cursor.text[start:end].replace(mark * 2, mark)
    return cursor.interpolated(text) if mark == '"' else lambda _: text


def _read_list(cursor: Cursor, end: str) -> list[Evaluated]:
    if cursor.take(end):
        return []
    members = [read_expression(cursor)]
    while cursor.take(","):
        members.append(read_expression(cursor))
    cursor.expect(end)
    return members


def _read_array(cursor: Cursor) -> Evaluated:
    if cursor.take("]"):
        return lambda _: []
    first = read_expression(cursor)
    if cursor.take(".."):
        last = read_expression(cursor)
        cursor.expect("]")
        return lambda scope: _range(first(scope), last(scope))
    members = [first]
    while cursor.take(","):
        members.append(read_expression(cursor))
    cursor.expect("]")
    return lambda scope: [member(scope) for member in members]


def _range(first: Any, last: Any) -> list[int]:
    if not isinstance(first, int) or not isinstance(last, int):
        return []
    if abs(last - first) > LONGEST_RANGE:
        raise UnsupportedFeature(f"a mapping template counts from {first} to {last}: a range has at most {LONGEST_RANGE} numbers")
    return list(range(first, last + 1)) if first <= last else list(range(first, last - 1, -1))


def _read_map(cursor: Cursor) -> Evaluated:
    entries: list[tuple[Evaluated, Evaluated]] = []
    while not cursor.take("}"):
        if entries:
            cursor.expect(",")
        key = read_expression(cursor)
        cursor.expect(":")
        entries.append((key, read_expression(cursor)))
    return lambda scope: {str(key(scope)): value(scope) for key, value in entries}


def _compared(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compute(left: Any, right: Any) -> bool:
        try:
            return compare(left, right)
        except TypeError:
            return False

    return compute


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None or isinstance(left, bool) or isinstance(right, bool):
        return left is right
    # Velocity compares values of different classes by their texts.
    return bool(left == right) or (type(left) is not type(right) and java_text(left) == java_text(right))


def _added(left: Any, right: Any) -> Any:
    if isinstance(left, str) or isinstance(right, str):
        return java_text(left) + java_text(right)
    return _calculated(operator.add)(left, right)


def _calculated(calculate: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        numbers = [value for value in (left, right) if isinstance(value, (int, float)) and not isinstance(value, bool)]
        if len(numbers) != 2:
            return None
        try:
            result = calculate(*numbers)
        except ZeroDivisionError:
            return None
        except OverflowError:
            raise _too_large() from None
        if isinstance(result, int) and result.bit_length() > LARGEST_NUMBER_BITS:
            raise _too_large()
        return result

    return compute


def _too_large() -> UnsupportedFeature:
    return UnsupportedFeature("a mapping template calculates a number that is too large")


def _divided(left: Any, right: Any) -> Any:
    """Java's division of whole numbers ends at the point."""
    if not isinstance(left, int) or not isinstance(right, int):
        return left / right
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_COMPUTED: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": _equal,
    "eq": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "ne": lambda left, right: not _equal(left, right),
    "<": _compared(operator.lt),
    "lt": _compared(operator.lt),
    ">": _compared(operator.gt),
    "gt": _compared(operator.gt),
    "<=": _compared(operator.le),
    "le": _compared(operator.le),
    ">=": _compared(operator.ge),
    "ge": _compared(operator.ge),
    "+": _added,
    "-": _calculated(operator.sub),
    "*": _calculated(operator.mul),
    "/": _calculated(_divided),
    "%": _calculated(operator.mod),
}
