"""An execution with mocks where the engine is AWS's: state by state through TestState.

AWS mocks nothing in executions, but TestState takes a mock for one state. So a state machine whose tasks are mocked is walked: each
state's output is the next one's input, as TestState answers them, and the history is written along the way. Nothing waits between
retries. What is not mocked is really called. Left out: what TestState cannot run alone (a Parallel or a Map that is not mocked), the state
machine's own timeout, the times of events, the tries of each retrier apart where a task is really called.
Called by `StateMachineHandle.run` on the backend aws. Source: AWS's developer guide, "Testing state machines with TestState".
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stepstack.errors import StackError
from stepstack.history.history import details_key
from stepstack.integrations.mocks import Answer, Computes, Raises, Returns
from stepstack.interpreter.error_handling import is_matched
from stepstack.interpreter.ports import StateFailure
from stepstack.json_types import Json, json_text, parse_json
from stepstack.testing.executions import ExecutionResult
from stepstack.testing.mock_cases import Declaration
from stepstack.testing.mocks import failure_of
from stepstack.testing.single_states import StateResult, run_single_state

if TYPE_CHECKING:
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["walk"]

STEP_LIMIT = 1000


def walk(machine: StateMachineHandle, input_text: str, name: str, declarations: Sequence[Declaration]) -> ExecutionResult:
    """The execution that TestState's answers add up to. StackError where a state cannot be tested alone."""
    walker = _Walker(machine, input_text, name, declarations)
    walker.walk()
    return walker.result


class _Walker:
    """One walk: where it is, and the history so far."""

    def __init__(self, machine: StateMachineHandle, input_text: str, name: str, declarations: Sequence[Declaration]) -> None:
        self._machine = machine
        self._graph = json.loads(machine.definition)
        self._declarations = declarations
        self._answered: Counter[int] = Counter()
        self._events: list[dict[str, Any]] = []
        self._data = parse_json(input_text)
        self._variables: dict[str, Json] = {}
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        self._context = {
            "Execution": {"Id": arn, "Name": name, "Input": self._data},
            "StateMachine": {"Id": machine.arn, "Name": machine.name},
        }
        self.result = ExecutionResult(arn, name, machine.arn, "RUNNING", input_text, fetch_history=lambda: self._events)

    def walk(self) -> None:
        self._note("ExecutionStarted", input=json_text(self._data))
        state_name: str | None = self._graph["StartAt"]
        for _ in range(STEP_LIMIT):
            outcome = self._visit(str(state_name))
            if outcome.status == "FAILED":
                return self._end("FAILED", error=outcome.error, cause=outcome.cause)
            state_name = outcome.next_state
            if state_name is None:
                return self._end("SUCCEEDED", output=json_text(self._data))
        raise StackError(f"{self._machine.name} went through {STEP_LIMIT} states and did not end")

    def _visit(self, name: str) -> StateResult:
        """Stays in one state until it is left or the execution fails."""
        state = self._graph["States"][name]
        self._note(f"{state['Type']}StateEntered", name=name, input=json_text(self._data))
        retries: Counter[int] = Counter()
        outcome = self._attempt(name, state, retries)
        while outcome.status == "RETRIABLE":
            retries[_retrier_of(state, outcome.error)] += 1
            outcome = self._attempt(name, state, retries)
        if outcome.status != "FAILED":
            self._data = outcome.output
            self._variables.update(outcome.inspection.get("variables") or {})
            self._note(f"{state['Type']}StateExited", name=name, output=json_text(self._data))
        return outcome

    def _attempt(self, name: str, state: dict[str, Any], retries: Counter[int]) -> StateResult:
        """One attempt; `retries` says how often each retrier has tried already."""
        declaration = next((one for one in reversed(self._declarations) if one.matches(name, state.get("Resource", ""))), None)
        mock: Any = ...
        if declaration is not None:
            mock = self._mock(name, declaration, retries)
        # TestState asks how often the retrier has tried that takes the error; where a real call may bring any, how often any has.
        tried = retries[_retrier_of(state, mock.error_name)] if isinstance(mock, Raises) else retries.total()
        outcome = self._tested(name, retries, mock, tried=tried)
        if state["Type"] == "Task":
            parameters = _parameters(outcome, self._data)
            self._note("TaskScheduled", resource=state["Resource"], parameters=json_text(parameters))
            failed = outcome.status != "SUCCEEDED"
            details = (
                {"error": outcome.error, "cause": outcome.cause} if failed else {"output": json_text(outcome.inspection.get("result"))}
            )
            self._note("TaskFailed" if failed else "TaskSucceeded", **details)
        return outcome

    def _mock(self, name: str, declaration: Declaration, retries: Counter[int]) -> Any:
        """The next answer of `declaration`, as TestState's mock."""
        number = self._answered[id(declaration)]
        self._answered[id(declaration)] += 1
        if number >= len(declaration.answers) and not declaration.is_repeated:
            return Raises("States.Runtime", f"the mock for {name!r} has {len(declaration.answers)} answers, and this is call {number + 1}")
        answer: Answer = declaration.answers[0 if declaration.is_repeated else number]
        if not isinstance(answer, Computes):
            return answer.value if isinstance(answer, Returns) else answer
        # What the task would be sent is known once TestState has been asked; what it answers then does not matter.
        asked = self._tested(name, retries, {}, checked=False)
        return _computed(answer, _parameters(asked, self._data))

    def _tested(self, name: str, retries: Counter[int], mock: Any, *, tried: int = 0, checked: bool = True) -> StateResult:
        client = self._machine.client
        context: dict[str, Any] = {**self._context, "State": {"Name": name, "RetryCount": retries.total()}}
        words: dict[str, Any] = {"variables": self._variables or None, "retry_count": tried or None, "checked": checked}
        try:
            return run_single_state(self._machine, name, self._data, mock=mock, context=context, **words)
        except client.exceptions.ClientError as error:
            raise StackError(f"TestState does not run the state {name!r}: {error.response['Error'].get('Message')}") from error

    def _end(self, status: str, **details: str | None) -> None:
        given = {key: value for key, value in details.items() if value is not None}
        self._note("ExecutionSucceeded" if status == "SUCCEEDED" else "ExecutionFailed", **given)
        self.result.status = status
        self.result.output_text = given.get("output")
        self.result.error, self.result.cause = given.get("error"), given.get("cause")

    def _note(self, kind: str, **details: Any) -> None:
        number = len(self._events) + 1
        self._events.append({"id": number, "previousEventId": number - 1, "type": kind, details_key(kind): details})


def _retrier_of(state: dict[str, Any], error: str | None) -> int:
    """The index of the retrier that takes `error`, -1 where none does."""
    failure = StateFailure(error or "")
    retriers = enumerate(state.get("Retry", ()))
    return next((index for index, retrier in retriers if is_matched(tuple(retrier["ErrorEquals"]), failure)), -1)


def _parameters(outcome: StateResult, otherwise: Json) -> Json:
    """What the task was sent."""
    for name in ("afterParameters", "afterArguments", "afterInputPath"):
        if name in outcome.inspection:
            parameters: Json = outcome.inspection[name]
            return parameters
    return otherwise


def _computed(answer: Computes, parameters: Json) -> Any:
    try:
        value = answer.function(parameters)
        return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value
    except Exception as error:  # noqa: BLE001 - a test's function may raise anything; it fails the task, as a function of Lambda would
        return failure_of(error)


async def _awaited(value: Any) -> Any:
    return await value
