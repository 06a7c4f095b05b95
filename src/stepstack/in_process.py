"""`stepstack.run`: one execution in this process and thread, without a server, without HTTP.

For property tests, notebooks and the command line: the engine alone, on a clock that skips waits. Task states call Python functions that
are given by name, or services whose endpoints are given. A thread keeps one loop for all its runs. Left out: activities with workers,
nested executions and everything else that a Step Functions service does (`stepstack.assembly`).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import inspect
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import Clock, Randomness, time_scale
from stepstack.errors import NotJson, SettingsError, StackError
from stepstack.history.wire import wire_event
from stepstack.interpreter.execution import Execution, ExecutionStatus
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import Environment, TaskCall, TaskFailed, TaskFault, TaskRunner
from stepstack.interpreter.task_tokens import TaskTokens
from stepstack.json_types import Json, json_problem, json_text, parse_json
from stepstack.language import parse
from stepstack.language.resources import ResourceKind, TaskResource
from stepstack.language.state_machine import StateMachine

if TYPE_CHECKING:
    from stepstack.integrations.integrations import Integrations

__all__ = ["FinishedExecution", "Task", "run"]

Task: TypeAlias = "Callable[[Any], Any] | Json"
"""A function of the task's parameters, sync or async; or its result. A function that raises fails the task."""

ACCOUNT = "123456789012"
REGION = "us-east-1"
CLEAN_UP_SECONDS = 5.0


@dataclass(frozen=True)
class FinishedExecution:
    """What an execution came to; `history` has the events as GetExecutionHistory answers them, timestamps in seconds."""

    status: ExecutionStatus
    output_text: str | None
    error: str | None
    cause: str | None
    arn: str
    started_at: float
    stopped_at: float
    history: list[dict[str, Any]]

    @functools.cached_property
    def output(self) -> Any:
        """The output as a value; None where there is none."""
        return None if self.output_text is None else parse_json(self.output_text)

    @functools.cached_property
    def states(self) -> list[str]:
        """The names of the states that were entered, in their order, those of branches and iterations too."""
        return [event["stateEnteredEventDetails"]["name"] for event in self.history if "stateEnteredEventDetails" in event]


def run(
    definition: str | Path | Mapping[str, Json],
    input: Json = None,  # noqa: A002 - the API's own word
    *,
    time: str | float = "skip",
    tasks: Mapping[str, Task] | Callable[[TaskCall], Any] | None = None,
    endpoints: Mapping[str, str] | None = None,
    name: str | None = None,
    machine_name: str = "StateMachine",
    role_arn: str = f"arn:aws:iam::{ACCOUNT}:role/stepstack",
    event_limit: int | None = None,
    seed: int | None = None,
    timeout_seconds: float = 60,
) -> FinishedExecution:
    """Runs `definition` (text, a value, or the path of a file; JSON or YAML) on `input` and returns when it has ended.

    `tasks` answers Task states: a mapping from the state's name, the function's name, the resource's ARN or its action
    (`dynamodb:putItem`) to a `Task`; or one function of the `TaskCall`. `endpoints` are URLs by service (`{"dynamodb": ...}`) for what
    `tasks` leaves. `time` is "skip", "real" or a scale. `event_limit` replaces AWS's 25,000 events.

    Raises DefinitionError for a definition that AWS would refuse, NotJson (a ValueError) for an input that is no JSON, and StackError where
    the execution has not ended after `timeout_seconds` of real time.
    """
    machine = _machine(definition if isinstance(definition, (str, Path)) else _text_of(definition, "definition"))
    request = _Request(
        machine=machine,
        input_text=_text_of({} if input is None else input, "input"),
        scale=time_scale(time),
        tasks=tasks or {},
        endpoints=endpoints,
        name=name,
        machine_name=machine_name,
        role_arn=role_arn,
        event_limit=event_limit,
        seed=seed,
        timeout_seconds=timeout_seconds,
    )
    if asyncio._get_running_loop() is None:
        return _loops.current().run_until_complete(_finished(request))
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: _loops.current().run_until_complete(_finished(request))).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    machine: StateMachine
    input_text: str
    scale: float
    tasks: Mapping[str, Task] | Callable[[TaskCall], Any]
    endpoints: Mapping[str, str] | None
    name: str | None
    machine_name: str
    role_arn: str
    event_limit: int | None
    seed: int | None
    timeout_seconds: float


def _text_of(value: Any, what: str) -> str:
    try:
        return json_text(value)
    except (TypeError, ValueError, RecursionError) as error:
        problem = json_problem(value) or str(error)
    raise NotJson(f"the {what} is no JSON: {problem}")


def _machine(definition: str | Path) -> StateMachine:
    if isinstance(definition, Path):
        text = definition.read_text(encoding="utf-8-sig")
        return _parsed(text, is_yaml=definition.suffix.lower() in {".yaml", ".yml"})
    is_json = definition.lstrip().startswith("{")
    if not is_json and "\n" not in definition.strip() and Path(definition).suffix:
        raise SettingsError(f"a str is a definition's text, and {definition!r} is none: give a file as pathlib.Path({definition!r})")
    return _parsed(definition, is_yaml=not is_json and "\n" in definition.strip())


@functools.lru_cache(maxsize=128)
def _parsed(text: str, *, is_yaml: bool) -> StateMachine:
    if is_yaml:
        from stepstack.language.source_map import YamlProblem, read_yaml  # JSON needs no YAML library

        try:
            text, _ = read_yaml(text)
        except YamlProblem as problem:
            raise SettingsError(f"the definition is no YAML: line {problem.line}, column {problem.column}: {problem.message}") from None
    return parse(text)


class _Loops(threading.local):
    """One loop for each thread that runs executions; closed with its thread."""

    def __init__(self) -> None:
        self._holder: _LoopHolder | None = None

    def current(self) -> asyncio.AbstractEventLoop:
        if self._holder is None:
            self._holder = _LoopHolder()
        return self._holder.loop


class _LoopHolder:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def __del__(self) -> None:
        self.loop.close()


_loops = _Loops()


async def _finished(request: _Request) -> FinishedExecution:
    randomness = Randomness(request.seed)
    integrations = _integrations(request, randomness)
    environment = Environment(
        clock=Clock(asyncio.get_running_loop(), request.scale),
        randomness=randomness,
        tasks=PythonTasks(request.tasks, integrations),
        tokens=TaskTokens(randomness),
        region=REGION,
        account=ACCOUNT,
        event_limit=request.event_limit,
    )
    name = request.name or randomness.uuid()
    prefix = f"arn:aws:states:{REGION}:{ACCOUNT}"
    execution = Execution(
        request.machine,
        arn=f"{prefix}:execution:{request.machine_name}:{name}",
        name=name,
        execution_input=Payload.parse(request.input_text),
        environment=environment,
        state_machine_arn=f"{prefix}:stateMachine:{request.machine_name}",
        state_machine_name=request.machine_name,
        role_arn=request.role_arn,
    )
    execution.start()
    try:
        await _ended(execution, request.timeout_seconds)
    finally:
        if integrations is not None:
            await integrations.close()
    return FinishedExecution(
        status=execution.status,
        output_text=execution.output,
        error=execution.error,
        cause=execution.cause,
        arn=execution.arn,
        started_at=execution.started_at,
        stopped_at=execution.stopped_at or execution.started_at,
        history=[wire_event(event) for event in execution.history.events],
    )


async def _ended(execution: Execution, timeout_seconds: float) -> None:
    timer = asyncio.get_running_loop().call_later(timeout_seconds, execution.stop, "stepstack.DeadlineExceeded")
    await execution.wait()
    timer.cancel()
    # The thread's loop does not turn again before the next run: whatever was cancelled cleans up now.
    await execution.at_rest(CLEAN_UP_SECONDS)
    if execution.status == "ABORTED":
        entered = [event.details["name"] for event in execution.history.events if event.details and event.type.endswith("StateEntered")]
        raise StackError(f"the execution has not ended after {timeout_seconds} s; it was last in {entered[-1:]}")


def _integrations(request: _Request, randomness: Randomness) -> Integrations | None:
    if request.endpoints is None:
        return None
    from stepstack.integrations.endpoints import Endpoints
    from stepstack.integrations.integrations import Integrations

    return Integrations(Endpoints(urls=dict(request.endpoints)), randomness=randomness)


def task_names(state_name: str, resource: TaskResource) -> list[str]:
    """The names by which a task may be given, the first that is there counts: its state, its ARN, its function or its action."""
    is_service = resource.kind is ResourceKind.SERVICE
    return [state_name, resource.arn, f"{resource.service}:{resource.action}" if is_service else resource.name]


class PythonTasks:
    """A TaskRunner whose tasks are Python functions and values; what it has no task for goes to `others`, where there are any."""

    def __init__(self, tasks: Mapping[str, Task] | Callable[[TaskCall], Any], others: TaskRunner | None = None) -> None:
        self._tasks = tasks
        self._others = others

    def problem(self, call: TaskCall) -> str | None:
        if self.is_mocked(call):
            return None
        return self._no_task(call) if self._others is None else self._others.problem(call)

    def is_mocked(self, call: TaskCall) -> bool:
        return callable(self._tasks) or self._key(call) is not None

    async def request(self, call: TaskCall) -> Json:
        if callable(self._tasks):
            return await _called(self._tasks, call, call.state_name)
        key = self._key(call)
        if key is not None:
            task = self._tasks[key]
            if not callable(task):
                return _json_of(task, call.state_name)
            return await _called(task, call.parameters, call.state_name)
        if self._others is None:
            raise TaskFault(self._no_task(call))
        return await self._others.request(call)

    async def completion(self, call: TaskCall, submitted: Json) -> Json:
        if self._others is None:
            raise TaskFault(self._no_task(call))
        return await self._others.completion(call, submitted)

    async def abandon(self, call: TaskCall, submitted: Json) -> None:
        if self._others is not None:
            await self._others.abandon(call, submitted)

    @staticmethod
    def _no_task(call: TaskCall) -> str:
        return f"no task is given for the state '{call.state_name}', nor an endpoint for {call.resource.arn}"

    def _key(self, call: TaskCall) -> str | None:
        names = task_names(call.state_name, call.resource)
        return next((name for name in names if name in self._tasks), None) if isinstance(self._tasks, Mapping) else None


async def _called(task: Callable[[Any], Any], argument: Any, state_name: str) -> Json:
    """What `task` returns; an exception becomes the task's failure, named after its class as a Lambda function's would be."""
    try:
        result = task(argument)
        if inspect.isawaitable(result):
            result = await result
    except TaskFailed:
        raise
    except Exception as error:
        cause = {"errorMessage": str(error), "errorType": type(error).__name__}
        raise TaskFailed(type(error).__name__, json_text(cause)) from error
    return _json_of(result, state_name)


def _json_of(result: Any, state_name: str) -> Json:
    try:
        json_text(result)
    except (TypeError, ValueError) as error:
        problem = json_problem(result) or error
        raise TaskFault(f"The task of the state '{state_name}' answers what is no JSON: {problem}") from error
    answer: Json = result
    return answer
