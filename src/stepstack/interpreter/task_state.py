"""The Task state: has its work done elsewhere, by a service, a function, an activity's worker or whoever gets its task token.

The call itself is the TaskRunner's. Timeouts and heartbeats run on the execution's timeline. Source: recorded histories, the developer
guide's "Task workflow state" and "Service integration patterns".
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import cast

from stepstack.clock import Timer
from stepstack.interpreter.data_flow import noted_arguments, noted_input, output_from_result
from stepstack.interpreter.error_handling import attempt
from stepstack.interpreter.failures import StateFailed, call_failure, runtime_failure, size_failure
from stepstack.interpreter.number_fields import whole_number
from stepstack.interpreter.payload import Payload, is_too_large
from stepstack.interpreter.ports import StateFailure, TaskCall, TaskFailed
from stepstack.interpreter.task_events import TaskEvents
from stepstack.interpreter.task_tokens import PendingTask
from stepstack.interpreter.time_limit import TimeLimit
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Resumption, Visit
from stepstack.json_types import JsonObject
from stepstack.language.resources import IntegrationPattern, ResourceKind
from stepstack.language.state_machine import Field, TaskState
from stepstack.query.scope import Scope

__all__ = ["run_task"]

_TIMEOUT = StateFailure("States.Timeout")
_MISSED_HEARTBEAT = StateFailure("States.Timeout", None, ("States.HeartbeatTimeout",))


async def run_task(visit: Visit) -> Payload:
    """The state's output, once its work is done."""
    return await attempt(visit, cast("TaskState", visit.state), _work)


async def _work(visit: Visit, state: TaskState) -> Payload:
    effective = await unhurried(noted_input, visit)
    resumption, visit.resumption = visit.resumption, None
    if resumption is not None and resumption.failure is not None:
        raise StateFailed(resumption.failure)
    with _task_token(visit, state, resumption) as pending:
        task = await unhurried(_TaskAttempt, visit, state, effective, pending)
        result = await task.run(resumption)
    visit.note("result", result)
    return await unhurried(output_from_result, visit, state, result)


@contextlib.contextmanager
def _task_token(visit: Visit, state: TaskState, resumption: Resumption | None) -> Iterator[PendingTask | None]:
    """The token of this attempt, where the state awaits one; it is closed when the attempt is over."""
    resource = state.resource
    awaits_token = resource.pattern is IntegrationPattern.WAIT_FOR_TASK_TOKEN
    if not awaits_token and resource.kind is not ResourceKind.ACTIVITY:
        yield None
        return
    tokens = visit.branch.execution.environment.tokens
    token = None if resumption is None else resumption.task_token
    pending = tokens.open(visit.branch.execution.arn, visit.entered_event_id) if token is None else tokens.reopen(token)
    if awaits_token:
        visit.begin_attempt(visit.retry_count, pending.token)
    try:
        yield pending
    finally:
        tokens.close(pending)


class _TaskAttempt:
    """One attempt at the work."""

    def __init__(self, visit: Visit, state: TaskState, effective: Payload, pending: PendingTask | None) -> None:
        self.visit = visit
        self.state = state
        self.pending = pending
        self.branch = visit.branch
        self.environment = visit.branch.execution.environment
        self.events = TaskEvents(visit, state.resource)
        self.parameters = noted_arguments(visit, effective, state.parameters)
        scope = visit.scope(effective.value)
        self.timeout = self._seconds(state.timeout, scope)
        self.heartbeat = self._seconds(state.heartbeat, scope)
        credentials = None if state.credentials is None else visit.evaluate(state.credentials, scope)
        self.credentials = cast("JsonObject | None", credentials)
        self.call = self._task_call()

    def _seconds(self, field: Field | None, scope: Scope) -> int | None:
        if field is None:
            return None
        seconds = whole_number(self.visit, field, scope)
        if seconds <= 0:
            raise runtime_failure(self.visit, f"{field.name.removesuffix('Path')} must be positive.")
        return seconds

    def _task_call(self) -> TaskCall:
        execution = self.branch.execution
        return TaskCall(
            resource=self.state.resource,
            parameters=self.parameters.value,
            context_object=self.visit.context,
            state_name=self.state.name,
            attempt=self.visit.retry_count,
            execution_arn=execution.arn,
            state_machine_arn=execution.state_machine_arn,
            test_case=execution.test_case,
            timeline=self.branch.timeline,
            root_execution_arn=execution.root_arn,
            task_token=self.visit.task_token,
            credentials=self.credentials,
            timeout_seconds=self.timeout,
        )

    async def run(self, resumption: Resumption | None) -> Payload:
        """The result of the work; records the attempt's events. Raises StateFailed."""
        if resumption is None:
            self._check()
            self.events.scheduled(self.parameters, timeout=self.timeout, heartbeat=self.heartbeat, credentials=self.credentials)
        try:
            result = await (self._result() if resumption is None else self._resumed_result(resumption))
        except TaskFailed as failed:
            self.events.failed(failed.failure)
            raise call_failure(self.visit, failed) from failed
        except TimeoutError as error:
            failure = _MISSED_HEARTBEAT if error.args else _TIMEOUT
            self.events.timed_out(failure)
            raise StateFailed(failure) from error
        if is_too_large(result.text):
            failure = size_failure(self.events.size_subject)
            self.events.failed(failure)
            raise StateFailed(failure)
        self.events.succeeded(result)
        return result

    def _check(self) -> None:
        trial = self.branch.execution.trial
        if trial is not None and trial.has_mock:
            return
        resource = self.state.resource
        if resource.kind is ResourceKind.ACTIVITY:
            activities = self.environment.activities
            is_mocked = self.environment.tasks.is_mocked(self.call)
            if not is_mocked and (activities is None or not activities.exists(resource.arn)):
                raise runtime_failure(self.visit, f"The activity {resource.arn} does not exist.")
            return
        problem = self.environment.tasks.problem(self.call)
        if problem is not None:
            text = self.parameters.text
            raise runtime_failure(self.visit, f"The Parameters '{text}' could not be used to start the Task: [{problem}]")

    async def _result(self) -> Payload:
        trial = self.branch.execution.trial
        if trial is not None and trial.has_mock:
            return trial.mocked_result()
        if self.state.resource.kind is ResourceKind.ACTIVITY and not self.environment.tasks.is_mocked(self.call):
            return await self._activity_result()
        self.events.started()
        with TimeLimit(self.branch.timeline, self.branch, self.timeout):
            return await self._service_result()

    async def _resumed_result(self, resumption: Resumption) -> Payload:
        """The result of work that was begun before the process ended, and is awaited on."""
        if self.state.resource.kind is ResourceKind.ACTIVITY:
            return await self._activity_result(resumption)
        with TimeLimit(self.branch.timeline, self.branch, self._rest(resumption)):
            if self.pending is not None:
                with self._heartbeat(self.pending, resumption):
                    return await self._answer(self.pending)
            return await self._job_result(cast("Payload", resumption.submitted))

    def _rest(self, resumption: Resumption | None) -> float | None:
        """The seconds that TimeoutSeconds leaves."""
        if self.timeout is None or resumption is None or not resumption.has_begun:
            return self.timeout
        return max(0.0, resumption.since + self.timeout - self.branch.timeline.now())

    async def _service_result(self) -> Payload:
        tasks = self.environment.tasks
        is_awaited = self.state.resource.pattern is not IntegrationPattern.REQUEST_RESPONSE
        if is_awaited and not tasks.is_mocked(self.call):
            self.events.submitting()
        answer = Payload(await tasks.request(self.call))
        if not is_awaited:
            return answer
        self.events.submitted(answer)
        if tasks.is_mocked(self.call):
            return answer
        if self.pending is not None:
            with self._heartbeat(self.pending):
                return await self._answer(self.pending)
        return await self._job_result(answer)

    async def _job_result(self, submitted: Payload) -> Payload:
        tasks = self.environment.tasks
        try:
            return Payload(await tasks.completion(self.call, submitted.value))
        except asyncio.CancelledError:
            self.branch.execution.in_background(tasks.abandon(self.call, submitted.value))
            raise

    async def _activity_result(self, resumption: Resumption | None = None) -> Payload:
        """Timeout and heartbeat of an activity count from the moment a worker takes it."""
        pending = cast("PendingTask", self.pending)
        if resumption is None or not resumption.has_begun:
            self.events.started(await self._worker_name(pending))
        with TimeLimit(self.branch.timeline, self.branch, self._rest(resumption)), self._heartbeat(pending, resumption):
            return await self._answer(pending)

    async def _worker_name(self, pending: PendingTask) -> str | None:
        """Who takes the task; None for a worker without a name."""
        activities = self.environment.activities
        if activities is None:
            raise AssertionError("checked before the activity was scheduled")
        taken: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def started(worker_name: str | None) -> None:
            if not taken.done():
                taken.set_result(worker_name)

        activities.schedule(self.state.resource.arn, pending.token, self.parameters.text, started)
        with self.branch.timeline.held():
            return await taken

    async def _answer(self, pending: PendingTask) -> Payload:
        with self.branch.timeline.held():
            answer = await pending.answer
        if isinstance(answer, StateFailure):
            raise TaskFailed(answer.error_name, answer.cause)
        return answer

    @contextlib.contextmanager
    def _heartbeat(self, pending: PendingTask, resumption: Resumption | None = None) -> Iterator[None]:
        """For the body, the task must show every so often that it is alive; what was over of that time stays over after a restart."""
        if self.heartbeat is None:
            yield
            return
        seconds, timeline = self.heartbeat, self.branch.timeline
        timers: list[Timer] = []

        def missed() -> None:
            if not pending.answer.done():
                pending.answer.set_exception(TimeoutError("heartbeat"))

        def count_from(moment: float) -> None:
            for timer in timers:
                timer.cancel()
            timers[:] = [timeline.call_later(min(max(0.0, moment + seconds - timeline.now()), seconds), missed)]

        def restart() -> None:
            pending.heartbeat_at = timeline.now()
            count_from(pending.heartbeat_at)

        begun = None if resumption is None or not resumption.has_begun else pending.heartbeat_at or resumption.awaited_since
        count_from(timeline.now() if begun is None else begun)
        pending.on_heartbeat = restart
        try:
            yield
        finally:
            pending.on_heartbeat = None
            timers[0].cancel()
