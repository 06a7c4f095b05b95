"""A Choice state's Choices to compiled rules. Called by `states`."""

from __future__ import annotations

from typing import Final

from stepstack.json_types import Json
from stepstack.language import known_fields
from stepstack.language.choice_rules import (
    COMPARISONS,
    OPERATORS,
    PATH_COMPARISONS,
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
from stepstack.query.jsonpath import AslPath
from stepstack.query.scope import Literal

__all__ = ["read_choices"]

NESTING_LIMIT: Final = 100
"""And, Or and Not inside each other: deeper ones are refused, so that no rule exhausts Python's stack."""

_KINDS: Final = ("And", "Or", "Not", "Variable", "Condition")
_NO_DOLLAR: Final = "Value is not a Reference Path: Reference path didn't start with '$'"


def read_choices(state: Fields) -> tuple[ChoiceRule, ...]:
    """The rules in their order; those that cannot be made are in the findings, and left out."""
    if not state.require("Choices"):
        return ()
    if state.array("Choices") == []:
        state.refuse("Value cannot be empty", "Choices")
    rules = [_rule(fields) for fields in state.objects("Choices")] if isinstance(state.members["Choices"], list) else []
    return tuple(rule for rule in rules if rule is not None)


def _rule(fields: Fields) -> ChoiceRule | None:
    fields.refuse_unknown(known_fields.CHOICE_RULE)
    fields.require("Next")
    test = _test(fields, nesting=0)
    target = fields.text("Next")
    comment, assign, output = fields.text("Comment"), fields.assign(), fields.jsonata_output()
    if test is None or target is None:
        return None
    return ChoiceRule(next=target, test=test, comment=comment, assign=assign, output=output)


def _test(fields: Fields, nesting: int) -> Test | None:
    kinds = [kind for kind in _KINDS if kind in fields.members]
    if len(kinds) != 1:
        fields.refuse(f"The object must have only one of the following fields, [{', '.join(_KINDS)}]")
        return None
    if (kinds == ["Condition"]) is not fields.is_jsonata:
        return None  # of the other query language, which is reported
    return _condition(fields) if fields.is_jsonata else _boolean_expression(fields, nesting)


def _condition(fields: Fields) -> Test | None:
    value = fields.members.get("Condition")
    place = f"{fields.inside}Condition"
    if isinstance(value, bool):
        return Condition(Literal(value), "", place)
    if not isinstance(value, str) or not fields.is_expression("Condition", value):
        fields.refuse("Expected value of type Boolean", "Condition")
        return None
    field = fields.jsonata("Condition")
    return None if field is None else Condition(field.expression, field.text, place)


def _boolean_expression(fields: Fields, nesting: int) -> Test | None:
    if nesting > NESTING_LIMIT:
        fields.refuse("The Choice Rule is nested too deeply")
        return None
    for name, combined in (("And", And), ("Or", Or)):
        if name in fields.members:
            if fields.array(name) == []:
                fields.refuse("Value cannot be empty", name)
            parts = [_nested(part, nesting) for part in fields.objects(name)]
            return combined(tuple(part for part in parts if part is not None))
    if "Not" in fields.members:
        negated = fields.object("Not")
        part = None if negated is None else _nested(negated, nesting)
        return None if part is None else Not(part)
    return _data_test(fields)


def _nested(fields: Fields, nesting: int) -> Test | None:
    fields.refuse_unknown(known_fields.NESTED_RULE)
    return _test(fields, nesting + 1)


def _data_test(fields: Fields) -> Test | None:
    names = [name for name in fields.members if name in OPERATORS]
    variable = fields.single_path("Variable", _NO_DOLLAR)
    if len(names) != 1:
        problem = "There should only be" if names else "This object should have only"
        fields.refuse(f"{problem} one of the following fields: [{', '.join(OPERATORS)}]")
        return None
    return None if variable is None else _with_operator(fields, variable, names[0])


def _with_operator(fields: Fields, variable: AslPath, name: str) -> Test | None:
    if name in PATH_COMPARISONS:
        path = fields.single_path(name, _NO_DOLLAR)
        return None if path is None else PathComparison(variable, PATH_COMPARISONS[name], path)
    value = fields.members[name]
    problem = _operand_problem(name, value)
    if problem is not None:
        fields.refuse(problem, name)
        return None
    if name == "IsPresent":
        return PresenceTest(variable, bool(value))
    if name in TYPE_TESTS:
        return TypeTest(variable, TYPE_TESTS[name], bool(value))
    return Comparison(variable, COMPARISONS[name], value)


def _operand_problem(name: str, value: Json) -> str | None:
    """What is wrong with `value` as the operand of the operator `name`; None where nothing is."""
    if name.startswith(("Is", "Boolean")):
        return None if isinstance(value, bool) else "Expected value of type Boolean"
    if name.startswith("Numeric"):
        return None if isinstance(value, (int, float)) and not isinstance(value, bool) else "Expected value of type Number"
    if not isinstance(value, str):
        return "Expected value of type String"
    is_wrong = name.startswith("Timestamp") and parse_timestamp(value) is None
    return "String does not match RFC3339 timestamp" if is_wrong else None
