"""What one execution needs from outside, as protocols: tasks to call, tokens to await, child executions to run.

The interpreter calls them; the integrations, the service and the tests' fakes implement them; `stepstack.assembly` wires them together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stepstack.clock import Clock, Randomness, Timeline
from stepstack.json_types import Json, JsonObject
from stepstack.language.resources import TaskResource

if TYPE_CHECKING:
    from stepstack.interpreter.task_tokens import TaskTokens

__all__ = [
    "ActivityQueue",
    "Environment",
    "MapRunRegistry",
    "StateFailure",
    "TaskCall",
    "TaskFailed",
    "TaskFault",
    "TaskRunner",
]


@dataclass(frozen=True, slots=True)
class StateFailure:
    """The failure of a state, as data: an Error Name and a cause, each None where AWS leaves it out.

    `also_known_as` are further Error Names under which ErrorEquals finds it: a missed heartbeat is reported as States.Timeout, and
    States.HeartbeatTimeout finds it too.
    """

    error_name: str | None
    cause: str | None = None
    also_known_as: tuple[str, ...] = ()

    @property
    def event_details(self) -> dict[str, str]:
        """What an event tells of it: `{"error": "Busy", "cause": "no seat"}`, each where there is one."""
        told = {"error": self.error_name, "cause": self.cause}
        return {name: text for name, text in told.items() if text is not None}


class TaskFailed(Exception):
    """Raised by a TaskRunner where the called service refuses or fails."""

    is_final = False
    """Whether it ends the execution, whatever Retry and Catch there are."""

    def __init__(self, error_name: str | None, cause: str | None = None) -> None:
        self.failure = StateFailure(error_name, cause)
        super().__init__(f"{error_name}: {cause}")


class TaskFault(TaskFailed):
    """The test or its set-up is wrong, not what is called: States.Runtime, hidden by no Catch of States.ALL and no Map's tolerance."""

    is_final = True

    def __init__(self, cause: str) -> None:
        super().__init__("States.Runtime", cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """One attempt of a Task state (or of an ItemReader or ResultWriter), ready to be made."""

    resource: TaskResource
    parameters: Json
    """The effective input, or the evaluated Parameters or Arguments."""
    context_object: JsonObject
    state_name: str
    attempt: int
    """0 for the first attempt, then one more with each retry."""
    execution_arn: str
    state_machine_arn: str
    test_case: str | None
    """Behind `#` in StartExecution's ARN; None where there is none."""
    timeline: Timeline
    root_execution_arn: str = ""
    """Of a Map Run's child, the execution that somebody started; else the execution itself."""
    task_token: str | None = None
    credentials: JsonObject | None = None
    timeout_seconds: float | None = None
    body_as_latin_1: bool = False
    """For an ItemReader's `s3:getObject`: its answer's Body is the object's bytes, each as the character of its number, so that
    compressed objects come through.
    """

    @property
    def state_machine_name(self) -> str:
        """The state machine's name, without version, alias or label."""
        return self.state_machine_arn.rpartition(":stateMachine:")[2].partition(":")[0].partition("/")[0]


class TaskRunner(Protocol):
    """Makes the calls. Every async method raises TaskFailed, may be cancelled at any await, and never blocks the loop."""

    def problem(self, call: TaskCall) -> str | None:
        """Why the parameters cannot start the task, in AWS's words ("The value of the field 'Headers' has an invalid format").

        None where they can. Asked before the task is scheduled: a problem ends the execution with States.Runtime.
        """
        ...

    def is_mocked(self, call: TaskCall) -> bool:
        """Whether `request` answers this call from a mock: its answer is then the task's result, also where the state awaits a token,
        an activity or a job.
        """
        ...

    async def request(self, call: TaskCall) -> Json:
        """The answer of the service. For `.sync` it is what starting the job answered."""
        ...

    async def completion(self, call: TaskCall, submitted: Json) -> Json:
        """For `.sync` and `.sync:2`: waits until the job that `submitted` started has ended; its description."""
        ...

    async def abandon(self, call: TaskCall, submitted: Json) -> None:
        """For `.sync`: the execution stops while the job runs; stops the job, best effort."""
        ...


class ActivityQueue(Protocol):
    """Where activity workers poll."""

    def exists(self, activity_arn: str) -> bool: ...

    def schedule(self, activity_arn: str, token: str, task_input: str, started: Callable[[str | None], None]) -> None:
        """Queues a task; `started(worker_name)` is called when a worker takes it. Withdrawn when its token is closed."""
        ...


class MapRunRegistry(Protocol):
    """Where distributed Maps register their Map Run, so that ListMapRuns, DescribeMapRun and ListExecutions see it.

    The interpreter owns the run and its counters (`stepstack.interpreter.map_run.MapRun`); the registry keeps what it is handed.
    """

    def opened(self, map_run: object) -> None: ...

    def child_started(self, map_run: object, execution: object, item_count: int) -> None:
        """A child execution of the Map Run begins, with so many of its items."""
        ...

    def ended(self, map_run_arn: str) -> object | None:
        """The Map Run that a redrive may go on with (`stepstack.interpreter.map_run.EndedMapRun`); None where it has to begin anew."""
        ...

    def redriven(self, map_run: object) -> None:
        """A Map Run of that ARN goes on."""
        ...

    def child_redriven(self, map_run: object, execution: object) -> None: ...

    def child_restarted(self, map_run: object, former_arn: str, execution: object) -> None:
        """A new Express execution begins in the place of the one that had not succeeded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """All that executions share; one for a service."""

    clock: Clock
    randomness: Randomness
    tasks: TaskRunner
    tokens: TaskTokens
    activities: ActivityQueue | None = None
    map_runs: MapRunRegistry | None = None
    region: str = "us-east-1"
    account: str = "123456789012"
    event_limit: int | None = None
    """None for AWS's 25,000."""
