"""What the service remembers: state machines with their versions and aliases, activities, executions, Map Runs.

An execution or a Map Run that has ended is kept as data alone: a redrive makes it anew from its history. Read and written by the families
of operations, from the loop's thread alone. It leaves out how things are said on the wire, and lasting storage
(`stepstack.service.journal`). Finished executions are forgotten once they are too many or too old (`Retention`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stepstack.history import HistoryEvent
from stepstack.interpreter.map_run import MapRunCounts
from stepstack.language.state_machine import StateMachine

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution
    from stepstack.interpreter.map_run import MapRun

__all__ = [
    "ActivityRecord",
    "AliasRecord",
    "ExecutionRecord",
    "MapRunRecord",
    "Retention",
    "Revision",
    "StateMachineRecord",
    "Store",
    "VersionRecord",
]

RUNNING = "RUNNING"


@dataclass(slots=True, eq=False)
class Revision:
    """One configuration of a state machine; executions and versions keep the one that they were made from."""

    definition: str
    machine: StateMachine
    role_arn: str
    logging: Mapping[str, Any]
    tracing: Mapping[str, Any]
    encryption: Mapping[str, Any] | None
    revision_id: str | None
    """None for the configuration that a state machine was created with."""
    updated_at: float
    type: str = "STANDARD"
    stored_as: int | None = None
    """Its number in the journal; None where the journal does not have it."""


@dataclass(slots=True, eq=False)
class VersionRecord:
    """A published version; times are seconds since the epoch, here and in all records."""

    arn: str
    number: int
    revision: Revision
    description: str | None
    created_at: float


@dataclass(slots=True, eq=False)
class AliasRecord:
    """An alias, which routes executions to versions."""

    arn: str
    name: str
    description: str | None
    routing: tuple[tuple[str, int], ...]
    """Version ARNs with their weights."""
    created_at: float
    updated_at: float


@dataclass(slots=True, eq=False)
class StateMachineRecord:
    """A state machine with its versions, by number, and its aliases, by name."""

    arn: str
    name: str
    type: str
    created_at: float
    revision: Revision
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[int, VersionRecord] = field(default_factory=dict)
    last_version: int = 0
    aliases: dict[str, AliasRecord] = field(default_factory=dict)
    executions: dict[str, ExecutionRecord] = field(default_factory=dict)
    """By ARN, the oldest first."""
    number: int = 0
    """Executions with a lower one belong to an earlier state machine of that name."""


@dataclass(slots=True, eq=False)
class ExecutionRecord:
    """One execution. While it runs, `execution` knows how it stands; once it has ended, the record itself does."""

    arn: str
    name: str
    number: int
    """Grows with every execution that is started: pages are cut by it."""
    state_machine_arn: str
    """Of a Map Run's child, with the Map's label."""
    state_machine_name: str
    type: str
    revision: Revision
    input: str
    started_at: float
    version_arn: str | None = None
    alias_arn: str | None = None
    trace_header: str | None = None
    test_case: str | None = None
    map_run_arn: str | None = None
    item_count: int | None = None
    """Of a Map Run's child: how many of the run's items it has."""
    redrive_count: int = 0
    redriven_at: float | None = None
    redrive_tokens: set[str] = field(default_factory=set)
    map_run_arns: list[str] = field(default_factory=list)
    """The Map Runs that it began."""
    execution: Execution | None = None
    final_status: str = RUNNING
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    stopped_at: float | None = None
    final_events: list[HistoryEvent] = field(default_factory=list)
    stored_events: Callable[[ExecutionRecord], list[HistoryEvent]] | None = None
    """Reads the history from the journal, which has it in place of `final_events`."""
    kept_events: int | None = None
    """How many of its events the journal has; None where the journal does not know the execution."""

    @property
    def status(self) -> str:
        return self.final_status if self.execution is None else self.execution.status

    @property
    def events(self) -> list[HistoryEvent]:
        if self.execution is not None:
            return self.execution.history.events
        return self.final_events if self.stored_events is None else self.stored_events(self)

    def take_up(self, execution: Execution) -> None:
        """It was redriven."""
        self.execution, self.final_events = execution, []
        self.error = self.cause = self.stopped_at = None
        self.redrive_count, self.redriven_at = execution.redrive_count, execution.redriven_at

    def settle(self) -> None:
        """Takes over what the ended execution knows, and lets go of the rest."""
        execution = self.execution
        if execution is None:
            return
        self.final_status = execution.status
        self.output = execution.output
        self.error = execution.error
        self.cause = execution.cause
        self.stopped_at = execution.stopped_at
        self.final_events = list(execution.history.events)
        self.stored_events = None
        self.execution = None
        execution.history.listener = None
        execution.release()


@dataclass(slots=True, eq=False)
class MapRunRecord:
    """One Map Run; while it goes on, `run` knows its limits. The counts are the run's own."""

    arn: str
    parent: ExecutionRecord
    state_machine_arn: str
    """The children's, with the Map's label."""
    state_machine_name: str
    revision: Revision
    """The children's."""
    started_at: float
    status: str = RUNNING
    stopped_at: float | None = None
    max_concurrency: int = 0
    tolerated_failure_count: int = 0
    tolerated_failure_percentage: float = 0.0
    redrive_count: int = 0
    redriven_at: float | None = None
    started: int = 0
    """How many Standard children it started."""
    express_children: dict[str, ExecutionRecord] = field(default_factory=dict)
    """Its Express children, until it has succeeded: a redrive asks for them, and no operation does."""
    executions: MapRunCounts = field(default_factory=MapRunCounts)
    items: MapRunCounts = field(default_factory=MapRunCounts)
    run: MapRun | None = None

    def refresh(self) -> None:
        """Takes over what may have changed since."""
        run = self.run
        if run is None:
            return
        self.status, self.stopped_at = run.status, run.stopped_at
        self.redrive_count, self.redriven_at = run.redrive_count, run.redriven_at
        self.max_concurrency = run.max_concurrency
        self.tolerated_failure_count = run.tolerated_failure_count
        self.tolerated_failure_percentage = run.tolerated_failure_percentage
        if run.status != RUNNING:
            self.run = None


@dataclass(slots=True, eq=False)
class ActivityRecord:
    """An activity; its tasks are in `ActivityTasks`."""

    arn: str
    name: str
    created_at: float
    encryption: Mapping[str, Any]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long finished executions are remembered."""

    count: int = 10_000
    seconds: float = 90 * 24 * 3600.0


class Store:
    """Everything that one service remembers."""

    def __init__(self, retention: Retention) -> None:
        self.retention = retention
        self.state_machines: dict[str, StateMachineRecord] = {}
        self.activities: dict[str, ActivityRecord] = {}
        self.executions: dict[str, ExecutionRecord] = {}
        self.express: set[ExecutionRecord] = set()
        """Express executions that run; nothing tells of those that have ended."""
        self.map_runs: dict[str, MapRunRecord] = {}
        self._finished: deque[ExecutionRecord] = deque()
        self._numbers = 0

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def add_state_machine(self, record: StateMachineRecord) -> None:
        record.number = self.next_number()
        self.state_machines[record.arn] = record

    def add_execution(self, record: ExecutionRecord) -> None:
        self.executions[record.arn] = record
        machine = self.state_machines.get(_machine_arn(record))
        if machine is not None:
            # An execution of an earlier state machine of that name may have the ARN: the new one is the last of the list.
            machine.executions.pop(record.arn, None)
            machine.executions[record.arn] = record

    def restore_execution(self, record: ExecutionRecord) -> None:
        """Adds an execution of an earlier service; they come in the order of their numbers, after the state machines."""
        self.number_taken(record.number)
        self.executions[record.arn] = record
        machine = self.state_machines.get(_machine_arn(record))
        if machine is not None and machine.number < record.number:
            machine.executions[record.arn] = record

    def number_taken(self, number: int) -> None:
        """An earlier service gave this number: later ones are greater."""
        self._numbers = max(self._numbers, number)

    def finished(self, record: ExecutionRecord, now: float) -> list[ExecutionRecord]:
        """Notes that `record` has ended; the records that are forgotten because of it."""
        self._finished.append(record)
        return list(self._forget_surplus(now))

    def _forget_surplus(self, now: float) -> Iterator[ExecutionRecord]:
        oldest = now - self.retention.seconds
        finished = self._finished
        while finished and (len(finished) > self.retention.count or (finished[0].stopped_at or now) < oldest):
            record = finished.popleft()
            # One that was redriven runs again, or stands further behind once more.
            if record.execution is None and not (record.redrive_count and record in finished):
                self.forget(record)
                yield record

    def forget(self, record: ExecutionRecord) -> None:
        if self.executions.get(record.arn) is record:
            del self.executions[record.arn]
        machine = self.state_machines.get(_machine_arn(record))
        if machine is not None and machine.executions.get(record.arn) is record:
            del machine.executions[record.arn]
        for arn in record.map_run_arns:
            self.map_runs.pop(arn, None)

    def running(self) -> list[ExecutionRecord]:
        return [*self.express, *(record for record in self.executions.values() if record.execution is not None)]

    def clear(self) -> None:
        self.state_machines.clear()
        self.activities.clear()
        self.executions.clear()
        self.express.clear()
        self.map_runs.clear()
        self._finished.clear()


def _machine_arn(record: ExecutionRecord) -> str:
    return record.state_machine_arn.partition("/")[0]
