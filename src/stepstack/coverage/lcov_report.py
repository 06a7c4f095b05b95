"""The coverage analysis in LCOV's format, for editors and coverage services: the lines of the definition's file, and the choices.

A state is a line (where its name stands) with the count of its visits; so are a Choice Rule, Default, Next, End, retrier and catcher, which
are branches of their line as well. Machines that came from no file of their own (a dict, a template that holds them) are left out.
Source: geninfo(1), "Tracefile format".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from stepstack.coverage.analysis import Analysis, MachineAnalysis
from stepstack.coverage.items import Item
from stepstack.language.source_map import SourceMap
from stepstack.language.state_machine import MapState, ParallelState, StateGraph

__all__ = ["lcov_report"]

_LISTS = {"rule": "Choices", "retrier": "Retry", "catcher": "Catch"}


def lcov_report(analysis: Analysis, root: Path) -> str:
    """The report's text; the files' paths are relative to `root`, as the machines' are."""
    return "".join(f"{line}\n" for machine in analysis.machines for line in _machine_lines(machine, root))


def _machine_lines(machine: MachineAnalysis, root: Path) -> Iterator[str]:
    places = SourceMap.of_file(root / machine.path) if machine.path else None
    locations = dict(_locations(machine.machine, ""))
    if places is None or not all(location in places.places for location in locations.values()):
        return
    lines: dict[int, Counter[str]] = {}
    branches: list[str] = []
    for number, (item, count) in enumerate(machine.items.items()):
        location = _location_of(item, locations)
        line = places.find(location)[0]
        # A rule is evaluated whether it turns out true or false; of several things on one line the busiest counts.
        lines.setdefault(line, Counter())[location] += count
        if item[0] != "state":
            entered = machine.items["state", item[1], ""]
            branches.append(f"BRDA:{line},0,{number},{count if entered else '-'}")
    counts = {line: max(counted.values()) for line, counted in sorted(lines.items())}
    yield from ("TN:", f"SF:{machine.path}")
    yield from branches
    yield f"BRF:{len(branches)}"
    yield f"BRH:{sum(1 for branch in branches if not branch.endswith((',0', ',-')))}"
    yield from (f"DA:{line},{count}" for line, count in counts.items())
    yield from (f"LF:{len(counts)}", f"LH:{sum(1 for count in counts.values() if count)}", "end_of_record")


def _locations(graph: StateGraph, place: str) -> Iterator[tuple[str, str]]:
    """Where each state stands: `("Item", "/States/Each/ItemProcessor/States/Item")`."""
    for state in graph.states.values():
        location = f"{place}/States/{state.name}"
        yield state.name, location
        if isinstance(state, ParallelState):
            for index, branch in enumerate(state.branches):
                yield from _locations(branch, f"{location}/Branches[{index}]")
        elif isinstance(state, MapState):
            field = "Iterator" if state.item_processor.is_iterator else "ItemProcessor"
            yield from _locations(state.item_processor, f"{location}/{field}")


def _location_of(item: Item, locations: dict[str, str]) -> str:
    kind, state, detail = item
    location = locations[state]
    if kind in _LISTS:
        return f"{location}/{_LISTS[kind]}[{int(detail.split(maxsplit=1)[0]) - 1}]"
    if kind == "transition":
        return f"{location}/{'Next' if detail else 'End'}"
    return f"{location}/Default" if kind == "default" else location
