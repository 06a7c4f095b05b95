"""PayloadTemplate: keys ending `.$`, what stays as it is, and what a failure names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.unit.query.strategies import json_objects, json_values

from stepstack.errors import ExpressionSyntaxError, IntrinsicFailure, PathNotFound
from stepstack.query.payload_template import PayloadTemplate
from stepstack.query.scope import Literal, Scope


def evaluate(template: Any, scope: Scope) -> Any:
    return PayloadTemplate.compile(template).evaluate(scope)


def test_a_key_that_ends_with_a_dollar_sign_takes_its_value_from_a_path(scope: Scope) -> None:
    template = {"id.$": "$.order.id", "run.$": "$$.Execution.Name", "most.$": "$limit", "text.$": "States.Format('#{}', $.order.id)"}

    assert evaluate(template, scope) == {"id": 7, "run": "run", "most": 3, "text": "#7"}


def test_constant_members_come_first_and_the_others_as_a_hash_map_has_them(scope: Scope) -> None:
    template = {"z.$": "$.order.id", "d": 1, "x.$": "$limit", "c": {"f.$": "$limit", "e.$": "$limit", "g": 1}, "y.$": "$limit"}
    value = evaluate(template, scope)
    assert list(value) == ["d", "c", "x", "y", "z"]
    assert list(value["c"]) == ["g", "e", "f"]


def test_expressions_stand_at_any_depth(scope: Scope) -> None:
    template = {"a": {"b": [1, {"c.$": "$.order.id"}, {"d": 2}]}}

    assert evaluate(template, scope) == {"a": {"b": [1, {"c": 7}, {"d": 2}]}}


def test_a_path_without_the_mark_on_its_key_is_a_text(scope: Scope) -> None:
    assert evaluate({"a": "$.order.id", "b": ["$.order.id"], "c.$": "$limit"}, scope) == {"a": "$.order.id", "b": ["$.order.id"], "c": 3}


def test_an_indefinite_path_that_matches_nothing_is_an_empty_array(scope: Scope) -> None:
    assert evaluate({"a.$": "$.gone.items[*].id"}, scope) == {"a": []}


@pytest.mark.parametrize(
    ("template", "field"), [({"a.$": "$.gone"}, "a.$"), ({"x": {"b.$": "$.gone"}}, "b.$"), ({"x": [{"c.$": "$.gone"}]}, "c.$")]
)
def test_a_path_that_finds_nothing_names_its_key_and_what_was_searched(template: Any, field: str, scope: Scope) -> None:
    with pytest.raises(PathNotFound) as raised:
        evaluate(template, scope)

    assert (raised.value.field, raised.value.text, raised.value.data) == (field, "$.gone", scope.data)


def test_a_function_that_fails_names_its_key(scope: Scope) -> None:
    with pytest.raises(IntrinsicFailure) as raised:
        evaluate({"a.$": "States.ArrayLength($.order.id)"}, scope)

    assert raised.value.field == "a.$"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"a.$": "plain"}, "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"),
        ({"x": {"b.$": "$."}}, "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function call"),
        ({"a.$": "States.Nothing()"}, "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call"),
        ({"a.$": ["$.x"]}, "The value for the field 'a.$' must be a STRING that contains a JSONPath but was an ARRAY"),
        ({"a.$": 1}, "The value for the field 'a.$' must be a STRING that contains a JSONPath but was a NUMBER"),
    ],
)
def test_what_is_no_expression_is_refused_in_the_words_of_aws(template: Any, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError) as raised:
        PayloadTemplate.compile(template)

    assert raised.value.message == message
    assert raised.value.field in message


def test_a_template_knows_the_variables_that_it_reads() -> None:
    template = PayloadTemplate.compile({"a.$": "$x.y", "b": [{"c.$": "States.Format('{}', $z)"}], "d": "$w"})

    assert template.variables == {"x", "z"}


@given(json_objects.map(lambda value: {name.removesuffix("$"): member for name, member in value.items()}))
def test_json_without_expressions_is_itself(value: Any) -> None:
    def has_expression(inner: Any) -> bool:
        if isinstance(inner, dict):
            return any(name.endswith(".$") or has_expression(member) for name, member in inner.items())
        return isinstance(inner, list) and any(map(has_expression, inner))

    if not has_expression(value):
        template = PayloadTemplate.compile(value)

        assert isinstance(template, Literal)
        assert template.evaluate(Scope(None, {}, {})) is value


@given(json_values)
def test_a_path_carries_any_value_through_unchanged(value: Any) -> None:
    evaluated = PayloadTemplate.compile({"a": {"b.$": "$.value"}}).evaluate(Scope({"value": value}, {}, {}))

    assert evaluated == {"a": {"b": value}}


def test_a_template_that_is_nested_too_deeply_is_refused() -> None:
    template: Any = {"a.$": "$.x"}
    for _ in range(400):
        template = {"b": template}

    with pytest.raises(ExpressionSyntaxError, match="nested too deeply"):
        PayloadTemplate.compile(template)
