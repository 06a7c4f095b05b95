"""JSONata: `{% $states.input.price * 2 %}`, alone or anywhere inside JSON.

Compiled by the language, evaluated by the interpreter. Plain paths are walked here; everything else goes to `jsonata_engine`, which is
imported when the first such expression is compiled. Source: AWS's developer guide, "Transforming data with JSONata"; recorded answers
of AWS for the texts of failures and the fields that they name (`Output/result`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stepstack.errors import ExpressionSyntaxError, QueryEvaluationFailure
from stepstack.json_types import Json
from stepstack.query.jsonata_paths import MEETS_ARRAY, follow, plain_path
from stepstack.query.scope import ABSENT, TEMPLATE_NESTING_LIMIT, Expression, Literal, Scope

if TYPE_CHECKING:
    from stepstack.query.jsonata_engine import ParsedExpression

__all__ = ["JsonataExpression", "JsonataTemplate", "expression_text", "is_jsonata"]

UNDEFINED = "returned nothing (undefined)."

_Evaluate = Callable[[Scope], Json]


def is_jsonata(value: Json) -> bool:
    """Whether `value` is a string that is written as an expression: `{% ... %}`."""
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}") and len(value) >= 4


def expression_text(value: str) -> str:
    """The expression between the braces, as messages repeat it."""
    return value[2:-2].strip()


class JsonataExpression:
    """A compiled expression. `field` is the field that its failures name, "" where only the caller knows."""

    __slots__ = ("_names", "_parsed", "_root", "field", "text", "variables")

    def __init__(self, text: str, field: str, plain: tuple[str, tuple[str, ...]] | None, parsed: ParsedExpression | None) -> None:
        self.text = text
        self.field = field
        self._root, self._names = plain or ("", ())
        self._parsed = parsed
        """None for a plain path, as long as it meets no array."""
        self.variables = frozenset((self._root,)) - {"states"} if parsed is None else parsed.variables

    def __repr__(self) -> str:
        return f"JsonataExpression({self.text!r})"

    @classmethod
    def compile(cls, text: str, field: str = "") -> JsonataExpression:
        """The expression `text`, written without its braces; raises ExpressionSyntaxError."""
        text = text.strip()
        plain = plain_path(text)
        if plain is not None:
            return cls(text, field, plain, None)
        try:
            return cls(text, field, None, _parsed(text))
        except ExpressionSyntaxError as refused:
            raise ExpressionSyntaxError(refused.message, text=text, field=field, offset=refused.offset) from refused

    @property
    def context_references(self) -> tuple[str, ...]:
        """What it reads of a context, which AWS refuses: bare names that begin a path, and `$$`."""
        return () if self._parsed is None else self._parsed.context_references

    @property
    def states_members(self) -> frozenset[str]:
        """The members of `$states` that it names."""
        if self._parsed is not None:
            return self._parsed.states_members
        return frozenset(self._names[:1]) if self._root == "states" else frozenset()

    def evaluate(self, scope: Scope) -> Json:
        """Its value; raises QueryEvaluationFailure, also where the value is undefined or a function."""
        value: Any = follow(self._root, self._names, scope) if self._root else MEETS_ARRAY
        if value is MEETS_ARRAY or (value is ABSENT and not self._names):
            value = self._evaluate_with_library(scope)
        if value is ABSENT:
            raise QueryEvaluationFailure(UNDEFINED, text=self.text, field=self.field)
        result: Json = value
        return result

    def _evaluate_with_library(self, scope: Scope) -> Any:
        from stepstack.query.jsonata_engine import EngineFailure  # the library takes a while to import

        if self._parsed is None:
            self._parsed = _parsed(self.text)
        try:
            return self._parsed.evaluate(scope)
        except EngineFailure as failure:
            raise QueryEvaluationFailure(str(failure), text=self.text, field=self.field) from failure


@lru_cache(maxsize=1024)
def _parsed(text: str) -> ParsedExpression:
    """The parsed expression, some 30 KB; the same text is parsed once, while it is remembered. Raises ExpressionSyntaxError."""
    from stepstack.query.jsonata_engine import parse  # the library takes a while to import

    return parse(text)


class JsonataTemplate:
    """Compiled JSON that holds expressions."""

    __slots__ = ("_evaluate", "variables")

    def __init__(self, evaluate: _Evaluate, variables: frozenset[str]) -> None:
        self._evaluate = evaluate
        self.variables = variables

    @classmethod
    def compile(cls, value: Json, field_name: str) -> Expression:
        """The template `value` of the field `field_name`: a Literal where nothing in it is an expression, an expression where all is.

        Raises ExpressionSyntaxError; its `field` is the place of the expression, `Output/items[0]/id`.
        """
        if isinstance(value, str) and is_jsonata(value):
            return JsonataExpression.compile(expression_text(value), field_name)
        variables: set[str] = set()
        evaluate = _compiled(value, field_name, variables, 0)
        return Literal(value) if evaluate is None else cls(evaluate, frozenset(variables))

    def evaluate(self, scope: Scope) -> Json:
        """A new value; raises QueryEvaluationFailure whose `field` is the place of the expression that failed."""
        return self._evaluate(scope)


def _compiled(value: Json, place: str, variables: set[str], depth: int) -> _Evaluate | None:
    """What evaluates `value`; None where it is constant. Adds the variables that it reads."""
    if depth > TEMPLATE_NESTING_LIMIT:
        raise ExpressionSyntaxError("The template is nested too deeply", field=place.partition("/")[0])
    if isinstance(value, str):
        if not is_jsonata(value):
            return None
        expression = JsonataExpression.compile(expression_text(value), place)
        variables |= expression.variables
        return expression.evaluate
    if isinstance(value, dict):
        members = {name: _compiled(member, f"{place}/{name}", variables, depth + 1) for name, member in value.items()}
        dynamic = [(name, evaluate) for name, evaluate in members.items() if evaluate is not None]
        return _object_of(value, dynamic) if dynamic else None
    if isinstance(value, list):
        items = [_compiled(item, f"{place}[{index}]", variables, depth + 1) for index, item in enumerate(value)]
        if any(items):
            evaluators: list[_Evaluate] = [evaluate or Literal(item).evaluate for evaluate, item in zip(items, value, strict=True)]
            return lambda scope: [evaluate(scope) for evaluate in evaluators]
    return None


def _object_of(template: dict[str, Json], dynamic: list[tuple[str, _Evaluate]]) -> _Evaluate:
    def evaluate_object(scope: Scope) -> Json:
        made = template.copy()
        for name, evaluate in dynamic:
            made[name] = evaluate(scope)
        return made

    return evaluate_object
