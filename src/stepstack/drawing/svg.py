"""The picture of a laid-out state machine as one SVG document, with nothing outside it: no script, no font, no style sheet.

It follows the reader's light or dark scheme. Every state can be reached with the Tab key and says its name, its type, what is known of it
and where it leads; on a page it links to what is told of it there. Every text that a definition brings is escaped. Coverage and reports
mark it through `Highlights`: with colours, signs and words.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from stepstack.drawing.graph import END, START, Edge, EdgeKind, Graph, Node
from stepstack.drawing.layout import (
    LABEL_LINE,
    NAME_LINE,
    TYPE_LINE,
    Layout,
    PlacedEdge,
    PlacedLabel,
    PlacedNode,
    Point,
    Run,
    header_height,
    lay_out,
)
from stepstack.drawing.palette import MARKS, colour_rules

__all__ = ["STYLE", "EdgeKey", "Highlights", "sign", "svg_text"]

MARGIN = 20.0

EdgeKey = tuple[str, EdgeKind, int]

_SIGNS = {
    "covered": '<path d="M-4 .5-1.2 3.4 4-3.4"/>',
    "partial": '<circle r="4"/><path class="half" d="M0-4A4 4 0 0 1 0 4z"/>',
    "missed": '<path d="M-3.4-3.4 3.4 3.4M3.4-3.4-3.4 3.4"/>',
    "failed": '<path d="M0-5V1M0 4V4.6"/>',
}

STYLE = "\n".join(
    [
        colour_rules("svg.stepstack"),
        """svg.stepstack { background: var(--paper); font-family: system-ui, sans-serif; }
.stepstack .box { fill: var(--fill); stroke: var(--line); stroke-width: 1.4; }
.stepstack .outer > .face > .box { fill: var(--inner); }
.stepstack .outer > .face > .head { fill: var(--fill); }
.stepstack .terminal .box { fill: var(--ink); stroke: none; }
.stepstack text { fill: var(--ink); font-size: 13px; text-anchor: middle; dominant-baseline: central; }
.stepstack .terminal text { fill: var(--paper); font-size: 11px; }
.stepstack .type { fill: var(--quiet); font-size: 10px; letter-spacing: .03em; }
.stepstack .edge { fill: none; stroke: var(--line); stroke-width: 1.4; }
.stepstack .arrow { fill: var(--line); }
.stepstack .catch { stroke-dasharray: 5 4; }
.stepstack .label text { font-size: 11px; fill: var(--quiet); }
.stepstack .face:focus { outline: none; }
.stepstack .face:focus-visible > .box, .stepstack .node:target > .face > .box { stroke: var(--focus) !important; stroke-width: 4 !important;
  stroke-dasharray: none !important; }
.stepstack a.face:hover .name { text-decoration: underline; }
.sign { fill: none; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }""",
        *(
            f".stepstack .{mark} > .face > .box, .stepstack .{mark} > .face > .head {{ fill: var(--{mark}); }}\n"
            f".stepstack .{mark} > .face > .box {{ stroke: var(--{mark}-line); }}\n"
            f".stepstack .outer.{mark} > .face > .box {{ fill: var(--inner); }}\n"
            f".sign.{mark} {{ stroke: var(--{mark}-line); }} .sign.{mark} .half {{ fill: var(--{mark}-line); }}"
            for mark in MARKS
        ),
        """.stepstack .missed > .face > .box { stroke-dasharray: 6 4; }
.stepstack .failed > .face > .box { stroke-width: 3; }
.stepstack .edge.covered { stroke: var(--covered-line); stroke-width: 2.4; } .stepstack .arrow.covered { fill: var(--covered-line); }
.stepstack .edge.missed { stroke: var(--missed-line); } .stepstack .arrow.missed { fill: var(--missed-line); }
.stepstack .label.missed text { fill: var(--missed-line); }
@media print { svg.stepstack { max-width: 100%; height: auto; } }""",
    ]
)


_NO_XML = re.compile("[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Highlights:
    """How to mark what ran. `nodes` maps a state name to covered, partial, missed or failed; `notes` to what is said of it.

    `edges` maps (state name, kind, index of rule or catcher) to covered or missed; `verdicts` to a word beside the edge. `anchors` maps a
    state name to the id of what tells more of it on the same page: the state links to it, and has that id with `-drawn` behind it.
    """

    nodes: Mapping[str, str] = field(default_factory=dict)
    edges: Mapping[EdgeKey, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    verdicts: Mapping[EdgeKey, str] = field(default_factory=dict)
    anchors: Mapping[str, str] = field(default_factory=dict)

    def mark_of(self, edge: Edge) -> str:
        return self.edges.get((edge.source, edge.kind, edge.index), "")


def svg_text(graph: Graph, *, title: str = "State machine", highlights: Highlights | None = None, is_styled: bool = True) -> str:
    """The drawing of `graph` as the text of an SVG document, which also stands inside an HTML page. A page that has `STYLE` itself wants
    it not `is_styled`.
    """
    drawing = _Drawing(highlights or Highlights())
    layout = lay_out(drawing.with_verdicts(graph))
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    count = sum(1 for _ in _states(graph))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stepstack" role="group" aria-label="{escape(title)}"'
        f' viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>{escape(title)}</title>",
        f"<desc>{count} state{'s' * (count != 1)}, from top to bottom. Dashed lines lead to where errors are caught.</desc>",
        *([f"<style>{STYLE}</style>"] if is_styled else []),
        *drawing.layout_lines(layout),
        "</svg>",
    ]
    return "\n".join(lines)


def sign(mark: str) -> str:
    """The sign of a mark for a page's legend, in an SVG of its own."""
    shape = f'<g class="sign {mark}">{_SIGNS[mark]}</g>'
    return f'<svg class="stepstack" aria-hidden="true" viewBox="-7 -7 14 14" width="14" height="14">{shape}</svg>'


def escape(text: str) -> str:
    """`text` for XML; a character that XML has not becomes the sign for that."""
    return html.escape(_NO_XML.sub("\ufffd", text))


def _states(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        if node.name not in {START, END}:
            yield node
        for inner in node.inner:
            yield from _states(inner)


class _Drawing:
    """One document being written."""

    def __init__(self, highlights: Highlights) -> None:
        self._highlights = highlights
        self._ways: dict[str, list[str]] = {}
        """Where each state leads, in words."""

    def with_verdicts(self, graph: Graph) -> Graph:
        verdicts = self._highlights.verdicts
        edges = tuple(replace(edge, verdict=verdicts.get((edge.source, edge.kind, edge.index), "")) for edge in graph.edges)
        for edge in edges:
            target = "the end" if edge.target == END else edge.target
            words = ", ".join(part for part in (edge.detail or edge.label, edge.verdict) if part)
            self._ways.setdefault(edge.source, []).append(f"{target} ({words})" if words else target)
        nodes = tuple(replace(node, inner=tuple(self.with_verdicts(inner) for inner in node.inner)) for node in graph.nodes)
        return Graph(nodes, edges)

    def layout_lines(self, layout: Layout) -> Iterator[str]:
        yield '<g aria-hidden="true">'
        yield from self._edge_lines(layout)
        yield "</g>"
        for node in layout.nodes:
            yield from self._node_lines(node)

    def _node_lines(self, placed: PlacedNode) -> Iterator[str]:
        node = placed.node
        box = f'x="{placed.x:.1f}" y="{placed.y:.1f}" width="{placed.width:.1f}" height="{placed.height:.1f}"'
        middle = placed.x + placed.width / 2
        if node.type in {"Start", "End"}:
            text = _text(middle, placed.y + placed.height / 2, node.type)
            yield f'<g class="terminal" aria-hidden="true"><rect class="box" rx="11" {box}/>{text}</g>'
            return
        mark = self._highlights.nodes.get(node.name, "")
        anchor = self._highlights.anchors.get(node.name)
        identity = f' id="{escape(anchor)}-drawn"' if anchor else ""
        kind = " ".join(part for part in ("node", "outer" if placed.inner else "", mark) if part)
        yield f'<g class="{kind}"{identity} data-state="{escape(node.name)}">'
        spoken = self._spoken(node, mark)
        tag, role = ("a", f'href="#{escape(anchor)}"') if anchor else ("g", 'tabindex="0" role="img"')
        yield f'<{tag} class="face" {role} aria-label="{escape(", ".join(spoken))}">'
        yield f'<title>{escape(chr(10).join(spoken))}</title><rect class="box" rx="7" {box}/>'
        if placed.inner:
            yield f'<path class="head" d="{_header(placed)}"/>'
        top = placed.y + (0 if placed.inner else (placed.height - TYPE_LINE - NAME_LINE * len(placed.lines) - 6) / 2)
        yield _text(middle, top + 11, node.type, "type")
        for number, line in enumerate(placed.lines):
            yield _text(middle, top + TYPE_LINE + 3 + NAME_LINE * (number + 0.5), line, "name")
        if mark in _SIGNS:
            yield f'<g class="sign {mark}" transform="translate({placed.x + placed.width - 12:.1f} {placed.y + 12:.1f})">{_SIGNS[mark]}</g>'
        yield f"</{tag}>"
        for inner in placed.inner:
            yield from self.layout_lines(inner)
        yield "</g>"

    def _spoken(self, node: Node, mark: str) -> list[str]:
        """What a tooltip and a screen reader tell of a state, part by part; first what stands on it."""
        said = [f"{node.type} {node.name}", mark, self._highlights.notes.get(node.name, "")]
        ways = self._ways.get(node.name, [])
        return [part for part in said if part] + ([f"leads to {'; '.join(ways)}"] if ways else [])

    def _edge_lines(self, layout: Layout) -> Iterator[str]:
        """Edges that share a way draw it once: first those that were covered, so that a way has the mark of the best of them."""
        rank = {"covered": 0, "missed": 1}
        drawn: set[str] = set()
        order = sorted(layout.edges, key=lambda placed: rank.get(self._highlights.mark_of(placed.edge), 2))
        lines = [self._edge_line(placed, drawn) for placed in order]
        # What is drawn later lies above.
        yield from reversed(lines)

    def _edge_line(self, placed: PlacedEdge, drawn: set[str]) -> str:
        edge = placed.edge
        mark = self._highlights.mark_of(edge)
        kind = " catch" if edge.kind is EdgeKind.CATCH else ""
        way, end = _way(placed.runs, drawn)
        told = ", ".join(part for part in (edge.detail or edge.label, edge.verdict) if part)
        tooltip = f"<title>{escape(told)}</title>" if told else ""
        line = f'<path class="edge{kind} {mark}" d="{way}"/>'
        if end is not None:
            line += f'<path class="arrow {mark}" d="{_arrow(*end)}"/>'
        if placed.label is not None:
            line += f'<g class="label {mark}">{_label(placed.label)}</g>'
        return f"<g>{tooltip}{line}</g>"


def _header(placed: PlacedNode) -> str:
    """The upper part of a node with inner graphs, round at its upper corners."""
    x, y, width, height = placed.x + 0.7, placed.y + 0.7, placed.width - 1.4, header_height(placed) - 1.4
    return f"M{x:.1f} {y + height:.1f}v{6 - height:.1f}a6 6 0 0 1 6-6h{width - 12:.1f}a6 6 0 0 1 6 6v{height - 6:.1f}z"


def _way(runs: tuple[Run, ...], drawn: set[str]) -> tuple[str, tuple[Point, Point] | None]:
    """The path's data as far as it is not drawn yet, and its last two points where it comes to the target."""
    words: list[str] = []
    at: Point | None = None
    for run in runs:
        is_drawn = run.bend in drawn
        for point in run.points[:1] if is_drawn else run.points:
            words.append(f"M{point[0]:.1f} {point[1]:.1f}" if at is None or (run.is_new and point == run.points[0]) else _curve(at, point))
            at = point
        if is_drawn:
            return " ".join(words), None
        if run.bend:
            drawn.add(run.bend)
    if at is None:
        return "", None
    (x, y) = at
    away = [point for run in runs for point in run.points if abs(point[0] - x) > 0.5 or abs(point[1] - y) > 0.5]
    return " ".join(words), (away[-1] if away else at, at)


def _curve(start: Point, end: Point) -> str:
    """A line between two points: upright or level where it is so, else leaving and arriving upright."""
    (x, y), (next_x, next_y) = start, end
    if abs(next_x - x) < 0.5 or abs(next_y - y) < 0.5:
        return f"L{next_x:.1f} {next_y:.1f}"
    half = (next_y - y) / 2
    return f"C{x:.1f} {y + half:.1f} {next_x:.1f} {next_y - half:.1f} {next_x:.1f} {next_y:.1f}"


def _arrow(before: Point, tip: Point) -> str:
    """The head of an arrow that arrives upright, or level as a loop does."""
    (x, y), (px, py) = tip, before
    if abs(py - y) < 0.5 < abs(px - x):
        back = 8.0 if px > x else -8.0
        return f"M{x:.1f} {y:.1f}l{back:g} -4.5v9z"
    back = -8.0 if py <= y else 8.0
    return f"M{x:.1f} {y:.1f}l-4.5 {back:g}h9z"


def _label(label: PlacedLabel) -> str:
    first = label.y - LABEL_LINE * (len(label.lines) - 1) / 2
    return "".join(_text(label.x, first + LABEL_LINE * number, line) for number, line in enumerate(label.lines))


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text{attribute} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'
