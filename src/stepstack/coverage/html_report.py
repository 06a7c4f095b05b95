"""The coverage report as one HTML page: the table, and each state machine drawn and coloured by what ran.

The page is a file of its own: no script, nothing loaded from elsewhere. Every name that a definition brings is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from stepstack.coverage.analysis import Analysis, MachineAnalysis, highlights_of
from stepstack.coverage.text_report import COLUMNS
from stepstack.drawing import graph_of, svg_text

STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --paper: #fff; --line: #cbd2d9; --good: #1b7f3b; --bad: #b42318; --bar: #e4e7eb; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --paper: #12161c; --line: #36414f; --good: #4cc47a; --bad: #ff8f87;
  --bar: #2a3440; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 76rem;
  padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .7rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
.figure { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; padding: 1rem; }
.bar { display: inline-block; width: 6rem; height: .6rem; background: var(--bar); border-radius: 3px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--good); } .missing { color: var(--bad); } a { color: inherit; }
h2 { margin-top: 2.5rem; } .legend span { margin-right: 1.2rem; }
""".strip()


def html_report(analysis: Analysis, title: str = "State machine coverage") -> str:
    """The page's text."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *_table(analysis),
            *(line for number, machine in enumerate(analysis.machines) for line in _section(machine, number)),
            "</body></html>",
        ]
    )


def _table(analysis: Analysis) -> Iterator[str]:
    titles = ("State machine", "Executions", *(title for title, _ in COLUMNS), "Cover")
    heads = "".join(f'<th scope="col">{title}</th>' for title in titles)
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for number, machine in enumerate(analysis.machines):
        cells = "".join(f"<td>{_cell(machine, kinds)}</td>" for _, kinds in COLUMNS)
        link = f'<a href="#machine-{number}">{escape(machine.name)}</a>'
        yield f"<tr><td>{link}</td><td>{machine.executions}</td>{cells}<td>{_bar(machine.percent)}</td></tr>"
    yield f"</tbody><tfoot><tr><td>Total</td><td></td>{'<td></td>' * len(COLUMNS)}<td>{_bar(analysis.percent)}</td></tr></tfoot></table>"


def _cell(machine: MachineAnalysis, kinds: tuple[str, ...]) -> str:
    total = sum(machine.total(kind) for kind in kinds)
    covered = total - sum(len(machine.missing(kind)) for kind in kinds)
    return f"{covered}/{total}" if total else "&ndash;"


def _bar(percent: float) -> str:
    return f'<span class="bar" aria-hidden="true"><i style="width:{percent:.0f}%"></i></span> {percent:.0f}%'


def _section(machine: MachineAnalysis, number: int) -> Iterator[str]:
    yield f'<section><h2 id="machine-{number}">{escape(machine.name)}</h2>'
    if machine.path is not None and machine.path != machine.name:
        yield f"<p>{escape(machine.path)}</p>"
    missing = list(machine.missing_words())
    if missing:
        yield '<p class="missing">Missing:</p><ul class="missing">' + "".join(f"<li>{escape(words)}</li>" for words in missing) + "</ul>"
    else:
        yield "<p>Everything ran.</p>"
    yield '<p class="legend"><span>green: all of it ran</span><span>yellow: part of it</span><span>red, dashed: never entered</span></p>'
    drawing = svg_text(graph_of(machine.machine), title=f"Coverage of {machine.name}", highlights=highlights_of(machine))
    yield f'<div class="figure">{drawing}</div></section>'
