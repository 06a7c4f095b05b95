"""A Map Run: the child executions of one distributed Map state, their counters and its limits.

Opened by `distributed_map`, which starts the children; the service lists and describes it, and UpdateMapRun changes its limits while it
runs. Source: the API reference's DescribeMapRun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from stepstack.history.history import HistoryEvent
    from stepstack.interpreter.execution import Execution, ExecutionStatus

__all__ = ["EndedChild", "EndedMapRun", "MapRun", "MapRunCounts", "MapRunPlace", "MapRunStatus"]

MapRunStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]


@dataclass(slots=True)
class MapRunCounts:
    """DescribeMapRun's `executionCounts` or `itemCounts`."""

    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0
    results_written: int = 0

    @property
    def total(self) -> int:
        return self.pending + self.running + self.succeeded + self.failed + self.timed_out + self.aborted

    def wire(self) -> dict[str, int]:
        """The counts under the API's names."""
        return {
            "pending": self.pending,
            "running": self.running,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "timedOut": self.timed_out,
            "aborted": self.aborted,
            "total": self.total,
            "resultsWritten": self.results_written,
        }

    def started(self, weight: int) -> None:
        self.pending -= weight
        self.running += weight

    def ended(self, status: ExecutionStatus, weight: int) -> None:
        self.running -= weight
        if status == "SUCCEEDED":
            self.succeeded += weight
            self.results_written += weight
        elif status == "TIMED_OUT":
            self.timed_out += weight
        elif status == "ABORTED":
            self.aborted += weight
        else:
            self.failed += weight

    def kept(self, weight: int) -> None:
        """What had succeeded before a redrive."""
        self.succeeded += weight
        self.results_written += weight

    def abandoned(self) -> None:
        """What had not begun never will."""
        self.aborted += self.pending
        self.pending = 0


@dataclass(slots=True, eq=False)
class MapRun:
    """`executions` counts child executions, `items` counts the items in them; they differ where an ItemBatcher puts items together.

    `max_concurrency` is 0 for no limit of the state's own.
    """

    arn: str
    execution: Execution
    state_machine_arn: str
    """The children's: the state machine's, with `/` and the Map's label."""
    state_machine_name: str
    is_express: bool
    started_at: float
    max_concurrency: int = 0
    tolerated_failure_count: int = 0
    tolerated_failure_percentage: float = 0.0
    status: MapRunStatus = "RUNNING"
    stopped_at: float | None = None
    redrive_count: int = 0
    redriven_at: float | None = None
    executions: MapRunCounts = field(default_factory=MapRunCounts)
    items: MapRunCounts = field(default_factory=MapRunCounts)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a child has ended or a limit was changed."""
    on_end: Callable[[], None] | None = None

    def update(
        self,
        *,
        max_concurrency: int | None = None,
        tolerated_failure_count: int | None = None,
        tolerated_failure_percentage: float | None = None,
    ) -> None:
        """Changes the limits that are given, while the run goes on."""
        if max_concurrency is not None:
            self.max_concurrency = max_concurrency
        if tolerated_failure_count is not None:
            self.tolerated_failure_count = tolerated_failure_count
        if tolerated_failure_percentage is not None:
            self.tolerated_failure_percentage = tolerated_failure_percentage
        self.changed.set()

    @property
    def has_exceeded_tolerance(self) -> bool:
        """Whether more items have failed than both limits tolerate; without any limit, none is tolerated."""
        items = self.items
        failed = items.failed + items.timed_out
        if not failed:
            return False
        by_count = self.tolerated_failure_count and failed <= self.tolerated_failure_count
        by_percentage = self.tolerated_failure_percentage and failed * 100 <= self.tolerated_failure_percentage * items.total
        if self.tolerated_failure_count and self.tolerated_failure_percentage:
            return not (by_count and by_percentage)
        return not (by_count or by_percentage)

    def end(self, status: MapRunStatus, stopped_at: float) -> None:
        self.status = status
        self.stopped_at = stopped_at
        self.executions.abandoned()
        self.items.abandoned()
        if self.on_end is not None:
            self.on_end()


@dataclass(frozen=True, slots=True)
class MapRunPlace:
    """Where a visit of a distributed Map ended: in this Map Run, which had not succeeded."""

    arn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedChild:
    """A child execution of a Map Run that is to be redriven, as it ended."""

    arn: str
    name: str
    input_text: str
    status: ExecutionStatus
    output: str | None
    started_at: float
    stopped_at: float | None
    redrive_count: int
    redriven_at: float | None
    events: Callable[[], Sequence[HistoryEvent]]

    def hand_over_to(self, child: Execution) -> None:
        """Lets `child`, which is new, stand where this one ended; its events are not among it."""
        child.status, child.output = self.status, self.output
        child.started_at, child.stopped_at = self.started_at, self.stopped_at
        child.redrive_count, child.redriven_at = self.redrive_count, self.redriven_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedMapRun:
    """A Map Run that a redrive goes on with: its limits as they were last, and its children in the order in which they were started."""

    arn: str
    state_machine_arn: str
    state_machine_name: str
    is_express: bool
    started_at: float
    max_concurrency: int
    tolerated_failure_count: int
    tolerated_failure_percentage: float
    redrive_count: int
    execution_count: int
    """Of its children, with those that were never started."""
    children: Iterable[EndedChild]
    """Made one by one as they are asked for: there may be ten thousand."""

    def redriven(self, execution: Execution, redriven_at: float) -> MapRun:
        """The Map Run as it goes on; its children are still to be counted."""
        return MapRun(
            arn=self.arn,
            execution=execution,
            state_machine_arn=self.state_machine_arn,
            state_machine_name=self.state_machine_name,
            is_express=self.is_express,
            started_at=self.started_at,
            max_concurrency=self.max_concurrency,
            tolerated_failure_count=self.tolerated_failure_count,
            tolerated_failure_percentage=self.tolerated_failure_percentage,
            redrive_count=self.redrive_count + 1,
            redriven_at=redriven_at,
        )
