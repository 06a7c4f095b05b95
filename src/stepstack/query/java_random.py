"""Random numbers from a seed, as Java's generator draws them: 48 bits of a linear congruential generator.

For States.MathRandom and JSONata's `$random` with a seed, so that a seed means the same on every run and machine. What AWS draws from a
seed is nowhere recorded; Java's generator is the likely one. Source: the documentation of java.util.Random, which fixes the algorithm.
"""

from __future__ import annotations

__all__ = ["JavaRandom"]

_MULTIPLIER = 0x5DEECE66D
_MASK = (1 << 48) - 1


class JavaRandom:
    """The generator, which draws the same numbers from the same seed."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def _bits(self, count: int) -> int:
        self._state = (self._state * _MULTIPLIER + 0xB) & _MASK
        return self._state >> (48 - count)

    def below(self, bound: int) -> int:
        """A whole number from 0 to `bound` - 1; `bound` is positive."""
        if bound > 1 << 31:
            return int(self.fraction() * bound)
        if bound & (bound - 1) == 0:
            return (bound * self._bits(31)) >> 31
        while True:
            bits = self._bits(31)
            number = bits % bound
            if bits - number + (bound - 1) < 1 << 31:
                return number

    def fraction(self) -> float:
        """A number from 0 to 1, 1 excluded."""
        return ((self._bits(26) << 27) + self._bits(27)) / (1 << 53)
