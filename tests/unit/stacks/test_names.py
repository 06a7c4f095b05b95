"""Names for what tests make."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from stepstack.stacks.names import NAME_LIMIT, UniqueNames, new_run_id


def test_a_name_says_prefix_run_worker_test_and_label():
    unique_name = UniqueNames(prefix="team", run="k3x9qa", worker="gw1", test="test_total[eur]")

    assert unique_name("orders") == "team-k3x9qa-gw1-test_total-eur-orders"


def test_a_second_name_of_a_label_has_a_number():
    unique_name = UniqueNames(run="r", worker="w", test="t")

    assert [unique_name("a"), unique_name("a"), unique_name("b")] == ["stepstack-r-w-t-a", "stepstack-r-w-t-a-2", "stepstack-r-w-t-b"]


def test_a_long_test_is_cut_and_the_label_stays():
    unique_name = UniqueNames(run="k3x9qa", worker="gw1", test="test_" + "x" * 200)

    name = unique_name("orders")

    assert len(name) == NAME_LIMIT
    assert name.startswith("stepstack-k3x9qa-gw1-test_xxx")
    assert name.endswith("-orders")


def test_long_tests_that_differ_at_their_end_have_different_names():
    names = {UniqueNames(run="r", worker="w", test="test_" + "x" * 200 + end)() for end in "ab"}

    assert len(names) == 2


@given(st.text(min_size=1, max_size=120), st.text(max_size=120), st.integers(20, 80))
def test_every_name_fits_awss_alphabet_and_length(test, label, limit):
    name = UniqueNames(run="k3x9qa", worker="gw12", test=test)(label, limit=limit)

    assert re.fullmatch(r"[A-Za-z0-9_-]{3,}", name)
    assert len(name) <= limit


def test_run_ids_differ():
    assert len({new_run_id() for _ in range(200)}) == 200


def test_labels_that_come_to_the_same_name_have_different_ones():
    unique_name = UniqueNames(run="r", worker="w", test="t")

    names = [unique_name(label) for label in ("a.b", "a-b", "x", "x", "x-2", "a/b")]

    assert len(set(names)) == len(names)
