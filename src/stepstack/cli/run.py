"""`stepstack run FILE --input JSON`: one execution of a definition, and its way through the states.

Prints a table of the states that were visited, or everything as one JSON document with `--json`. Task states call the services whose
URLs are given (`--dynamodb URL`, `--endpoint SERVICE=URL`) and answer constants that are given (`--task NAME=JSON`). The exit code is 1
where the execution did not succeed.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from stepstack.cli.definition_source import add_source_options, definition_in, filled_in
from stepstack.cli.given_tasks import given_tasks
from stepstack.errors import SettingsError
from stepstack.json_types import Json, parse_json

if TYPE_CHECKING:
    from stepstack.history.visits import StateVisit
    from stepstack.in_process import FinishedExecution

__all__ = ["configure", "execute"]

ENDPOINT_OPTIONS = ("dynamodb", "lambda", "sqs", "sns", "s3")
WIDEST_CELL = 60


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="the definition, JSON or YAML, or a template that has it")
    add_source_options(parser)
    parser.add_argument("--input", default="{}", metavar="JSON", help="the input, or @FILE to read it from (default: {})")
    parser.add_argument("--time", default="skip", help="how waits pass: skip (default), real, or a scale such as 0.01")
    parser.add_argument(
        "--task", action="append", default=[], metavar="NAME=JSON", help="what a Task answers, by state name, function or action"
    )
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="real time after which to give up (default: 60)")
    parser.add_argument("--json", action="store_true", help="print status, output and history as JSON")
    for service in ENDPOINT_OPTIONS:
        parser.add_argument(f"--{service}", metavar="URL", help=f"where {service} answers")
    parser.add_argument("--endpoint", action="append", default=[], metavar="SERVICE=URL", help="where another service answers")


def execute(arguments: argparse.Namespace) -> int:
    """Runs the execution and prints it; 0 where it succeeded, 1 where it did not."""
    from stepstack.in_process import run  # the engine, which `--help` need not load

    definition = filled_in(definition_in(arguments.file, arguments))
    tasks = given_tasks(arguments.task, definition)
    try:
        execution = run(
            definition,
            _input(arguments.input),
            time=arguments.time,
            tasks=tasks,
            endpoints=_endpoints(arguments),
            timeout_seconds=arguments.timeout,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from error
    if arguments.json:
        document = {
            "status": execution.status,
            "output": execution.output,
            "error": execution.error,
            "cause": execution.cause,
            "states": execution.states,
            "events": execution.history,
        }
        print(json.dumps({name: value for name, value in document.items() if value is not None}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_report(execution)))
    return 0 if execution.status == "SUCCEEDED" else 1


def _input(text: str) -> Json:
    if text.startswith("@"):
        from stepstack.testing.files import read_text

        try:
            text = read_text(text[1:], "an input")
        except SettingsError as error:
            raise SettingsError(f"--input: {error}") from None
    try:
        return parse_json(text)
    except ValueError as error:
        raise SettingsError(f"--input is no JSON: {error}") from error


def _endpoints(arguments: argparse.Namespace) -> dict[str, str] | None:
    urls = {service: getattr(arguments, service) for service in ENDPOINT_OPTIONS if getattr(arguments, service)}
    for pair in arguments.endpoint:
        service, separator, url = pair.partition("=")
        if not separator:
            raise SettingsError(f"--endpoint is {pair!r}: SERVICE=URL is needed")
        urls[service] = url
    return urls or None


def _report(execution: FinishedExecution) -> list[str]:
    """The way through the states as a table, and what it came to."""
    rows = [("state", "type", "seconds", "attempts", "output or error"), *_visits(execution)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += ["", f"{execution.status} after {execution.stopped_at - execution.started_at:.3f} s"]
    if execution.output_text is not None:
        lines.append(f"output: {execution.output_text}")
    if execution.error is not None:
        lines.append(f"error:  {execution.error}")
    if execution.cause is not None:
        lines.append(f"cause:  {execution.cause}")
    return lines


def _visits(execution: FinishedExecution) -> list[tuple[str, ...]]:
    from stepstack.history.visits import read_visits

    return [_row(visit) for visit in read_visits(execution.history)]


def _row(visit: StateVisit) -> tuple[str, ...]:
    seconds = ""
    if visit.entered_at is not None and visit.exited_at is not None:
        seconds = f"{float(visit.exited_at) - float(visit.entered_at):.3f}"  # type: ignore[arg-type]
    outcome = visit.output_text or ""
    if not visit.is_exited and visit.failures:
        outcome = f"{visit.failures[-1].error or 'failed'}"
    return (f"{'  ' * visit.depth}{visit.full_name}", visit.type, seconds, str(max(1, visit.attempts)), _shortened(outcome))


def _shortened(text: str) -> str:
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 3] + "..."
