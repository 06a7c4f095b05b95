"""The coverage analysis as JSON, for other programs: numbers by kind, and every item with its count."""

from __future__ import annotations

import json
from typing import Any

from stepstack.coverage.analysis import Analysis, MachineAnalysis, percent_text
from stepstack.coverage.items import KINDS

__all__ = ["json_report"]


def json_report(analysis: Analysis) -> str:
    """`{"percent": 87.5, "machines": [{"name", "path", "executions", "percent", "totals": {kind: [covered, all]}, "items": [...]}]}`."""
    report = {"format": "stepstack-coverage-report", "version": 1, "percent": float(percent_text(analysis.percent, 2))}
    return json.dumps({**report, "machines": [_machine(machine) for machine in analysis.machines]}, indent=2) + "\n"


def _machine(machine: MachineAnalysis) -> dict[str, Any]:
    totals = {kind: [machine.total(kind) - len(machine.missing(kind)), machine.total(kind)] for kind in KINDS}
    return {
        "name": machine.name,
        "path": machine.path,
        "executions": machine.executions,
        "percent": float(percent_text(machine.percent, 2)),
        "totals": totals,
        "items": [
            {"kind": kind, "state": state, "detail": detail, "count": count} for (kind, state, detail), count in machine.items.items()
        ],
    }
