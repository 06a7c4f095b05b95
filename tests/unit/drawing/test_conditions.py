"""Choice Rules as people write them."""

from __future__ import annotations

import json

import pytest

from stepstack.drawing.conditions import condition_text
from stepstack.language import parse
from stepstack.language.choice_rules import OPERATORS

RULES = {
    '$.a = "Init"': {"Variable": "$.a", "StringEquals": "Init"},
    "$.a \u2264 1.5": {"Variable": "$.a", "NumericLessThanEquals": 1.5},
    "$.a > $.b": {"Variable": "$.a", "NumericGreaterThanPath": "$.b"},
    '$.a matches "x*"': {"Variable": "$.a", "StringMatches": "x*"},
    "$.a is present": {"Variable": "$.a", "IsPresent": True},
    "$.a is not a string": {"Variable": "$.a", "IsString": False},
    "not $.a is null": {"Not": {"Variable": "$.a", "IsNull": True}},
    "$.a = true and ($.b < 1 or $.b = 2)": {
        "And": [
            {"Variable": "$.a", "BooleanEquals": True},
            {"Or": [{"Variable": "$.b", "NumericLessThan": 1}, {"Variable": "$.b", "NumericEquals": 2}]},
        ]
    },
    "$states.input.n > 1": {"Condition": "{% $states.input.n > 1 %}"},
}


def test_of(rule):
    language = {"QueryLanguage": "JSONata"} if "Condition" in rule else {}
    states = {"Choose": {"Type": "Choice", "Choices": [{**rule, "Next": "Done"}]}, "Done": {"Type": "Succeed"}}
    return parse(json.dumps({**language, "StartAt": "Choose", "States": states})).states["Choose"].choices[0].test


test_of.__test__ = False


@pytest.mark.parametrize(("text", "rule"), RULES.items(), ids=RULES.keys())
def test_a_rule_reads_as_what_it_asks(text, rule):
    assert condition_text(test_of(rule)) == text


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_has_words(name):
    if name.startswith("Is") or name == "BooleanEquals":
        operand = True
    elif name.endswith("Path"):
        operand = "$.b"
    else:
        operand = 1 if name.startswith("Numeric") else "2026-01-01T00:00:00Z"
    assert condition_text(test_of({"Variable": "$.a", name: operand})).startswith("$.a ")
