"""Tables of figures, as every benchmark returns them and `run.py` prints them: Markdown, so that they can go into a page as they are.

Left out: what is measured, and how often.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Comparison", "Row", "Table", "count", "median", "milliseconds", "percentile", "timed_row", "times"]


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement. `ratio` says how many times the floor or the alternative it is; `met` is None where there is no aim."""

    measured: str
    figure: str
    p99: str = ""
    ratio: str = ""
    aim: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one benchmark; columns that no row fills are not printed."""

    title: str
    rows: Sequence[Row]
    note: str = ""
    head: tuple[str, ...] = ("measured", "figure", "p99", "ratio", "aim", "")

    def __str__(self) -> str:
        cells = [[*(row.measured, row.figure, row.p99, row.ratio, row.aim), _verdict(row)] for row in self.rows]
        return f"## {self.title}\n\n{markdown(self.head, cells)}\n" + (f"\n{self.note}\n" if self.note else "")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same measurements of several servers, a column for each."""

    title: str
    head: tuple[str, ...]
    cells: Sequence[Sequence[str]]
    note: str = ""

    def __str__(self) -> str:
        return f"## {self.title}\n\n{markdown(self.head, self.cells)}\n" + (f"\n{self.note}\n" if self.note else "")


def markdown(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns aligned; columns that are empty in every row are left out."""
    kept = [index for index, name in enumerate(head) if index == 0 or any(row[index] for row in cells)]
    widths = [max(len(head[index]), *(len(row[index]) for row in cells)) for index in kept]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(row[index].ljust(width) for index, width in zip(kept, widths, strict=True)) + " |"

    return "\n".join([line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, cells)])


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of `values` do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.2f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def times(figure: float, floor: float) -> str:
    return f"{figure / floor:.1f} x"


def count(number: float) -> str:
    return f"{number:,.0f}"


def timed_row(measured: str, seconds: Sequence[float], *, floor: float | None = None, aim: float | None = None) -> Row:
    """The median and the 99th percentile of `seconds`; `floor` and `aim` are seconds too."""
    middle = median(seconds)
    return Row(
        measured,
        milliseconds(middle),
        milliseconds(percentile(seconds, 0.99)),
        times(middle, floor) if floor else "",
        f"< {aim * 1000:,.0f} ms" if aim else "",
        None if aim is None else middle < aim,
    )


def _verdict(row: Row) -> str:
    return "" if row.met is None else ("met" if row.met else "missed")
