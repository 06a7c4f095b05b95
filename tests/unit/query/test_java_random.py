"""JavaRandom draws what java.util.Random is documented to draw."""

from __future__ import annotations

import pytest

from stepstack.query.java_random import JavaRandom


def test_whole_numbers_are_those_of_java() -> None:
    random = JavaRandom(0)

    assert [random.below(100) for _ in range(8)] == [60, 48, 29, 47, 15, 53, 91, 61]


def test_fractions_are_those_of_java() -> None:
    assert JavaRandom(0).fraction() == 0.730967787376657


@pytest.mark.parametrize("bound", [1, 2, 7, 1024, 2**31 - 1, 2**31, 2**40])
def test_numbers_stay_below_their_bound(bound: int) -> None:
    random = JavaRandom(bound)

    assert all(0 <= random.below(bound) < bound for _ in range(200))


def test_a_negative_seed_draws_too() -> None:
    assert 0 <= JavaRandom(-5).fraction() < 1
