"""ReferencePath: where a result goes, and which paths name one place."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.query.strategies import json_objects, json_values

from stepstack.errors import ExpressionSyntaxError, PathNotSingle
from stepstack.query.jsonpath import AslPath
from stepstack.query.reference_path import ReferencePath
from stepstack.query.scope import Scope


@pytest.mark.parametrize(
    ("text", "target", "expected"),
    [
        ("$", {"a": 1}, "new"),
        ("$.b", {"a": 1}, {"a": 1, "b": "new"}),
        ("$.a", {"a": 1, "b": 2}, {"a": "new", "b": 2}),
        ("$['a b'].c", {}, {"a b": {"c": "new"}}),
        ("$.a.b.c", {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": "new"}}}),
        ("$.a[0]", {"a": [1, 2]}, {"a": ["new", 2]}),
        ("$.a[2]", {"a": [1, 2]}, {"a": [1, 2, "new"]}),
        ("$.a[0]", {}, {"a": ["new"]}),
        ("$.a[0].b", {"a": [{"c": 1}]}, {"a": [{"c": 1, "b": "new"}]}),
        ("$[1]", [1, 2], [1, "new"]),
    ],
)
def test_a_value_goes_to_its_place(text: str, target: Any, expected: Any) -> None:
    assert ReferencePath.compile(text).place(target, "new") == expected


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("$.a", "text", '"text"'),
        ("$.a.b", {"a": 1}, '{"a":1}'),
        ("$.a.b", {"a": None}, '{"a":null}'),
        ("$.a", [1], "[1]"),
        ("$[0]", {"a": 1}, '{"a":1}'),
        ("$.a[3]", {"a": [1]}, '{"a":[1]}'),
        ("$.a[1]", {}, "{}"),
    ],
)
def test_a_place_that_something_else_blocks_is_refused_in_the_words_of_aws(text: str, target: Any, shown: str) -> None:
    with pytest.raises(PathNotSingle) as raised:
        ReferencePath.compile(text).place(target, "new")

    assert raised.value.message == f"Unable to apply ReferencePath {text} to input {shown}"


@pytest.mark.parametrize(
    "text",
    ["", "a", "$.a[*]", "$.*", "$..a", "$.a[0:1]", "$.a[0,1]", "$['a','b']", "$.a[?(@.b)]", "$.a.length()", "$.a[-1]", "$$.a", "$name"],
)
def test_a_path_that_does_not_name_one_place_of_the_input_is_refused(text: str) -> None:
    with pytest.raises(ExpressionSyntaxError):
        ReferencePath.compile(text)


def test_what_is_not_changed_is_shared() -> None:
    target = {"big": {"x": 1}, "a": {"kept": [1]}}

    placed: Any = ReferencePath.compile("$.a.b").place(target, 2)

    assert placed["big"] is target["big"]
    assert placed["a"]["kept"] is target["a"]["kept"]


@given(json_objects, st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3), json_values)
def test_what_was_placed_is_found_there_and_the_target_stays(target: Any, names: list[str], value: Any) -> None:
    text = "$." + ".".join(names)
    before = copy.deepcopy(target)
    try:
        placed = ReferencePath.compile(text).place(target, value)
    except PathNotSingle:
        return

    assert AslPath.compile(text).evaluate(Scope(placed, {}, {})) is value
    assert target == before
