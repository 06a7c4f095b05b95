"""Payload Templates: JSON in which the value of a key ending `.$` is a Path or an Intrinsic Function call.

`{"id.$": "$.order.id", "kind": "new"}` becomes `{"id": 7, "kind": "new"}`. Compiled by the language (Parameters, ResultSelector,
ItemSelector, Assign and their like), evaluated by the interpreter. Source: the Amazon States Language on Payload Templates; recorded
answers of AWS for the field that a failure names (`id.$`), for indefinite paths that match nothing ([]), and for the order of members:
those without `.$` as they are written, then the others as Java's HashMap returns them.
"""

from __future__ import annotations

from collections.abc import Callable

from stepstack.errors import ExpressionError, ExpressionSyntaxError
from stepstack.json_types import Json
from stepstack.query.intrinsic_functions import compile_expression
from stepstack.query.java_hash_map import hash_map_order
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import TEMPLATE_NESTING_LIMIT, Expression, Literal, Scope

__all__ = ["PayloadTemplate"]

_Evaluate = Callable[[Scope], Json]

_TYPE_NAMES: dict[type, str] = {dict: "OBJECT", list: "ARRAY", bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", type(None): "NULL"}


class PayloadTemplate:
    """A compiled template that holds at least one expression."""

    __slots__ = ("_evaluate", "variables")

    def __init__(self, evaluate: _Evaluate, variables: frozenset[str]) -> None:
        self._evaluate = evaluate
        self.variables = variables

    @classmethod
    def compile(cls, value: Json) -> Expression:
        """The template `value`, a Literal where nothing in it is an expression.

        Raises ExpressionSyntaxError in AWS's words; its `field` is the key that is wrong.
        """
        variables: set[str] = set()
        evaluate = _compiled(value, variables, 0)
        return Literal(value) if evaluate is None else cls(evaluate, frozenset(variables))

    def evaluate(self, scope: Scope) -> Json:
        """A new value; raises an ExpressionError whose `field` is the key that could not be evaluated."""
        return self._evaluate(scope)


def _compiled(value: Json, variables: set[str], depth: int) -> _Evaluate | None:
    """What evaluates `value`; None where it is constant. Adds the variables that it reads."""
    if depth > TEMPLATE_NESTING_LIMIT:
        raise ExpressionSyntaxError("The template is nested too deeply")
    if isinstance(value, dict):
        return _compiled_object(value, variables, depth)
    if isinstance(value, list):
        return _compiled_array(value, variables, depth)
    return None


def _compiled_object(template: dict[str, Json], variables: set[str], depth: int) -> _Evaluate | None:
    constant: dict[str, Json] = {}
    inner: dict[str, _Evaluate] = {}
    fields: dict[str, _Evaluate] = {}
    for key, value in template.items():
        if key.endswith(".$"):
            fields[key[:-2]] = _compiled_field(key, value, variables)
            continue
        evaluate = _compiled(value, variables, depth + 1)
        constant[key] = value if evaluate is None else None
        if evaluate is not None:
            inner[key] = evaluate
    dynamic = [*inner.items(), *((name, fields[name]) for name in hash_map_order(fields))]
    if not dynamic:
        return None

    def evaluate_object(scope: Scope) -> Json:
        made = constant.copy()
        for name, evaluate in dynamic:
            try:
                made[name] = evaluate(scope)
            except ExpressionError as error:  # noqa: PERF203 - the key is known here alone
                error.field = error.field or f"{name}.$"
                raise
        return made

    return evaluate_object


def _compiled_array(template: list[Json], variables: set[str], depth: int) -> _Evaluate | None:
    items = [_compiled(item, variables, depth + 1) for item in template]
    if not any(items):
        return None
    evaluators: list[_Evaluate] = [evaluate or Literal(item).evaluate for evaluate, item in zip(items, template, strict=True)]
    return lambda scope: [evaluate(scope) for evaluate in evaluators]


def _compiled_field(key: str, value: Json, variables: set[str]) -> _Evaluate:
    if not isinstance(value, str):
        was = _TYPE_NAMES[type(value)]
        article = "an" if was[0] in "AO" else "a"
        message = f"The value for the field '{key}' must be a STRING that contains a JSONPath but was {article} {was}"
        raise ExpressionSyntaxError(message, field=key)
    try:
        expression = compile_expression(value)
    except ExpressionSyntaxError as refused:
        message = f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
        raise ExpressionSyntaxError(message, text=value, field=key, offset=refused.offset) from refused
    variables |= expression.variables
    return expression.select if isinstance(expression, AslPath) else expression.evaluate
