"""What ran and what is missing, machine by machine: the numbers that every report prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stepstack.coverage.counts import CoverageData, MachineCounts
from stepstack.coverage.items import Item, items_of
from stepstack.drawing import EdgeKind, Highlights
from stepstack.language import StateMachine, parse

__all__ = ["Analysis", "MachineAnalysis", "analyse", "anchor_of", "highlights_of", "percent_text", "percentage", "times"]


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

    def never_entered(self) -> list[str]:
        """The states that no execution came to."""
        return [state for _, state, _ in self.missing("state")]

    def partly_missing(self) -> dict[str, str]:
        """Of the states that were entered, what is missing of each: `{"Choose": "rule 2 never true"}`."""
        unseen = set(self.never_entered())
        by_state: dict[str, list[Item]] = {}
        for item in self.missing():
            if item[1] not in unseen:
                by_state.setdefault(item[1], []).append(item)
        return {state: ", ".join(_words(items)) for state, items in by_state.items()}

    def missing_words(self) -> Iterator[str]:
        """What is missing, in words, a line each: `Choose: rule 2 never true`, last `never entered: Read; Update`."""
        yield from (f"{state}: {words}" for state, words in self.partly_missing().items())
        if self.never_entered():
            yield f"never entered: {'; '.join(self.never_entered())}"


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


def percent_text(percent: float, digits: int = 0) -> str:
    """`percent` as reports show it: 100 only where nothing is missing, 0 only where nothing ran."""
    step = 10.0**-digits
    shown = 0.0 if percent <= 0 else 100.0 if percent >= 100 else min(max(round(percent, digits), step), 100 - step)
    return f"{shown:.{digits}f}"


def highlights_of(analysis: MachineAnalysis, prefix: str = "") -> Highlights:
    """How the drawing shows the analysis: states covered, partly covered or missed, the edges that were taken, and a word beside those
    that were not, though their state was entered. With `prefix`, states link to `anchor_of`.
    """
    entered = {state: count for (kind, state, _), count in analysis.items.items() if kind == "state"}
    partly = analysis.partly_missing()
    nodes, notes = {}, {}
    for state, count in entered.items():
        nodes[state] = "missed" if not count else "partial" if state in partly else "covered"
        notes[state] = "; ".join(part for part in (times(count), partly.get(state, "")) if part)
    edges, verdicts = {}, {}
    for (kind, state, detail), count in analysis.items.items():
        edge = _edge_key(kind, detail)
        if edge is not None:
            edges[state, edge[0], edge[1]] = "covered" if count else "missed"
            if entered[state] and not count:
                verdicts[state, edge[0], edge[1]] = "never true" if kind == "rule" else "never taken"
    anchors = {state: anchor_of(prefix, number) for number, state in enumerate(entered)} if prefix else {}
    return Highlights(nodes=nodes, edges=edges, notes=notes, verdicts=verdicts, anchors=anchors)


def anchor_of(prefix: str, number: int) -> str:
    """The id of what a page tells of a machine's state, which is the `number`th of its states."""
    return f"{prefix}-state-{number}"


def times(count: int) -> str:
    return "never entered" if not count else "entered once" if count == 1 else f"entered {count} times"


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


def _words(items: Iterable[Item]) -> Iterator[str]:
    """What is missing of one state; numbered things of a kind together: `rules 1, 3-5 never true`."""
    numbers: dict[tuple[str, str], list[int]] = {}
    others = []
    for kind, _, detail in items:
        if kind in {"rule", "retrier", "catcher"}:
            number, _, what = detail.partition(" ")
            numbers.setdefault((kind, what or "taken"), []).append(int(number))
        elif kind == "transition":
            others.append(f"never went to {detail}" if detail else "End never taken")
        elif kind == "default":
            others.append("Default never taken")
        else:
            others.append({"zero": "never without items", "one": "never with one item", "many": "never with several items"}[detail])
    for (kind, what), counted in numbers.items():
        yield f"{kind}{'s' * (len(counted) > 1)} {_ranges(counted)} never {what}"
    yield from others


def _ranges(numbers: Iterable[int]) -> str:
    """`1, 3-5`: three and more in a row are told by the first and the last."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
