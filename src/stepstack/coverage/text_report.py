"""The coverage table for a terminal, after coverage.py's: a line a machine, totals below, and what is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from stepstack.coverage.analysis import Analysis, MachineAnalysis, percent_text

__all__ = ["COLUMNS", "text_report"]

COLUMNS = (("States", ("state",)), ("Transitions", ("transition",)), ("Choices", ("rule", "default")), ("Retriers", ("retrier",)),
           ("Catchers", ("catcher",)), ("Maps", ("map",)))  # fmt: skip
MISSING_WIDTH = 100


def text_report(analysis: Analysis) -> str:
    """The table as text. A cell is `covered/all`, `-` where a machine has none of a kind."""
    head = ["State machine", *(title for title, _ in COLUMNS), "Cover"]
    rows = [_row(machine.name, [machine], machine.percent) for machine in analysis.machines]
    rows.append(_row("TOTAL", analysis.machines, analysis.percent))
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(head, widths), rule, *(_line(row, widths) for row in rows[:-1]), rule, _line(rows[-1], widths)]
    for machine in analysis.machines:
        lines += _missing_lines(machine)
    return "\n".join(lines)


def _row(name: str, machines: Sequence[MachineAnalysis], percent: float) -> list[str]:
    return [name, *(_total(machines, kinds) for _, kinds in COLUMNS), f"{percent_text(percent)}%"]


def _total(machines: Sequence[MachineAnalysis], kinds: Sequence[str]) -> str:
    total = sum(machine.total(kind) for machine in machines for kind in kinds)
    missing = sum(len(machine.missing(kind)) for machine in machines for kind in kinds)
    return f"{total - missing}/{total}" if total else "-"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(cells, widths)))  # noqa: B905
    return "  ".join([first, *others]).rstrip()


def _missing_lines(machine: MachineAnalysis) -> Iterator[str]:
    words = list(machine.missing_words())
    if words:
        yield ""
        yield f"{machine.name} misses:"
        for line in words:
            yield from textwrap.wrap(line, MISSING_WIDTH, initial_indent="    ", subsequent_indent="      ", break_long_words=False)
