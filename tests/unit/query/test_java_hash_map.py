"""The order of Java's HashMap; the expected orders were worked out from String.hashCode by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.query.java_hash_map import hash_code, hash_map_order


@pytest.mark.parametrize(
    ("names", "order"),
    [
        pytest.param(["b", "a", "c"], ["a", "b", "c"], id="single letters have their codes for hashes"),
        pytest.param(["p", "a", "q"], ["p", "a", "q"], id="the table has sixteen places: p is in the first, q behind a in the second"),
        pytest.param(["q", "a"], ["q", "a"], id="what shares a place keeps its order"),
        pytest.param(["a", "aa"], ["aa", "a"], id="a letter counts 31 times as much as the one behind it"),
        pytest.param(["BC", "Ab"], ["BC", "Ab"], id="two keys of one hash"),
        pytest.param([], [], id="nothing"),
        pytest.param(["a", "a"], ["a"], id="a key twice"),
    ],
)
def test_keys_come_in_the_order_of_their_places(names: list[str], order: list[str]) -> None:
    assert hash_map_order(names) == order


def test_the_table_grows_with_its_keys() -> None:
    letters = [chr(code) for code in range(ord("a"), ord("a") + 13)]
    assert hash_map_order(["p", *letters[:11]])[0] == "p"
    assert hash_map_order(["p", *letters])[-1] == "p"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("", 0, id="nothing"),
        pytest.param("Aa", 2112, id="two letters"),
        pytest.param("BB", 2112, id="two others of the same hash"),
        pytest.param("polygenelubricants", 0x80000000, id="the smallest number, as an unsigned one"),
        pytest.param("\U0001f600", 0xD83D * 31 + 0xDE00, id="a pair of surrogates counts as two"),
        pytest.param("\ud83d", 0xD83D, id="half of a pair"),
    ],
)
def test_a_hash_is_that_of_javas_strings(text: str, code: int) -> None:
    assert hash_code(text) == code


@given(st.lists(st.text(), unique=True))
def test_no_key_is_lost(names: list[str]) -> None:
    assert sorted(hash_map_order(names)) == sorted(names)


@given(st.lists(st.text(), unique=True))
def test_the_order_of_an_order_is_itself(names: list[str]) -> None:
    assert hash_map_order(hash_map_order(names)) == hash_map_order(names)
