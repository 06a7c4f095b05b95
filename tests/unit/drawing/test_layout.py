"""The drawing's places: nothing overlaps, no line crosses a state or a label, edges begin and end at their nodes."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ET
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepstack.drawing import graph_of, lay_out, mermaid_text, svg_text
from stepstack.drawing.graph import END, START, Edge, EdgeKind, Graph, Node
from stepstack.language import parse

TYPES = st.sampled_from(["Pass", "Task", "Choice", "Wait"])


@st.composite
def graphs(draw, depth=1):
    """Graphs of up to twelve states with any edges between them, cycles and loops among them."""
    count = draw(st.integers(1, 12))
    names = [f"state {number}" for number in range(count)]
    nodes = [Node(START, "Start")]
    for name in names:
        inner = tuple(draw(st.lists(graphs(depth=depth - 1), max_size=3))) if depth and draw(st.booleans()) else ()
        nodes.append(Node(name, "Parallel" if inner else draw(TYPES), inner))
    nodes.append(Node(END, "End"))
    ends = st.sampled_from(names)
    pairs = draw(st.lists(st.tuples(ends, st.sampled_from([*names, END]), st.sampled_from(list(EdgeKind))), max_size=25))
    labels = st.sampled_from(["", "#1", "States.ALL", "Default, in many words, so that it is broken into lines"])
    edges = [Edge(START, names[0], EdgeKind.NEXT)]
    edges += [Edge(source, target, kind, draw(labels), 0, verdict=draw(st.sampled_from(["", "never"]))) for source, target, kind in pairs]
    return Graph(tuple(nodes), tuple(edges))


class Rectangle(NamedTuple):
    x: float
    y: float
    width: float
    height: float


def overlap(one, other):
    return (
        one.x < other.x + other.width - 0.01
        and other.x < one.x + one.width - 0.01
        and one.y < other.y + other.height - 0.01
        and other.y < one.y + one.height - 0.01
    )


def rectangle(label):
    return Rectangle(label.x - label.width / 2, label.y - label.height / 2, label.width, label.height)


def drawn_points(edge):
    """Points along the lines as they are drawn, curves and all."""
    at = None
    for run in edge.runs:
        for number, point in enumerate(run.points):
            if at is not None and not (run.is_new and number == 0):
                (x, y), (next_x, next_y) = at, point
                for step in range(1, 16):
                    t = step / 16
                    # As `svg` draws it: a cubic curve with both control points at half of the height.
                    yield x + (next_x - x) * t * t * (3 - 2 * t), y + (next_y - y) * (1.5 * t - 1.5 * t * t + t**3)
            yield point
            at = point


def is_within(point, box):
    return box.x + 0.5 < point[0] < box.x + box.width - 0.5 and box.y + 0.5 < point[1] < box.y + box.height - 0.5


def check(layout):
    labels = [rectangle(edge.label) for edge in layout.edges if edge.label is not None]
    for one, other in itertools.combinations([*layout.nodes, *labels], 2):
        assert not overlap(one, other), f"{one} covers {other}"
    for label in labels:
        assert layout.x - 0.01 <= label.x
        assert label.x + label.width <= layout.x + layout.width + 0.01
    for edge in layout.edges:
        for point in drawn_points(edge):
            for box in [*layout.nodes, *labels]:
                assert not is_within(point, box), f"{edge.edge} crosses {box}"
    by_name = {placed.node.name: placed for placed in layout.nodes}
    for placed in layout.nodes:
        assert placed.x >= layout.x - 0.01
        assert placed.x + placed.width <= layout.x + layout.width + 0.01
        assert placed.y + placed.height <= layout.y + layout.height + 0.01
        for inner in placed.inner:
            assert inner.x >= placed.x
            assert inner.x + inner.width <= placed.x + placed.width + 0.01
            assert inner.y + inner.height <= placed.y + placed.height + 0.01
            check(inner)
    for edge in layout.edges:
        for point, name in ((edge.points[0], edge.edge.source), (edge.points[-1], edge.edge.target)):
            placed = by_name[name]
            assert placed.x - 0.01 <= point[0] <= placed.x + placed.width + 0.01
            assert placed.y - 0.01 <= point[1] <= placed.y + placed.height + 0.01


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_nothing_overlaps_or_is_crossed_and_edges_meet_their_nodes(graph):
    check(lay_out(graph))


@settings(deadline=None, max_examples=30)
@given(graphs())
def test_the_picture_is_well_formed_and_has_every_state(graph):
    root = ET.fromstring(svg_text(graph, title='a "title" & more'))  # noqa: S314 - our own text
    names = {element.get("data-state") for element in root.iter() if element.get("data-state")}
    assert {node.name for node in graph.nodes if node.name not in {START, END}} <= names


def test_a_long_chain_needs_no_recursion():
    names = [f"state {number}" for number in range(3000)]
    nodes = (Node(START, "Start"), *(Node(name, "Pass") for name in names), Node(END, "End"))
    edges = (Edge(START, names[0], EdgeKind.NEXT), *(Edge(a, b, EdgeKind.NEXT) for a, b in itertools.pairwise(names)))
    layout = lay_out(Graph(nodes, edges))
    tops = [placed.y for placed in layout.nodes]
    assert tops == sorted(tops)


def chosen(count):
    """A Choice with so many rules, each to a state of its own."""
    states = {f"Handle {number}": {"Type": "Pass", "End": True} for number in range(count)}
    rules = [{"Variable": "$.kind", "NumericEquals": number, "Next": f"Handle {number}"} for number in range(count)]
    return graph_of(parse(json.dumps({"StartAt": "Route", "States": {"Route": {"Type": "Choice", "Choices": rules}, **states}})))


def test_a_wide_choice_is_drawn_in_rows():
    layout = lay_out(chosen(30))
    rows = {placed.y for placed in layout.nodes if placed.node.name.startswith("Handle")}
    assert len(rows) >= 3
    assert layout.width < 2400


def test_many_branches_stand_in_rows():
    branches = [{"StartAt": f"S{n}", "States": {f"S{n}": {"Type": "Pass", "End": True}}} for n in range(24)]
    both = {"Type": "Parallel", "Branches": branches, "End": True}
    layout = lay_out(graph_of(parse(json.dumps({"StartAt": "All", "States": {"All": both}}))))
    (placed,) = (node for node in layout.nodes if node.inner)
    assert layout.width < 1300
    assert len({inner.y for inner in placed.inner}) >= 2
    for one, other in itertools.combinations(placed.inner, 2):
        assert not overlap(one, other)
    check(layout)


@pytest.mark.parametrize(("count", "label"), [(3, ("#2 $.kind = 1",)), (9, ("#2",))], ids=["few rules", "many rules"])
def test_few_rules_show_what_they_test(count, label):
    lines = {edge.edge.index: edge.label.lines for edge in lay_out(chosen(count)).edges if edge.label is not None}
    assert lines[1] == label


def test_edges_to_the_same_state_share_their_way():
    names = [f"state {number}" for number in range(6)]
    nodes = (Node(START, "Start"), *(Node(name, "Task") for name in names), Node(END, "End"))
    chain = [Edge(one, other, EdgeKind.NEXT) for one, other in itertools.pairwise([START, *names])]
    layout = lay_out(Graph(nodes, (*chain, *(Edge(name, END, EdgeKind.NEXT) for name in names))))
    ways = [{run.bend for run in edge.runs if run.bend} for edge in layout.edges if edge.edge.target == END]
    longest = max(ways, key=len)
    assert len(longest) == 5
    assert all(way <= longest for way in ways)


NAMES = ["plain", "<script>alert(1)</script>", 'quote"s & amps', "{{mustache}}", "tick`s", "half \ud800"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_escaped_in_both_notations(name):
    graph = graph_of(parse(json.dumps({"StartAt": name, "States": {name: {"Type": "Succeed"}}})))
    root = ET.fromstring(svg_text(graph))  # noqa: S314 - our own text
    assert any(element.get("data-state") == name.replace("\ud800", "\ufffd") for element in root.iter())
    assert "<script>" not in svg_text(graph)
    assert "<script>" not in mermaid_text(graph).encode().decode()


def test_mermaid_shows_rules_catchers_and_inner_graphs():
    definition = {
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemProcessor": {"StartAt": "Item", "States": {"Item": {"Type": "Pass", "End": True}}},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Choose"}],
                "Next": "Choose",
            },
            "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "Done"}], "Default": "Each"},
            "Done": {"Type": "Succeed"},
        },
    }
    text = mermaid_text(graph_of(parse(json.dumps(definition))))
    assert text.startswith("flowchart TD\n")
    assert 'subgraph s1["Each (Map)"]' in text
    assert 's1 -.->|"States.ALL"| s2' in text
    assert 's2 -->|"Default"| s1' in text
    assert 's2 -->|"#35;1 $.a is null"| s3' in text
    assert text.count("subgraph") == 1, "a Map has one graph, which needs no frame of its own"
