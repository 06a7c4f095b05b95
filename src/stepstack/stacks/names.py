"""Names for what tests make: tables, state machines, executions, functions.

Every name says its run, its worker and its test, so that parallel runs on one database never meet and a leftover says where it comes
from. Called by the `unique_name` fixture. Names fit AWS's rules for state machines, executions, tables and functions alike:
letters, digits, `-` and `_`, at least 3 and at most 80 characters (64 for a function).
"""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets

__all__ = ["NAME_LIMIT", "UniqueNames", "new_run_id"]

NAME_LIMIT = 80
"""The shortest of AWS's limits for state machines and executions (80) and tables (255)."""

_RUN_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_DIGEST_LENGTH = 8


def new_run_id() -> str:
    """Six characters that tell this test run from all others."""
    return "".join(secrets.choice(_RUN_ALPHABET) for _ in range(6))


class UniqueNames:
    """Makes names `PREFIX-RUN-WORKER-TEST-LABEL`; no two calls on one object give the same name.

    `unique_name("orders")` in the test `test_total[eur]` gives `stepstack-k3x9qa-gw1-test_total-eur-orders`. Where that is too long, the
    test's part is cut and a digest of the whole stands behind it.
    """

    def __init__(self, *, prefix: str = "stepstack", run: str, worker: str, test: str) -> None:
        self.prefix = prefix
        self._head = "-".join(_clean(part) for part in (prefix, run, worker))
        self._test = _clean(test)
        self._counts: dict[str, itertools.count[int]] = {}
        self._given: set[str] = set()

    def __call__(self, label: str = "", *, limit: int = NAME_LIMIT) -> str:
        """A new name; `label` tells what it is for. `limit` is the most characters it may have."""
        # Labels that differ in signs that no name has, or `x-2` and a second `x`, come to the same.
        while (name := self._named(label, limit)) in self._given:
            continue
        self._given.add(name)
        return name

    def _named(self, label: str, limit: int) -> str:
        count = next(self._counts.setdefault(label, itertools.count(1)))
        tail = [part for part in (_clean(label), "" if count == 1 else str(count)) if part]
        name = "-".join([self._head, self._test, *tail])
        if len(name) <= limit:
            return name
        excess = len(name) - limit + _DIGEST_LENGTH + 1
        test = self._test[: max(0, len(self._test) - excess)].rstrip("-_")
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST_LENGTH]
        cut = "-".join(part for part in (self._head, test, digest, *tail) if part)
        return cut if len(cut) <= limit else f"{name[: limit - _DIGEST_LENGTH - 1].rstrip('-')}-{digest}"


def _clean(part: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", part).strip("-")
