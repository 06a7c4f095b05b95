"""Gives every node and edge of a graph its place: layers from top to bottom, few crossings, nothing overlapping.

`layering` says which layer a box stands in, `coordinates` where in it, this module what the boxes are and how the edges run. A label is a
box of its own, so nothing can cross it. Edges of a kind that lead to the same state share their way, as roads do: the bends of an edge
belong to its target. A node with inner graphs is as large as they are, laid out first. Pure functions; units are pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from stepstack.drawing.coordinates import places_across
from stepstack.drawing.graph import Edge, EdgeKind, Graph, Node
from stepstack.drawing.layering import back_edges, order_layers, rows_of
from stepstack.drawing.lettering import label_lines, text_width, wrapped

__all__ = ["Layout", "PlacedEdge", "PlacedLabel", "PlacedNode", "Run", "header_height", "lay_out"]

NAME_SIZE, NAME_LINE, NAME_WIDTH = 13.0, 17.0, 210.0
LABEL_SIZE, LABEL_LINE, LABEL_WIDTH, LABEL_LINES = 11.0, 14.0, 170.0, 3
TYPE_LINE = 15.0
"""The height of the line above the name, with the state's type and its mark."""
NODE_PADDING = 16.0
MINIMUM_WIDTH = 96.0
TERMINAL_WIDTH, TERMINAL_HEIGHT = 44.0, 22.0
ROW_WIDTH = 1150.0
GAP_DOWN = 23.0
INNER_MARGIN, ROW_GAP = 18.0, 44.0
PORT_STEP = 18.0
LOOP_HEIGHT, LOOP_REACH = 20.0, 18.0
_GAPS = {"node": 28.0, "label": 14.0, "bend": 10.0}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """`x` and `y` are the upper left corner; `inner` lie inside it, in the same coordinates as the node itself."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...] = ()
    inner: tuple[Layout, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """`x` and `y` are its middle."""

    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Run:
    """A part of an edge's way. `bend` names the bend that it comes to, which other edges may share; "" elsewhere. The first run begins at
    the source, the others where the one before ended, except behind a label, where the line begins anew.
    """

    points: tuple[Point, ...]
    bend: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class PlacedEdge:
    """`runs` lead from the source's border to the target's."""

    edge: Edge
    runs: tuple[Run, ...]
    label: PlacedLabel | None = None

    @property
    def points(self) -> tuple[Point, ...]:
        return tuple(point for run in self.runs for point in run.points)


@dataclass(frozen=True, slots=True)
class Layout:
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    x: float
    y: float
    width: float
    height: float


def lay_out(graph: Graph) -> Layout:
    """The places of everything in `graph`, its upper left corner at (0, 0)."""
    return _Plan(graph).layout()


def header_height(node: PlacedNode) -> float:
    """How much of a node with inner graphs lies above them."""
    return TYPE_LINE + len(node.lines) * NAME_LINE + 6


@dataclass(slots=True)
class _Box:
    """A node, a label or the bend of a long edge while it is being placed; `x` is its middle, `reach` what its loops take on each side."""

    kind: str
    width: float
    height: float
    lines: tuple[str, ...] = ()
    reach: float = 0.0
    layer: int = 0
    x: float = 0.0


class _Plan:
    """One graph on its way to a layout."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inner = {node.name: tuple(lay_out(inner) for inner in node.inner) for node in graph.nodes}
        names = set(self._inner)
        self._edges = [edge for edge in graph.edges if edge.target in names]
        self._ends = self._counted_ends()
        self._boxes = {node.name: self._node_box(node) for node in graph.nodes}
        self._chains: list[list[str]] = []
        """For each edge, the names of the boxes that it passes from top to bottom; one alone for a loop."""
        self._reversed: list[bool] = []
        self._layers: list[list[str]] = []
        self._tops: list[float] = []
        self._ports: dict[tuple[str, bool], dict[str, float]] = {}

    def layout(self) -> Layout:
        up, down = self._make_chains()
        self._layers = order_layers(self._layers, up, down)
        for name, x in places_across(self._layers, up, down, self._trunks(), self._gap).items():
            self._boxes[name].x = x
        self._place_ports()
        self._tops = self._placed_down(down)
        nodes = tuple(self._placed_node(node) for node in self._graph.nodes)
        return _at_origin(nodes, tuple(self._placed_edge(number) for number in range(len(self._edges))))

    def _counted_ends(self) -> dict[str, int]:
        """The most edges that begin or end at one side of each node."""
        leaving: dict[str, int] = defaultdict(int)
        entering: dict[str, int] = defaultdict(int)
        for edge in self._edges:
            leaving[edge.source] += 1
            entering[edge.target] += 1
        return {name: max(leaving[name], min(entering[name], 8)) for name in self._inner}

    def _node_box(self, node: Node) -> _Box:
        if node.type in {"Start", "End"}:
            return _Box("node", TERMINAL_WIDTH, TERMINAL_HEIGHT)
        rows = _branch_rows(self._inner[node.name])
        across = max((_row_width(row) for row in rows), default=0.0)
        lines = wrapped(node.name, max(NAME_WIDTH, across - 2 * NODE_PADDING), NAME_SIZE)
        own = max(text_width(line, NAME_SIZE) for line in lines) + 2 * NODE_PADDING
        width = max(MINIMUM_WIDTH, own, across, (self._ends[node.name] + 1) * 8.0)
        height = TYPE_LINE + NAME_LINE * len(lines) + 6
        if rows:
            height += sum(_row_height(row) + ROW_GAP for row in rows) - ROW_GAP + 2 * INNER_MARGIN
        loops = [_shown(edge) for edge in self._edges if edge.source == edge.target == node.name]
        reach = max((LOOP_REACH + _label_width(lines) + 8 for lines in loops), default=0.0)
        return _Box("node", width, max(height, LOOP_HEIGHT * len(loops) + 8), lines, reach)

    def _trunks(self) -> list[list[str]]:
        """The bends of each way that is shared, from top to bottom."""
        trunks: dict[str, list[str]] = defaultdict(list)
        for name, box in sorted(self._boxes.items(), key=lambda entry: entry[1].layer):
            if box.kind == "bend":
                trunks[name.rpartition(" ")[0]].append(name)
        return list(trunks.values())

    def _gap(self, left: str, right: str) -> float:
        one, other = self._boxes[left], self._boxes[right]
        return one.width / 2 + one.reach + other.width / 2 + other.reach + (_GAPS[one.kind] + _GAPS[other.kind]) / 2

    def _make_chains(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Fills layers and chains; what comes back are the neighbours of each box above and below."""
        names = list(self._boxes)
        back = back_edges(names, [(edge.source, edge.target) for edge in self._edges])
        self._reversed = [number in back for number in range(len(self._edges))]
        ways = [(edge.target, edge.source) if number in back else (edge.source, edge.target) for number, edge in enumerate(self._edges)]
        widths = {name: box.width + 2 * box.reach + _GAPS["node"] for name, box in self._boxes.items()}
        rows = rows_of(widths, [(above, below) for above, below in ways if above != below], ROW_WIDTH)
        labelled = {self._label_row(number, rows) for number in range(len(ways)) if _shown(self._edges[number])}
        layer_of = {row: index for index, row in enumerate(sorted({2 * row for row in rows.values()} | labelled))}
        self._layers = [[] for _ in layer_of]
        for name in names:
            self._stand(name, layer_of[2 * rows[name]])
        for number, (above, below) in enumerate(ways):
            label_layer = layer_of.get(self._label_row(number, rows), -1)
            self._chains.append([above] if above == below else self._chain(number, above, below, label_layer))
        up: dict[str, list[str]] = {name: [] for name in self._boxes}
        down: dict[str, list[str]] = {name: [] for name in self._boxes}
        for upper, lower in dict.fromkeys(pair for chain in self._chains for pair in pairwise(chain)):
            down[upper].append(lower)
            up[lower].append(upper)
        return up, down

    def _label_row(self, number: int, rows: dict[str, int]) -> int:
        """Labels stand beside the source, in a row of their own; a loop's stands beside its node."""
        edge = self._edges[number]
        if edge.source == edge.target:
            return 2 * rows[edge.source]
        return 2 * rows[edge.source] + (-1 if self._reversed[number] else 1)

    def _stand(self, name: str, layer: int) -> None:
        self._boxes[name].layer = layer
        self._layers[layer].append(name)

    def _chain(self, number: int, above: str, below: str, label_layer: int) -> list[str]:
        edge = self._edges[number]
        lines = _shown(edge)
        group = f"\u0000{'up' if self._reversed[number] else 'down'} {edge.kind is EdgeKind.CATCH} {edge.target}"
        chain = [above]
        for layer in range(self._boxes[above].layer + 1, self._boxes[below].layer):
            if lines and layer == label_layer:
                name = f"\u0000label {number}"
                self._boxes[name] = _Box("label", _label_width(lines), LABEL_LINE * len(lines) + 6, lines)
                self._stand(name, layer)
            else:
                name = f"{group} {layer}"
                if name not in self._boxes:
                    self._boxes[name] = _Box("bend", 6.0, 0.0)
                    self._stand(name, layer)
            chain.append(name)
        return [*chain, below]

    def _place_ports(self) -> None:
        """Where on a node's upper or lower border its edges begin and end: side by side, in the order of what they lead to."""
        ends: dict[tuple[str, bool], dict[str, float]] = defaultdict(dict)
        for number, chain in enumerate(self._chains):
            if len(chain) > 1:
                ends[chain[0], True][self._end_key(number, 1)] = self._boxes[chain[1]].x
                ends[chain[-1], False][self._end_key(number, -2)] = self._boxes[chain[-2]].x
        for (name, is_below), beside in ends.items():
            box = self._boxes[name]
            is_terminal = not box.lines
            step = 0.0 if is_terminal or len(beside) == 1 else min(PORT_STEP, (box.width - 16) / (len(beside) - 1))
            order = sorted(beside, key=lambda key: (beside[key], key))
            self._ports[name, is_below] = {key: box.x + (place - (len(order) - 1) / 2) * step for place, key in enumerate(order)}

    def _end_key(self, number: int, place: int) -> str:
        """Edges that share a bend share the port, those between the same two nodes do not."""
        name = self._chains[number][place]
        return name if self._boxes[name].kind != "node" else f"{name}\u0000{number}"

    def _placed_down(self, down: dict[str, list[str]]) -> list[float]:
        """The y at which each layer begins. Where edges run far to the side, there is more room for them."""
        tops, y = [], 0.0
        for layer in self._layers:
            tops.append(y)
            aside = max((abs(self._boxes[name].x - self._boxes[other].x) for name in layer for other in down[name]), default=0.0)
            y += self._height(layer) + GAP_DOWN + min(60.0, 0.07 * aside)
        return tops

    def _height(self, layer: Sequence[str]) -> float:
        return max(self._boxes[name].height for name in layer)

    def _band(self, name: str) -> tuple[float, float]:
        """The upper and the lower end of the box's layer."""
        layer = self._boxes[name].layer
        return self._tops[layer], self._tops[layer] + self._height(self._layers[layer])

    def _placed_node(self, node: Node) -> PlacedNode:
        box = self._boxes[node.name]
        x = box.x - box.width / 2
        y = sum(self._band(node.name)) / 2 - box.height / 2
        placed = PlacedNode(node, x, y, box.width, box.height, box.lines)
        top = y + header_height(placed) + INNER_MARGIN
        inner = []
        for row in _branch_rows(self._inner[node.name]):
            left = x + INNER_MARGIN + (box.width - _row_width(row)) / 2
            for layout in row:
                inner.append(_moved(layout, left, top))
                left += layout.width + INNER_MARGIN
            top += _row_height(row) + ROW_GAP
        return replace(placed, inner=tuple(inner))

    def _placed_edge(self, number: int) -> PlacedEdge:
        chain, edge = self._chains[number], self._edges[number]
        if len(chain) == 1:
            return self._loop(number)
        first, last = self._boxes[chain[0]], self._boxes[chain[-1]]
        start = self._ports[chain[0], True][self._end_key(number, 1)]
        end = self._ports[chain[-1], False][self._end_key(number, -2)]
        top, bottom = self._band(chain[0]), self._band(chain[-1])
        stations: list[tuple[str, tuple[Point, ...]]] = [("", ((start, sum(top) / 2 + first.height / 2), (start, top[1])))]
        label = None
        for name in chain[1:-1]:
            box, (upper, lower) = self._boxes[name], self._band(name)
            stations.append((name, ((box.x, upper), (box.x, lower))))
            if box.kind == "label":
                label = PlacedLabel(box.lines, box.x, (upper + lower) / 2, box.width, box.height)
        stations.append(("", ((end, bottom[0]), (end, sum(bottom) / 2 - last.height / 2))))
        if self._reversed[number]:
            stations = [(name, points[::-1]) for name, points in reversed(stations)]
        return PlacedEdge(edge, _runs(stations, label), label)

    def _loop(self, number: int) -> PlacedEdge:
        """A loop leaves its node on the right and comes back below; several stand one below the other."""
        edge = self._edges[number]
        box = self._boxes[edge.source]
        loops = [other for other, chain in enumerate(self._chains) if chain == [edge.source]]
        right = box.x + box.width / 2
        y = sum(self._band(edge.source)) / 2 + (loops.index(number) - (len(loops) - 1) / 2) * LOOP_HEIGHT
        points = ((right, y - 6), (right + LOOP_REACH - 4, y - 6), (right + LOOP_REACH - 4, y + 6), (right, y + 6))
        lines = _shown(edge)
        width = _label_width(lines)
        label = PlacedLabel(lines, right + LOOP_REACH + width / 2, y, width, LABEL_LINE * len(lines)) if lines else None
        return PlacedEdge(edge, (Run(points),), label)


def _branch_rows(layouts: Sequence[Layout]) -> list[list[Layout]]:
    """The graphs inside a node side by side; many of them in rows."""
    rows: list[list[Layout]] = []
    for layout in layouts:
        if rows and _row_width([*rows[-1], layout]) <= ROW_WIDTH:
            rows[-1].append(layout)
        else:
            rows.append([layout])
    return rows


def _row_width(row: Sequence[Layout]) -> float:
    return sum(layout.width + INNER_MARGIN for layout in row) + INNER_MARGIN


def _row_height(row: Sequence[Layout]) -> float:
    return max(layout.height for layout in row)


def _runs(stations: Sequence[tuple[str, tuple[Point, ...]]], label: PlacedLabel | None) -> tuple[Run, ...]:
    """The way through the stations, interrupted by the label."""
    runs = []
    for name, points in stations:
        if label is not None and name.startswith("\u0000label"):
            is_downward = points[0][1] < points[1][1]
            above, below = label.y - label.height / 2, label.y + label.height / 2
            enter, leave = (above, below) if is_downward else (below, above)
            runs.append(Run((points[0], (label.x, enter))))
            runs.append(Run(((label.x, leave), points[1]), is_new=True))
        else:
            runs.append(Run(points, name if name.startswith("\u0000") else ""))
    return tuple(runs)


def _shown(edge: Edge) -> tuple[str, ...]:
    """The lines of the edge's label."""
    entries = edge.entries or ((edge.label,) if edge.label else ())
    if edge.source == edge.target:
        words = ", ".join([*entries, edge.verdict] if edge.verdict else entries)
        return label_lines([words], LABEL_WIDTH, LABEL_SIZE, 1) if words else ()
    if len(entries) == 1:
        lines = wrapped(entries[0], LABEL_WIDTH, LABEL_SIZE)
        shown = lines if len(lines) <= LABEL_LINES else (*lines[: LABEL_LINES - 1], lines[LABEL_LINES - 1] + " \u2026")
    else:
        shown = label_lines(entries, LABEL_WIDTH, LABEL_SIZE, LABEL_LINES)
    return (*shown, edge.verdict) if edge.verdict else shown


def _label_width(lines: Sequence[str]) -> float:
    return max((text_width(line, LABEL_SIZE) for line in lines), default=0.0) + 4


def _at_origin(nodes: tuple[PlacedNode, ...], edges: tuple[PlacedEdge, ...]) -> Layout:
    points = [point for edge in edges for point in edge.points]
    for edge in edges:
        if edge.label is not None:
            half = edge.label.width / 2, edge.label.height / 2
            points += [(edge.label.x - half[0], edge.label.y - half[1]), (edge.label.x + half[0], edge.label.y + half[1])]
    for node in nodes:
        points += [(node.x, node.y), (node.x + node.width, node.y + node.height)]
    left, top = (min(values) for values in zip(*points, strict=True))
    right, bottom = (max(values) for values in zip(*points, strict=True))
    return _moved(Layout(nodes, edges, left, top, right - left, bottom - top), 0.0, 0.0)


def _moved(layout: Layout, x: float, y: float) -> Layout:
    """`layout` with its upper left corner at (x, y)."""
    right, down = x - layout.x, y - layout.y

    def moved_edge(edge: PlacedEdge) -> PlacedEdge:
        runs = tuple(replace(run, points=tuple((px + right, py + down) for px, py in run.points)) for run in edge.runs)
        return PlacedEdge(edge.edge, runs, edge.label and replace(edge.label, x=edge.label.x + right, y=edge.label.y + down))

    def moved_node(node: PlacedNode) -> PlacedNode:
        inner = tuple(_moved(inner, inner.x + right, inner.y + down) for inner in node.inner)
        return replace(node, x=node.x + right, y=node.y + down, inner=inner)

    return Layout(tuple(map(moved_node, layout.nodes)), tuple(map(moved_edge, layout.edges)), x, y, layout.width, layout.height)
