"""One execution of a state machine: its status, its output or failure, its history.

The service makes one for each StartExecution, `stepstack.run` one for each call, a distributed Map one for each child. Everything that it
runs is one tree of asyncio tasks; `stop` takes the tree down. What it needs from outside comes in its `Environment` (`ports`).

    execution = Execution(machine, arn=..., name="first", execution_input=Payload.parse("{}"), environment=environment, ...)
    execution.start()
    await execution.wait()
    execution.status, execution.output, execution.error, execution.cause, execution.history.events

Left out: names, ARNs, limits of the API and who may start what, which are the service's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from stepstack.clock import Timeline, Timer
from stepstack.history.history import EventLimitReached, History, HistoryEvent
from stepstack.interpreter.branch import Branch
from stepstack.interpreter.context_object import execution_members
from stepstack.interpreter.failures import ExecutionBroken, StateFailed
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import Environment, StateFailure
from stepstack.interpreter.visit import NOT_TRUNCATED
from stepstack.language.state_machine import StateMachine
from stepstack.query.scope import Sources

if TYPE_CHECKING:
    from stepstack.interpreter.map_run import MapRun
    from stepstack.interpreter.trial import StateTrial

__all__ = ["Execution", "ExecutionStatus"]

ExecutionStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

STANDARD_LIMIT_SECONDS: Final = 365 * 86_400
EXPRESS_LIMIT_SECONDS: Final = 300

_logger = logging.getLogger(__name__)


class Execution:
    """`started_at` and `stopped_at` are in seconds since the epoch on the execution's timeline; `stopped_at` is None while it runs.

    `output`, `error` and `cause` are text, each None where there is none. `error` and `cause` of an aborted execution are those of
    StopExecution.
    """

    def __init__(
        self,
        machine: StateMachine,
        *,
        arn: str,
        name: str,
        execution_input: Payload,
        environment: Environment,
        state_machine_arn: str,
        state_machine_name: str,
        role_arn: str = "",
        state_machine_version_arn: str | None = None,
        state_machine_alias_arn: str | None = None,
        is_express: bool = False,
        test_case: str | None = None,
        timeline: Timeline | None = None,
        map_run: MapRun | None = None,
        trial: StateTrial | None = None,
        listener: Callable[[HistoryEvent], None] | None = None,
        on_end: Callable[[Execution], None] | None = None,
    ) -> None:
        self.machine = machine
        self.arn = arn
        self.name = name
        self.input = execution_input
        self.environment = environment
        self.state_machine_arn = state_machine_arn
        self.state_machine_name = state_machine_name
        self.role_arn = role_arn
        self.state_machine_version_arn = state_machine_version_arn
        self.state_machine_alias_arn = state_machine_alias_arn
        self.is_express = is_express
        self.test_case = test_case
        self.map_run = map_run
        """The Map Run whose child this execution is."""
        self.trial = trial
        """TestState's, where it runs one state of this execution; None in every other execution."""
        self.on_end = on_end
        self.timeline = environment.clock.timeline() if timeline is None else timeline
        self.sources = Sources(self.timeline.now, environment.randomness, can_wait=True)
        """What expressions draw from: the modelled time, the environment's randomness."""
        self.history = History(self.timeline, environment.event_limit, listener)
        self.status: ExecutionStatus = "RUNNING"
        self.output: str | None = None
        self.error: str | None = None
        self.cause: str | None = None
        self.started_at = self.timeline.now()
        self.stopped_at: float | None = None
        self.fault: StateFailure | None = None
        """What is wrong with the test, where that ended it."""
        self.redrive_count = 0
        self.redriven_at: float | None = None
        self.is_resumed = False
        """Whether it goes on where it stood when an earlier process ended."""
        self._root: Branch | None = None
        self._task: asyncio.Task[None] | None = None
        self._timeout: Timer | None = None
        self._ended = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def input_text(self) -> str:
        return self.input.text

    @property
    def root_arn(self) -> str:
        """The ARN of the execution that somebody started: of a Map Run's child, that of the execution above it."""
        return self.arn if self.map_run is None else self.map_run.execution.root_arn

    @property
    def has_ended(self) -> bool:
        return self.status != "RUNNING"

    def start(self) -> None:
        """Records ExecutionStarted and begins to run, on the loop that runs now."""
        self.record_start()
        self._root = branch = self.root_branch()
        self._begin(lambda: branch.walk(self.machine, self.input))

    def record_start(self) -> None:
        """Records ExecutionStarted."""
        details: dict[str, Any] = {"input": self.input.text, "inputDetails": NOT_TRUNCATED, "roleArn": self.role_arn}
        if self.state_machine_alias_arn is not None:
            details["stateMachineAliasArn"] = self.state_machine_alias_arn
        if self.state_machine_version_arn is not None:
            details["stateMachineVersionArn"] = self.state_machine_version_arn
        self.history.record("ExecutionStarted", 0, details)

    def take_over(self, root: Branch) -> None:
        """`root` was made from this execution's history: the execution may then be resumed, or where it has ended be redriven."""
        self._root = root

    def resume(self) -> None:
        """Goes on where an execution of an earlier process stood; nothing is recorded."""
        branch = self._root
        if branch is None:
            raise ValueError("only an execution that was restored can be resumed")
        self.is_resumed = True
        visit = branch.visit
        self._begin(lambda: branch.walk(self.machine, self.input) if visit is None else branch.go_on(self.machine, visit))

    def redrive(self) -> None:
        """Takes an execution that failed, timed out or was stopped up again, in the state in which it ended.

        Branches, iterations and children of Map Runs that had succeeded keep their results. Raises ValueError where there is nothing to
        take up.
        """
        branch = self._root
        if branch is None or not self.has_ended or self.status == "SUCCEEDED":
            raise ValueError(f"an execution that is {self.status} cannot be redriven")
        self.is_resumed = False
        self.redrive_count += 1
        self.redriven_at = self.timeline.now()
        self.status, self.error, self.cause, self.fault, self.stopped_at = "RUNNING", None, None, None, None
        self._ended = asyncio.Event()
        last = self.history.events[-1].id
        self.history.reopen()
        branch.previous_event_id = self.history.record("ExecutionRedriven", last, {"redriveCount": self.redrive_count})
        branch.context_members = self._context_members()
        visit = branch.visit
        if visit is None:
            self._begin(lambda: branch.walk(self.machine, self.input))
        else:
            visit.begin_redrive()
            self._begin(lambda: branch.go_on(self.machine, visit))

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Ends a running execution as ABORTED, at once; what it waits for is cancelled."""
        self._stop("ABORTED", "ExecutionAborted", StateFailure(error, cause))

    def release(self) -> None:
        """Lets go of what only a redrive of an ended execution would need.

        Its parts refer to one another: without this the garbage collector alone would free them, long after.
        """
        if self._root is not None:
            self._root.visit = None
            self._root = None
        self.on_end = None

    async def wait(self) -> None:
        """Returns once the execution has ended."""
        await self._ended.wait()

    async def at_rest(self, timeout_seconds: float) -> None:
        """Returns once nothing of an ended execution runs any more: what a stop or a timeout has cancelled may have to clean up.

        After `timeout_seconds` of real time it returns in any case.
        """
        while tasks := [task for task in (self._task, *self._background) if task is not None and not task.done()]:
            _, unfinished = await asyncio.wait(tasks, timeout=timeout_seconds)
            if unfinished:
                return

    def child(self, machine: StateMachine, *, arn: str, name: str, child_input: Payload, map_run: MapRun) -> Execution:
        """A child execution of `map_run`, which one of this execution's states opened."""
        return Execution(
            machine,
            arn=arn,
            name=name,
            execution_input=child_input,
            environment=self.environment,
            state_machine_arn=map_run.state_machine_arn,
            state_machine_name=map_run.state_machine_name,
            role_arn=self.role_arn,
            is_express=map_run.is_express,
            test_case=self.test_case,
            timeline=self.timeline,
            map_run=map_run,
        )

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs `work` beside the execution, which does not wait for it; its failure is logged and changes nothing."""
        task = asyncio.create_task(_logged(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _begin(self, walk: Callable[[], Coroutine[Any, Any, Payload]]) -> None:
        self._task = asyncio.create_task(self._run(walk))
        # After the task's first turn: what never waits has ended by then, and needs no timer. Nor is a skipping clock, whose time flies
        # while nobody works, shown a timer before the execution is at work.
        asyncio.get_running_loop().call_soon(self._start_timeout)

    def root_branch(self) -> Branch:
        """The branch that runs the machine's own states."""
        return Branch(self, previous_event_id=0, variables={}, context_members=self._context_members())

    def _context_members(self) -> dict[str, Any]:
        return execution_members(
            execution_arn=self.arn,
            execution_input=self.input.value,
            execution_name=self.name,
            role_arn=self.role_arn,
            started_at=self.started_at,
            redrive_count=self.redrive_count if self.trial is None else None,
            redriven_at=self.redriven_at,
            state_machine_arn=self.state_machine_arn,
            state_machine_name=self.state_machine_name,
            is_express=self.is_express,
        )

    async def _run(self, walk: Callable[[], Coroutine[Any, Any, Payload]]) -> None:
        with self.timeline.working():
            try:
                output = await walk()
            except StateFailed as failed:
                self._fail(failed.failure, failed.event_id)
            except ExecutionBroken as broken:
                self.fault = broken.failure if broken.is_fault else None
                self._fail(broken.failure, broken.event_id)
            except EventLimitReached as reached:
                self._fail(StateFailure("States.Runtime", str(reached)), self.history.events[-1].id)
            except asyncio.CancelledError:
                self.stop()
                raise
            except Exception as error:  # the task boundary: a fault of ours ends this execution, and no other
                _logger.exception("the execution %s broke", self.arn)
                self._fail(StateFailure("States.Runtime", f"{type(error).__name__}: {error}"), self.history.events[-1].id)
            else:
                self._succeed(output)

    def _start_timeout(self) -> None:
        """AWS lets no execution run for longer than its type allows, whatever the machine's TimeoutSeconds says."""
        if self.has_ended or self._timeout is not None:
            return
        limit = EXPRESS_LIMIT_SECONDS if self.is_express else STANDARD_LIMIT_SECONDS
        seconds = self.machine.timeout_seconds
        begun_at = self.started_at if self.redriven_at is None else self.redriven_at
        ends_at = begun_at + (limit if seconds is None else min(seconds, limit))
        self._timeout = self.timeline.call_later(ends_at - self.timeline.now(), self._time_out)

    def _succeed(self, output: Payload) -> None:
        if self.has_ended:
            return
        self.output = output.text
        previous = 0 if self._root is None else self._root.previous_event_id
        self._end("SUCCEEDED", "ExecutionSucceeded", previous, {"output": output.text, "outputDetails": NOT_TRUNCATED})

    def _fail(self, failure: StateFailure, previous_event_id: int) -> None:
        if self.has_ended:
            return
        self._end_failed("FAILED", "ExecutionFailed", previous_event_id, failure)

    def _time_out(self) -> None:
        self._stop("TIMED_OUT", "ExecutionTimedOut", StateFailure(None))

    def _stop(self, status: ExecutionStatus, event_type: str, failure: StateFailure) -> None:
        """AWS gives these two events no previous one."""
        if self.has_ended:
            return
        self._end_failed(status, event_type, 0, failure)
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def _end_failed(self, status: ExecutionStatus, event_type: str, previous_event_id: int, failure: StateFailure) -> None:
        self.error, self.cause = failure.error_name, failure.cause
        self._end(status, event_type, previous_event_id, failure.event_details)

    def _end(self, status: ExecutionStatus, event_type: str, previous_event_id: int, details: Mapping[str, Any]) -> None:
        self.status = status
        self.stopped_at = self.timeline.now()
        try:
            self.history.record_end(event_type, previous_event_id, details)
        finally:
            # Whoever hears of the event may fail; those who await the end do not wait for ever.
            if self._timeout is not None:
                self._timeout.cancel()
                self._timeout = None
            self._ended.set()
            if self.on_end is not None:
                self.on_end(self)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # best effort: whoever asked has gone on
        _logger.warning("work in the background failed", exc_info=True)
