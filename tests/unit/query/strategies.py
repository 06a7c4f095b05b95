"""What Hypothesis draws: names and JSON."""

from __future__ import annotations

from hypothesis import strategies as st

names = st.text(st.characters(blacklist_categories=("Cs",)), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | names
json_values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12)
json_objects = st.dictionaries(names, json_values, max_size=5)
