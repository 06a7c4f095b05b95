"""The counts of what ran, by state machine, and the file that keeps them.

Written by each worker of a test run, merged by its controller, and merged again with earlier runs. A machine is known by the digest of its
definition, so that the same definition under many unique names is one machine; or by where it comes from and by what there is to cover in
it, so that one file with the names of each test's tables is one machine as well. The file is JSON and carries a version.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from stepstack.errors import SettingsError

__all__ = ["CoverageData", "MachineCounts", "digest_of", "merged"]

FORMAT: Final = "stepstack-coverage"
VERSION: Final = 1
"""History: 1, the first."""


@dataclass(slots=True)
class MachineCounts:
    """`counts` maps an item to how often it ran. An item is `(kind, state, detail)`; `stepstack.coverage.items` lists the kinds."""

    name: str
    """What the report calls the machine: its file where it came from one; of several names, the first in their order."""
    definition: str
    path: str | None = None
    executions: int = 0
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def merge(self, other: MachineCounts) -> None:
        self.executions += other.executions
        self.counts.update(other.counts)
        self.path = self.path or other.path
        self.name = min(self.name, other.name)


def digest_of(definition: str) -> str:
    """What identifies a machine: the digest of its definition, without regard to white space where it is JSON."""
    try:
        text = json.dumps(json.loads(definition), separators=(",", ":"))
    except ValueError:
        text = definition
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(slots=True)
class CoverageData:
    """The machines of a run, by digest."""

    machines: dict[str, MachineCounts] = field(default_factory=dict)

    def machine(self, definition: str, name: str, path: str | None = None, *, identity: str | None = None) -> MachineCounts:
        """The counts of the machine with this `identity` (None: with this definition), new where it was not seen before."""
        digest = digest_of(definition if identity is None else identity)
        if digest not in self.machines:
            self.machines[digest] = MachineCounts(name, definition, path)
        counts = self.machines[digest]
        counts.name = min(counts.name, name)
        return counts

    def merge(self, other: CoverageData) -> None:
        for digest, counts in other.machines.items():
            if digest in self.machines:
                self.machines[digest].merge(counts)
            else:
                self.machines[digest] = counts

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": VERSION,
            "machines": {
                digest: {
                    "name": machine.name,
                    "path": machine.path,
                    "definition": machine.definition,
                    "executions": machine.executions,
                    "counts": [[*item, count] for item, count in sorted(machine.counts.items())],
                }
                for digest, machine in sorted(self.machines.items())
            },
        }

    @classmethod
    def from_json(cls, value: Any, source: str = "coverage data") -> CoverageData:
        """The data of `to_json`; a SettingsError where `value` is something else, or of a version that this one cannot read."""
        if not isinstance(value, Mapping) or value.get("format") != FORMAT:
            raise SettingsError(f"{source} is no coverage data of stepstack; delete it or name another file")
        if value.get("version") != VERSION:
            raise SettingsError(f"{source} has version {value.get('version')!r} of the format, this stepstack reads {VERSION}; delete it")
        data = cls()
        try:
            for digest, machine in value["machines"].items():
                counts = MachineCounts(machine["name"], machine["definition"], machine["path"], int(machine["executions"]))
                for kind, state, detail, count in machine["counts"]:
                    counts.counts[(str(kind), str(state), str(detail))] = int(count)
                data.machines[digest] = counts
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise SettingsError(f"{source} is damaged ({type(error).__name__}: {error}); delete it") from error
        return data

    def write(self, path: Path) -> None:
        """Replaces the file at `path` in one step."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".new")
        temporary.write_text(json.dumps(self.to_json()), encoding="utf-8")
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> CoverageData:
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"the coverage data in {path} cannot be read: {error}") from error
        return cls.from_json(value, str(path))


def merged(parts: Iterable[CoverageData]) -> CoverageData:
    """All of `parts` as one."""
    total = CoverageData()
    for part in parts:
        total.merge(part)
    return total
