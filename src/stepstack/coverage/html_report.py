"""The coverage report as one HTML page: the table, and each state machine drawn and marked by what ran, with all that is missing in words.

The page is a file of its own: no script, nothing loaded from elsewhere. States in the drawing link to their row below it and back. Every
name that a definition brings is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from stepstack.coverage.analysis import Analysis, MachineAnalysis, anchor_of, highlights_of, percent_text
from stepstack.coverage.text_report import COLUMNS
from stepstack.drawing import graph_of
from stepstack.drawing.page import figure, legend, page_text, scrolling
from stepstack.drawing.svg import sign
from stepstack.language.state_machine import states_of

__all__ = ["html_report"]

LEGEND = (("covered", "all of it ran"), ("partial", "a part of it ran"), ("missed", "never entered"))


def html_report(analysis: Analysis, title: str = "State machine coverage") -> str:
    """The page's text."""
    body = [
        _table(analysis),
        *(line for number, machine in enumerate(analysis.machines) for line in _section(machine, f"machine-{number}")),
    ]
    return page_text(title, body if analysis.machines else ["<p>No execution was counted.</p>"])


def _table(analysis: Analysis) -> str:
    titles = ("Executions", *(title for title, _ in COLUMNS), "Cover")
    heads = '<th scope="col">State machine</th>' + "".join(f'<th scope="col" class="number">{title}</th>' for title in titles)
    rows = []
    for number, machine in enumerate(analysis.machines):
        link = f'<a href="#machine-{number}">{escape(machine.name)}</a>'
        rows.append(f'<tr><th scope="row">{link}</th>{_cells((machine,), machine.percent)}</tr>')
    total = f'<tr><th scope="row">Total</th>{_cells(analysis.machines, analysis.percent)}</tr>'
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody><tfoot>{total}</tfoot></table>"
    return scrolling(table, "Coverage of all state machines")


def _cells(machines: tuple[MachineAnalysis, ...], percent: float) -> str:
    cells = [str(sum(machine.executions for machine in machines)), *(_cell(machines, kinds) for _, kinds in COLUMNS)]
    bar = f'<meter min="0" max="100" value="{percent_text(percent)}" aria-hidden="true"></meter> {percent_text(percent)}%'
    return "".join(f'<td class="number">{cell}</td>' for cell in [*cells, bar])


def _cell(machines: tuple[MachineAnalysis, ...], kinds: tuple[str, ...]) -> str:
    total = sum(machine.total(kind) for machine in machines for kind in kinds)
    covered = total - sum(len(machine.missing(kind)) for machine in machines for kind in kinds)
    return f"{covered}/{total}" if total else "&ndash;"


def _section(machine: MachineAnalysis, identity: str) -> Iterator[str]:
    yield f'<section aria-labelledby="{identity}"><h2 id="{identity}">{escape(machine.name)}</h2>'
    if machine.path is not None and machine.path != machine.name:
        yield f"<p>{escape(machine.path)}</p>"
    anchors = {state.name: anchor_of(identity, number) for number, state in enumerate(states_of(machine.machine))}
    yield from _missing(machine, anchors)
    yield legend(LEGEND)
    yield '<p class="quiet">Dashed lines lead to where errors are caught. A state links to its row below.</p>'
    yield figure(graph_of(machine.machine), f"Coverage of {machine.name}", identity, highlights_of(machine, identity))
    yield "<h3>States</h3>"
    yield _states(machine, anchors)
    yield "</section>"


def _missing(machine: MachineAnalysis, anchors: dict[str, str]) -> Iterator[str]:
    if not machine.missing():
        yield "<p>Everything ran.</p>"
        return
    yield '<h3>Missing</h3><ul class="missing">'
    for state, words in machine.partly_missing().items():
        yield f"<li>{_link(state, anchors)}: {escape(words)}</li>"
    if machine.never_entered():
        yield f"<li>never entered: {', '.join(_link(state, anchors) for state in machine.never_entered())}</li>"
    yield "</ul>"


def _link(state: str, anchors: dict[str, str]) -> str:
    """To the state in the drawing."""
    return f'<a href="#{anchors[state]}-drawn">{escape(state)}</a>'


def _states(machine: MachineAnalysis, anchors: dict[str, str]) -> str:
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("State", "Type"))
    heads += '<th scope="col" class="number">Entered</th><th scope="col">Missing</th>'
    marks, partly = highlights_of(machine).nodes, machine.partly_missing()
    rows = []
    for state in states_of(machine.machine):
        count = machine.items["state", state.name, ""]
        missing = "nothing" if marks[state.name] == "covered" else partly.get(state.name, "never entered")
        rows.append(
            f'<tr id="{anchors[state.name]}"><th scope="row">{_link(state.name, anchors)}</th><td>{state.type}</td>'
            f'<td class="number">{count}</td><td>{sign(marks[state.name])}{escape(missing)}</td></tr>'
        )
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return scrolling(table, f"States of {machine.name}")
