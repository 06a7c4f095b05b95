"""The frame of an HTML page with drawings: its head, its style sheet, and the frame of one drawing.

Used by `stepstack graph`, the coverage report and the page of a failed test. A page is a file of its own: no script, nothing loaded from
elsewhere. It follows the reader's light or dark scheme; what scrolls can be reached and scrolled by keyboard.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from stepstack.drawing.graph import Graph
from stepstack.drawing.palette import colour_rules
from stepstack.drawing.svg import STYLE as SVG_STYLE
from stepstack.drawing.svg import Highlights, sign, svg_text

__all__ = ["figure", "legend", "page_text", "scrolling"]

STYLE = f"""{colour_rules(":root")}
:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 80rem;
  padding: 0 1.25rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }} h2 {{ font-size: 1.3rem; margin-top: 2.5rem; }}
h3 {{ font-size: 1.05rem; margin: 1.75rem 0 .5rem; }}
a {{ color: var(--link); }} :focus-visible {{ outline: 3px solid var(--focus); outline-offset: 2px; }}
pre, code {{ font: 13px/1.5 ui-monospace, monospace; }}
pre {{ background: var(--fill); border: 1px solid var(--rule); border-radius: 6px; padding: .7rem; margin: .5rem 0; max-height: 32rem;
  overflow: auto; white-space: pre-wrap; }}
pre.whole {{ max-height: none; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .35rem .6rem; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }}
th {{ font-weight: 600; }} tbody th {{ min-width: 12rem; max-width: 26rem; }} th > div {{ font-weight: 400; }}
thead th {{ white-space: nowrap; }} .number {{ text-align: right; white-space: nowrap; }}
td {{ overflow-wrap: normal; }} td code, td pre, td div, td a {{ overflow-wrap: anywhere; }}
tr, .node {{ scroll-margin: 3rem; }}
tr:target {{ background: var(--fill); outline: 3px solid var(--focus); }}
.scroll {{ overflow: auto; }} .scroll table {{ min-width: 46rem; }}
.figure {{ overflow: auto; border: 1px solid var(--rule); border-radius: 8px; padding: .5rem; margin: .5rem 0; max-height: 90vh; }}
.figure svg {{ display: block; margin: 0 auto; }}
.fit:checked ~ .figure svg {{ max-width: 100%; height: auto; }}
.missed-text {{ color: var(--missed-line); }} .covered-text {{ color: var(--covered-line); }} .quiet {{ color: var(--quiet); }}
.legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.4rem; margin: .5rem 0; padding: 0; }}
.legend svg, td > svg {{ vertical-align: -2px; margin-right: .35rem; }}
summary {{ cursor: pointer; }} details > pre {{ margin: .3rem 0; }}
@media print {{ body {{ max-width: none; margin: 0; font-size: 11px; }} .scroll table, tbody th {{ min-width: 0; }}
  thead th {{ white-space: normal; }} meter, .fit, .fit + label {{ display: none; }} tr, li {{ break-inside: avoid; }}
  .figure, .scroll, pre {{ max-height: none; overflow: visible; border: 0; }} .figure svg {{ max-width: 100%; height: auto; }} }}
{SVG_STYLE}"""


def page_text(title: str, body: Iterable[str]) -> str:
    """A whole page with `title` as its heading; `body` is HTML. What UTF-8 cannot write, halves of surrogate pairs, is spelled out."""
    page = "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>",
            f"<h1>{escape(title)}</h1>",
            *body,
            "</main></body></html>\n",
        ]
    )
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def figure(graph: Graph, title: str, identity: str, highlights: Highlights | None = None) -> str:
    """The drawing in a frame that scrolls, with a box to check for fitting it into the width. `identity` is its own on the page."""
    drawing = svg_text(graph, title=title, highlights=highlights, is_styled=False)
    return (
        f'<div><input type="checkbox" class="fit" id="{identity}-fit"> <label for="{identity}-fit">Fit the drawing to the width</label>\n'
        f'<div class="figure" tabindex="0" role="region" aria-label="{escape(title)}">{drawing}</div></div>'
    )


def legend(words: Iterable[tuple[str, str]]) -> str:
    """What the marks mean: pairs of a mark and its words."""
    return '<ul class="legend">' + "".join(f"<li>{sign(mark)}{escape(text)}</li>" for mark, text in words) + "</ul>"


def scrolling(table: str, name: str) -> str:
    """A table in a frame that scrolls where the window is narrow."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(name)}">{table}</div>'
