"""A state machine that a test made, on whatever stack: run it, start it, delete it.

Made by the `state_machine` fixture or by `StateMachineHandle.create`. It speaks to the Step Functions API through boto3 alone, so it works
alike on every backend. Every wait has a deadline in real time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stepstack.clock import Deadline
from stepstack.errors import StackError
from stepstack.history.visits import Event
from stepstack.json_types import Json
from stepstack.testing.executions import ExecutionResult, ExecutionTimeout
from stepstack.testing.explanation import explain, explain_events
from stepstack.testing.refusals import given_text, refusal_of

if TYPE_CHECKING:
    from stepstack.testing.mock_cases import Declaration
    from stepstack.testing.single_states import StateResult
    from stepstack.testing.stack import Stack

Answer = TypeVar("Answer")

__all__ = ["ExecutionHandle", "StateMachineHandle"]

RUN_SECONDS = 60.0
"""How long an execution may take, in real time, where nobody says otherwise."""
HISTORY_PAGE = 1000


class ExecutionHandle:
    """An execution that may still run."""

    def __init__(self, machine: StateMachineHandle, arn: str, name: str, input_text: str) -> None:
        self.machine = machine
        self.arn = arn
        self.name = name
        self.input_text = input_text
        self._told_end: datetime | None = None

    def describe(self) -> dict[str, Any]:
        """What DescribeExecution answers."""
        description: dict[str, Any] = self.machine.client.describe_execution(executionArn=self.arn)
        return description

    @property
    def status(self) -> str:
        return str(self.describe()["status"])

    def history(self) -> Sequence[Event]:
        """Every event so far."""
        pages = self.machine.client.get_paginator("get_execution_history").paginate(
            executionArn=self.arn, includeExecutionData=True, PaginationConfig={"PageSize": HISTORY_PAGE}
        )
        return [event for page in pages for event in page["events"]]

    def stop(self, error: str = "", cause: str = "") -> None:
        """Aborts it."""
        details = {key: value for key, value in (("error", error), ("cause", cause)) if value}
        self.machine.client.stop_execution(executionArn=self.arn, **details)

    def wait(self, timeout: float | None = None) -> ExecutionResult:
        """The finished execution. After `timeout` seconds of real time it is stopped, and ExecutionTimeout raised."""
        __tracebackhide__ = True
        deadline = Deadline(self.machine.run_seconds if timeout is None else timeout)
        pauses = self.machine.stack.poll_pauses()
        while True:
            description = self.describe()
            if description["status"] != "RUNNING":
                return self._finished(description)
            if deadline.has_passed():
                self._give_up(deadline)
            deadline.pause(next(pauses))

    def wait_for_event(self, condition: str | Callable[[Event], bool], timeout: float | None = None) -> Event:
        """The first event of that type, or that `condition` holds for; ExecutionTimeout where none comes before the deadline."""
        __tracebackhide__ = True
        is_wanted = (lambda event: event["type"] == condition) if isinstance(condition, str) else condition
        deadline = Deadline(self.machine.run_seconds if timeout is None else timeout)
        pauses = self.machine.stack.poll_pauses()
        while True:
            is_over = deadline.has_passed() or self.status != "RUNNING"
            event = next(filter(is_wanted, self.history()), None)
            if event is not None:
                return event
            if is_over:
                wanted = condition if isinstance(condition, str) else "the event that was waited for"
                raise ExecutionTimeout(f"there is no {wanted} in {self.name}\n{self._last_events()}")
            deadline.pause(next(pauses))

    def _give_up(self, deadline: Deadline) -> None:
        __tracebackhide__ = True
        with suppress(self.machine.client.exceptions.ClientError):
            self.stop("stepstack.Timeout", f"it did not end within {deadline.seconds:g} s")
        result = self._finished(self.describe())
        raise ExecutionTimeout(f"the execution did not end within {deadline.seconds:g} s of real time\n{explain(result)}")

    def _finished(self, description: dict[str, Any]) -> ExecutionResult:
        """The result; listeners have it once for each end of the execution, however often a test waits for it."""
        result = self._result(description)
        if result.stopped_at is None or result.stopped_at != self._told_end:
            self._told_end = result.stopped_at
            self.machine.finished(result)
        return result

    def _last_events(self) -> str:
        return "\n".join(explain_events(self.history()))

    def _result(self, description: dict[str, Any]) -> ExecutionResult:
        return ExecutionResult(
            arn=self.arn,
            name=self.name,
            state_machine_arn=self.machine.arn,
            status=description["status"],
            input_text=self.input_text,
            output_text=description.get("output"),
            error=description.get("error"),
            cause=description.get("cause"),
            started_at=description.get("startDate"),
            stopped_at=description.get("stopDate"),
            fetch_history=self.history,
        )


class StateMachineHandle:
    """A state machine on a stack. `run(input)` is what most tests want."""

    def __init__(self, stack: Stack, arn: str, *, definition: str, type: str = "STANDARD", run_seconds: float = RUN_SECONDS) -> None:  # noqa: A002 - AWS's word
        self.stack = stack
        self.arn = arn
        self.name = arn.rpartition(":")[2]
        self.definition = definition
        self.type = type
        self.run_seconds = run_seconds
        self.path: Path | None = None
        """The file that the definition came from, where it came from one."""
        self.logical_id: str | None = None
        """In the template at `path`, where that holds the definition."""
        self.label: str = self.name
        """What reports call it; the name itself is unique to a test."""
        self.client = stack.client("stepfunctions")
        self.execution_name: Callable[[], str] | None = None
        """Makes the names of executions that are started without one; None leaves it to the service."""
        self.default_test_case: Callable[[], str | None] | None = None
        """Says which case of the server's mock file executions take that name none."""
        self.prepare: Callable[[str], str] = str
        """What becomes of a definition before it is sent."""
        self.walked_mocks: Callable[[], Sequence[Declaration]] | None = None
        """The mocks with which `run` walks the state machine through TestState; None, or none of them, for a real execution."""

    @classmethod
    def create(
        cls,
        stack: Stack,
        name: str,
        definition: str,
        *,
        type: str = "STANDARD",  # noqa: A002 - AWS's word
        role_arn: str | None = None,
        run_seconds: float = RUN_SECONDS,
        prepare: Callable[[str], str] = str,
        path: Path | None = None,
    ) -> StateMachineHandle:
        """Creates the state machine; RequestRefused has each problem of the definition, and its place in `path`, where it came from.

        `prepare` makes what is sent of it.
        """
        __tracebackhide__ = True
        role = role_arn or stack.role_arn()
        create = stack.client("stepfunctions").create_state_machine
        response = _accepted(
            lambda: create(name=name, definition=prepare(definition), type=type, roleArn=role),
            machine=name,
            definition=definition,
            path=path,
        )
        machine = cls(stack, response["stateMachineArn"], definition=definition, type=type, run_seconds=run_seconds)
        machine.prepare = prepare
        machine.path = path
        return machine

    def run(
        self,
        input: Json = None,  # noqa: A002 - AWS's word
        *,
        name: str | None = None,
        timeout: float | None = None,
        test_case: str | None = None,
    ) -> ExecutionResult:
        """Runs one execution to its end, whatever that is.

        `input` is a JSON value, None for `{}`; a str is JSON text, as boto3 takes it. An execution that does not end within `timeout`
        seconds of real time is stopped, and ExecutionTimeout raised with its path and its last events. EXPRESS state machines are
        started synchronously. `test_case` chooses a case of the mock file that the server has (`mock_file`).
        """
        __tracebackhide__ = True
        text = _input_text(input)
        declarations = self.walked_mocks() if self.walked_mocks else ()
        if declarations:
            from stepstack.testing.state_walk import walk

            return self.finished(walk(self, text, name or (self.execution_name() if self.execution_name else "walk"), declarations))
        if self.type == "EXPRESS":
            return self._run_express(text, name, test_case)
        return self._start(text, name, test_case).wait(timeout)

    def start(self, input: Json = None, *, name: str | None = None, test_case: str | None = None) -> ExecutionHandle:  # noqa: A002 - AWS's word
        """Starts an execution and returns at once."""
        __tracebackhide__ = True
        return self._start(_input_text(input), name, test_case)

    def test_state(
        self,
        name: str,
        input: Json = None,  # noqa: A002 - AWS's word
        *,
        mock: Any = ...,
        variables: Mapping[str, Json] | None = None,
        context: Mapping[str, Json] | None = None,
        retry_count: int | None = None,
        checked: bool = True,
    ) -> StateResult:
        """What the state `name` alone makes of `input`, by TestState: status, output, next state, the value after each step.

        `mock` is its task's result, or `Raises(...)`; without one, the task is called. A mock is checked against the service's own shape
        unless `checked` is False. `variables` are those that earlier states assigned, `context` the Context Object, `retry_count` the
        retries so far. RequestRefused where there is no such state.
        """
        __tracebackhide__ = True
        from stepstack.testing.single_states import run_single_state

        words = {"mock": mock, "variables": variables, "context": context, "retry_count": retry_count, "checked": checked}
        state_input = {} if input is None else input
        return self._accepted(lambda: run_single_state(self, name, state_input, **words), state=name)

    def update(self, definition: str) -> None:
        """Gives the state machine another definition."""
        __tracebackhide__ = True
        sent = self.prepare(definition)
        update = self.client.update_state_machine
        _accepted(lambda: update(stateMachineArn=self.arn, definition=sent), machine=self.label, definition=definition)
        self.definition = definition

    def delete(self) -> None:
        """Deletes it, where it is still there; executions that still run are stopped first."""
        with suppress(self.client.exceptions.StateMachineDoesNotExist):
            if self.type == "STANDARD":
                self._stop_executions()
            self.client.delete_state_machine(stateMachineArn=self.arn)

    def _stop_executions(self) -> None:
        for page in self.client.get_paginator("list_executions").paginate(stateMachineArn=self.arn, statusFilter="RUNNING"):
            for execution in page["executions"]:
                with suppress(self.client.exceptions.ExecutionDoesNotExist):
                    self.client.stop_execution(executionArn=execution["executionArn"])

    def finished(self, result: ExecutionResult) -> ExecutionResult:
        """Hands `result` on to whoever listens on the stack."""
        for listener in self.stack.listeners:
            listener(self, result)
        return result

    def _accepted(self, call: Callable[[], Answer], state: str | None = None) -> Answer:
        __tracebackhide__ = True
        return _accepted(call, machine=self.label, definition=self.definition, path=self.path, state=state)

    def _start(self, input_text: str, name: str | None, test_case: str | None) -> ExecutionHandle:
        __tracebackhide__ = True
        name = name or (self.execution_name() if self.execution_name else None)
        names = {"name": name} if name else {}
        machine_arn, start = self._arn_of_case(test_case), self.client.start_execution
        arn: str = self._accepted(lambda: start(stateMachineArn=machine_arn, input=input_text, **names))["executionArn"]
        return ExecutionHandle(self, arn, arn.rpartition(":")[2], input_text)

    def _arn_of_case(self, test_case: str | None) -> str:
        test_case = test_case or (self.default_test_case() if self.default_test_case else None)
        return f"{self.arn}#{test_case}" if test_case else self.arn

    def _run_express(self, input_text: str, name: str | None, test_case: str | None) -> ExecutionResult:
        __tracebackhide__ = True
        names = {"name": name} if name else {}
        machine_arn, start = self._arn_of_case(test_case), self.client.start_sync_execution
        answer = self._accepted(lambda: start(stateMachineArn=machine_arn, input=input_text, **names))
        return self.finished(
            ExecutionResult(
                arn=answer["executionArn"],
                name=answer["name"],
                state_machine_arn=self.arn,
                status=answer["status"],
                input_text=input_text,
                output_text=answer.get("output"),
                error=answer.get("error"),
                cause=answer.get("cause"),
                started_at=answer["startDate"],
                stopped_at=answer["stopDate"],
                fetch_history=_no_express_history,
            )
        )

    def __repr__(self) -> str:
        return f"<StateMachineHandle {self.name}>"


def _accepted(call: Callable[[], Answer], **known: Any) -> Answer:
    """What `call` returns; RequestRefused, without the way through boto3, where Step Functions refuses."""
    __tracebackhide__ = True
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        refusal = refusal_of(error, **known)
    raise refusal


def _no_express_history() -> Sequence[Event]:
    raise StackError("EXPRESS executions have no history that can be asked for; use type STANDARD, or read their logs")


def _input_text(value: Json) -> str:
    __tracebackhide__ = True
    if value is None:
        return "{}"
    return value if isinstance(value, str) else given_text(value, "input")
