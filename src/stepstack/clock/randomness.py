"""Jitter and ids. Called for retry delays, for what services name, and by the intrinsic functions and JSONata's that draw."""

from __future__ import annotations

import random
import uuid

__all__ = ["Randomness"]


class Randomness:
    """Jitter and ids; give it a seed to draw the same ones again."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - jitter and test ids, no secrets

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def random(self) -> float:
        return self._random.random()

    def integer(self, low: int, high: int) -> int:
        """A whole number between `low` and `high`, both included."""
        return self._random.randint(low, high)
