"""When two JSON values are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.unit.query.strategies import json_values

from stepstack.json_types import json_text, parse_json
from stepstack.query.equality import distinguishing_key, same


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, 1.0), (1, True), (0, False), (None, False), ("1", 1), ([1], [True]), ({"a": 1}, {"a": 1.0}), ([], {}), ([1], [1, 2])],
)
def test_values_of_different_types_are_different(left: Any, right: Any) -> None:
    assert not same(left, right)
    assert distinguishing_key(left) != distinguishing_key(right)


def test_the_order_of_members_does_not_count_but_that_of_items_does() -> None:
    assert same({"a": 1, "b": [2, 3]}, {"b": [2, 3], "a": 1})
    assert not same([1, 2], [2, 1])


@given(json_values)
def test_a_copy_is_the_same(value: Any) -> None:
    copy = parse_json(json_text(value))

    assert same(value, copy)
    assert distinguishing_key(value) == distinguishing_key(copy)


@given(json_values, json_values)
def test_keys_tell_apart_what_is_not_the_same(left: Any, right: Any) -> None:
    assert same(left, right) == (distinguishing_key(left) == distinguishing_key(right))
