"""Our own conformance cases: a definition, an input, what its tasks answer, and the history that must come of it.

A case's history lists `[id, previousEventId, type, details]`; roles and truncation flags are left out of the details. Ids are drawn from
a seed, so that ARNs of Map Runs repeat.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stepstack.in_process import run
from stepstack.interpreter.ports import TaskFailed

FOLDER = Path(__file__).parents[2] / "engine_cases"
LEFT_OUT = {"inputDetails", "outputDetails", "assignedVariablesDetails", "roleArn"}


def all_cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['title']}")
        for path in sorted(FOLDER.glob("*.json"))
        for case in json.loads(path.read_text(encoding="utf-8"))
    ]


def answering(steps: list[dict[str, Any]]) -> Callable[[Any], Any]:
    """A task that takes one step for each call, the last one again and again."""
    remaining = list(steps)

    def task(_: Any) -> Any:
        step = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        if "repeat" in step:
            return "x" * step["repeat"]
        if "result" in step:
            return step["result"]
        raise TaskFailed(step.get("error"), step.get("cause"))

    return task


def row(event: dict[str, Any]) -> list[Any]:
    fields = [event["id"], event["previousEventId"], event["type"]]
    details = next((value for name, value in event.items() if name.endswith("EventDetails")), None)
    if details is not None:
        fields.append({name: value for name, value in details.items() if name not in LEFT_OUT})
    return fields


@pytest.mark.parametrize("case", all_cases())
def test_the_engine_runs_the_case_event_for_event(case: dict[str, Any]) -> None:
    tasks = {name: answering(steps) for name, steps in case.get("tasks", {}).items()}
    execution = run(case["definition"], case["input"], tasks=tasks, name="first", seed=1)
    assert [row(event) for event in execution.history] == case["history"]
    assert execution.status == case["status"]
    assert execution.output == case.get("output")
    assert (execution.error, execution.cause) == (case.get("error"), case.get("cause"))
