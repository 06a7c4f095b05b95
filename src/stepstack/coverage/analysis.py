"""What ran and what is missing, machine by machine: the numbers that every report prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stepstack.coverage.counts import CoverageData, MachineCounts
from stepstack.coverage.items import Item, items_of
from stepstack.drawing import EdgeKind, Highlights
from stepstack.language import StateMachine, parse


@dataclass(frozen=True, slots=True)
class MachineAnalysis:
    """`items` has every item of the machine with its count, in the definition's order."""

    name: str
    path: str | None
    machine: StateMachine
    executions: int
    items: Mapping[Item, int]

    def total(self, kind: str | None = None) -> int:
        """How many items there are, of one kind or of all."""
        return sum(1 for item in self.items if kind in {None, item[0]})

    def missing(self, kind: str | None = None) -> list[Item]:
        """The items that never ran."""
        return [item for item, count in self.items.items() if not count and kind in {None, item[0]}]

    @property
    def percent(self) -> float:
        return percentage(self.total() - len(self.missing()), self.total())

    def missing_words(self) -> Iterator[str]:
        """What is missing, in words, state by state: `Read`, `Choose: rule 2 never true`."""
        by_state: dict[str, list[str]] = {}
        for kind, state, detail in self.missing():
            by_state.setdefault(state, []).append("" if kind == "state" else _words(kind, detail))
        for state, words in by_state.items():
            yield state if "" in words else f"{state}: {', '.join(words)}"


@dataclass(frozen=True, slots=True)
class Analysis:
    machines: tuple[MachineAnalysis, ...]

    @property
    def percent(self) -> float:
        """Of all items of all machines; 100 where there are none."""
        total = sum(machine.total() for machine in self.machines)
        return percentage(total - sum(len(machine.missing()) for machine in self.machines), total)


def analyse(data: CoverageData) -> Analysis:
    """The analysis of every machine in `data`, by name."""
    machines = sorted((_analysed(counts) for counts in data.machines.values()), key=lambda machine: machine.name)
    return Analysis(tuple(machines))


def _analysed(counts: MachineCounts) -> MachineAnalysis:
    machine = parse(counts.definition)
    items = {item: counts.counts.get(item, 0) for item in items_of(machine)}
    return MachineAnalysis(counts.name, counts.path, machine, counts.executions, items)


def percentage(covered: int, total: int) -> float:
    return 100.0 if not total else 100.0 * covered / total


def highlights_of(analysis: MachineAnalysis) -> Highlights:
    """How the drawing shows the analysis: states covered, partly covered or missed, and the edges that were taken."""
    by_state: dict[str, list[tuple[Item, int]]] = {}
    for item, count in analysis.items.items():
        by_state.setdefault(item[1], []).append((item, count))
    nodes, edges, notes = {}, {}, {}
    for state, items in by_state.items():
        entered = analysis.items[("state", state, "")]
        missing = [item for item, count in items if not count]
        nodes[state] = "missed" if not entered else "partial" if missing else "covered"
        times = "once" if entered == 1 else f"{entered} times"
        words = "; ".join(_words(kind, detail) for kind, _, detail in missing if kind != "state")
        notes[state] = "never entered" if not entered else f"entered {times}" + (f"; {words}" if words else "")
        for (kind, _, detail), count in items:
            key = _edge_key(kind, detail)
            if key is not None:
                edges[(state, key[0], key[1])] = "covered" if count else "missed"
    return Highlights(nodes=nodes, edges=edges, notes=notes)


def _edge_key(kind: str, detail: str) -> tuple[EdgeKind, int] | None:
    if kind == "transition":
        return EdgeKind.NEXT, -1
    if kind == "default":
        return EdgeKind.DEFAULT, -1
    if kind == "catcher":
        return EdgeKind.CATCH, int(detail) - 1
    if kind == "rule" and detail.endswith("true"):
        return EdgeKind.RULE, int(detail.split(maxsplit=1)[0]) - 1
    return None


def _words(kind: str, detail: str) -> str:
    if kind == "transition":
        return f"never went to {detail}"
    if kind == "default":
        return "Default never taken"
    if kind == "catcher":
        return f"catcher {detail} never taken"
    if kind == "map":
        return {"zero": "never without items", "one": "never with one item", "many": "never with several items"}[detail]
    number, what = detail.split()
    noun = "rule" if kind == "rule" else "retrier"
    return f"{noun} {number} never {what}"
