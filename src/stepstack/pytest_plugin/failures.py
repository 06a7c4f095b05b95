"""Failures that explain themselves: an account of a failed test's executions in its report, and a page for `--stepstack-report DIR`.

Imports only pytest and the standard library, because every pytest run loads it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from stepstack.testing.executions import ExecutionResult

__all__ = ["EXECUTIONS", "explain_failure"]

EXECUTIONS = pytest.StashKey[list[tuple[str, "ExecutionResult"]]]()
"""What a test ran, for the report of its failure: each execution with its definition."""

EXPLAINED_EXECUTIONS = 5
"""How many of a failed test's executions its report tells, the last ones."""


def explain_failure(item: pytest.Item, report: pytest.TestReport, misfits: Sequence[str]) -> None:
    """Adds sections to the report of a failed call: `misfits` are mocks that can answer nothing, which may be why."""
    executions = item.stash.get(EXECUTIONS, [])
    told = str(report.longrepr)
    untold = [words for words in misfits if words not in told]
    if untold:
        report.sections.append(("stepstack: mocks that fit nothing", "\n".join(untold)))
    if not executions:
        return
    for _, execution in executions[-EXPLAINED_EXECUTIONS:]:
        explanation = _explanation(execution)
        # An assertion of ours has told it already, line by line behind pytest's marks.
        if explanation.partition("\n")[0] not in told:
            report.sections.append((f"stepstack: {execution.status} {execution.name}", explanation))
    folder = item.config.getoption("stepstack_report")
    if folder is not None:
        report.sections.append(("stepstack: report", _written(item, told, executions, item.config.invocation_params.dir / folder)))


def _explanation(execution: ExecutionResult) -> str:
    """A backend that has gone away must not hide why the test failed."""
    try:
        return execution.explanation
    except Exception as error:  # noqa: BLE001 - the report of a failure is a boundary
        return f"its history cannot be had: {error}"


def _written(item: pytest.Item, told: str, executions: Sequence[tuple[str, ExecutionResult]], folder: Path) -> str:
    """The path of the page, or why there is none."""
    from stepstack.testing.report_page import report_page

    digest = hashlib.sha256(item.nodeid.encode()).hexdigest()[:8]
    path = folder / f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', item.name)[:80].strip('-')}-{digest}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(report_page(item.nodeid, told, executions), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - the report of a failure is a boundary
        return f"the page could not be written: {error}"
    return str(path)
