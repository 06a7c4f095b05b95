"""How Java shows a value inside a text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.query.java_text import double_text, java_text, java_type


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (2**70, "1180591620717411303424"),
        ({"a": 1, "b": {"c": [None, "x", 1.5]}}, "{a=1, b={c=[null, x, 1.5]}}"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_a_value_is_shown_as_java_shows_it(value: Any, expected: str) -> None:
    assert java_text(value) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (-12345678.5, "-1.23456785E7"),
        (1e21, "1.0E21"),
        (1.5e-10, "1.5E-10"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
    ],
)
def test_very_large_and_very_small_numbers_have_an_exponent(number: float, expected: str) -> None:
    assert double_text(number) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_reads_back_as_that_number(number: float) -> None:
    assert float(double_text(number)) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ("a", "java.lang.String"),
        (True, "java.lang.Boolean"),
        (1, "java.lang.Integer"),
        (2**31, "java.lang.Long"),
        (2**63, "java.math.BigInteger"),
        (1.5, "java.lang.Double"),
        ({}, "java.util.LinkedHashMap"),
        ([], "java.util.ArrayList"),
    ],
)
def test_a_type_has_its_name_in_java(value: Any, expected: str) -> None:
    assert java_type(value) == expected
