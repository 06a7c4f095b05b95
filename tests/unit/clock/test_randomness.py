import uuid

from stepstack.clock import Randomness


def test_a_seed_draws_the_same_again():
    draws = [(source.uuid(), source.uniform(0, 9), source.random(), source.integer(1, 6)) for source in (Randomness(3), Randomness(3))]
    assert draws[0] == draws[1]
    assert Randomness(4).uuid() != Randomness(3).uuid()


def test_ids_are_uuids_of_version_four():
    assert uuid.UUID(Randomness().uuid()).version == 4


def test_whole_numbers_include_both_ends():
    source = Randomness(1)
    assert {source.integer(1, 3) for _ in range(100)} == {1, 2, 3}
