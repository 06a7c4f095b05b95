"""The filters of a JSONPath: `[?(@.price < 10 && @.tags contains 'new')]`.

A filter's text is compiled to one function of an item and the document's root. Called by `jsonpath`. It leaves out Jayway's operators
that need Java (`type`, `matches`). Source: Jayway's JsonPath (operators, coercions between numbers and strings); AWS's developer guide:
`@` alone does not match scalar values; and definitions that AWS publishes, in which words on an operator's right side have no quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

from stepstack.errors import ExpressionError
from stepstack.json_types import Json, parse_json
from stepstack.query.equality import same
from stepstack.query.jsonpath_syntax import Cursor
from stepstack.query.regular_expression import RegularExpression
from stepstack.query.time_bound import look

__all__ = ["Condition", "PathCompiler", "PathSearch", "compile_condition"]

Condition = Callable[[Json, Json], bool]
"""Whether a filter takes an item, given the root of the document."""


class PathSearch(Protocol):
    """A compiled path inside a filter."""

    def search(self, value: Json, root: Json) -> Json:
        """What it finds from `value`; raises PathNotFound."""
        ...


PathCompiler = Callable[[Cursor], PathSearch]
"""Compiles the steps of a path that stand behind the cursor, which it moves."""

Operand = Callable[[Json, Json], Any]
"""A value in a filter, UNDEFINED where its path finds nothing. To Jayway, the empty array of an indefinite path is something."""


class _Undefined:
    """The type of UNDEFINED: what a path in a filter yields where it finds nothing."""


UNDEFINED: Final = _Undefined()

NESTING_LIMIT = 100
"""Parentheses inside each other in one filter."""

_NUMBER = re.compile(r"(-?)(\d*)(\.\d+|(?<=\d))((?:[eE][+-]?\d+)?)")
_WORD = re.compile(r"[A-Za-z]+")
_TEXT_WITHOUT_QUOTES = re.compile(r"[^\W\d][\w.:-]*")
_SYMBOL = re.compile(r"===|!==|==|!=|<=|>=|=~|<|>")
_FLAGS = re.compile(r"[idmsuxU]*")
_LITERALS: dict[str, Json] = {"true": True, "false": False, "null": None}


def compile_condition(text: str, compile_path: PathCompiler) -> Condition:
    """The condition written in `text`, `(...)` with its parentheses; raises ExpressionSyntaxError."""
    reader = _FilterReader(text, compile_path)
    condition = reader.alternatives()
    reader.cursor.skip_spaces()
    if not reader.cursor.at_end:
        raise reader.cursor.error("the filter does not end here")
    return condition


class _FilterReader:
    """Reads one filter from left to right."""

    def __init__(self, text: str, compile_path: PathCompiler) -> None:
        self.cursor = Cursor(text)
        self._compile_path = compile_path
        self._depth = 0

    def alternatives(self) -> Condition:
        """`a || b || c`"""
        conditions = [self._conjunction()]
        while self._accept("||"):
            conditions.append(self._conjunction())
        if len(conditions) == 1:
            return conditions[0]
        return lambda item, root: any(condition(item, root) for condition in conditions)

    def _conjunction(self) -> Condition:
        """`a && b && c`"""
        conditions = [self._negatable()]
        while self._accept("&&"):
            conditions.append(self._negatable())
        if len(conditions) == 1:
            return conditions[0]
        return lambda item, root: all(condition(item, root) for condition in conditions)

    def _negatable(self) -> Condition:
        """`!a`, `(a)`, `a`"""
        self._depth += 1
        if self._depth > NESTING_LIMIT:
            raise self.cursor.error("the filter is nested too deeply")
        condition = self._read_negatable()
        self._depth -= 1
        return condition

    def _read_negatable(self) -> Condition:
        if self._accept("!"):
            negated = self._negatable()
            return lambda item, root: not negated(item, root)
        if self._accept("("):
            inner = self.alternatives()
            if not self._accept(")"):
                raise self.cursor.error("')' is missing")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        self.cursor.skip_spaces()
        is_path = self.cursor.current in ("@", "$")
        left = self._operand()
        operator = self._operator()
        if operator is not None:
            compare = _OPERATORS[operator]
            right = self._operand(may_lack_quotes=True)
            return lambda item, root: compare(left(item, root), right(item, root))
        if not is_path:
            raise self.cursor.error("an operator is expected here")
        return lambda item, root: left(item, root) is not UNDEFINED

    def _operator(self) -> str | None:
        self.cursor.skip_spaces()
        found = self.cursor.match(_SYMBOL)
        if found is not None:
            return found.group()
        start = self.cursor.offset
        found = self.cursor.match(_WORD)
        if found is None:
            return None
        if found.group().lower() not in _OPERATORS:
            self.cursor.offset = start
            raise self.cursor.error(f"'{found.group()}' is no operator of a filter")
        return found.group().lower()

    def _operand(self, *, may_lack_quotes: bool = False) -> Operand:
        self.cursor.skip_spaces()
        character = self.cursor.current
        if character in ("@", "$"):
            return self._path()
        word = self.cursor.match(_TEXT_WITHOUT_QUOTES) if may_lack_quotes else None
        value = self._literal() if word is None else _LITERALS.get(word.group(), word.group())
        return lambda item, root: value

    def _path(self) -> Operand:
        from_item = self.cursor.current == "@"
        self.cursor.offset += 1
        is_bare = self.cursor.current not in (".", "[")
        path = self._compile_path(self.cursor)

        def operand(item: Json, root: Json) -> Any:
            start = item if from_item else root
            if is_bare and from_item and not isinstance(start, (dict, list)):
                return UNDEFINED
            try:
                return path.search(start, root)
            except ExpressionError:
                return UNDEFINED

        return operand

    def _literal(self) -> Any:
        character = self.cursor.current
        if character in ("'", '"'):
            return self.cursor.quoted()
        if character == "/":
            return self._regular_expression()
        if character in ("[", "{"):
            return self._json()
        found = self.cursor.match(_NUMBER)
        if found is not None:
            return self._number(*found.groups())
        found = self.cursor.match(_WORD)
        if found is not None and found.group() in _LITERALS:
            return _LITERALS[found.group()]
        if found is not None:
            self.cursor.offset = found.start()
        raise self.cursor.error("a path or a literal is expected here")

    def _number(self, sign: str, whole: str, fraction: str, exponent: str) -> Json:
        """As Java reads it, which takes `.85` and `007` too."""
        try:
            return parse_json(f"{sign}{whole.lstrip('0') or '0'}{fraction}{exponent}")
        except ValueError as refused:
            raise self.cursor.error(str(refused)) from None

    def _regular_expression(self) -> RegularExpression:
        start = self.cursor.offset
        self.cursor.offset += 1
        written: list[str] = []
        while self.cursor.current != "/":
            if self.cursor.at_end:
                self.cursor.offset = start
                raise self.cursor.error("a regular expression is not closed")
            if self.cursor.current == "\\":
                written.append("\\")
                self.cursor.offset += 1
            written.append(self.cursor.current)
            self.cursor.offset += 1
        self.cursor.offset += 1
        flags = self.cursor.match(_FLAGS)
        try:
            return RegularExpression.compile("".join(written), flags.group() if flags else "")
        except ValueError as refused:
            raise self.cursor.error(f"the regular expression is refused: {refused}") from None

    def _json(self) -> Json:
        """An array or object as JSON, strings also in single quotes."""
        opening = self.cursor.current
        closing = "]" if opening == "[" else "}"
        self.cursor.offset += 1
        self._depth += 1
        if self._depth > NESTING_LIMIT:
            raise self.cursor.error("the filter is nested too deeply")
        members: dict[str, Json] = {}
        items: list[Json] = []
        while not self._accept(closing):
            if (members or items) and not self._accept(","):
                raise self.cursor.error(f"',' or '{closing}' is expected here")
            self.cursor.skip_spaces()
            if opening == "[":
                items.append(self._literal())
                continue
            if self.cursor.current not in ("'", '"'):
                raise self.cursor.error("a name in quotes is expected here")
            name = self.cursor.quoted()
            if not self._accept(":"):
                raise self.cursor.error("':' is expected here")
            self.cursor.skip_spaces()
            members[name] = self._literal()
        self._depth -= 1
        return items if opening == "[" else members

    def _accept(self, symbol: str) -> bool:
        self.cursor.skip_spaces()
        return self.cursor.accept(symbol)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    """Numbers by value, and a number equals a string that writes it."""
    if _is_number(left):
        if isinstance(right, str):
            try:
                return Decimal(str(left)) == Decimal(right)
            except InvalidOperation:
                return False
        return _is_number(right) and bool(left == right)
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    return left is not UNDEFINED and right is not UNDEFINED and same(left, right)


def _equal_with_type(left: Any, right: Any) -> bool:
    return _is_number(left) == _is_number(right) and isinstance(left, str) == isinstance(right, str) and _equal(left, right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        comparable = (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return comparable and compare(left, right)

    return ordered


def _matches(left: Any, right: Any) -> bool:
    """A regular expression on one side; it takes the whole of a text, or of any item of an array."""
    if isinstance(left, RegularExpression) == isinstance(right, RegularExpression):
        return False
    expression, subject = (left, right) if isinstance(left, RegularExpression) else (right, left)
    subjects = subject if isinstance(subject, list) else [subject]
    return any(expression.takes(item if isinstance(item, str) else str(item) if _is_number(item) else "") for item in subjects)


def _is_in(left: Any, right: Any) -> bool:
    look()
    return isinstance(right, list) and any(_equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return _is_in(right, left)


def _has_size(left: Any, right: Any) -> bool:
    return _is_number(right) and isinstance(left, (str, list, dict)) and len(left) == right


def _is_empty(left: Any, right: Any) -> bool:
    return isinstance(left, (str, list, dict)) and isinstance(right, bool) and (not left) == right


def _is_subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and all(_is_in(item, right) for item in left)


def _has_any_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and any(_is_in(item, right) for item in left)


def _has_none_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not any(_is_in(item, right) for item in left)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "===": _equal_with_type,
    "!==": lambda left, right: not _equal_with_type(left, right),
    "<": _ordered(lambda left, right: bool(left < right)),
    "<=": _ordered(lambda left, right: bool(left <= right)),
    ">": _ordered(lambda left, right: bool(left > right)),
    ">=": _ordered(lambda left, right: bool(left >= right)),
    "=~": _matches,
    "in": _is_in,
    "nin": lambda left, right: not _is_in(left, right),
    "contains": _contains,
    "size": _has_size,
    "empty": _is_empty,
    "exists": lambda left, right: (left is not UNDEFINED) == right,
    "all": lambda left, right: _is_subset(right, left),
    "subsetof": _is_subset,
    "anyof": _has_any_of,
    "noneof": _has_none_of,
}
