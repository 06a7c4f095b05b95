"""`--stepstack-cov`: counts what the tests' executions cover, merges the workers, prints and writes the reports.

Registered only where the option is given. Each process counts its own executions as their histories become known; under pytest-xdist the
workers hand their counts to the controller when they end. The counts stay in `.stepstack/coverage.json` below pytest's root.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stepstack.pytest_plugin.run import RUN
from stepstack.pytest_plugin.settings import COVERAGE_REPORTS as REPORTS

if TYPE_CHECKING:
    from stepstack.coverage import Analysis, CoverageData
    from stepstack.language import StateMachine
    from stepstack.testing.executions import ExecutionResult
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["StateMachineCoverage", "configure_coverage"]

WORKER_OUTPUT = "stepstack_coverage"
DATA_FILE = Path(".stepstack", "coverage.json")


def configure_coverage(config: pytest.Config) -> None:
    """Registers the plugin; wrong options are usage errors."""
    fail_under = config.getoption("stepstack_cov_fail_under")
    reports = config.getoption("stepstack_cov_report") or []
    if fail_under is not None and not 0 <= fail_under <= 100:
        raise pytest.UsageError(f"--stepstack-cov-fail-under: {fail_under:g} is no percentage; valid: 0 to 100")
    chosen: dict[str, str] = {}
    for word in reports or ["term"]:
        kind, _, target = word.partition(":")
        if kind not in REPORTS or (kind == "term" and target):
            raise pytest.UsageError(f"--stepstack-cov-report: {word!r} is no report; valid: {', '.join(REPORTS)}, each but term with :FILE")
        chosen[kind] = target or REPORTS[kind]
    config.pluginmanager.register(StateMachineCoverage(config, chosen, fail_under), "stepstack-coverage")


class StateMachineCoverage:
    """One process's part of the counting; in the controller, all of it."""

    def __init__(self, config: pytest.Config, reports: dict[str, str], fail_under: float | None) -> None:
        self._config = config
        self._reports = reports
        self._fail_under = fail_under
        self._data: CoverageData | None = None
        self._analysis: Analysis | None = None
        self._uncounted = 0
        """Executions without a history: EXPRESS ones."""
        self._unread = 0
        """Executions of definitions that another backend takes and our parser does not."""

    @property
    def data(self) -> CoverageData:
        if self._data is None:
            from stepstack.coverage import CoverageData

            self._data = CoverageData()
        return self._data

    def pytest_stepstack_execution(self, machine: StateMachineHandle, execution: ExecutionResult) -> None:
        parsed = _parsed(machine.definition)
        if parsed is None:
            self._unread += 1
            return
        if machine.type == "EXPRESS":
            self._uncounted += 1
            return
        self._count(machine, parsed, execution.history)

    def _count(self, machine: StateMachineHandle, parsed: StateMachine, history: Sequence[Mapping[str, Any]]) -> None:
        from stepstack.coverage import observe

        path = self._shown_path(machine.path)
        name = f"{path}:{machine.logical_id}" if path and machine.logical_id else path or machine.label
        identity: str | None = f"{name}\n{_coverable(machine.definition)}"
        if path is None and machine.label == machine.name:
            # What neither a file nor a label names is known by its definition, and called by its test: its name is another one each time.
            item = self._config.stash[RUN].item
            name, identity = item.nodeid if item is not None else name, None
        counts = self.data.machine(machine.definition, name, path, identity=identity)
        histories = [history, *self._child_histories(machine.client, history)]
        for number, events in enumerate(histories):
            observe(counts, parsed, self._with_item_counts(machine.client, events), is_child=number > 0)
            self._count_nested(machine.client, events)

    def _count_nested(self, client: Any, events: Sequence[Mapping[str, Any]]) -> None:
        """The executions that Tasks have started, of state machines that the tests have made, where they have ended."""
        machines = self._config.stash[RUN].machines
        for arn in dict.fromkeys(_started_executions(events)):
            machine = machines.get(arn.replace(":execution:", ":stateMachine:").rpartition(":")[0])
            parsed = _parsed(machine.definition) if machine is not None else None
            if machine is not None and parsed is not None and _has_ended(client, arn):
                self._count(machine, parsed, self._listed(client, "get_execution_history", "events", executionArn=arn))

    def _child_histories(self, client: Any, events: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
        """The histories of the child executions of Map Runs that `events` tell of, and of theirs in turn."""
        runs = [event["mapRunStartedEventDetails"]["mapRunArn"] for event in events if event["type"] == "MapRunStarted"]
        for run in runs:
            for child in self._listed(client, "list_executions", "executions", mapRunArn=run):
                history = self._listed(client, "get_execution_history", "events", executionArn=child["executionArn"])
                yield history
                yield from self._child_histories(client, history)

    def _with_item_counts(self, client: Any, events: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """`events`, in which Maps that read their items have as many as their Map Runs had: AWS begins them with 0."""
        runs = {
            event.get("previousEventId"): event["mapRunStartedEventDetails"]["mapRunArn"]
            for event in events
            if event["type"] == "MapRunStarted"
        }
        return (
            [self._with_item_count(client, event, runs[event["id"]]) if event["id"] in runs else event for event in events]
            if runs
            else events
        )

    def _with_item_count(self, client: Any, event: Mapping[str, Any], run: str) -> Mapping[str, Any]:
        details = event.get("mapStateStartedEventDetails", {})
        if details.get("length") != 0:
            return event
        try:
            total = client.describe_map_run(mapRunArn=run)["itemCounts"]["total"]
        except client.exceptions.ClientError:
            return event
        return {**event, "mapStateStartedEventDetails": {**details, "length": total}}

    def _listed(self, client: Any, operation: str, member: str, **parameters: str) -> list[dict[str, Any]]:
        """All pages; nothing where the backend has none, as of an EXPRESS execution."""
        try:
            return [entry for page in client.get_paginator(operation).paginate(**parameters) for entry in page[member]]
        except client.exceptions.ClientError:
            self._uncounted += 1
            return []

    def _shown_path(self, path: Path | None) -> str | None:
        if path is None:
            return None
        root = self._config.rootpath
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist has ended: its counts are added."""
        from stepstack.coverage import CoverageData

        output = getattr(node, "workeroutput", {}).get(WORKER_OUTPUT)
        if output is not None:
            self.data.merge(CoverageData.from_json(output["data"]))
            self._uncounted += output["uncounted"]
            self._unread += output["unread"]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        worker_output = getattr(self._config, "workeroutput", None)
        if worker_output is not None:
            worker_output[WORKER_OUTPUT] = {"data": self.data.to_json(), "uncounted": self._uncounted, "unread": self._unread}
        elif not self._config.getoption("collectonly"):
            self._finish(session)
        return result

    def _finish(self, session: pytest.Session) -> None:
        from stepstack.coverage import CoverageData, analyse
        from stepstack.errors import StepstackError

        path = self._config.rootpath / DATA_FILE
        try:
            if self._config.getoption("stepstack_cov_append") and path.is_file():
                self.data.merge(CoverageData.read(path))
            self.data.write(path)
            self._analysis = analyse(self.data)
            self._write_reports(self._analysis)
        except (StepstackError, OSError) as error:
            raise pytest.UsageError(f"stepstack coverage: {error}") from error
        if self._is_under(self._analysis):
            session.testsfailed += 1

    def _is_under(self, analysis: Analysis) -> bool:
        """Whether less is covered than required; where nothing was counted, nothing is covered."""
        percent = analysis.percent if analysis.machines else 0.0
        return self._fail_under is not None and percent < self._fail_under

    def _write_reports(self, analysis: Analysis) -> None:
        from stepstack.coverage.html_report import html_report
        from stepstack.coverage.json_report import json_report
        from stepstack.coverage.lcov_report import lcov_report

        root = self._config.rootpath
        renderers: dict[str, Callable[[Analysis], str]] = {
            "html": html_report,
            "json": json_report,
            "lcov": lambda whole: lcov_report(whole, root),
        }
        for kind, target in self._reports.items():
            if kind != "term":
                path = root / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(renderers[kind](analysis), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._analysis is None:
            return
        from stepstack.coverage.analysis import percent_text
        from stepstack.coverage.text_report import text_report

        terminalreporter.section("state machine coverage")
        if "term" in self._reports:
            terminalreporter.write_line(text_report(self._analysis))
        for kind, target in self._reports.items():
            if kind != "term":
                terminalreporter.write_line(f"{kind} report: {target}")
        if self._uncounted:
            terminalreporter.write_line(f"{self._uncounted} executions have no history, as EXPRESS ones have none, and are not counted")
        if self._unread:
            terminalreporter.write_line(f"{self._unread} executions are not counted: their definitions are none that stepstack reads")
        if self._fail_under is not None:
            verdict = "FAIL" if self._is_under(self._analysis) else "OK"
            covered = f"{percent_text(self._analysis.percent, 1)}% covered" if self._analysis.machines else "no execution was counted"
            terminalreporter.write_line(f"{verdict}: {covered}, {self._fail_under:g}% required")


def _has_ended(client: Any, arn: str) -> bool:
    """Whether the execution is there, which a mock may only say, and over."""
    try:
        return bool(client.describe_execution(executionArn=arn)["status"] != "RUNNING")
    except client.exceptions.ExecutionDoesNotExist:
        return False


def _started_executions(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        details = event.get("taskSubmittedEventDetails") or event.get("taskSucceededEventDetails") or {}
        if details.get("resourceType") == "states" and details.get("resource", "").startswith("startExecution"):
            output = json.loads(details.get("output") or "{}")
            if isinstance(output, dict) and ":execution:" in str(output.get("ExecutionArn")):
                yield output["ExecutionArn"]


@lru_cache(maxsize=64)
def _coverable(definition: str) -> str:
    """All that there is to cover: the same for definitions that differ in the names of tables and functions alone."""
    from stepstack.coverage.items import items_of

    machine = _parsed(definition)
    return "" if machine is None else repr(sorted(items_of(machine)))


@lru_cache(maxsize=64)
def _parsed(definition: str) -> StateMachine | None:
    """The state machine; None where another backend took what our parser does not. Many tests run the same one."""
    from stepstack.errors import DefinitionError
    from stepstack.language import parse

    try:
        return parse(definition)
    except DefinitionError:
        return None
