"""What is to survive the process: the families tell a journal each change before they answer.

This one forgets it all: a service keeps everything in memory unless it is given a folder (`stepstack.service.sqlite_journal`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from stepstack.language.resources import ResourceCatalog
    from stepstack.service.store import ActivityRecord, ExecutionRecord, StateMachineRecord, Store

__all__ = ["INTERRUPTED", "Journal"]

INTERRUPTED: Final = "stepstack ended while this execution was running"
"""The cause of an execution that ran when the service ended."""


class Journal:
    """Hears of every change. An operation is answered only after its journal call has returned."""

    def restore(self, store: Store, catalog: ResourceCatalog | None, now: float) -> None:
        """Fills `store` with what an earlier service left."""

    def state_machine(self, record: StateMachineRecord) -> None:
        """`record` was created or changed, with its versions, aliases and tags."""

    def state_machine_deleted(self, record: StateMachineRecord) -> None: ...

    def activity(self, record: ActivityRecord) -> None: ...

    def activity_deleted(self, arn: str) -> None: ...

    def execution_started(self, record: ExecutionRecord) -> None: ...

    def execution_finished(self, record: ExecutionRecord) -> None: ...

    def execution_forgotten(self, record: ExecutionRecord) -> None: ...

    def clear(self) -> None: ...

    def close(self) -> None: ...
