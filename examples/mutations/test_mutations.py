"""Breaking an example breaks exactly the tests that should notice; left alone, it breaks none."""

from __future__ import annotations

import hello_api
import integration_testing
import order_processor
import pytest
from mutation import Mutation, failed_tests

MUTATIONS = {
    "hello-api": hello_api.MUTATIONS,
    "integration-testing": integration_testing.MUTATIONS,
    "order-processor": order_processor.MUTATIONS,
}
CASES = [pytest.param(example, made, id=f"{example}: {made.name}") for example, several in MUTATIONS.items() for made in several]


@pytest.mark.parametrize("example", MUTATIONS)
def test_an_example_that_is_whole_passes(example, tmp_path):
    failed, said = failed_tests(example, (), tmp_path)

    assert failed == set(), said


@pytest.mark.parametrize(("example", "made"), CASES)
def test_what_is_broken_is_noticed_by_exactly_these_tests(example: str, made: Mutation, tmp_path):
    failed, said = failed_tests(example, made.changes, tmp_path)

    assert failed == made.fails, said
