"""In which order Java's HashMap goes over its keys, which shows where AWS puts JSON objects together in one.

Called by payload templates, by States.JsonMerge and for the headers of services' answers; for the hash alone, by the checks of the API's
parameters. Left out: how a place is ordered that nine keys share. Source: the documented String.hashCode, the sources of OpenJDK's HashMap
(the spread of a hash, the growth of the table), recorded answers of AWS for where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["hash_code", "hash_map_order"]

_SMALLEST_TABLE = 16
_LOAD = 0.75
"""How full a table may be before it is doubled."""


def hash_map_order(names: Iterable[str]) -> list[str]:
    """`names` as a HashMap that they were put into one after the other returns them; each but once."""
    keys = list(dict.fromkeys(names))
    size = _SMALLEST_TABLE
    while len(keys) > size * _LOAD:
        size *= 2
    return sorted(keys, key=lambda name: _spread(hash_code(name)) % size)


def hash_code(text: str) -> int:
    """String.hashCode, as the unsigned number that has the same 32 bits."""
    units = text.encode("utf-16-be", "surrogatepass")
    code = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8) + low) & 0xFFFFFFFF
    return code


def _spread(code: int) -> int:
    return code ^ (code >> 16)
