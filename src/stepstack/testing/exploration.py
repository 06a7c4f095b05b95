"""Tries many inputs on a state machine and tells which break it: those that end in States.Runtime, in no rule, or in another error.

Called by `stepstack explore`. Tasks answer what they are given; waits are skipped. For each kind of failure the smallest input is sought
that still shows it. Needs Hypothesis, as the strategies do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from hypothesis import HealthCheck, Phase, find, given, seed, settings
from hypothesis.errors import NoSuchExample

from stepstack.coverage import Analysis, CoverageData, analyse, observe
from stepstack.history.visits import failing_visit, read_visits
from stepstack.in_process import FinishedExecution, Task, run
from stepstack.json_types import Json
from stepstack.language import parse
from stepstack.testing.strategies import inputs

__all__ = ["Exploration", "Finding", "explore"]

SHRINKING_EXAMPLES = 400


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which executions failed, the smallest input found for it, and how many of the inputs ended so."""

    error: str
    cause: str | None
    state: str | None
    input: Json
    count: int

    @property
    def is_defect(self) -> bool:
        """Whether no definition means to end so: AWS's own runtime errors, as against a Fail state or a failed task."""
        return self.error in {"States.Runtime", "States.QueryEvaluationError"}


@dataclass(frozen=True, slots=True)
class Exploration:
    """What the inputs came to: their number, the failures (defects first), and what they covered."""

    executions: int
    succeeded: int
    findings: tuple[Finding, ...]
    coverage: Analysis


@dataclass(slots=True)
class _Failure:
    input: Json
    count: int = 0


def explore(definition: str, *, tasks: Mapping[str, Task] | None = None, examples: int = 300, first_seed: int = 0) -> Exploration:
    """Runs `definition` (its text) on `examples` inputs. The same seed tries the same inputs."""
    machine = parse(definition)
    data = CoverageData()
    counts = data.machine(definition, "state machine")
    failures: dict[tuple[str, str | None], _Failure] = {}
    strategy = inputs(definition)
    silent = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]

    @seed(first_seed)
    @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=silent)
    @given(strategy)
    def try_one(execution_input: Json) -> None:
        execution = run(definition, execution_input, tasks=tasks or {})
        observe(counts, machine, execution.history)
        if execution.status != "SUCCEEDED":
            failures.setdefault(_kind(execution), _Failure(execution_input)).count += 1

    try_one()

    def smallest(kind: tuple[str, str | None], otherwise: Json) -> Json:
        quiet = settings(max_examples=SHRINKING_EXAMPLES, database=None, deadline=None, suppress_health_check=silent)
        try:
            return find(
                strategy,
                lambda execution_input: _kind(run(definition, execution_input, tasks=tasks or {})) == kind,
                settings=quiet,
                random=Random(first_seed),  # noqa: S311 - the same seed finds the same inputs
            )
        except NoSuchExample:
            return otherwise

    findings = []
    for (error, state), failure in failures.items():
        execution_input = smallest((error, state), failure.input)
        cause = run(definition, execution_input, tasks=tasks or {}).cause
        findings.append(Finding(error, cause, state, execution_input, failure.count))
    findings.sort(key=lambda finding: (not finding.is_defect, -finding.count))
    failed = sum(failure.count for failure in failures.values())
    return Exploration(counts.executions, counts.executions - failed, tuple(findings), analyse(data))


def _kind(execution: FinishedExecution) -> tuple[str, str | None]:
    """Its error and the state in which it ended: failures of one kind have one cause."""
    visit = failing_visit(execution.history, read_visits(execution.history))
    return execution.error or execution.status, None if visit is None else visit.name
