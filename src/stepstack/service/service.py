"""The Step Functions service: every operation of the API, on a store, without HTTP.

`StepFunctionsService.call("StartExecution", {...})` is called by `stepstack.api`, by the integrations for nested executions, and by tests.
Parameters and answers have the names of botocore's service model; the caller has checked the parameters against it. One file per family
of operations does the work. A service belongs to one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stepstack.clock import Clock, Randomness, Timeline
from stepstack.errors import ServiceError
from stepstack.interpreter.ports import Environment, TaskRunner
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.language.resources import ResourceCatalog
from stepstack.service.account import Account
from stepstack.service.activities import Activities, ActivityTasks
from stepstack.service.aliases import Aliases
from stepstack.service.arns import StatesArns
from stepstack.service.execution_logs import ExecutionLogs, LogSink
from stepstack.service.executions import Executions
from stepstack.service.journal import Journal
from stepstack.service.journaled_tasks import JournaledTasks
from stepstack.service.map_runs import MapRuns
from stepstack.service.redrive import Redrive
from stepstack.service.restart import INTERRUPTED, Restart
from stepstack.service.state_machines import StateMachines
from stepstack.service.status_changes import StatusChanges, StatusSink
from stepstack.service.store import Retention, Store
from stepstack.service.tags import Tags
from stepstack.service.test_state import TestStates
from stepstack.service.validation import Validation
from stepstack.service.versions import Versions

__all__ = ["StepFunctionsService"]

CLOSE_SECONDS = 5.0
"""How long a closing service waits for its last logs to be taken, and for executions that it has stopped to clean up; so does a reset."""

KEPT_BY_THEMSELVES = frozenset({"GetActivityTask"})
"""Operations that wait for the journal themselves. Were this one to wait once more, a worker that left meanwhile would have the task."""

Handler = Callable[[Mapping[str, Any]], "dict[str, Any] | Awaitable[dict[str, Any]]"]


class StepFunctionsService:
    """`tasks` calls what Task states call; `catalog` knows what can be called; `sink` takes execution logs, `status_sink` status changes.

    `test_case_problem` says why a state machine (by name) cannot run a test case of its mocks, None where it can. With a lasting `journal`,
    `resume` is to be called in the loop before anything else is.
    """

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        tasks: TaskRunner,
        *,
        catalog: ResourceCatalog | None = None,
        sink: LogSink | None = None,
        status_sink: StatusSink | None = None,
        journal: Journal | None = None,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        event_limit: int | None = None,
        retention: Retention | None = None,
        test_case_problem: Callable[[str, str], str | None] = lambda machine, case: None,
    ) -> None:
        self.randomness = randomness
        self.clock = clock
        self.store = Store(retention or Retention())
        self._journal = journal or Journal()
        self.tokens = TaskTokens(randomness, self._journal.token_keeper)
        self.activity_tasks = ActivityTasks(self.store, self.tokens, self._journal)
        self.logs = ExecutionLogs(sink, randomness)
        self._journaled_tasks = JournaledTasks(tasks, self._journal)
        account = Account(
            store=self.store,
            clock=clock,
            randomness=randomness,
            arns=StatesArns(region, account_id),
            catalog=catalog,
            journal=self._journal,
        )
        self.map_runs = MapRuns(account)
        self.environment = Environment(
            clock=clock,
            randomness=randomness,
            tasks=self._journaled_tasks if self._journal.is_lasting else tasks,
            tokens=self.tokens,
            activities=self.activity_tasks,
            map_runs=self.map_runs,
            region=region,
            account=account_id,
            event_limit=event_limit,
        )
        self._status_changes = StatusChanges(status_sink)
        self.executions = Executions(account, self.environment, self.logs, self._status_changes, test_case_problem)
        self._journal.restore(self.store, catalog)
        self._account = account
        self._handlers = self._operations(account)

    def _operations(self, account: Account) -> Mapping[str, Handler]:
        versions = Versions(account)
        machines = StateMachines(account, versions, self.executions.abort)
        activities = Activities(account, self.activity_tasks, self.tokens)
        aliases, tags, executions, map_runs = Aliases(account), Tags(account), self.executions, self.map_runs
        return {
            "CreateActivity": activities.create,
            "CreateStateMachine": machines.create,
            "CreateStateMachineAlias": aliases.create,
            "DeleteActivity": activities.delete,
            "DeleteStateMachine": machines.delete,
            "DeleteStateMachineAlias": aliases.delete,
            "DeleteStateMachineVersion": versions.delete,
            "DescribeActivity": activities.describe,
            "DescribeExecution": executions.describe,
            "DescribeMapRun": map_runs.describe,
            "DescribeStateMachine": machines.describe,
            "DescribeStateMachineAlias": aliases.describe,
            "DescribeStateMachineForExecution": machines.describe_for_execution,
            "GetActivityTask": activities.get_task,
            "GetExecutionHistory": executions.history,
            "ListActivities": activities.list,
            "ListExecutions": executions.list,
            "ListMapRuns": map_runs.list,
            "ListStateMachineAliases": aliases.list,
            "ListStateMachineVersions": versions.list,
            "ListStateMachines": machines.list,
            "ListTagsForResource": tags.list,
            "PublishStateMachineVersion": versions.publish,
            "RedriveExecution": Redrive(account, self.executions).redrive,
            "SendTaskFailure": activities.send_failure,
            "SendTaskHeartbeat": activities.send_heartbeat,
            "SendTaskSuccess": activities.send_success,
            "StartExecution": executions.start,
            "StartSyncExecution": executions.start_sync,
            "StopExecution": executions.stop,
            "TagResource": tags.tag,
            "TestState": TestStates(account, self.environment).test,
            "UntagResource": tags.untag,
            "UpdateMapRun": map_runs.update,
            "UpdateStateMachine": machines.update,
            "UpdateStateMachineAlias": aliases.update,
            "ValidateStateMachineDefinition": Validation(account).validate,
        }

    @property
    def operations(self) -> frozenset[str]:
        """The names of the operations that there are."""
        return frozenset(self._handlers)

    async def call(self, operation: str, params: Mapping[str, Any], *, timeline: Timeline | None = None) -> dict[str, Any]:
        """What `operation` answers; raises ServiceError with AWS's error code and message.

        With `timeline`, an execution that is started shares that time: another execution awaits it.
        """
        handler = self._handlers.get(operation)
        if handler is None:
            raise ServiceError("UnknownOperationException", f"Step Functions has no operation {operation!r}")
        await self._journal.ready()
        try:
            if timeline is not None and operation == "StartExecution":
                result = self.executions.start(params, timeline)
            elif timeline is not None and operation == "StartSyncExecution":
                result = await self.executions.start_sync(params, timeline)
            else:
                answer = handler(params)
                result = await answer if inspect.isawaitable(answer) else answer
        except ServiceError:
            # A refusal tells of what others have changed, too.
            await self._journal.committed()
            raise
        if operation not in KEPT_BY_THEMSELVES:
            await self._journal.committed()
        return result

    async def resume(self) -> None:
        """After a restart: has executions that ran go on where nothing of theirs was on its way, and aborts the others.

        Raises StorageError where that cannot be written.
        """
        Restart(self._account, self.executions, self.tokens, self.activity_tasks).begin()
        await self._journal.committed()

    async def execution_ended(self, execution_arn: str) -> None:
        """Returns once the execution is over; at once where there is none of that ARN."""
        await self.executions.has_ended(execution_arn)

    async def reset(self) -> None:
        """Stops every execution and forgets everything."""
        running = [record.execution for record in self.store.running() if record.execution is not None]
        with self._status_changes.silent():
            for execution in running:
                execution.stop()
        self.tokens.clear()
        self.activity_tasks.clear()
        self.logs.clear()
        self.store.clear()
        self._journal.clear()
        # What somebody starts in the meantime is not forgotten: it would run on, unknown.
        await asyncio.gather(*(execution.at_rest(CLOSE_SECONDS) for execution in running))
        self.clock.rewind()

    async def close(self) -> None:
        """Stops every execution and closes the journal; what the journal holds stays, and goes on with the next service."""
        self._journaled_tasks.is_closing = True
        self._journal.close()
        running = [record.execution for record in self.store.running() if record.execution is not None]
        with self._status_changes.silent():
            for execution in running:
                if self._journal.is_lasting:
                    # The next service goes on with it, or says how it ended: no log may tell of an end before.
                    execution.history.listener = None
                execution.stop(cause=INTERRUPTED)
        # What they await may be told to stop, through connections that are closed next.
        await asyncio.gather(*(execution.at_rest(CLOSE_SECONDS) for execution in running))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.logs.delivered(), CLOSE_SECONDS)
