"""Choice rules: what each operator says of each kind of value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.errors import ExpressionError, QueryEvaluationFailure
from stepstack.language import parse
from stepstack.language.choice_rules import COMPARISONS, ChoiceRule, parse_timestamp
from stepstack.language.state_machine import ChoiceState
from stepstack.query.scope import Scope

EVERY_KIND: tuple[Any, ...] = (None, True, False, 0, 1.5, "", "text", "2024-05-06T07:08:09Z", [], [1], {}, {"a": 1})


def rule(language: str = "JSONPath", **fields: Any) -> ChoiceRule:
    """The rule with `fields`, compiled as the parser compiles it."""
    state = {"Type": "Choice", "Choices": [{**fields, "Next": "B"}]}
    definition = {"QueryLanguage": language, "StartAt": "A", "States": {"A": state, "B": {"Type": "Succeed"}}}
    choice = parse(json.dumps(definition)).states["A"]
    assert isinstance(choice, ChoiceState)
    return choice.choices[0]


def holds(data: Any, language: str = "JSONPath", variables: dict[str, Any] | None = None, **fields: Any) -> bool:
    return rule(language, **fields).evaluate(Scope(data, {"Execution": {"Name": "run"}}, variables or {}))


@pytest.mark.parametrize(
    ("operator", "value", "operand", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringLessThan", "a", "b", True),
        ("StringLessThan", "b", "b", False),
        ("StringLessThan", "\U0001f600", "\uff01", True),
        ("StringGreaterThan", "\u00e9", "z", True),
        ("StringLessThanEquals", "b", "b", True),
        ("StringGreaterThan", "AB", "A", True),
        ("StringGreaterThan", "A", "A", False),
        ("StringGreaterThanEquals", "A", "A", True),
        ("NumericEquals", 1, 1.0, True),
        ("NumericEquals", 1, 2, False),
        ("NumericLessThan", 1, 1.5, True),
        ("NumericLessThanEquals", 1.5, 1.5, True),
        ("NumericGreaterThan", 2, 1, True),
        ("NumericGreaterThanEquals", 0, 1, False),
        ("BooleanEquals", True, True, True),
        ("BooleanEquals", False, True, False),
        ("TimestampEquals", "2024-05-06T07:08:09Z", "2024-05-06T09:08:09+02:00", True),
        ("TimestampLessThan", "2024-05-06T07:08:09Z", "2024-05-06T07:08:09.5Z", True),
        ("TimestampLessThanEquals", "2024-05-06T07:08:09Z", "2024-05-06T07:08:09.000Z", True),
        ("TimestampGreaterThan", "2024-05-06T07:08:09Z", "2024-05-06T07:08:10Z", False),
        ("TimestampGreaterThanEquals", "2024-05-06T07:08:09.2Z", "2024-05-06T07:08:09.10Z", True),
    ],
)
def test_a_comparison_says_the_same_of_a_constant_and_of_a_path(operator: str, value: Any, operand: Any, expected: bool) -> None:
    assert holds({"v": value}, Variable="$.v", **{operator: operand}) is expected
    assert holds({"v": value, "o": operand}, Variable="$.v", **{f"{operator}Path": "$.o"}) is expected


@pytest.mark.parametrize("operator", sorted(COMPARISONS))
@pytest.mark.parametrize("value", EVERY_KIND, ids=json.dumps)
def test_a_comparison_across_types_is_false(operator: str, value: Any) -> None:
    operands = {"Boolean": True, "Numeric": 0, "String": "text", "Timestamp": "2024-05-06T07:08:09Z"}
    kind = next(name for name in operands if operator.startswith(name))
    fits = {"Boolean": (bool,), "Numeric": (int, float), "String": (str,), "Timestamp": (str,)}[kind]
    if isinstance(value, fits) and not (kind == "Numeric" and isinstance(value, bool)):
        return
    assert not holds({"v": value}, Variable="$.v", **{operator: operands[kind]})


def test_a_text_that_is_no_timestamp_compares_with_none() -> None:
    assert not holds({"v": "tomorrow"}, Variable="$.v", TimestampLessThan="2024-05-06T07:08:09Z")
    assert not holds({"v": "2024-05-06T07:08:09Z", "o": "tomorrow"}, Variable="$.v", TimestampEqualsPath="$.o")


@pytest.mark.parametrize(
    ("operator", "those"),
    [
        ("IsNull", {"null"}),
        ("IsBoolean", {"true", "false"}),
        ("IsNumeric", {"0", "1.5"}),
        ("IsString", {'""', '"text"', '"2024-05-06T07:08:09Z"'}),
        ("IsTimestamp", {'"2024-05-06T07:08:09Z"'}),
    ],
)
def test_a_type_test_holds_for_its_type_alone(operator: str, those: set[str]) -> None:
    assert {json.dumps(value) for value in EVERY_KIND if holds({"v": value}, Variable="$.v", **{operator: True})} == those
    assert {json.dumps(value) for value in EVERY_KIND if not holds({"v": value}, Variable="$.v", **{operator: False})} == those


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$.a", True), ("$.a.b", False), ("$.z", False), ("$$.Execution.Name", True), ("$$.Map", False), ("$x", True), ("$y", False)],
)
def test_is_present_holds_where_the_path_finds_something(path: str, expected: bool) -> None:
    data, variables = {"a": None}, {"x": None}
    assert holds(data, variables=variables, Variable=path, IsPresent=True) is expected
    assert holds(data, variables=variables, Variable=path, IsPresent=False) is not expected


@pytest.mark.parametrize(
    "fields",
    [{"IsNull": True}, {"StringEquals": "a"}, {"NumericLessThanPath": "$.a"}, {"StringMatches": "*"}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_variable_that_finds_nothing_fails_in_the_words_of_aws(fields: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as failed:
        holds({"a": 1}, Variable="$.gone", **fields)
    assert failed.value.message == "Invalid path '$.gone': The choice state's condition path references an invalid value."


def test_a_path_to_compare_with_that_finds_nothing_fails_too() -> None:
    with pytest.raises(ExpressionError, match=r"Invalid path '\$\.gone'"):
        holds({"a": 1}, Variable="$.a", NumericLessThanPath="$.gone")


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("log-*.txt", "log-1.txt", True),
        ("log-*.txt", "log-.txt", True),
        ("log-*.txt", "log-1.txt.gz", False),
        ("*", "", True),
        ("*", "anything", True),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("a*a", "a", False),
        ("**", "x", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"a\\b", "a\\b", True),
        (r"a\b", r"a\b", True),
        ("a.c", "abc", False),
        ("", "", True),
        ("", "x", False),
    ],
)
def test_string_matches_knows_wildcards_and_escapes(pattern: str, text: str, expected: bool) -> None:
    assert holds({"v": text}, Variable="$.v", StringMatches=pattern) is expected


@given(
    pieces=st.lists(st.text(alphabet="ab", max_size=4), min_size=1, max_size=4),
    fillings=st.lists(st.text(alphabet="abc", max_size=4), min_size=3, max_size=3),
)
def test_a_pattern_matches_whatever_stands_for_its_wildcards(pieces: list[str], fillings: list[str]) -> None:
    text = pieces[0] + "".join(filling + piece for filling, piece in zip(fillings, pieces[1:], strict=False))
    assert COMPARISONS["StringMatches"](text, "*".join(pieces))


def test_and_and_or_stop_as_soon_as_they_know() -> None:
    guarded = [{"Variable": "$.a", "IsPresent": True}, {"Variable": "$.a", "NumericEquals": 1}]
    assert not holds({}, And=guarded)
    assert holds({"a": 1}, And=guarded)
    assert holds({}, Or=[{"Variable": "$.a", "IsPresent": False}, {"Variable": "$.a", "NumericEquals": 1}])
    assert not holds({"a": 2}, Or=[{"Variable": "$.a", "IsPresent": False}, {"Variable": "$.a", "NumericEquals": 1}])


def test_not_turns_its_rule_around() -> None:
    assert holds({"a": 2}, Not={"Variable": "$.a", "NumericEquals": 1})
    assert not holds({"a": 1}, Not={"Not": {"Not": {"Variable": "$.a", "NumericEquals": 1}}})


def test_a_condition_is_a_constant_or_a_boolean_expression() -> None:
    assert holds({}, "JSONata", Condition=True)
    assert not holds({}, "JSONata", Condition=False)
    assert holds({"a": 5}, "JSONata", Condition="{% $states.input.a > $limit %}", variables={"limit": 4})


def test_a_condition_of_another_type_fails_and_names_its_place() -> None:
    with pytest.raises(QueryEvaluationFailure) as failed:
        holds({"a": 5}, "JSONata", Condition="{% $states.input.a %}")
    assert failed.value.reason == "returned an unexpected result type. Expected 'boolean', but was 'number' for value: 5"
    assert failed.value.field == "Choices[0]/Condition"
    assert failed.value.text == "$states.input.a"


def test_a_condition_that_is_undefined_names_its_place() -> None:
    with pytest.raises(QueryEvaluationFailure) as failed:
        holds({}, "JSONata", Condition="{% $states.input.gone %}")
    assert (failed.value.field, failed.value.reason) == ("Choices[0]/Condition", "returned nothing (undefined).")


def test_a_rule_knows_the_variables_that_it_reads() -> None:
    tested = rule(And=[{"Variable": "$a", "StringEqualsPath": "$b.c"}, {"Not": {"Variable": "$.d", "IsNull": True}}])
    assert tested.test.variables == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    ["2024-05-06T07:08:09Z", "2024-02-29T23:59:60Z", "2024-05-06T07:08:09.123456789Z", "2024-05-06T07:08:09-23:59", "0001-01-01T00:00:00Z"],
)
def test_a_timestamp_of_rfc_3339_is_read(text: str) -> None:
    assert parse_timestamp(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-05-06",
        "2024-05-06T07:08:09",
        "2024-05-06 07:08:09Z",
        "2024-05-06t07:08:09z",
        "2024-13-06T07:08:09Z",
        "2023-02-29T07:08:09Z",
        "2024-05-06T24:08:09Z",
        "2024-05-06T07:08Z",
        "2024-05-06T07:08:09+0200",
        "2024-05-06T07:08:09.Z",
        " 2024-05-06T07:08:09Z",
        "٢٠٢٤-05-06T07:08:09Z",
    ],
)
def test_another_text_is_no_timestamp(text: str) -> None:
    assert parse_timestamp(text) is None


def test_nanoseconds_count() -> None:
    earlier, later = parse_timestamp("2024-05-06T07:08:09.000000001Z"), parse_timestamp("2024-05-06T07:08:09.000000002Z")
    assert earlier is not None
    assert later is not None
    assert earlier < later
