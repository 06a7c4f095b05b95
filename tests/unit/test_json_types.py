"""JSON in and out: compact, in order, exact; and nothing that is no JSON."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.json_types import json_problem, json_text, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_what_is_written_is_read_back(value):
    assert parse_json(json_text(value)) == value


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param('{ "b" : 1, "a" : [ 1.0, 2 ] }', '{"b":1,"a":[1.0,2]}', id="order and numbers stay, white space goes"),
        pytest.param('"\\u00e9\\u20ac"', '"é€"', id="characters are not escaped"),
        pytest.param("123456789012345678901234567890", "123456789012345678901234567890", id="big integers are exact"),
    ],
)
def test_text_becomes_compact(text, written):
    assert json_text(parse_json(text)) == written


NO_JSON = ["", "{", "NaN", "-Infinity", "[1e999]", "'a'", "[" * 200_000, '{"a":' * 100_000]


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: text[:8])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the words are Python's
        parse_json(text)


def test_bytes_are_read_as_utf_8():
    assert parse_json('{"é":1}'.encode()) == {"é": 1}


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"lines": [{"price": 1}, {"price": Decimal("1.5")}]}, "$.lines[1].price is a Decimal, and JSON has none"),
        ({1, 2}, "$ is a set, and JSON has none"),
        ({"at": object()}, "$.at is an object, and JSON has none"),
        ([float("nan")], "$[0] is nan, and JSON has no such number"),
        ({("a", 1): 2}, "$ has the key ('a', 1), and JSON's are strings"),
        (ITSELF, "$[0] holds itself"),
        ({"a": [1, 2.5, None, True, "x", (1,)]}, None),
    ],
    ids=["nested", "the value itself", "an object", "nan", "a key", "a circle", "none"],
)
def test_what_a_program_gives_that_is_no_json_is_told_with_its_place(value, problem):
    assert json_problem(value) == problem
