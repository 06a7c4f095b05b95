"""What becomes, after a restart, of the executions that ran when the service before ended.

Called by `StepFunctionsService.resume`. An execution goes on where it stood if nothing that it did was on its way: it was in a Wait,
awaited a task token, a worker or the end of a job, or had just entered a state. Every other one is aborted, and so are Map Runs with their
children; the cause says what was on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stepstack.history import HistoryEvent
from stepstack.interpreter.restoration import NotAtRest
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.service.account import Account
from stepstack.service.activities import ActivityTasks
from stepstack.service.executions import Executions
from stepstack.service.journal import RestoredTask
from stepstack.service.store import ExecutionRecord

__all__ = ["INTERRUPTED", "Restart"]

INTERRUPTED: Final = "stepstack ended while this execution was running"
"""How the cause of an execution begins that ran when the service ended."""


class Restart:
    def __init__(self, account: Account, executions: Executions, tokens: TaskTokens, activity_tasks: ActivityTasks) -> None:
        self._account = account
        self._executions = executions
        self._tokens = tokens
        self._activity_tasks = activity_tasks

    def begin(self) -> None:
        """In the loop that is to run what goes on."""
        tasks = self._account.journal.restored_tasks()
        waiting: dict[str, dict[int, str]] = {}
        for restored in tasks:
            if not restored.is_closed:
                waiting.setdefault(restored.task.execution_arn, {})[restored.task.entered_event_id] = restored.task.token
        interrupted = [record for record in self._account.store.executions.values() if record.status == "RUNNING"]
        # Children of Map Runs come before their parents, which end after them.
        resumed = {record.arn for record in reversed(interrupted) if self._is_resumed(record, waiting.get(record.arn, {}))}
        for restored in tasks:
            self._take_over(restored, waiting if restored.task.execution_arn in resumed else {})
        for record in interrupted:
            if record.execution is not None:
                record.execution.resume()
        self._end_map_runs()

    def _is_resumed(self, record: ExecutionRecord, tokens: Mapping[int, str]) -> bool:
        """Whether the execution is ready to go on; aborts it where it is not."""
        if record.map_run_arn is not None:
            self._abort(record, "its Map Run was under way")
            return False
        if not record.events:
            record.final_events = [self._executions.start_event(record)]
            record.stored_events = None
        restoration = self._executions.restored(record)
        try:
            restoration.make_ready(tokens)
        except NotAtRest as reason:
            record.execution = None
            self._abort(record, str(reason))
            return False
        record.final_events, record.stored_events = [], None
        return True

    def _take_over(self, restored: RestoredTask, waiting: Mapping[str, Mapping[int, str]]) -> None:
        task = restored.task
        if waiting.get(task.execution_arn, {}).get(task.entered_event_id) != task.token:
            self._tokens.remember_closed(task.token)
            if not restored.is_closed:
                self._account.journal.task_closed(task.token)
            return
        self._tokens.keep(task)
        if restored.is_taken:
            self._activity_tasks.keep_taken(task.token, restored.worker)

    def _abort(self, record: ExecutionRecord, reason: str) -> None:
        events = record.events or [self._executions.start_event(record)]
        cause = f"{INTERRUPTED}: {reason}"
        now = max(self._account.now(), events[-1].timestamp, self._last_end_in_map_runs(record))
        aborted = HistoryEvent(len(events) + 1, 0, now, "ExecutionAborted", "executionAbortedEventDetails", {"cause": cause})
        record.final_events, record.stored_events = [*events, aborted], None
        record.final_status, record.cause, record.stopped_at = "ABORTED", cause, now
        self._account.ended(record)

    def _last_end_in_map_runs(self, parent: ExecutionRecord) -> float:
        """Modelled time went on in the children of `parent` while it recorded nothing."""
        if not parent.map_run_arns:
            return 0.0
        children = (record for record in self._account.store.executions.values() if record.map_run_arn in parent.map_run_arns)
        return max((child.stopped_at or 0.0 for child in children), default=0.0)

    def _end_map_runs(self) -> None:
        for run in self._account.store.map_runs.values():
            if run.status != "RUNNING":
                continue
            run.status, run.stopped_at = "ABORTED", run.parent.stopped_at or self._account.now()
            for counts in (run.executions, run.items):
                counts.aborted += counts.running
                counts.running = 0
                counts.abandoned()
            self._account.journal.map_run(run)
