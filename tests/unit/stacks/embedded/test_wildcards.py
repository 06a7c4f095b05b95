import re

from hypothesis import given
from hypothesis import strategies as st

from stepstack.stacks.embedded.wildcards import between_wildcards


@given(pattern=st.text("ab*", max_size=8), text=st.text("ab", max_size=12))
def test_what_matches_is_what_matches_with_any_text_between_the_parts(pattern, text):
    parts = pattern.split("*")

    assert (between_wildcards(parts).fullmatch(text) is None) == (re.fullmatch(".*".join(parts), text) is None)


def test_a_long_text_that_fits_in_no_way_is_told_before_all_ways_are_tried():
    assert between_wildcards(["a"] * 12 + ["b"]).fullmatch("a" * 50_000) is None
