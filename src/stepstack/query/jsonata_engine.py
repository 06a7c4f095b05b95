"""Parses and evaluates JSONata with the library jsonata-python; nothing else in stepstack touches it.

Called by `jsonata`, imported where an expression is more than a plain path: the library takes a while to import. What it adds to the
library: JSON in and JSON out (the library's null, sequences and ranges stay inside; the data of an execution is never changed), AWS's
functions, a bound on time and depth, and the texts of failures as AWS words them (those of the JavaScript reference implementation).
"""

from __future__ import annotations

import math
import operator
import re
import threading
from collections.abc import Callable
from typing import Any, Final

from stepstack.errors import ExpressionSyntaxError
from stepstack.json_types import Json, json_text
from stepstack.query.jsonata_analysis import LiftedPath, free_names, lift_paths, references_to_context, states_members
from stepstack.query.jsonata_functions import (
    CONSTANT_FUNCTIONS,
    DRAWING_FUNCTIONS,
    ITEMS_LIMIT,
    TOO_LARGE,
    BeyondLimit,
    appended,
    bounded_text,
)
from stepstack.query.jsonata_javascript import ERROR_CODES, correct_library, shown_values
from stepstack.query.jsonata_library import JException, Jsonata, Utils, with_room
from stepstack.query.jsonata_paths import MEETS_ARRAY, follow, states_object
from stepstack.query.regular_expression import RegularExpression
from stepstack.query.scope import ABSENT, Scope
from stepstack.query.time_bound import OutOfPatience, TakesLong, begin, look

__all__ = ["EngineFailure", "ParsedExpression", "parse"]

DEPTH_LIMIT = 100
"""How deep the parts of one expression may nest while it is evaluated, as AWS has been seen to refuse more; calls of functions count."""

TOO_DEEP = "Stack overflow error: Check for non-terminating recursive function.  Consider rewriting as tail-recursive."
TOO_LONG = "Expression evaluation timeout: Check for infinite loop"

TEXT_LIMIT = 100_000
"""Characters of an expression; AWS takes fewer."""

_NULL: Final = Utils.NULL_VALUE
_NOT_A_NUMBER = re.compile(r"could not convert string to float: '(.*)'", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{\{?\w+\}?\}\}")


class EngineFailure(Exception):
    """The evaluation failed; the text is what AWS writes behind the field's name."""


correct_library()


class _Evaluator(Jsonata):  # type: ignore[misc] # the library has no types
    """The library's evaluator, with a bound on nesting and with JSONata's rules where it has Python's. Each thread has one."""

    depth = 0
    """Parts of the expression that are under way, each inside the one before."""

    def eval(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002 - the library's name
        self.depth = depth = self.depth + 1
        if depth > DEPTH_LIMIT:
            raise BeyondLimit(TOO_DEEP)
        result = self._eval(expr, input, environment)
        self.depth = depth - 1
        return result

    def evaluate_step(self, expr: Any, input: Any, environment: Any, last_step: bool) -> Any:  # noqa: A002 - the library's names
        if expr.type == "sort":
            return super().evaluate_step(expr, input, environment, last_step)
        parts: list[Any] = []
        size = 0
        for item in input:
            part = self.eval(expr, item, environment)
            for stage in expr.stages or ():
                part = self.evaluate_filter(stage.expr, part, environment)
            if part is None:
                continue
            parts.append(part)
            if isinstance(part, list):
                size += len(part)
                if size > ITEMS_LIMIT:
                    raise BeyondLimit(TOO_LARGE)
        if last_step and len(parts) == 1 and isinstance(parts[0], list) and not Utils.is_sequence(parts[0]):
            return parts[0]
        sequence = Utils.create_sequence()
        for part in parts:
            if isinstance(part, list) and not getattr(part, "cons", False):
                sequence.extend(part)
            else:
                sequence.append(part)
        return sequence

    def evaluate_unary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002 - the library's name
        if expr.value != "[":
            return super().evaluate_unary(expr, input, environment)
        array: Any = Utils.JList()
        for item in expr.expressions:
            value = self.eval(item, input, environment)
            if value is None:
                continue
            if item.value == "[":
                array.append(value)
            else:
                array = appended(array, value)
        if expr.consarray:
            array = array if isinstance(array, Utils.JList) else Utils.JList(array)
            array.cons = True
        return array

    def evaluate_binary(self, expr: Any, input: Any, environment: Any) -> Any:  # noqa: A002 - the library's name
        if expr.value not in ("and", "or"):
            return super().evaluate_binary(expr, input, environment)
        left = self.eval(expr.lhs, input, environment)
        # The library's own takes whatever ends an evaluation on the right side, its time or its depth, for an error without words.
        return self.evaluate_boolean_expression(left, lambda: self.eval(expr.rhs, input, environment), str(expr.value))

    def evaluate_numeric_expression(self, lhs: Any, rhs: Any, op: str | None) -> Any:
        """JavaScript's arithmetic: a result may be infinite or no number; what is infinite is refused as an operand."""
        if op is None or not Utils.is_numeric(lhs) or not Utils.is_numeric(rhs):
            return super().evaluate_numeric_expression(lhs, rhs, op)
        result = _OPERATORS[op](float(lhs), float(rhs))
        return Utils.convert_number(result) if math.isfinite(result) else result

    def evaluate_includes_expression(self, lhs: Any, rhs: Any) -> bool:
        if lhs is None or rhs is None:
            return False
        return any(Utils.is_deep_equal(lhs, item) for item in (rhs if isinstance(rhs, list) else [rhs]))

    def evaluate_range_expression(self, lhs: Any, rhs: Any) -> Any:
        numbers = super().evaluate_range_expression(_whole(lhs), _whole(rhs))
        if numbers is not None and numbers.b - numbers.a > ITEMS_LIMIT:
            raise BeyondLimit(TOO_LARGE)
        return numbers

    def evaluate_string_concat(self, lhs: Any, rhs: Any) -> str:
        text: str = super().evaluate_string_concat(lhs, rhs)
        return bounded_text(text)


def _quotient(dividend: float, divisor: float) -> float:
    if divisor:
        return dividend / divisor
    return math.copysign(math.inf, dividend) * math.copysign(1, divisor) if dividend else math.nan


def _remainder(dividend: float, divisor: float) -> float:
    return math.fmod(dividend, divisor) if divisor else math.nan


_OPERATORS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": _remainder,
}


def _whole(number: Any) -> Any:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _environment() -> Any:
    """The functions of JSONata as AWS has them: without $eval, with AWS's own."""
    frame = Jsonata.Frame(None)
    frame.bindings = {name: value for name, value in Jsonata.static_frame.bindings.items() if name != "eval"}
    for name, function in CONSTANT_FUNCTIONS.items():
        frame.bind(name, function)
    return frame


class _Evaluators(threading.local):
    def __init__(self) -> None:
        self.evaluator = _Evaluator("null")


_EVALUATORS: Final = _Evaluators()
_ENVIRONMENT: Final = _environment()
_FUNCTION_NAMES: Final = frozenset(_ENVIRONMENT.bindings) | frozenset(DRAWING_FUNCTIONS)


_SURROGATES: Final = re.compile(r"((?<!\\)(?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _joined(escapes: re.Match[str]) -> str:
    return escapes[1] + bytes.fromhex(escapes[2] + escapes[3]).decode("utf-16-be")


def _regular_expression(pattern: str, flags: Any) -> RegularExpression:
    letters = ("i" if flags.case_insensitive else "") + ("m" if flags.multiline else "")
    return RegularExpression.compile(pattern, letters)


class ParsedExpression:
    """A syntax tree with what its evaluation needs. `variables` are the variables that it reads, functions and `states` left out."""

    __slots__ = ("_drawing", "_paths", "_read", "_tree", "context_references", "states_members", "text", "variables")

    def __init__(self, text: str, tree: Any) -> None:
        self.text = text
        names = free_names(tree)
        self.variables = names - _FUNCTION_NAMES - {"states"}
        self.context_references = references_to_context(tree)
        self.states_members = states_members(tree)
        self._drawing = tuple(name for name in DRAWING_FUNCTIONS if name in names)
        self._tree, self._paths = lift_paths(tree)
        self._read = tuple(name for name in free_names(self._tree) if not name.startswith(" "))

    def evaluate(self, scope: Scope) -> Json:
        """Its value, ABSENT where it is undefined; raises EngineFailure."""
        known = begin(self, scope)
        if known is not None:
            return known.get()
        # Made here: the clock is not read from another thread.
        drawn = {name: DRAWING_FUNCTIONS[name](scope.drawn_from) for name in self._drawing} if self._drawing else None
        try:
            return self._evaluate(scope, drawn)
        except OutOfPatience:
            raise TakesLong(self, scope, lambda: self._evaluate(scope, drawn)) from None

    def _evaluate(self, scope: Scope, drawn: dict[str, Any] | None) -> Json:
        try:
            return with_room(lambda: self._value(scope, drawn))
        except EngineFailure:
            raise
        except BeyondLimit as beyond:
            raise EngineFailure(f"threw an error during evaluation: {beyond}") from beyond
        except (MemoryError, RecursionError, TimeoutError) as error:
            text = TOO_DEEP if isinstance(error, RecursionError) else TOO_LONG if isinstance(error, TimeoutError) else TOO_LARGE
            raise EngineFailure(f"threw an error during evaluation: {text}") from error
        except JException as error:
            raise EngineFailure(f"threw an error during evaluation. {error_text(error)}") from error
        except Exception as error:
            raise EngineFailure(f"threw an error during evaluation. {_unexpected_text(error)}") from error

    def _value(self, scope: Scope, drawn: dict[str, Any] | None) -> Json:
        frame = Jsonata.Frame(_ENVIRONMENT)
        bindings = frame.bindings
        bindings["__evaluate_entry"] = _entry()
        bindings["__evaluate_exit"] = None
        evaluator = Jsonata.CURRENT.jsonata = _EVALUATORS.evaluator
        evaluator.depth = 0
        if drawn:
            bindings.update(drawn)
        self._bind(bindings, scope)
        for path in self._paths:
            bindings[path.variable] = self._path_value(path, scope, frame)
        result = evaluator.eval(self._tree, None, frame)
        return ABSENT if result is None else _json(result)

    def _bind(self, bindings: dict[str, Any], scope: Scope) -> None:
        for name in self._read:
            if name == "states":
                bindings[name] = _prepared(states_object(scope))
            elif name in scope.variables:
                bindings[name] = _prepared(scope.variables[name])

    def _path_value(self, path: LiftedPath, scope: Scope, frame: Any) -> Any:
        value = follow(path.root, path.names, scope)
        if value is ABSENT:
            return None
        if value is not MEETS_ARRAY:
            return _prepared(value)
        root = states_object(scope) if path.root == "states" else scope.variables[path.root]
        inner = Jsonata.Frame(frame)
        inner.bindings[path.root] = _prepared(root)
        return _EVALUATORS.evaluator.eval(path.original, None, inner)


def parse(text: str) -> ParsedExpression:
    """The parsed expression; raises ExpressionSyntaxError."""
    if len(text) > TEXT_LIMIT:
        raise ExpressionSyntaxError(f"the expression has more than {TEXT_LIMIT} characters", text=text)
    try:
        return with_room(lambda: _parsed(text))
    except RecursionError:
        raise ExpressionSyntaxError("the expression is nested too deeply", text=text) from None
    except JException as refused:
        offset = refused.location if isinstance(refused.location, int) else 0
        raise ExpressionSyntaxError(error_text(refused), text=text, offset=min(max(0, offset), len(text))) from refused
    except Exception as refused:
        raise ExpressionSyntaxError(f"the expression cannot be parsed: {_unexpected_text(refused)}", text=text) from refused


def _parsed(text: str) -> ParsedExpression:
    parser = Jsonata.get_parser()
    # The library's parser keeps what `%` refers to in every expression that it has read.
    parser.ancestor_label = parser.ancestor_index = 0
    parser.ancestry = []
    # It reads beyond a comment at the end, and a character that is written as two escapes as two.
    return ParsedExpression(text, parser.parse(f"{_SURROGATES.sub(_joined, text)} ", _regular_expression))


def error_text(error: JException) -> str:
    """`T2001: The left side of the "+" operator must evaluate to a number`"""
    template = JException.error_codes.get(error.error)
    if template is None:
        return _with_code(str(error.error))
    values = iter(shown_values(error))

    def shown(found: re.Match[str]) -> str:
        value = next(values, None)
        return str(value) if found.group().startswith("{{{") else _shown(value)

    return f"{error.error}: {_PLACEHOLDER.sub(shown, template)}"


def _with_code(words: str) -> str:
    code = ERROR_CODES.get(words)
    return words if code is None else f"{code}: {words}"


def _shown(value: Any) -> str:
    try:
        return json_text(_json(value))
    except (EngineFailure, TypeError, ValueError, RecursionError):
        return ""


def _unexpected_text(error: Exception) -> str:
    """The text for what the library does not raise as an error of JSONata, in JSONata's words where there are some."""
    if isinstance(error, ArithmeticError) or str(error) == "math domain error":
        return "D1001: Number out of range: null"
    number = _NOT_A_NUMBER.fullmatch(str(error))
    if number is not None:
        return f"D3030: Unable to cast value to a number: {json_text(number.group(1))}"
    words = _with_code(str(error))
    return f"{type(error).__name__}: {words}" if words == str(error) else words


def _entry() -> Callable[..., None]:
    """What the library calls before it evaluates each part of an expression."""
    parts = 0

    def entered(*_: object) -> None:
        nonlocal parts
        parts += 1
        if not parts & 255:
            look()

    return entered


def _prepared(value: Json) -> Any:
    """`value` as the library takes it: null in arrays is its own null, and no array is shared that it would fill."""
    if value is None:
        return _NULL
    if isinstance(value, dict):
        changed: dict[str, Any] | None = None
        for name, member in value.items():
            if isinstance(member, (dict, list)):
                prepared = _prepared(member)
                if prepared is not member:
                    changed = dict(value) if changed is None else changed
                    changed[name] = prepared
        return value if changed is None else changed
    if isinstance(value, list):
        items = [_prepared(item) if item is None or isinstance(item, (dict, list)) else item for item in value]
        is_same = bool(items) and all(map(operator.is_, items, value))
        return value if is_same else items
    return value


def _json(value: Any, depth: int = 0) -> Json:
    """A value of the library as JSON. What is JSON already stays the same object; functions raise EngineFailure."""
    if depth & 15 == 15:
        # A few arrays, each in the next one twice, are more than anyone can write out.
        look()
    if value is None or value is _NULL:
        return None
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None  # as JavaScript writes it; AWS has been seen to let such results pass
    if type(value) is dict:
        members = {name: _json(member, depth + 1) for name, member in value.items()}
        return value if all(map(operator.is_, members.values(), value.values())) else members
    if isinstance(value, list):
        items = [_json(item, depth + 1) for item in value]
        return value if type(value) is list and all(map(operator.is_, items, value)) else items
    raise EngineFailure("returned an unsupported result type.")
