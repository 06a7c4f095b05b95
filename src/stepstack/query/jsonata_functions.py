"""The functions that AWS adds to JSONata: $partition, $range, $hash, $random, $uuid, $parse; and $now and $millis on our clock.

Registered by `jsonata_engine`. Source: AWS's developer guide, "Transforming data with JSONata", and recorded answers of AWS
($partition keeps an array of one, $range does not).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Hashable
from typing import Any

from stepstack.json_types import parse_json
from stepstack.query.intrinsic_functions import HASH_ALGORITHMS
from stepstack.query.java_random import JavaRandom
from stepstack.query.jsonata_javascript import JAVASCRIPTS_FUNCTIONS, expanded, native_function
from stepstack.query.jsonata_library import Functions, JException, Utils
from stepstack.query.regular_expression import RegularExpression
from stepstack.query.scope import Sources
from stepstack.query.time_bound import look

__all__ = [
    "CONSTANT_FUNCTIONS",
    "DRAWING_FUNCTIONS",
    "ITEMS_LIMIT",
    "TOO_LARGE",
    "BeyondLimit",
    "appended",
    "bounded_text",
]

RANGE_LIMIT = 1_000_000
"""Items that $range makes at most."""

PAD_LIMIT = 1_000_000
"""Characters to which $pad fills a string up."""

ITEMS_LIMIT = 873_782
"""Items of an array that an expression makes: AWS has been seen to take so many of one `[a..b]` and no more."""

STRING_LIMIT = 8 * ITEMS_LIMIT
"""Characters of a string that an expression puts together: AWS has been seen to take four million and to refuse eight."""

TOO_LARGE = "Expression evaluation memory limit exceeded: Check for excessive memory usage"


class BeyondLimit(Exception):
    """The evaluation takes too much of something; the text says so in AWS's words, which are those of JSONata's own exerciser."""


def bounded_text(text: str) -> str:
    """`text`, unless it is too long."""
    if len(text) > STRING_LIMIT:
        raise BeyondLimit(TOO_LARGE)
    return text


def _partition(array: list[Any] | None, size: float | None) -> list[list[Any]] | None:
    if array is None or size is None:
        return None
    length = math.trunc(size)
    if length < 0:
        raise JException("T0410", -1, 2, "partition")
    if length == 0:
        return None
    items = list(array)
    return Utils.JList([items[start : start + length] for start in range(0, len(items), length)])  # type: ignore[no-any-return]


def _range(first: float | None, last: float | None, step: float | None) -> list[float] | None:
    if first is None or last is None or step is None:
        return None
    first, last, step = math.trunc(first), math.trunc(last), math.trunc(step)
    if step == 0:
        return None
    count = max(0, (last - first) // step + 1)
    if count > RANGE_LIMIT:
        raise JException("D2014", -1, count)
    return Utils.create_sequence_from_iter(first + step * position for position in range(count))  # type: ignore[no-any-return]


def _hash(content: str | None, algorithm: str | None = "SHA-256") -> str | None:
    if content is None:
        return None
    name = HASH_ALGORITHMS.get(algorithm or "SHA-256")
    if name is None:
        raise JException("T0410", -1, 2, "hash")
    return hashlib.new(name, content.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def _parse(text: str | None) -> Any:
    if text is None:
        return None
    try:
        value = parse_json(text)
    except ValueError:
        raise JException("D3137", -1, f"$parse was given a string that is not JSON: {text[:100]}") from None
    return Utils.NULL_VALUE if value is None else value


def _pad(text: str | None, width: float | None, character: str | None = None) -> str | None:
    if width is not None and abs(width) > PAD_LIMIT:
        raise JException("D3137", -1, f"$pad fills up to {PAD_LIMIT} characters")
    return Functions.pad(text, width, character)  # type: ignore[no-any-return]


def appended(first: Any, second: Any) -> Any:
    """`$append`, and what `[...]` does with each of its items."""
    # The library's ranges count one more than they have.
    if isinstance(first, list) and isinstance(second, list) and len(first) + len(second) > ITEMS_LIMIT + 1:
        raise BeyondLimit(TOO_LARGE)
    return Functions.append(first, second)


def _join(texts: list[str] | None, separator: str | None = None) -> str | None:
    if texts is not None and sum(map(len, texts)) + len(texts) * len(separator or "") > STRING_LIMIT:
        raise BeyondLimit(TOO_LARGE)
    return Functions.join(texts, separator)  # type: ignore[no-any-return]


def _string(value: Any, prettify: bool | None = None) -> str | None:
    _measure(value, 0)
    return Functions.string(value, prettify)  # type: ignore[no-any-return]


def _measure(value: Any, depth: int) -> None:
    """Walks through `value` as long as there is time: nothing that it goes through in time is too large to be written."""
    if depth & 15 == 15:
        look()
    if isinstance(value, (dict, list)):
        for member in value.values() if isinstance(value, dict) else value:
            _measure(member, depth + 1)


def _replace(text: str | None, pattern: Any, replacement: Any, limit: float | None = None) -> str | None:
    """The library's own looks through the whole rest of the text after each replacement, and expands `$1` for strings, too."""
    if limit is not None and limit < 0:
        raise JException("D3011", -1)
    if not isinstance(text, str) or not isinstance(replacement, str) or pattern == "":
        return Functions.replace(text, pattern, replacement, limit)  # type: ignore[no-any-return]
    if isinstance(pattern, RegularExpression):
        return text if limit == 0 else pattern.sub(lambda found: _expanded_match(replacement, found), text, math.ceil(limit or 0))
    count = text.count(pattern) if limit is None else min(text.count(pattern), math.ceil(limit))
    if len(text) + count * (len(replacement) - len(pattern)) > STRING_LIMIT:
        raise BeyondLimit(TOO_LARGE)
    return text.replace(pattern, replacement, count)


def _expanded_match(replacement: str, found: Any) -> str:
    if not found[0]:
        raise JException("D1004", -1)
    return expanded(replacement, found.groups(), found[0])


def _distinct(array: Any) -> Any:
    """The library's own takes 1 and true for the same, and an array of one for a sequence."""
    if not isinstance(array, list) or len(array) <= 1:
        return array
    unique: dict[Hashable, Any] = {}
    for item in array:
        unique.setdefault(_key(item), item)
    return Utils.create_sequence_from_iter(unique.values()) if Utils.is_sequence(array) else list(unique.values())


def _key(value: Any) -> Hashable:
    """A hashable stand-in: two values are the same to JSONata exactly where their keys are equal."""
    if isinstance(value, dict):
        return (dict, frozenset((name, _key(member)) for name, member in value.items()))
    if isinstance(value, list):
        return (list, tuple(map(_key, value)))
    return value if type(value) in {int, float} else (type(value), value)


CONSTANT_FUNCTIONS: dict[str, Any] = {
    **JAVASCRIPTS_FUNCTIONS,
    "append": native_function("append", "<xx:a>", appended),
    "join": native_function("join", "<a<s>s?:s>", _join),
    "string": native_function("string", "<x-b?:s>", _string),
    "distinct": native_function("distinct", "<x:x>", _distinct),
    "pad": native_function("pad", "<s-ns?:s>", _pad),
    "partition": native_function("partition", "<an:a>", _partition),
    "replace": native_function("replace", "<s-(sf)(sf)n?:s>", _replace),
    "range": native_function("range", "<nnn:a<n>>", _range),
    "hash": native_function("hash", "<s-s?:s>", _hash),
    "parse": native_function("parse", "<s-:x>", _parse),
}
"""What needs nothing besides its arguments; a name of the library's replaces it."""


def _random(sources: Sources) -> Any:
    def random(seed: float | None = None) -> float:
        return sources.randomness.random() if seed is None else JavaRandom(int(seed)).fraction()

    return native_function("random", "<n?:n>", random)


def _shuffle(sources: Sources) -> Any:
    def shuffle(array: list[Any] | None) -> list[Any] | None:
        if array is None:
            return None
        items = list(array)
        for position in range(len(items) - 1, 0, -1):
            other = sources.randomness.integer(0, position)
            items[position], items[other] = items[other], items[position]
        return items

    return native_function("shuffle", "<a:a>", shuffle)


def _now(sources: Sources) -> Any:
    moment = int(sources.now() * 1000)
    return native_function("now", "<s?s?:s>", lambda picture=None, timezone=None: Functions.datetime_from_millis(moment, picture, timezone))


def _millis(sources: Sources) -> Any:
    moment = int(sources.now() * 1000)
    return native_function("millis", "<:n>", lambda *_: moment)


DRAWING_FUNCTIONS: dict[str, Callable[[Sources], Any]] = {
    "millis": _millis,
    "now": _now,
    "random": _random,
    "shuffle": _shuffle,
    "uuid": lambda sources: native_function("uuid", "<:s>", lambda *_: sources.randomness.uuid()),
}
"""What draws from the sources: made anew for each evaluation that calls one."""
