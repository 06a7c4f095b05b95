"""What is to survive the process: the families tell a journal each change, and it has them written before an operation is answered.

Changes are noted with the first group of methods and written soon after; `committed` waits for that. The service waits before it answers,
and before an execution calls anything outside: what somebody else knows of is never lost. This journal forgets it all: a service keeps
everything in memory unless it is given a folder (`stepstack.service.sqlite_journal`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepstack.history import HistoryEvent
    from stepstack.interpreter.task_tokens import KeptTask, TokenKeeper
    from stepstack.language.resources import ResourceCatalog
    from stepstack.service.store import ActivityRecord, ExecutionRecord, MapRunRecord, StateMachineRecord, Store

__all__ = ["Journal", "RestoredTask"]


class RestoredTask:
    """A task token of an earlier process, as the journal has it."""

    __slots__ = ("is_closed", "is_taken", "task", "worker")

    def __init__(self, task: KeptTask, *, is_closed: bool, is_taken: bool, worker: str | None) -> None:
        self.task = task
        self.is_closed = is_closed
        self.is_taken = is_taken
        """Whether a worker had taken it from its activity."""
        self.worker = worker


class Journal:
    """Hears of every change."""

    is_lasting = False
    """Whether there is anything to be restored, or to be written."""

    # ------------------------------------------------------------------------------------------------------------------------ changes

    def state_machine(self, record: StateMachineRecord) -> None:
        """`record` was created or changed, with its versions, aliases and tags."""

    def state_machine_deleted(self, record: StateMachineRecord) -> None: ...

    def activity(self, record: ActivityRecord) -> None: ...

    def activity_deleted(self, arn: str) -> None: ...

    def execution(self, record: ExecutionRecord) -> None:
        """`record` was started, went on, was redriven or has ended."""

    def execution_forgotten(self, record: ExecutionRecord) -> None:
        """`record` is no longer known, nor are the Map Runs that it began."""

    def listener(self, record: ExecutionRecord) -> Callable[[HistoryEvent], None] | None:
        """What is to hear of each event of `record`; None where nothing is."""
        return None

    def map_run(self, record: MapRunRecord) -> None:
        """`record` was opened, changed or has ended."""

    def task_taken(self, token: str, worker: str | None) -> None:
        """A worker has taken the task from its activity."""

    def task_returned(self, token: str) -> None:
        """The worker has not got it after all."""

    def task_closed(self, token: str) -> None:
        """Nobody awaits the answer to this task any more."""

    @property
    def token_keeper(self) -> TokenKeeper | None:
        """What is to hear of task tokens."""
        return None

    # ------------------------------------------------------------------------------------------------------------------------ writing

    async def ready(self) -> None:
        """Raises StorageError where what was noted before could not be written, and still cannot be: nothing new is to be begun."""

    async def committed(self) -> None:
        """Returns once all that was noted will outlive the process; raises StorageError where that cannot be."""

    def clear(self) -> None:
        """Forgets everything, at once."""

    def close(self) -> None:
        """Writes what was noted, and hears of nothing more."""

    # ------------------------------------------------------------------------------------------------------------------------ reading

    def restore(self, store: Store, catalog: ResourceCatalog | None) -> None:
        """Fills `store` with what an earlier service left; executions that ran then are RUNNING, and nothing runs them."""

    def restored_tasks(self) -> list[RestoredTask]:
        """The task tokens of the earlier service, the oldest first."""
        return []
