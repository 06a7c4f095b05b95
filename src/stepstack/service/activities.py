"""Activities: create, describe, delete, list; and the tasks that their workers poll for and answer.

`Activities` has the operations; `ActivityTasks` is the queue that the interpreter fills (`ActivityQueue` of its ports) and
GetActivityTask empties. A poll waits in real time, whatever the modelled clock does: the worker is somebody outside. Source: recorded
answers of AWS; the API reference for the length of a poll.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from stepstack.errors import ServiceError, StorageError
from stepstack.interpreter.task_tokens import TaskTokens, TokenClosed, TokenUnknown
from stepstack.service.account import Account, Params, Result, wire_time
from stepstack.service.arns import checked_name, parse_arn
from stepstack.service.configurations import AWS_OWNED_KEY, encryption_configuration
from stepstack.service.journal import Journal
from stepstack.service.json_problem import json_problem
from stepstack.service.paging import listed
from stepstack.service.store import ActivityRecord, Store
from stepstack.service.tags import tag_map

__all__ = ["Activities", "ActivityTasks"]

POLL_SECONDS = 60.0
ACTIVITY_LIMIT = 10_000
WORKER_LIMIT = 1000


class ActivityTask(NamedTuple):
    token: str
    input: str
    started: Callable[[str | None], None]


class ActivityTasks:
    """The tasks that await a worker, by activity. One instance serves one loop."""

    def __init__(self, store: Store, tokens: TaskTokens, journal: Journal) -> None:
        self._store = store
        self._tokens = tokens
        self._journal = journal
        self._taken: dict[str, str | None] = {}
        """Tokens of an earlier process with the workers that have their tasks."""
        self._waiting: dict[str, deque[ActivityTask]] = {}
        self._workers: dict[str, deque[asyncio.Future[None]]] = {}
        """Those that poll and that nobody has woken, by activity; the one that waits the longest first."""

    def exists(self, activity_arn: str) -> bool:
        return activity_arn in self._store.activities

    def schedule(self, activity_arn: str, token: str, task_input: str, started: Callable[[str | None], None]) -> None:
        """Queues a task, and wakes the worker that waits the longest."""
        if token in self._taken:
            started(self._taken.pop(token))
            return
        waiting = self._waiting.setdefault(activity_arn, deque())
        # Where no worker ever polls, the tasks of executions that have ended would be kept.
        while waiting and not self._tokens.is_open(waiting[0].token):
            waiting.popleft()
        waiting.append(ActivityTask(token, task_input, started))
        self._wake(activity_arn)

    async def take(self, activity_arn: str, worker: str | None, seconds: float) -> ActivityTask | None:
        """The next task, told as started by `worker`; None where none came within `seconds`. Raises StorageError."""
        task = self._next(activity_arn)
        if task is None:
            if len(self._workers.get(activity_arn, ())) >= WORKER_LIMIT:
                raise ServiceError("ActivityWorkerLimitExceeded", f"Activity Worker Limit Exceeded: '{WORKER_LIMIT}'")
            task = await self._awaited(activity_arn, seconds)
        if task is not None:
            self._journal.task_taken(task.token, worker)
            try:
                await self._journal.committed()
            except (StorageError, asyncio.CancelledError):
                # The worker is told of the error alone, and asks again; or it is gone.
                self._journal.task_returned(task.token)
                self._waiting.setdefault(activity_arn, deque()).appendleft(task)
                self._wake(activity_arn)
                raise
            task.started(worker)
        return task

    def keep_taken(self, token: str, worker: str | None) -> None:
        """A worker took this task from an earlier process: it will be scheduled again, and is that worker's."""
        self._taken[token] = worker

    async def _awaited(self, activity_arn: str, seconds: float) -> ActivityTask | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (rest := deadline - loop.time()) > 0:
            woken: asyncio.Future[None] = loop.create_future()
            self._workers.setdefault(activity_arn, deque()).append(woken)
            try:
                await asyncio.wait({woken}, timeout=rest)
            finally:
                if woken.done():
                    # Cancelled between being woken and taking the task: the task is somebody else's now.
                    loop.call_soon(self._wake, activity_arn)
                else:
                    self._leave(activity_arn, woken)
            task = self._next(activity_arn)
            if task is not None or not woken.done():
                return task
        return None

    def _leave(self, activity_arn: str, worker: asyncio.Future[None]) -> None:
        """A worker that nobody has woken polls no more."""
        workers = self._workers[activity_arn]
        workers.remove(worker)
        if not workers:
            del self._workers[activity_arn]

    def _next(self, activity_arn: str) -> ActivityTask | None:
        waiting = self._waiting.get(activity_arn)
        while waiting:
            task = waiting.popleft()
            if self._tokens.is_open(task.token):
                return task
        self._waiting.pop(activity_arn, None)
        return None

    def _wake(self, activity_arn: str) -> None:
        workers = self._workers.get(activity_arn)
        if workers and self._waiting.get(activity_arn):
            workers.popleft().set_result(None)
            if not workers:
                del self._workers[activity_arn]

    def clear(self) -> None:
        """Forgets all tasks; workers that poll go on polling."""
        self._waiting.clear()
        self._taken.clear()


class Activities:
    def __init__(self, account: Account, tasks: ActivityTasks, tokens: TaskTokens) -> None:
        self._account = account
        self._tasks = tasks
        self._tokens = tokens

    def create(self, params: Params) -> Result:
        name = checked_name(params["name"])
        encryption = encryption_configuration(params.get("encryptionConfiguration")) or AWS_OWNED_KEY
        tags = tag_map(params.get("tags", ()))
        arn = self._account.arns.activity(name)
        record = self._account.store.activities.get(arn)
        if record is None:
            if len(self._account.store.activities) >= ACTIVITY_LIMIT:
                raise ServiceError("ActivityLimitExceeded", f"Activity Limit Exceeded: '{ACTIVITY_LIMIT}'")
            record = ActivityRecord(arn, name, self._account.now(), encryption, tags)
            self._account.store.activities[arn] = record
            self._account.journal.activity(record)
        elif record.encryption != encryption:
            raise ServiceError("ActivityAlreadyExists", f"Activity Already Exists: '{arn}'")
        return {"activityArn": arn, "creationDate": wire_time(record.created_at)}

    def describe(self, params: Params) -> Result:
        record = self._find(params["activityArn"])
        return {
            "activityArn": record.arn,
            "name": record.name,
            "creationDate": wire_time(record.created_at),
            "encryptionConfiguration": record.encryption,
        }

    def delete(self, params: Params) -> Result:
        arn = parse_arn(params["activityArn"], "activity").text
        if self._account.store.activities.pop(arn, None) is not None:
            self._account.journal.activity_deleted(arn)
        return {}

    def list(self, params: Params) -> Result:
        records = sorted(self._account.store.activities.values(), key=lambda record: record.name)

        def told(record: ActivityRecord) -> Result:
            return {"activityArn": record.arn, "name": record.name, "creationDate": wire_time(record.created_at)}

        return listed("activities", records, lambda record: record.name, told, params, scope="activities")

    async def get_task(self, params: Params) -> Result:
        record = self._find(params["activityArn"])
        task = await self._tasks.take(record.arn, params.get("workerName"), POLL_SECONDS)
        return {} if task is None else {"taskToken": task.token, "input": task.input}

    def send_success(self, params: Params) -> Result:
        output = params["output"]
        try:
            self._answered(lambda: self._tokens.succeed(params["taskToken"], output))
        except ValueError:
            problem = json_problem(output) or "Invalid output."
            raise ServiceError("InvalidOutput", f"Invalid Output: '{problem}'") from None
        return {}

    def send_failure(self, params: Params) -> Result:
        self._answered(lambda: self._tokens.fail(params["taskToken"], params.get("error"), params.get("cause")))
        return {}

    def send_heartbeat(self, params: Params) -> Result:
        self._answered(lambda: self._tokens.heartbeat(params["taskToken"]))
        return {}

    def _answered(self, answer: Callable[[], None]) -> None:
        try:
            answer()
        except TokenUnknown:
            raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'") from None
        except TokenClosed:
            raise ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'") from None

    def _find(self, arn: str) -> ActivityRecord:
        parse_arn(arn, "activity")
        record = self._account.store.activities.get(arn)
        if record is None:
            raise ServiceError("ActivityDoesNotExist", f"Activity Does Not Exist: '{arn}'")
        return record
