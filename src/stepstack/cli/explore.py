"""`stepstack explore FILE`: inputs that break a state machine, found by trying many."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepstack.cli.definition_source import add_source_options, definition_in, filled_in
from stepstack.cli.given_tasks import given_tasks
from stepstack.errors import SettingsError

if TYPE_CHECKING:
    from stepstack.testing.exploration import Exploration

_INVOCATION = "arn:aws:states:::lambda:invoke"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a definition, JSON or YAML, or a template that has it")
    add_source_options(parser)
    parser.add_argument("--examples", type=int, default=300, metavar="N", help="how many inputs to try (300)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed tries the same inputs (0)")
    parser.add_argument(
        "--task",
        action="append",
        default=[],
        metavar="NAME=JSON",
        help="what a Task answers, by state name, function or action; default {}, of lambda:invoke a Payload of {}",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> int:
    """0 where no input breaks the machine, 1 where one does."""
    from stepstack.testing.exploration import explore

    if arguments.examples < 1:
        raise SettingsError(f"--examples is a number of 1 or more, not {arguments.examples}")
    definition = filled_in(definition_in(arguments.file, arguments))
    given = given_tasks(arguments.task, definition)
    assumed = _assumed_tasks(definition, given)
    exploration = explore(definition, tasks={**assumed, **given}, examples=arguments.examples, first_seed=arguments.seed)
    sys.stdout.write(_as_json(exploration) if arguments.json else _as_text(exploration, assumed))
    return 1 if any(finding.is_defect for finding in exploration.findings) else 0


def _assumed_tasks(definition: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """What each Task answers that no answer is given for, by any of its names: as little as its service does."""
    from stepstack.in_process import task_names
    from stepstack.language import parse
    from stepstack.language.state_machine import TaskState, states_of

    tasks = [state for state in states_of(parse(definition)) if isinstance(state, TaskState)]
    open_ones = [task for task in tasks if given.keys().isdisjoint(task_names(task.name, task.resource))]
    return {task.name: {"Payload": {}} if task.resource.arn == _INVOCATION else {} for task in open_ones}


def _as_text(exploration: Exploration, assumed: Mapping[str, Any]) -> str:
    from stepstack.coverage.analysis import percent_text

    lines = [f"{exploration.executions} inputs, {exploration.succeeded} succeeded, {percent_text(exploration.coverage.percent)}% covered"]
    for finding in exploration.findings:
        mark = "DEFECT" if finding.is_defect else "failed"
        place = f" in {finding.state}" if finding.state else ""
        lines += [
            "",
            f"{mark}: {finding.error}{place} ({finding.count} inputs)",
            f"    input: {json.dumps(finding.input, ensure_ascii=False)}",
        ]
        if finding.cause:
            lines.append(f"    cause: {finding.cause}")
        if finding.is_defect and finding.state is not None and finding.state in assumed:
            lines.append(
                f"    note: its task answers {json.dumps(assumed[finding.state])}; --task '{finding.state}=JSON' gives another answer"
            )
    missing = [words for machine in exploration.coverage.machines for words in machine.missing_words()]
    if missing:
        lines += ["", "never reached:", *(f"    {words}" for words in missing)]
    return "\n".join(lines) + "\n"


def _as_json(exploration: Exploration) -> str:
    findings = [
        {
            "error": finding.error,
            "cause": finding.cause,
            "state": finding.state,
            "input": finding.input,
            "count": finding.count,
            "isDefect": finding.is_defect,
        }
        for finding in exploration.findings
    ]
    report = {"executions": exploration.executions, "succeeded": exploration.succeeded, "findings": findings}
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"
