"""A state machine as nodes and edges, before anything has a place.

A Parallel's branches and a Map's item processor are graphs inside their node. Every graph has its own Start and End, as AWS's console draws
them. Edges carry what coverage counts: which choice rule, which catcher.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from stepstack.drawing.conditions import condition_text
from stepstack.language.state_machine import ChoiceState, State, StateGraph, WorkState, graphs_of

__all__ = ["Edge", "EdgeKind", "Graph", "Node", "graph_of"]

SHOWN_TESTS = 8
"""How many rules a Choice may have whose tests stand beside its edges; of more, only the numbers do."""

START, END = "\u0000start", "\u0000end"
"""The names of the two nodes that are no states; no state may be called so."""


class EdgeKind(str, enum.Enum):
    NEXT = "next"
    RULE = "rule"
    DEFAULT = "default"
    CATCH = "catch"


@dataclass(frozen=True, slots=True)
class Edge:
    """`index` is the position of the choice rule or catcher in its state, -1 elsewhere. `detail` is all that could be said of it: the
    rule's test, every Error Name; `entries` is what stands beside it, one entry below the other, and `verdict` below them.
    """

    source: str
    target: str
    kind: EdgeKind
    label: str = ""
    index: int = -1
    detail: str = ""
    entries: tuple[str, ...] = ()
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """`inner` are the graphs inside: a Parallel's branches, a Map's item processor."""

    name: str
    type: str
    inner: tuple[Graph, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(machine: StateGraph) -> Graph:
    """The graph of `machine`, of a branch or of an item processor; states that nothing leads to are in it too."""
    nodes = [Node(START, "Start")]
    edges = [Edge(START, machine.start_at, EdgeKind.NEXT)]
    for state in machine.states.values():
        nodes.append(Node(state.name, state.type, tuple(map(graph_of, graphs_of(state)))))
        edges.extend(_edges(state))
    nodes.append(Node(END, "End"))
    return Graph(tuple(nodes), tuple(edges))


def _edges(state: State) -> list[Edge]:
    if isinstance(state, ChoiceState):
        edges = [_rule_edge(state, index) for index in range(len(state.choices))]
        if state.default is not None:
            edges.append(Edge(state.name, state.default, EdgeKind.DEFAULT, "Default", entries=("Default",)))
        return edges
    edges = [Edge(state.name, state.next if state.next is not None else END, EdgeKind.NEXT)]
    if isinstance(state, WorkState):
        for index, catcher in enumerate(state.catchers):
            names = ", ".join(catcher.error_equals)
            edges.append(Edge(state.name, catcher.next, EdgeKind.CATCH, names, index, f"Catch {names}", catcher.error_equals))
    return edges


def _rule_edge(state: ChoiceState, index: int) -> Edge:
    rule = state.choices[index]
    number, test = f"#{index + 1}", condition_text(rule.test)
    entries = (f"{number} {test}",) if len(state.choices) <= SHOWN_TESTS else (number,)
    return Edge(state.name, rule.next, EdgeKind.RULE, number, index, f"{number} {test}", entries)
