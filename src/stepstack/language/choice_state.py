"""A Choice state's Choices to compiled rules. Called by `states`."""

from __future__ import annotations

from typing import Final

from stepstack.errors import ExpressionError
from stepstack.json_types import Json
from stepstack.language.choice_rules import (
    COMPARISONS,
    TYPE_TESTS,
    And,
    ChoiceRule,
    Comparison,
    Condition,
    Not,
    Or,
    PathComparison,
    PresenceTest,
    Test,
    TypeTest,
    parse_timestamp,
)
from stepstack.language.fields import Fields
from stepstack.query.jsonata import JsonataExpression, is_jsonata
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Literal

__all__ = ["read_choices"]

_RULE_FIELDS: Final = frozenset({"Next", "Comment", "Assign", "Output"})
_PATH_OPERATORS: Final = {f"{name}Path": holds for name, holds in COMPARISONS.items() if name != "StringMatches"}
_OPERATORS: Final = frozenset({"IsPresent", *COMPARISONS, *_PATH_OPERATORS, *TYPE_TESTS})


def read_choices(state: Fields) -> tuple[ChoiceRule, ...]:
    if "Choices" not in state.members:
        state.refuse("The field 'Choices' is required but was missing")
        return ()
    if state.members["Choices"] == []:
        state.refuse("Value cannot be empty", "Choices")
    rules = [_rule(fields, f"Choices[{index}]") for index, fields in enumerate(state.objects("Choices"))]
    return tuple(rule for rule in rules if rule is not None)


def _rule(fields: Fields, place: str) -> ChoiceRule | None:
    if "Next" not in fields.members:
        fields.refuse("The field 'Next' is required but was missing")
    test = _condition(fields, place) if fields.is_jsonata else _boolean_expression(fields)
    target = fields.text("Next")
    if test is None or target is None:
        return None
    return ChoiceRule(
        next=target,
        test=test,
        comment=fields.text("Comment"),
        assign=fields.template("Assign"),
        output=fields.template("Output") if fields.is_jsonata else None,
    )


def _condition(fields: Fields, place: str) -> Test | None:
    value = fields.members.get("Condition")
    if isinstance(value, bool):
        return Condition(Literal(value), "", f"{place}/Condition")
    if value is None:
        fields.refuse("The field 'Condition' is required but was missing")
        return None
    if not isinstance(value, str) or not is_jsonata(value):
        fields.refuse("Value must be a JSONata expression or a boolean", "Condition")
        return None
    try:
        expression = JsonataExpression.compile(value[2:-2])
    except ExpressionError as error:
        fields.refuse(error.message, "Condition")
        return None
    return Condition(expression, expression.text, f"{place}/Condition")


def _boolean_expression(fields: Fields) -> Test | None:
    members = fields.members
    for name, combined in (("And", And), ("Or", Or)):
        if name in members:
            parts = [_boolean_expression(part) for part in fields.objects(name)]
            if not parts:
                fields.refuse("Value cannot be empty", name)
            return combined(tuple(part for part in parts if part is not None))
    if "Not" in members:
        negated = fields.object("Not")
        part = None if negated is None else _boolean_expression(negated)
        return None if part is None else Not(part)
    return _data_test(fields)


def _data_test(fields: Fields) -> Test | None:
    operators = [name for name in fields.members if name in _OPERATORS]
    if "Variable" not in fields.members:
        fields.refuse("The field 'Variable' is required but was missing")
        return None
    if len(operators) != 1:
        fields.refuse("A Choice Rule must have exactly one comparison operator")
        return None
    variable = fields.asl_path("Variable")
    return None if variable is None else _with_operator(fields, variable, operators[0])


def _with_operator(fields: Fields, variable: AslPath, name: str) -> Test | None:
    value = fields.members[name]
    if name in _PATH_OPERATORS:
        path = fields.asl_path(name)
        return None if path is None else PathComparison(variable, _PATH_OPERATORS[name], path)
    if not _is_operand(fields, name, value):
        return None
    if name == "IsPresent":
        return PresenceTest(variable, bool(value))
    if name in TYPE_TESTS:
        return TypeTest(variable, TYPE_TESTS[name], bool(value))
    return Comparison(variable, COMPARISONS[name], value)


def _is_operand(fields: Fields, name: str, value: Json) -> bool:
    """Whether `value` is of the type that the operator `name` takes."""
    if name.startswith(("Is", "Boolean")):
        problem = None if isinstance(value, bool) else "Expected value of type Boolean"
    elif name.startswith("Numeric"):
        problem = None if isinstance(value, (int, float)) and not isinstance(value, bool) else "Expected value of type Number"
    elif not isinstance(value, str):
        problem = "Expected value of type String"
    else:
        is_timestamp = not name.startswith("Timestamp") or parse_timestamp(value) is not None
        problem = None if is_timestamp else "String does not match RFC3339 timestamp"
    if problem is not None:
        fields.refuse(problem, name)
    return problem is None
