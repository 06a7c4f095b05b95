"""Payloads: one text for each value, shared, and its size."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.interpreter.payload import SIZE_LIMIT_BYTES, Payload, is_too_large

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_a_values_text_reads_as_the_value(value):
    assert json.loads(Payload(value).text) == value


@given(st.lists(JSON_VALUES))
def test_an_arrays_text_is_that_of_its_items(values):
    payload = Payload.array([Payload(value) for value in values])
    assert json.loads(payload.text) == values == payload.value


def test_the_text_that_it_came_with_is_kept():
    assert Payload.parse("[1,   2]").text == "[1,   2]"


def test_text_is_made_once():
    payload = Payload({"a": 1})
    assert payload.text is payload.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x" * SIZE_LIMIT_BYTES, False),
        ("x" * (SIZE_LIMIT_BYTES + 1), True),
        ("ä" * (SIZE_LIMIT_BYTES // 2), False),
        ("ä" * (SIZE_LIMIT_BYTES // 2 + 1), True),
        ("😀" * (SIZE_LIMIT_BYTES // 4 + 1), True),
    ],
    ids=["at the limit", "one byte over", "two bytes each, at the limit", "two bytes each, over", "four bytes each, over"],
)
def test_the_size_is_counted_in_bytes(text, expected):
    assert is_too_large(text) is expected
