"""The picture of a laid-out state machine as one SVG document, with nothing outside it: no script, no font, no style sheet.

It follows the reader's light or dark scheme, every state can be reached with the Tab key and says its name and type, and every text that a
definition brings is escaped. Coverage and reports colour it through `Highlights`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from stepstack.drawing.graph import EdgeKind, Graph
from stepstack.drawing.layout import HEADER_HEIGHT, Layout, PlacedEdge, PlacedNode, Point, label_width, lay_out, shown_label, shown_name

MARGIN = 24.0
LABEL_HEIGHT = 14.0

EdgeKey = tuple[str, EdgeKind, int]

STYLE = """
svg.stepstack { --paper: #ffffff; --ink: #1f2933; --quiet: #616e7c; --line: #7b8794; --fill: #f5f7fa; --inner: #ffffff;
  --covered: #d3f0dc; --covered-line: #1b7f3b; --missed: #fde2e1; --missed-line: #b42318; --failed: #ffd9d6; --partial: #fff1cc;
  --partial-line: #8a6100; --focus: #2563eb; background: var(--paper); font-family: system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg.stepstack { --paper: #12161c; --ink: #e8edf3; --quiet: #9aa8b8; --line: #7f8ea0;
  --fill: #1e2630; --inner: #171d25; --covered: #143d24; --covered-line: #4cc47a; --missed: #4a1d1b; --missed-line: #ff8f87;
  --failed: #5c201d; --partial: #453608; --partial-line: #f0c04a; --focus: #7db0ff; } }
.stepstack .box { fill: var(--fill); stroke: var(--line); stroke-width: 1.4; }
.stepstack .outer > .box { fill: var(--inner); }
.stepstack .terminal .box { fill: var(--ink); stroke: none; }
.stepstack text { fill: var(--ink); font-size: 13px; text-anchor: middle; dominant-baseline: central; }
.stepstack .terminal text { fill: var(--paper); font-size: 11px; }
.stepstack .type { fill: var(--quiet); font-size: 9px; letter-spacing: .04em; text-transform: uppercase; }
.stepstack .edge { fill: none; stroke: var(--line); stroke-width: 1.4; }
.stepstack .catch { stroke-dasharray: 5 4; }
.stepstack .label { font-size: 11px; fill: var(--quiet); paint-order: stroke; stroke: var(--paper); stroke-width: 4px; }
.stepstack .node:focus { outline: none; }
.stepstack .node:focus > .box { stroke: var(--focus); stroke-width: 3; }
.stepstack .covered > .box { fill: var(--covered); stroke: var(--covered-line); }
.stepstack .partial > .box { fill: var(--partial); stroke: var(--partial-line); }
.stepstack .missed > .box { fill: var(--missed); stroke: var(--missed-line); stroke-dasharray: 4 3; }
.stepstack .failed > .box { fill: var(--failed); stroke: var(--missed-line); stroke-width: 3; }
.stepstack .edge.covered { stroke: var(--covered-line); stroke-width: 2; }
.stepstack .edge.missed { stroke: var(--missed-line); }
.stepstack .edge.unmarked { opacity: .45; }
""".strip()


@dataclass(frozen=True, slots=True)
class Highlights:
    """How to colour what ran. `nodes` maps a state name to covered, partial, missed or failed; `notes` to a line for its tooltip.

    `edges` maps (state name, kind, index of rule or catcher) to covered or missed. What is not named stays plain.
    """

    nodes: Mapping[str, str] = field(default_factory=dict)
    edges: Mapping[EdgeKey, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def svg_text(graph: Graph, *, title: str = "State machine", highlights: Highlights | None = None) -> str:
    """The drawing of `graph` as the text of an SVG document, which also stands inside an HTML page."""
    layout = lay_out(graph)
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="stepstack" role="group" aria-label="{escape(title)}"'
        f' viewBox="{-MARGIN:g} {-MARGIN:g} {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9"'
        ' markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
        '<path d="M0 0 8 4 0 8z" fill="context-stroke"/></marker></defs>',
        *_layout_lines(layout, highlights or Highlights()),
        "</svg>",
    ]
    return "\n".join(lines)


def _layout_lines(layout: Layout, highlights: Highlights) -> Iterator[str]:
    for edge in layout.edges:
        yield _edge_line(edge, highlights)
    for node in layout.nodes:
        yield from _node_lines(node, highlights)
    yield from _label_lines(layout)


def _node_lines(placed: PlacedNode, highlights: Highlights) -> Iterator[str]:
    node = placed.node
    box = f'x="{placed.x:.1f}" y="{placed.y:.1f}" width="{placed.width:.1f}" height="{placed.height:.1f}"'
    middle = placed.x + placed.width / 2
    if node.type in {"Start", "End"}:
        yield f'<g class="terminal"><rect class="box" rx="11" {box}/>{_text(middle, placed.y + placed.height / 2, node.type)}</g>'
        return
    mark = highlights.nodes.get(node.name, "")
    note = highlights.notes.get(node.name, "")
    spoken = ", ".join(part for part in (node.name, f"{node.type} state", mark, note) if part)
    kind = "node outer" if placed.inner else "node"
    yield f'<g class="{kind} {mark}" tabindex="0" role="img" aria-label="{escape(spoken)}" data-state="{escape(node.name)}">'
    yield f'<title>{escape(spoken)}</title><rect class="box" rx="7" {box}/>'
    header = placed.y + (HEADER_HEIGHT / 2 + 6 if placed.inner else placed.height / 2)
    yield _text(middle, header + 5, shown_name(node.name))
    yield _text(middle, header - 10, node.type, "type")
    for inner in placed.inner:
        yield from _layout_lines(inner, highlights)
    yield "</g>"


def _edge_line(placed: PlacedEdge, highlights: Highlights) -> str:
    edge = placed.edge
    mark = highlights.edges.get((edge.source, edge.kind, edge.index), "unmarked" if highlights.edges else "")
    kind = "catch" if edge.kind is EdgeKind.CATCH else ""
    tooltip = f"<title>{escape(edge.label)}</title>" if edge.label else ""
    return f'<path class="edge {kind} {mark}" marker-end="url(#arrow)" d="{_curve(placed.points)}">{tooltip}</path>'


def _curve(points: tuple[Point, ...]) -> str:
    """A smooth line through the points: between two layers it leaves and arrives upright."""
    x, y = points[0]
    words = [f"M{x:.1f} {y:.1f}"]
    for next_x, next_y in points[1:]:
        if abs(next_x - x) < 0.5:
            words.append(f"L{next_x:.1f} {next_y:.1f}")
        else:
            half = (next_y - y) / 2
            words.append(f"C{x:.1f} {y + half:.1f} {next_x:.1f} {next_y - half:.1f} {next_x:.1f} {next_y:.1f}")
        x, y = next_x, next_y
    return " ".join(words)


def _label_lines(layout: Layout) -> Iterator[str]:
    """Labels stand on their edges; one that would cover another moves down its edge's gap."""
    taken: list[tuple[float, float, float]] = []
    for placed in layout.edges:
        label = placed.edge.label
        if not label:
            continue
        half = label_width(label) / 2
        x, y = placed.label_at
        for shift in (0.0, LABEL_HEIGHT, -LABEL_HEIGHT):
            if all(abs(x - other) > half + reach or abs(y + shift - height) >= LABEL_HEIGHT for other, height, reach in taken):
                y += shift
                break
        taken.append((x, y, half))
        yield _text(x, y, shown_label(label), "label", label)


def _text(x: float, y: float, text: str, kind: str = "", tooltip: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    title = f"<title>{escape(tooltip)}</title>" if tooltip and tooltip != text else ""
    return f'<text{attribute} x="{x:.1f}" y="{y:.1f}">{title}{escape(text)}</text>'
