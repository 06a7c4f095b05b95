"""Compiled Choice Rules: which way a Choice state goes.

Made by the parser (`choice_state`), asked by the interpreter one after the other. A rule tests either a JSONata Condition or a Boolean
Expression over Data-test Expressions. A comparison across types is false, as on AWS; a path that finds nothing fails the state, except
under IsPresent. Source: the Amazon States Language on the Choice state, recorded answers of AWS.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final, Protocol

from stepstack.errors import ExpressionError, PathNotFound, QueryEvaluationFailure
from stepstack.json_types import Json, json_text, type_name
from stepstack.language.field import Field
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Expression, Scope

__all__ = [
    "COMPARISONS",
    "OPERATORS",
    "PATH_COMPARISONS",
    "TYPE_TESTS",
    "And",
    "ChoiceRule",
    "Comparison",
    "Condition",
    "DataTestExpression",
    "Not",
    "Or",
    "PathComparison",
    "PresenceTest",
    "Test",
    "TypeTest",
    "parse_timestamp",
]


class Test(Protocol):
    """Whatever a rule asks: an expression that is true or false."""

    @property
    def variables(self) -> frozenset[str]: ...

    def evaluate(self, scope: Scope) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRule:
    """A top-level rule: where to go when its test holds, and what to assign and to put out then."""

    next: str
    test: Test
    comment: str | None = None
    assign: Field | None = None
    output: Field | None = None
    """JSONata's Output."""

    def evaluate(self, scope: Scope) -> bool:
        """Whether the rule matches; raises an ExpressionError."""
        return self.test.evaluate(scope)


@dataclass(frozen=True, slots=True)
class Condition:
    """JSONata's Condition: an expression, or the literal `true` or `false`. `place` is its field: `Choices[0]/Condition`."""

    expression: Expression
    text: str
    place: str

    @property
    def variables(self) -> frozenset[str]:
        return self.expression.variables

    def evaluate(self, scope: Scope) -> bool:
        try:
            value = self.expression.evaluate(scope)
        except QueryEvaluationFailure as failure:
            raise QueryEvaluationFailure(failure.reason, text=self.text, field=self.place) from failure
        if isinstance(value, bool):
            return value
        reason = f"returned an unexpected result type. Expected 'boolean', but was '{type_name(value)}' for value: {json_text(value)}"
        raise QueryEvaluationFailure(reason, text=self.text, field=self.place)


@dataclass(frozen=True, slots=True)
class And:
    """True where all its parts are; the first false one ends it, so that IsPresent guards what follows."""

    parts: tuple[Test, ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset().union(*(part.variables for part in self.parts))

    def evaluate(self, scope: Scope) -> bool:
        return all(part.evaluate(scope) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """True where one of its parts is; the first true one ends it."""

    parts: tuple[Test, ...]

    @property
    def variables(self) -> frozenset[str]:
        return frozenset().union(*(part.variables for part in self.parts))

    def evaluate(self, scope: Scope) -> bool:
        return any(part.evaluate(scope) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """True where its part is not."""

    part: Test

    @property
    def variables(self) -> frozenset[str]:
        return self.part.variables

    def evaluate(self, scope: Scope) -> bool:
        return not self.part.evaluate(scope)


@dataclass(frozen=True, slots=True)
class PresenceTest:
    """`IsPresent`: whether the path finds anything."""

    variable: AslPath
    expected: bool

    @property
    def variables(self) -> frozenset[str]:
        return self.variable.variables

    def evaluate(self, scope: Scope) -> bool:
        try:
            self.variable.evaluate(scope)
        except ExpressionError:
            return not self.expected
        return self.expected


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`IsNull`, `IsString`, `IsNumeric`, `IsBoolean`, `IsTimestamp`: what the path finds."""

    variable: AslPath
    holds: Callable[[Json], bool]
    expected: bool

    @property
    def variables(self) -> frozenset[str]:
        return self.variable.variables

    def evaluate(self, scope: Scope) -> bool:
        return self.holds(_value_of(self.variable, scope)) is self.expected


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the path finds compared with a constant: `NumericLessThan`, `StringMatches`."""

    variable: AslPath
    holds: Callable[[Json, Json], bool]
    operand: Json

    @property
    def variables(self) -> frozenset[str]:
        return self.variable.variables

    def evaluate(self, scope: Scope) -> bool:
        return self.holds(_value_of(self.variable, scope), self.operand)


@dataclass(frozen=True, slots=True)
class PathComparison:
    """What the path finds compared with what another path finds: `NumericLessThanPath`."""

    variable: AslPath
    holds: Callable[[Json, Json], bool]
    operand: AslPath

    @property
    def variables(self) -> frozenset[str]:
        return self.variable.variables | self.operand.variables

    def evaluate(self, scope: Scope) -> bool:
        return self.holds(_value_of(self.variable, scope), _value_of(self.operand, scope))


DataTestExpression = PresenceTest | TypeTest | Comparison | PathComparison


def _value_of(path: AslPath, scope: Scope) -> Json:
    try:
        return path.evaluate(scope)
    except PathNotFound as missing:
        reason = f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        raise ExpressionError(reason, text=path.text) from missing


_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def parse_timestamp(text: str) -> tuple[datetime, int] | None:
    """The instant of an RFC 3339 timestamp with a capital T and a zone, as (whole second, nanoseconds); None where it is none."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    date, hour, minute, second, fraction, zone = found.groups()
    zone = "+00:00" if zone == "Z" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{hour}:{minute}:{'59' if second == '60' else second}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return moment, int((fraction or "0")[:9].ljust(9, "0"))


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_timestamp(value: Json) -> bool:
    return isinstance(value, str) and parse_timestamp(value) is not None


def _numbers(compare: Callable[[Any, Any], Any]) -> Callable[[Json, Json], bool]:
    def holds(left: Json, right: Json) -> bool:
        return _is_number(left) and _is_number(right) and compare(left, right)

    return holds


def _strings(compare: Callable[[Any, Any], Any]) -> Callable[[Json, Json], bool]:
    def holds(left: Json, right: Json) -> bool:
        return isinstance(left, str) and isinstance(right, str) and compare(left, right)

    return holds


def _ordered_strings(compare: Callable[[Any, Any], Any]) -> Callable[[Json, Json], bool]:
    """Strings in the order of Java's compareTo: by UTF-16 units, in which an emoji comes before U+FF01."""

    def holds(left: Json, right: Json) -> bool:
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        if left.isascii() or right.isascii():
            return bool(compare(left, right))
        return bool(compare(left.encode("utf-16-be", "surrogatepass"), right.encode("utf-16-be", "surrogatepass")))

    return holds


def _timestamps(compare: Callable[[Any, Any], Any]) -> Callable[[Json, Json], bool]:
    def holds(left: Json, right: Json) -> bool:
        if not isinstance(left, str) or not isinstance(right, str):
            return False
        one, other = parse_timestamp(left), parse_timestamp(right)
        return one is not None and other is not None and compare(one, other)

    return holds


def _booleans_equal(left: Json, right: Json) -> bool:
    return isinstance(left, bool) and isinstance(right, bool) and left is right


def _matches(text: str, pattern: str) -> bool:
    r"""Whether `text` matches `pattern`, in which `*` stands for any characters, `\*` for an asterisk and `\\` for a backslash."""
    pieces = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\" and pattern[position + 1 : position + 2] in {"*", "\\"}:
            position += 1
            pieces[-1] += pattern[position]
        elif character == "*":
            pieces.append("")
        else:
            pieces[-1] += character
        position += 1
    return _has_pieces_in_order(text, pieces)


def _has_pieces_in_order(text: str, pieces: list[str]) -> bool:
    """The first piece begins the text, the last one ends it, the others follow each other in between: linear, unlike a regex."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        position = text.find(piece, position, end)
        if position < 0:
            return False
        position += len(piece)
    return True


_ORDERS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "GreaterThan": operator.gt,
    "LessThanEquals": operator.le,
    "GreaterThanEquals": operator.ge,
}

COMPARISONS: Final[Mapping[str, Callable[[Json, Json], bool]]] = {
    "BooleanEquals": _booleans_equal,
    "StringMatches": _strings(_matches),
    **{f"Numeric{order}": _numbers(compare) for order, compare in _ORDERS.items()},
    **{f"String{order}": _ordered_strings(compare) for order, compare in _ORDERS.items()},
    **{f"Timestamp{order}": _timestamps(compare) for order, compare in _ORDERS.items()},
}
"""The operators that compare two values."""

PATH_COMPARISONS: Final = {f"{name}Path": holds for name, holds in COMPARISONS.items() if name != "StringMatches"}
"""Those that compare what two paths find."""

TYPE_TESTS: Final[Mapping[str, Callable[[Json], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": _is_number,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": _is_timestamp,
}
"""The operators that ask what a value is; JSON's true or false says what the answer is to be."""

OPERATORS: Final = ("IsPresent", *TYPE_TESTS, *COMPARISONS, *PATH_COMPARISONS)
"""Every operator, as AWS's messages list them."""
