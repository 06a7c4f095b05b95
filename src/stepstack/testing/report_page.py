"""A failed test as one HTML page: what failed, and each of its executions drawn, with every state's input and output and the history.

Written by the plugin for `--stepstack-report DIR`. The page is a file of its own: no script, nothing loaded from elsewhere; it follows the
reader's light or dark scheme and is used by keyboard. Everything that a definition or an execution brings is escaped. A long text stands
on the page once; where it comes again there is a link to it. Of thousands of visits or events the first and the last ones are shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

from stepstack.coverage import CoverageData, analyse, observe
from stepstack.coverage.analysis import highlights_of, times
from stepstack.drawing import Highlights, graph_of
from stepstack.drawing.graph import EdgeKind
from stepstack.drawing.page import figure, legend, page_text, scrolling
from stepstack.errors import DefinitionError
from stepstack.history.visits import Event, Failure, StateVisit, event_details, failing_visit
from stepstack.json_types import parse_json
from stepstack.language.state_machine import states_of
from stepstack.testing.explanation import brief_cause, explain, shortened

if TYPE_CHECKING:
    from stepstack.language.state_machine import StateMachine
    from stepstack.testing.executions import ExecutionResult

__all__ = ["report_page"]

T = TypeVar("T")

LEGEND = (("covered", "was entered"), ("partial", "had an error that was retried or caught"), ("failed", "the execution ended here"))
EXPLANATION = "Thick lines were taken; dashed lines lead to where errors are caught. A state links to its last visit below."
SHORT_TEXT = 120
"""Up to how many characters a text stands as it is; a longer one is folded."""
MOST_ROWS = 600
"""How many visits, and how many events, a page shows."""
LONG_TEXT = 1000
"""From how many characters on a text is on the page once only."""


def report_page(title: str, failure: str, executions: Sequence[tuple[str, ExecutionResult]]) -> str:
    """The page's text. `failure` is what pytest told; `executions` are definitions with the executions of them, in their order."""
    page = _Page(failure)
    body = ["<h2>Failure</h2>", f'<pre class="whole">{escape(failure)}</pre>']
    if len(executions) > 1:
        body.append('<nav aria-label="Executions"><ul>')
        body += [f'<li><a href="#execution-{number}">{_heading(number, one)}</a></li>' for number, (_, one) in enumerate(executions, 1)]
        body.append("</ul></nav>")
    for number, (definition, execution) in enumerate(executions, 1):
        body.extend(page.section(number, definition, execution))
    return page_text(title, body)


class _Page:
    """One page being written."""

    def __init__(self, failure: str) -> None:
        self._failure = failure
        self._long_texts: dict[str, int] = {}

    def section(self, number: int, definition: str, execution: ExecutionResult) -> Iterator[str]:
        identity = f"execution-{number}"
        yield f'<section aria-labelledby="{identity}"><h2 id="{identity}">{_heading(number, execution)}</h2>'
        yield f'<p class="quiet">{escape(execution.name)} of {escape(execution.state_machine_name)}</p>'
        account = explain(execution)
        # An assertion of ours has told it already.
        is_told = account.partition("\n")[0] in self._failure
        framed = _frame(account, "Account of the execution")
        yield f"<details><summary>Account of the execution</summary>{framed}</details>" if is_told else framed
        if execution.history_problem is None:
            shown = _ends(list(enumerate(execution.visits)))
            machine = _parsed(definition)
            names = set() if isinstance(machine, DefinitionError) else {state.name for state in states_of(machine)}
            anchors = {visit.name: f"{identity}-visit-{index}" for index, visit in filter(None, shown) if visit.name in names}
            yield from _drawing(identity, machine, execution, anchors)
            yield from self._visits_table(identity, execution, shown, anchors)
            yield from self._history_table(execution.history)
        yield "</section>"

    def _visits_table(
        self, identity: str, execution: ExecutionResult, shown: Sequence[tuple[int, StateVisit] | None], anchors: Mapping[str, str]
    ) -> Iterator[str]:
        titles = ("At", "State", "Attempts", "Input", "Sent", "Output")
        hidden = len(execution.visits) - len(shown) + 1
        culprit = _culprit(execution)
        rows = []
        for entry in shown:
            if entry is None:
                rows.append(_gap(f"{hidden:,} more visits", len(titles)))
                continue
            index, visit = entry
            told = [*_failures(visit.failures), *(["the execution ended here"] if visit is culprit else [])]
            failures = "".join(f'<div class="missed-text">{escape(words)}</div>' for words in told)
            texts = (("input", visit.input_text), ("sent", visit.parameters_text), ("output", visit.output_text))
            cells = "".join(f"<td>{self._text(text, f'{what} of {visit.full_name}')}</td>" for what, text in texts)
            rows.append(
                f'<tr id="{identity}-visit-{index}"><td class="number">{_offset(execution.started_at, visit.entered_at)}</td>'
                f'<th scope="row" style="padding-left:{0.6 + visit.depth * 1.2:.1f}rem">'
                f"{_link(visit, anchors)}{failures}</th>"
                f'<td class="number">{visit.attempts or ""}</td>{cells}</tr>'
            )
        yield "<h3>States</h3>"
        yield _table(titles, rows, f"States of execution {identity.rpartition('-')[2]}")

    def _history_table(self, events: Sequence[Event]) -> Iterator[str]:
        titles = ("Id", "After", "At", "Type", "Details")
        begun = events[0].get("timestamp")
        shown = _ends(events)
        rows = []
        for event in shown:
            if event is None:
                rows.append(_gap(f"{len(events) - len(shown) + 1:,} more events", len(titles)))
                continue
            cells = f'<td class="number">{event["id"]}</td><td class="number">{event.get("previousEventId", "")}</td>'
            cells += f'<td class="number">{_offset(begun, event.get("timestamp"))}</td><td>{escape(event["type"])}</td>'
            rows.append(f"<tr>{cells}<td>{self._details(event_details(event), event['id'])}</td></tr>")
        yield f"<details><summary>History ({len(events):,} events)</summary>"
        yield _table(titles, rows, "History")
        yield "</details>"

    def _details(self, details: Mapping[str, Any], number: int) -> str:
        """What an event has, a line each; texts of JSON as the JSON that they are."""
        lines = []
        for key, value in details.items():
            text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
            lines.append(f"<div>{escape(key)}: {self._text(text, f'{key} of event {number}')}</div>")
        return "".join(lines)

    def _text(self, text: str | None, name: str) -> str:
        """JSON text, indented; folded where it is long, and a link where it stands on the page already."""
        if text is None:
            return ""
        if len(text) < LONG_TEXT:
            return _foldable(text, name, "")
        if text in self._long_texts:
            return f'<a href="#text-{self._long_texts[text]}">{len(text):,} characters, as above</a>'
        self._long_texts[text] = len(self._long_texts) + 1
        return _foldable(text, name, f' id="text-{self._long_texts[text]}"')


def _ends(entries: Sequence[T]) -> list[T | None]:
    """All entries; of very many the first and the last ones, with None for what is left out between them."""
    half = MOST_ROWS // 2
    return list(entries) if len(entries) <= MOST_ROWS else [*entries[:half], None, *entries[-half:]]


def _gap(words: str, columns: int) -> str:
    return f'<tr><td class="quiet" colspan="{columns}">&hellip; {words} &hellip;</td></tr>'


def _heading(number: int, execution: ExecutionResult) -> str:
    kind = "covered" if execution.status == "SUCCEEDED" else "missed"
    return f'Execution {number}: <span class="{kind}-text">{escape(execution.status)}</span>'


def _parsed(definition: str) -> StateMachine | DefinitionError:
    """The state machine; why there is none where another backend took what our parser does not."""
    from stepstack.language import parse

    try:
        return parse(definition)
    except DefinitionError as error:
        return error


def _drawing(
    identity: str, machine: StateMachine | DefinitionError, execution: ExecutionResult, anchors: Mapping[str, str]
) -> Iterator[str]:
    if isinstance(machine, DefinitionError):
        yield f"<p>It cannot be drawn: {escape(str(machine))}</p>"
        return
    yield legend(LEGEND)
    yield f'<p class="quiet">{EXPLANATION}</p>'
    yield figure(graph_of(machine), f"Path of {execution.name}", identity, _highlights(machine, execution, anchors))


def _highlights(machine: StateMachine, execution: ExecutionResult, anchors: Mapping[str, str]) -> Highlights:
    """What ran is marked; where the execution failed stands out; the rest stays plain."""
    data = CoverageData()
    observe(data.machine(machine.definition, execution.state_machine_name), machine, execution.history)
    edges = {key: value for key, value in highlights_of(analyse(data).machines[0]).edges.items() if value == "covered"}
    followed = {id(visit.previous) for visit in execution.visits}
    last = {state.name for state in states_of(machine) if state.next is None}
    for visit in execution.visits:
        if visit.is_exited and visit.name in last and id(visit) not in followed:
            edges[visit.name, EdgeKind.NEXT, -1] = "covered"
    visited = Counter(execution.states)
    nodes = dict.fromkeys(visited, "covered")
    notes = {name: times(count) for name, count in visited.items()}
    culprit = _culprit(execution)
    for visit in execution.visits:
        if visit.failures and visit not in _with_enclosing(culprit):
            nodes[visit.name] = "partial"
        if visit.retries:
            notes[visit.name] += f", {visit.attempts} attempts"
    if culprit is not None:
        nodes[culprit.name] = "failed"
        notes[culprit.name] += f", {execution.status}: {execution.error}"
    return Highlights(nodes=nodes, edges=edges, notes=notes, anchors=anchors)


def _culprit(execution: ExecutionResult) -> StateVisit | None:
    """The visit in which a failed execution ended."""
    return failing_visit(execution.history, execution.visits) if execution.status != "SUCCEEDED" else None


def _with_enclosing(visit: StateVisit | None) -> list[StateVisit]:
    """The visit, and the Parallel and Map states around it."""
    return [] if visit is None else [visit, *_with_enclosing(visit.parent)]


def _table(titles: Sequence[str], rows: Sequence[str], name: str) -> str:
    heads = "".join(f'<th scope="col">{title}</th>' for title in titles)
    return scrolling(f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>", name)


def _failures(failures: Sequence[Failure]) -> Iterator[str]:
    """Each failed attempt in words; the same ones in a row together."""
    for words, same in groupby(map(_failure, failures)):
        count = len(list(same))
        yield f"{count} times {words}" if count > 1 else words


def _failure(failure: Failure) -> str:
    if failure.error is None:
        return "a state within it failed"
    return shortened(f"{failure.error}: {brief_cause(failure.cause)}" if failure.cause else failure.error, 300)


def _link(visit: StateVisit, anchors: Mapping[str, str]) -> str:
    """Its name, which leads to the state in the drawing."""
    anchor = anchors.get(visit.name)
    return f'<a href="#{anchor}-drawn">{escape(visit.full_name)}</a>' if anchor else escape(visit.full_name)


def _offset(begun: datetime | None, at: datetime | None) -> str:
    return f"{(at - begun).total_seconds():.3f} s" if begun is not None and at is not None else ""


def _frame(text: str, name: str) -> str:
    """Text as it is, in a frame that may scroll."""
    return f'<pre tabindex="0" role="region" aria-label="{escape(name)}">{escape(text)}</pre>'


def _foldable(text: str, name: str, attribute: str) -> str:
    """Text, indented where it is JSON; folded where it is long."""
    try:
        value = parse_json(text)
    except ValueError:
        brief = shown = text
    else:
        brief = json.dumps(value, ensure_ascii=False) if len(text) <= SHORT_TEXT else text
        shown = json.dumps(value, indent=2, ensure_ascii=False)
    if len(brief) <= SHORT_TEXT:
        return f"<code>{escape(brief)}</code>"
    beginning = " ".join(shown[:400].split())[:60]
    size = f" ({len(text):,} characters)" if len(text) >= LONG_TEXT else ""
    return f"<details{attribute}><summary><code>{escape(beginning)}&hellip;</code>{size}</summary>{_frame(shown, name)}</details>"
