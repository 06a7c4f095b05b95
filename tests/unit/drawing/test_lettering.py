"""How wide texts are, and how they are broken into lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepstack.drawing.lettering import label_lines, text_width, wrapped


@given(st.text(max_size=80), st.sampled_from([60.0, 120.0, 210.0]))
def test_wrapping_loses_nothing_but_white_space_and_keeps_to_the_width(text, width):
    lines = wrapped(text, width, 13.0)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(text_width(line, 13.0) <= width for line in lines)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("Charge card", ("Charge card",), id="one line"),
        pytest.param("Tell the customer that the order is late", ("Tell the", "customer that", "the order is late"), id="between words"),
        pytest.param("DynamoDb.ResourceInUseException", ("DynamoDb.", "ResourceInUse", "Exception"), id="at humps where no word ends"),
        pytest.param("W" * 20, ("W" * 10, "W" * 10), id="wide letters"),
        pytest.param("\u72b6\u614b" * 8, ("\u72b6\u614b" * 4, "\u72b6\u614b" * 4), id="ideographs"),
    ],
)
def test_lines_break_where_a_reader_would_break_them(text, lines):
    assert wrapped(text, 130.0, 13.0) == lines


def test_a_label_has_an_end_and_says_how_much_is_left():
    entries = ["States.Timeout", "AnErrorNameThatIsMuchTooLongForOneLine", "Third", "Fourth"]
    assert label_lines(entries, 130.0, 11.0, 3) == ("States.Timeout", "AnErrorNameThatIs\u2026", "+ 2 more")


def test_a_label_of_a_hundred_thousand_characters_is_cut_at_once():
    [line] = label_lines(["x" * 100_000], 130.0, 11.0, 1)
    assert line == "x" * 17 + "\u2026"
    assert text_width(line, 11.0) <= 130.0 < text_width("x" + line, 11.0)
