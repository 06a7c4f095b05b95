"""A failed test as one HTML page: what failed, and each of its executions drawn, with every state's input and output and the history.

Written by the plugin for `--stepstack-report DIR`. The page is a file of its own: no script, nothing loaded from elsewhere; it follows the
reader's light or dark scheme and is used by keyboard. Everything that a definition or an execution brings is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from stepstack.errors import DefinitionError
from stepstack.history.visits import Event, Failure, StateVisit, event_details, failing_visit
from stepstack.json_types import parse_json
from stepstack.testing.explanation import brief_cause, explain

if TYPE_CHECKING:
    from stepstack.drawing import Highlights
    from stepstack.language.state_machine import StateMachine
    from stepstack.testing.executions import ExecutionResult

__all__ = ["report_page"]

STYLE = """
:root { color-scheme: light dark; --ink: #1f2933; --paper: #fff; --line: #cbd2d9; --soft: #f5f7fa; --bad: #b42318; --good: #1b7f3b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8edf3; --paper: #12161c; --line: #36414f; --soft: #1e2630; --bad: #ff8f87;
  --good: #4cc47a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto; max-width: 76rem;
  padding: 0 1rem; overflow-wrap: anywhere; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th, td.number { white-space: nowrap; } td.number { text-align: right; }
.figure { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px;
  padding: 1rem; } .failed { color: var(--bad); } .succeeded { color: var(--good); }
summary { cursor: pointer; } details pre { margin: .3rem 0; } h2 { margin-top: 2.5rem; }
""".strip()


def report_page(title: str, failure: str, executions: Sequence[tuple[str, ExecutionResult]]) -> str:
    """The page's text. `failure` is what pytest told; `executions` are definitions with the executions of them, in their order."""
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            f"<pre>{escape(failure)}</pre>",
            *(line for number, (definition, execution) in enumerate(executions, 1) for line in _section(number, definition, execution)),
            "</body></html>",
        ]
    )


def _section(number: int, definition: str, execution: ExecutionResult) -> Iterator[str]:
    status = "succeeded" if execution.status == "SUCCEEDED" else "failed"
    yield f'<section><h2>Execution {number}: <span class="{status}">{escape(execution.status)}</span></h2>'
    yield f"<pre>{escape(explain(execution))}</pre>"
    if execution.history_problem is None:
        yield from _figure(definition, execution)
        yield from _visits_table(execution)
        yield from _history_table(execution.history)
    yield "</section>"


def _figure(definition: str, execution: ExecutionResult) -> Iterator[str]:
    from stepstack.drawing import graph_of, svg_text
    from stepstack.language import parse

    try:
        machine = parse(definition)
    except DefinitionError as error:
        # Another backend may take what our parser does not.
        yield f"<p>It cannot be drawn: {escape(str(error))}</p>"
        return
    title = f"Path of {execution.name}"
    yield f'<div class="figure">{svg_text(graph_of(machine), title=title, highlights=_highlights(machine, definition, execution))}</div>'


def _highlights(machine: StateMachine, definition: str, execution: ExecutionResult) -> Highlights:
    """What ran is coloured; where the execution failed stands out; the rest stays plain."""
    from stepstack.coverage import CoverageData, analyse, observe
    from stepstack.coverage.analysis import highlights_of
    from stepstack.drawing import Highlights

    data = CoverageData()
    observe(data.machine(definition, execution.state_machine_name), machine, execution.history)
    edges = {key: value for key, value in highlights_of(analyse(data).machines[0]).edges.items() if value == "covered"}
    nodes = dict.fromkeys(execution.states, "covered")
    notes: dict[str, str] = {}
    for visit in execution.visits:
        if visit.retries:
            notes[visit.name] = f"{visit.attempts} attempts"
    if execution.status != "SUCCEEDED":
        culprit = failing_visit(execution.history, execution.visits)
        if culprit is not None:
            nodes[culprit.name] = "failed"
            notes[culprit.name] = f"{execution.status}: {execution.error}"
    return Highlights(nodes=nodes, edges=edges, notes=notes)


def _visits_table(execution: ExecutionResult) -> Iterator[str]:
    yield "<h3>States</h3><table><thead><tr>"
    yield "".join(f'<th scope="col">{head}</th>' for head in ("At", "State", "Attempts", "Input", "Sent", "Output"))
    yield "</tr></thead><tbody>"
    for visit in execution.visits:
        failures = "".join(
            f'<div class="failed">{escape(str(failure.error))}: {escape(brief_cause(failure.cause or ""))}</div>'
            for failure in visit.failures
        )
        cells = [
            f'<td class="number">{_offset(execution.started_at, visit.entered_at)}</td>',
            f"<td>{'&emsp;' * visit.depth}{escape(_shown(visit))}{failures}</td>",
            f'<td class="number">{visit.attempts or ""}</td>',
            *(f"<td>{_foldable(text)}</td>" for text in (visit.input_text, visit.parameters_text, visit.output_text)),
        ]
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table>"


def _history_table(events: Sequence[Event]) -> Iterator[str]:
    yield f"<details><summary>History ({len(events)} events)</summary><table><thead><tr>"
    yield "".join(f'<th scope="col">{head}</th>' for head in ("Id", "After", "At", "Type", "Details"))
    yield "</tr></thead><tbody>"
    begun = events[0].get("timestamp")
    for event in events:
        details = event_details(event)
        cells = f'<td class="number">{event["id"]}</td><td class="number">{event.get("previousEventId", "")}</td>'
        cells += f'<td class="number">{_offset(begun, event.get("timestamp"))}</td><td>{escape(event["type"])}</td>'
        yield f"<tr>{cells}<td>{_foldable(json.dumps(details, default=str, ensure_ascii=False)) if details else ''}</td></tr>"
    yield "</tbody></table></details>"


def _failure(failure: Failure) -> str:
    return f"{failure.error}: {brief_cause(failure.cause)}" if failure.cause else str(failure.error)


def _shown(visit: StateVisit) -> str:
    return visit.name if visit.iteration is None else f"{visit.name} [{visit.iteration}]"


def _offset(begun: datetime | None, at: datetime | None) -> str:
    return f"{(at - begun).total_seconds():.3f} s" if begun is not None and at is not None else ""


def _foldable(text: str | None) -> str:
    """JSON text, indented; folded where it is long."""
    if text is None:
        return ""
    try:
        shown = json.dumps(parse_json(text), indent=2, ensure_ascii=False)
    except ValueError:
        shown = text
    if len(shown) <= 120 and shown.count("\n") <= 4:
        return f"<code>{escape(shown)}</code>"
    beginning = " ".join(shown.split())[:60]
    return f"<details><summary><code>{escape(beginning)}&hellip;</code></summary><pre>{escape(shown)}</pre></details>"
