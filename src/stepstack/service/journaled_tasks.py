"""The calls of executions to the outside, each with its history written before it is made.

Made by `stepstack.service.service` where there is a lasting journal; it stands before the TaskRunner that makes the calls. So a restart
never takes an execution for one that had not called yet.
"""

from __future__ import annotations

from stepstack.errors import StorageError
from stepstack.interpreter.ports import TaskCall, TaskFailed, TaskRunner
from stepstack.json_types import Json
from stepstack.service.journal import Journal

__all__ = ["JournaledTasks"]


class JournaledTasks:
    def __init__(self, tasks: TaskRunner, journal: Journal) -> None:
        self._tasks = tasks
        self._journal = journal
        self.is_closing = False
        """While the service closes, jobs that executions await go on: the next service awaits them again."""

    def problem(self, call: TaskCall) -> str | None:
        return self._tasks.problem(call)

    def is_mocked(self, call: TaskCall) -> bool:
        return self._tasks.is_mocked(call)

    async def request(self, call: TaskCall) -> Json:
        try:
            await self._journal.committed()
        except StorageError as error:
            raise TaskFailed("States.Runtime", str(error)) from error
        return await self._tasks.request(call)

    async def completion(self, call: TaskCall, submitted: Json) -> Json:
        return await self._tasks.completion(call, submitted)

    async def abandon(self, call: TaskCall, submitted: Json) -> None:
        if not self.is_closing:
            await self._tasks.abandon(call, submitted)
