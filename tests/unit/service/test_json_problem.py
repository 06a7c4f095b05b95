"""Whether a text is JSON, and what is wrong with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.json_types import parse_json
from stepstack.service.json_problem import json_problem


@given(st.text(alphabet='{}[]":,0123456789.eE+-truefalsn \\\n\x00\u00e9', max_size=30))
def test_a_text_has_a_problem_exactly_where_it_cannot_be_parsed(text):
    assert (json_problem(text) is None) == is_json(text)


def is_json(text):
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", ["9" * 5000, "1e999", "[" * 100_000 + "]" * 100_000], ids=["digits", "exponent", "depth"])
def test_what_is_too_large_to_hold_is_a_problem(text):
    assert json_problem(text)
