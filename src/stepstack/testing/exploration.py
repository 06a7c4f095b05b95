"""Tries many inputs on a state machine and tells which break it: those that end in States.Runtime, in no rule, or in another error.

Called by `stepstack explore`. Tasks answer what they are given; waits are skipped. For each kind of failure the smallest input is sought
that still shows it. Needs Hypothesis, as the strategies do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from stepstack.clock import Deadline
from stepstack.coverage import Analysis, CoverageData, analyse, observe
from stepstack.errors import SettingsError
from stepstack.history.visits import failing_visit, read_visits
from stepstack.in_process import FinishedExecution, Task, run
from stepstack.json_types import Json
from stepstack.language import parse

try:
    from hypothesis import HealthCheck, Phase, find, given, seed, settings
    from hypothesis.errors import Flaky, NoSuchExample
    from hypothesis.strategies import DrawFn, SearchStrategy, composite
except ImportError as error:  # pragma: no cover - every environment of ours has it
    raise SettingsError("trying many inputs needs Hypothesis: pip install 'stepstack[hypothesis]'") from error

from stepstack.testing.strategies import inputs

__all__ = ["Exploration", "Finding", "explore"]

SHRINKING_EXAMPLES = 400
SHRINKING_SECONDS = 10.0
"""How long, at most, a smaller input is sought for each kind of failure: Hypothesis itself goes on for minutes."""

SILENT = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example)


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


_Kind: TypeAlias = "tuple[str, str | None]"
"""The error of a failure, and the state in which the execution ended."""


@dataclass(slots=True)
class _Failure:
    input: Json
    count: int = 0


class _TimeIsUp(BaseException):
    """Ends Hypothesis's search, which takes an Exception for a failure to be shrunk."""


def explore(
    definition: str,
    *,
    tasks: Mapping[str, Task] | None = None,
    examples: int = 300,
    first_seed: int = 0,
    shrinking_seconds: float = SHRINKING_SECONDS,
) -> Exploration:
    """Runs `definition` (its text) on `examples` inputs. The same seed tries the same inputs.

    For each kind of failure a smaller input is sought for at most `shrinking_seconds` of real time; then the smallest so far will do.
    """
    machine = parse(definition)
    data = CoverageData()
    counts = data.machine(definition, "state machine")
    failures: dict[_Kind, _Failure] = {}
    strategy = inputs(definition)

    def executed(execution_input: Json) -> FinishedExecution:
        return run(definition, execution_input, tasks=tasks or {})

    def ends_as(kind: _Kind) -> Callable[[Json], bool]:
        return lambda execution_input: _kind(executed(execution_input)) == kind

    @seed(first_seed)
    @settings(max_examples=examples, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=SILENT)
    @given(strategy)
    def try_one(execution_input: Json) -> None:
        execution = executed(execution_input)
        observe(counts, machine, execution.history)
        if execution.status != "SUCCEEDED":
            failures.setdefault(_kind(execution), _Failure(execution_input)).count += 1

    try_one()
    findings = []
    for kind, failure in failures.items():
        smallest = _smallest(strategy, ends_as(kind), failure.input, Deadline(shrinking_seconds), first_seed)
        findings.append(Finding(kind[0], executed(smallest).cause, kind[1], smallest, failure.count))
    findings.sort(key=lambda finding: (not finding.is_defect, -finding.count))
    failed = sum(failure.count for failure in failures.values())
    return Exploration(counts.executions, counts.executions - failed, tuple(findings), analyse(data))


def _smallest(strategy: SearchStrategy[Json], is_wanted: Callable[[Json], bool], known: Json, deadline: Deadline, first_seed: int) -> Json:
    """The smallest input found before the deadline that is still wanted; `known` is one."""
    smallest = known

    @composite
    def in_time(draw: DrawFn) -> Json:
        # Asked here, because of many that Hypothesis tries nothing comes to be looked at.
        if deadline.has_passed():
            raise _TimeIsUp
        return draw(strategy)

    def is_still_wanted(execution_input: Json) -> bool:
        nonlocal smallest
        if not is_wanted(execution_input):
            return False
        # Each one that Hypothesis tries after a wanted one is smaller.
        smallest = execution_input
        return True

    # Without its phase of explaining, which traces every line of the engine.
    phases = [Phase.generate, Phase.shrink]
    quiet = settings(max_examples=SHRINKING_EXAMPLES, database=None, deadline=None, phases=phases, suppress_health_check=SILENT)
    try:
        return find(in_time(), is_still_wanted, settings=quiet, random=Random(first_seed))  # noqa: S311 - the same seed finds the same inputs
    except (NoSuchExample, Flaky, _TimeIsUp):
        # Flaky is what Hypothesis makes of a draw that is broken off, and of a definition that ends otherwise each time.
        return smallest


def _kind(execution: FinishedExecution) -> _Kind:
    """Its error and the state in which it ended: failures of one kind have one cause."""
    visit = failing_visit(execution.history, read_visits(execution.history))
    return execution.error or execution.status, None if visit is None else visit.name
