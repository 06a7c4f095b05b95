"""Gives every node and edge of a graph its place: layers from top to bottom, few crossings, nothing overlapping.

The steps are those of Sugiyama, Tagawa and Toda (1981): cycles are broken, nodes layered by their longest way from Start, long edges bent
at invisible nodes, layers ordered by the barycentre of their neighbours, and x found as the least-squares fit to the neighbours under the
required gaps. A node with inner graphs is as large as they are, laid out first. Pure functions; units are pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from stepstack.drawing.graph import Edge, Graph, Node

CHARACTER_WIDTH = 7.2
NODE_HEIGHT = 38.0
NODE_PADDING = 16.0
MINIMUM_WIDTH = 90.0
MAXIMUM_LABEL = 32
TERMINAL_SIZE = 22.0
MAXIMUM_EDGE_LABEL = 22
LABEL_CHARACTER_WIDTH = 6.2
GAP_ACROSS = 28.0
GAP_DOWN = 46.0
INNER_MARGIN = 18.0
HEADER_HEIGHT = 26.0
SWEEPS = 12

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class PlacedNode:
    """`x` and `y` are the upper left corner; `inner` lie inside it, in the same coordinates as the node itself."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    inner: tuple[Layout, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedEdge:
    """`points` run from the source's border to the target's; `label_at` is the middle of the label."""

    edge: Edge
    points: tuple[Point, ...]
    label_at: Point


@dataclass(frozen=True, slots=True)
class Layout:
    nodes: tuple[PlacedNode, ...]
    edges: tuple[PlacedEdge, ...]
    x: float
    y: float
    width: float
    height: float


def shown_name(name: str) -> str:
    """`name` as it fits into a node; the picture's tooltip has it whole."""
    return name if len(name) <= MAXIMUM_LABEL else name[: MAXIMUM_LABEL - 1] + "\u2026"


def shown_label(label: str) -> str:
    """`label` as it fits beside an edge."""
    return label if len(label) <= MAXIMUM_EDGE_LABEL else label[: MAXIMUM_EDGE_LABEL - 1] + "\u2026"


def label_width(label: str) -> float:
    return len(shown_label(label)) * LABEL_CHARACTER_WIDTH


def lay_out(graph: Graph) -> Layout:
    """The places of everything in `graph`, its upper left corner at (0, 0)."""
    return _Layering(graph).layout()


@dataclass(slots=True)
class _Box:
    """A node, or the bend of a long edge, while it is being placed; `x` is its middle."""

    width: float
    height: float
    layer: int = 0
    x: float = 0.0


class _Layering:
    """One graph on its way to a layout."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inner = {node.name: tuple(lay_out(inner) for inner in node.inner) for node in graph.nodes}
        self._boxes = {node.name: self._box(node) for node in graph.nodes}
        self._edges = [edge for edge in graph.edges if edge.target in self._boxes]
        self._chains: list[list[str]] = []
        """For each edge, the names of the boxes that it passes from top to bottom; reversed edges run upwards."""
        self._reversed: list[bool] = []
        self._layers: list[list[str]] = []
        self._up: dict[str, list[str]] = defaultdict(list)
        self._down: dict[str, list[str]] = defaultdict(list)

    def layout(self) -> Layout:
        self._assign_layers()
        self._bend_long_edges()
        self._order_layers()
        self._place_across()
        tops = self._tops()
        nodes = tuple(self._placed(node, tops) for node in self._graph.nodes)
        edges = tuple(self._routed(number, tops) for number in range(len(self._edges)))
        return _at_origin(nodes, edges)

    def _box(self, node: Node) -> _Box:
        if node.type in {"Start", "End"}:
            return _Box(TERMINAL_SIZE * 2, TERMINAL_SIZE)
        own = max(MINIMUM_WIDTH, len(shown_name(node.name)) * CHARACTER_WIDTH + 2 * NODE_PADDING)
        inner = self._inner[node.name]
        if not inner:
            return _Box(own, NODE_HEIGHT)
        across = sum(layout.width for layout in inner) + INNER_MARGIN * (len(inner) + 1)
        return _Box(max(own, across), HEADER_HEIGHT + max(layout.height for layout in inner) + 2 * INNER_MARGIN)

    def _assign_layers(self) -> None:
        back = _back_edges([node.name for node in self._graph.nodes], self._edges)
        self._reversed = [number in back for number in range(len(self._edges))]
        followers: dict[str, list[str]] = defaultdict(list)
        waiting: dict[str, int] = dict.fromkeys(self._boxes, 0)
        for edge, is_reversed in zip(self._edges, self._reversed, strict=True):
            above, below = (edge.target, edge.source) if is_reversed else (edge.source, edge.target)
            if above != below:
                followers[above].append(below)
                waiting[below] += 1
        ready = [name for name, count in waiting.items() if not count]
        while ready:
            name = ready.pop()
            for follower in followers[name]:
                self._boxes[follower].layer = max(self._boxes[follower].layer, self._boxes[name].layer + 1)
                waiting[follower] -= 1
                if not waiting[follower]:
                    ready.append(follower)
        end = self._graph.nodes[-1].name
        self._boxes[end].layer = max(box.layer for name, box in self._boxes.items() if name != end) + 1

    def _bend_long_edges(self) -> None:
        self._layers = [[] for _ in range(max(box.layer for box in self._boxes.values()) + 1)]
        for node in self._graph.nodes:
            self._layers[self._boxes[node.name].layer].append(node.name)
        for number, edge in enumerate(self._edges):
            above, below = (edge.target, edge.source) if self._reversed[number] else (edge.source, edge.target)
            chain = [above]
            for layer in range(self._boxes[above].layer + 1, self._boxes[below].layer):
                bend = f"\u0000bend {number} {layer}"
                self._boxes[bend] = _Box(8.0, 0.0, layer)
                self._layers[layer].append(bend)
                chain.append(bend)
            if above != below:
                chain.append(below)
            self._chains.append(chain)
            for upper, lower in pairwise(chain):
                self._down[upper].append(lower)
                self._up[lower].append(upper)

    def _order_layers(self) -> None:
        best, fewest = [list(layer) for layer in self._layers], self._crossings()
        for sweep in range(SWEEPS):
            layers = self._layers if sweep % 2 == 0 else list(reversed(self._layers))
            neighbours = self._up if sweep % 2 == 0 else self._down
            for fixed, layer in pairwise(layers):
                position = {name: index for index, name in enumerate(fixed)}
                current = {name: index for index, name in enumerate(layer)}
                layer.sort(key=lambda name: (_mean([position[other] for other in neighbours[name]], current[name]), current[name]))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self._layers], crossings
        self._layers = best

    def _crossings(self) -> int:
        total = 0
        for upper, lower in pairwise(self._layers):
            position = {name: index for index, name in enumerate(lower)}
            ends = [position[name] for source in upper for name in sorted(self._down[source], key=position.__getitem__)]
            total += _inversions(ends)
        return total

    def _place_across(self) -> None:
        for layer in self._layers:
            x = 0.0
            for name in layer:
                box = self._boxes[name]
                box.x = x + box.width / 2
                x += box.width + GAP_ACROSS
        for sweep in range(2 * SWEEPS):
            for layer in self._layers if sweep % 2 == 0 else reversed(self._layers):
                self._fit(layer)

    def _fit(self, layer: Sequence[str]) -> None:
        boxes = [self._boxes[name] for name in layer]
        wanted, weights, gaps = [], [], []
        for name, box in zip(layer, boxes, strict=True):
            neighbours = self._up[name] + self._down[name]
            wanted.append(_mean([self._boxes[other].x for other in neighbours], box.x))
            weights.append(4.0 if name.startswith("\u0000bend") else 1.0)
        for left, right in pairwise(boxes):
            gaps.append((left.width + right.width) / 2 + GAP_ACROSS)
        for box, x in zip(boxes, _least_squares(wanted, weights, gaps), strict=True):
            box.x = x

    def _tops(self) -> list[float]:
        """The y at which each layer begins; one more for the lower end."""
        tops, y = [], 0.0
        for layer in self._layers:
            tops.append(y)
            y += max(self._boxes[name].height for name in layer) + GAP_DOWN
        tops.append(y - GAP_DOWN)
        return tops

    def _height(self, layer: int) -> float:
        return max(self._boxes[name].height for name in self._layers[layer])

    def _placed(self, node: Node, tops: Sequence[float]) -> PlacedNode:
        box = self._boxes[node.name]
        x = box.x - box.width / 2
        y = tops[box.layer] + (self._height(box.layer) - box.height) / 2
        inner, left = [], x + INNER_MARGIN
        spare = box.width - INNER_MARGIN - sum(layout.width + INNER_MARGIN for layout in self._inner[node.name])
        left += spare / 2
        for layout in self._inner[node.name]:
            inner.append(_moved(layout, left, y + HEADER_HEIGHT + INNER_MARGIN))
            left += layout.width + INNER_MARGIN
        return PlacedNode(node, x, y, box.width, box.height, tuple(inner))

    def _routed(self, number: int, tops: Sequence[float]) -> PlacedEdge:
        edge, chain = self._edges[number], self._chains[number]
        if len(chain) == 1:
            return self._loop(edge, tops)
        points: list[Point] = []
        for place, name in enumerate(chain):
            box = self._boxes[name]
            middle = tops[box.layer] + self._height(box.layer) / 2
            if place == 0:
                points.append((self._port(box, name, number), middle + box.height / 2))
            elif place == len(chain) - 1:
                points.append((self._port(box, name, number), middle - box.height / 2))
            else:
                points += [(box.x, tops[box.layer]), (box.x, tops[box.layer] + self._height(box.layer))]
        if self._reversed[number]:
            points.reverse()
        first, second = points[0], points[1]
        return PlacedEdge(edge, tuple(points), ((first[0] + second[0]) / 2, (first[1] + second[1]) / 2))

    def _port(self, box: _Box, name: str, number: int) -> float:
        """Where on its node's border an edge begins or ends: side by side where there are several."""
        beside = []
        for other, chain in enumerate(self._chains):
            if len(chain) > 1 and name in (chain[0], chain[-1]):
                is_below = chain[0] == name
                neighbour = chain[1] if is_below else chain[-2]
                beside.append((is_below, self._boxes[neighbour].x, other))
        mine = next(entry for entry in beside if entry[2] == number)
        same = sorted(entry for entry in beside if entry[0] == mine[0])
        if len(same) == 1:
            return box.x
        step = min(18.0, box.width * 0.7 / (len(same) - 1))
        return box.x + (same.index(mine) - (len(same) - 1) / 2) * step

    def _loop(self, edge: Edge, tops: Sequence[float]) -> PlacedEdge:
        box = self._boxes[edge.source]
        right, middle = box.x + box.width / 2, tops[box.layer] + self._height(box.layer) / 2
        reach = right + 16 + 12 * max(0, edge.index)
        points = ((right, middle - 8), (reach, middle - 8), (reach, middle + 8), (right, middle + 8))
        return PlacedEdge(edge, points, (reach, middle))


def _back_edges(names: Sequence[str], edges: Sequence[Edge]) -> set[int]:
    """The numbers of the edges that close a cycle, found depth first from Start; without recursion, for long machines."""
    outgoing: dict[str, list[int]] = defaultdict(list)
    for number, edge in enumerate(edges):
        outgoing[edge.source].append(number)
    state: dict[str, int] = {}
    back: set[int] = set()
    for root in names:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(outgoing[root]))]
        while stack:
            name, remaining = stack[-1]
            for number in remaining:
                target = edges[number].target
                if state.get(target) == 1:
                    back.add(number)
                elif target not in state:
                    state[target] = 1
                    stack.append((target, iter(outgoing[target])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return back


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _inversions(values: Sequence[int]) -> int:
    """How many pairs stand in the wrong order, counted with a Fenwick tree."""
    size = max(values, default=0) + 1
    tree = [0] * (size + 1)
    total = 0
    for seen, value in enumerate(values):
        index, not_larger = value + 1, 0
        while index:
            not_larger += tree[index]
            index -= index & -index
        total += seen - not_larger
        index = value + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return total


def _least_squares(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """The positions nearest to `wanted` that keep `gaps` between neighbours (isotonic regression by pooling adjacent violators)."""
    offsets, offset = [0.0], 0.0
    for gap in gaps:
        offset += gap
        offsets.append(offset)
    blocks: list[tuple[float, float, int]] = []
    for target, weight, place in zip(wanted, weights, offsets, strict=True):
        block = (target - place, weight, 1)
        while blocks and blocks[-1][0] > block[0]:
            value, heavy, count = blocks.pop()
            block = ((value * heavy + block[0] * block[1]) / (heavy + block[1]), heavy + block[1], count + block[2])
        blocks.append(block)
    values = [value for value, _, count in blocks for _ in range(count)]
    return [value + place for value, place in zip(values, offsets, strict=True)]


def _at_origin(nodes: tuple[PlacedNode, ...], edges: tuple[PlacedEdge, ...]) -> Layout:
    labels = [(edge.label_at[0], label_width(edge.edge.label) / 2) for edge in edges]
    bends = [x for edge in edges for x, _ in edge.points]
    xs = [node.x for node in nodes] + bends + [middle - half for middle, half in labels]
    rights = [node.x + node.width for node in nodes] + bends + [middle + half for middle, half in labels]
    ys = [node.y for node in nodes]
    bottoms = [node.y + node.height for node in nodes]
    left, top = min(xs), min(ys)
    layout = Layout(nodes, edges, left, top, max(rights) - left, max(bottoms) - top)
    return _moved(layout, 0.0, 0.0)


def _moved(layout: Layout, x: float, y: float) -> Layout:
    """`layout` with its upper left corner at (x, y)."""
    right, down = x - layout.x, y - layout.y
    nodes = tuple(
        replace(
            node,
            x=node.x + right,
            y=node.y + down,
            inner=tuple(_moved(inner, inner.x + right, inner.y + down) for inner in node.inner),
        )
        for node in layout.nodes
    )
    edges = tuple(
        PlacedEdge(
            edge.edge,
            tuple((px + right, py + down) for px, py in edge.points),
            (edge.label_at[0] + right, edge.label_at[1] + down),
        )
        for edge in layout.edges
    )
    return Layout(nodes, edges, x, y, layout.width, layout.height)
