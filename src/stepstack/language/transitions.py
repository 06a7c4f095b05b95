"""Whether the states of a definition lead to each other, and on to an end.

Called by the parser with the definition's JSON, because a definition may be wrong elsewhere. AWS's own words and order: transitions to
nowhere first, then a machine without an end, or else states that nothing leads to. Source: answers of ValidateStateMachineDefinition, as
recorded and as published by users.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.json_types import JsonObject
from stepstack.language.findings import Findings

__all__ = ["Graph", "check_transitions", "graphs_inside", "inner_graphs", "is_end", "targets"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A machine, a branch or an item processor, as its JSON."""

    members: JsonObject
    location: str

    @property
    def start_at(self) -> str | None:
        """StartAt, None where it is no text."""
        start_at = self.members.get("StartAt")
        return start_at if isinstance(start_at, str) else None

    @property
    def states(self) -> Mapping[str, JsonObject]:
        """Its states, those left out that are no objects."""
        states = self.members.get("States")
        if not isinstance(states, dict):
            return {}
        return {name: state for name, state in states.items() if isinstance(state, dict)}

    def place(self, state_name: str) -> str:
        return f"{self.location}/States/{state_name}"


def check_transitions(machine: JsonObject, findings: Findings) -> None:
    """Reports what AWS reports."""
    seen_names: set[str] = set()
    seen_labels: set[str] = set()
    for graph in graphs_inside(Graph(machine, "")):
        _check_targets(graph, findings)
        if not graph.location and not _has_end(graph):
            findings.refuse("MISSING_END_STATE", "Workflow has no terminal state", None)
        else:
            _check_reachable(graph, findings)
        _check_unique(graph, seen_names, seen_labels, findings)


def graphs_inside(outer: Graph) -> Iterator[Graph]:
    """`outer`, and every graph in it, from the outside inwards."""
    waiting = [outer]
    while waiting:
        graph = waiting.pop()
        yield graph
        waiting.extend(reversed([inner for name, state in graph.states.items() for inner in inner_graphs(graph.place(name), state)]))


def inner_graphs(location: str, state: JsonObject) -> Iterator[Graph]:
    """The graphs that the state at `location` holds."""
    branches = state.get("Branches")
    if isinstance(branches, list):
        for index, branch in enumerate(branches):
            if isinstance(branch, dict):
                yield Graph(branch, f"{location}/Branches[{index}]")
    for name in ("ItemProcessor", "Iterator"):
        processor = state.get(name)
        if isinstance(processor, dict):
            yield Graph(processor, f"{location}/{name}")


def targets(state: JsonObject) -> Iterator[tuple[str, str]]:
    """The state names that `state` leads to, each with the field that names it: `Choices[0]/Next`."""
    for name in ("Next", "Default"):
        if isinstance(state.get(name), str):
            yield str(state[name]), name
    for name in ("Choices", "Catch"):
        rules: Any = state.get(name)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict) and isinstance(rule.get("Next"), str):
                yield str(rule["Next"]), f"{name}[{index}]/Next"


def _check_targets(graph: Graph, findings: Findings) -> None:
    states = graph.states
    if graph.start_at is not None and graph.start_at not in states:
        findings.refuse("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {graph.start_at}", f"{graph.location}/StartAt")
    for name, state in states.items():
        for target, field in targets(state):
            if target not in states:
                findings.refuse("MISSING_TRANSITION_TARGET", f"Missing 'Next' target: {target}", f"{graph.place(name)}/{field}")


def _has_end(graph: Graph) -> bool:
    return any(map(is_end, graph.states.values()))


def is_end(state: JsonObject) -> bool:
    """Whether the graph ends with `state`."""
    return state.get("End") is True or state.get("Type") in ("Succeed", "Fail")


def _check_reachable(graph: Graph, findings: Findings) -> None:
    """AWS asks only whether anything leads to a state, not whether StartAt does."""
    led_to = {target for state in graph.states.values() for target, _ in targets(state)} | {graph.start_at}
    for name in graph.states:
        if name not in led_to:
            findings.refuse("MISSING_TRANSITION_TARGET", f'State "{name}" is not reachable.', graph.place(name))


def _check_unique(graph: Graph, names: set[str], labels: set[str], findings: Findings) -> None:
    for name, state in graph.states.items():
        if name in names:
            findings.refuse("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", graph.place(name))
        names.add(name)
        label = state.get("Label")
        if isinstance(label, str):
            if label in labels:
                findings.refuse("DUPLICATE_LABEL_NAME", f"Duplicate Label name: {label}", f"{graph.place(name)}/Label")
            labels.add(label)
