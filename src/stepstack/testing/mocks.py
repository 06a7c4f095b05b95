"""Mocks of tasks for one test, and assertions on their calls.

Behind the fixture `mock_task`; `stepstack.integrations.mocks` answers. A mock is chosen by state, by resource, by state machine, or by any
of them together; those declared last are asked first. Answers are checked against the service's own shape, unless `checked=False`.

    charge = mock_task("Charge card", answers=[Raises("Busy"), {"Payload": "ok"}])
    mock_task(resource="dynamodb:putItem", returns={})
    mock_task("Price", computes=lambda order: order["pieces"] * 2)
    ...
    charge.assert_calls([{"amount": 5}, {"amount": 5}])

Works where the engine runs in the test's own process.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import StackError
from stepstack.integrations.mocks import Computes, Mock, Raises, Returns
from stepstack.json_types import Json, json_text

if TYPE_CHECKING:
    from stepstack.interpreter.ports import TaskCall
    from stepstack.testing.stack import Stack

__all__ = ["Computes", "MockedCall", "Raises", "Returns", "TaskMock", "TaskMocks"]

Failure: TypeAlias = "str | tuple[str, str] | BaseException | type[BaseException] | Raises"


@dataclass(frozen=True, slots=True)
class MockedCall:
    """One call that a mock answered."""

    parameters: Json
    """What the task was sent."""
    state_name: str
    resource: str
    """The Task's Resource, an ARN."""
    attempt: int
    """0, then one more with each retry."""
    execution_arn: str

    @classmethod
    def of(cls, call: TaskCall) -> MockedCall:
        return cls(call.parameters, call.state_name, call.resource.arn, call.attempt, call.execution_arn)


class TaskMock:
    """One mock of a test: the calls that it answered, and assertions on them."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock

    @property
    def calls(self) -> list[MockedCall]:
        """In their order."""
        return [MockedCall.of(call) for call in self._mock.calls]

    @property
    def call_count(self) -> int:
        return len(self._mock.calls)

    def assert_called(self) -> None:
        __tracebackhide__ = True
        if not self._mock.calls:
            raise AssertionError(f"{self._mock} should have been called")

    def assert_not_called(self) -> None:
        __tracebackhide__ = True
        if self._mock.calls:
            raise AssertionError(f"{self._mock} should not have been called; {self._told()}")

    def assert_called_once(self) -> None:
        __tracebackhide__ = True
        if len(self._mock.calls) != 1:
            raise AssertionError(f"{self._mock} should have been called once; {self._told()}")

    def assert_called_with(self, parameters: Json) -> None:
        """The last call had these parameters."""
        __tracebackhide__ = True
        self.assert_called()
        if self._mock.calls[-1].parameters != parameters:
            raise AssertionError(f"{self._mock} should have been called last with {json_text(parameters)}; {self._told()}")

    def assert_called_once_with(self, parameters: Json) -> None:
        __tracebackhide__ = True
        self.assert_called_once()
        self.assert_called_with(parameters)

    def assert_calls(self, parameters: Sequence[Json]) -> None:
        """There were exactly these calls, in this order."""
        __tracebackhide__ = True
        if [call.parameters for call in self._mock.calls] != list(parameters):
            wanted = "".join(f"\n  {json_text(one)}" for one in parameters)
            raise AssertionError(f"{self._mock} should have been called with:{wanted or ' nothing'}\n{self._told()}")

    def _told(self) -> str:
        lines = [f"\n  {json_text(call.parameters)} in {call.state_name!r}, attempt {call.attempt}" for call in self._mock.calls]
        return f"its calls were:{''.join(lines)}" if lines else "it was not called"

    def __repr__(self) -> str:
        return f"<{self._mock}, {self.call_count} calls>"


class TaskMocks:
    """The mocks of one test; call it to declare one. A context manager that takes them away again."""

    def __init__(self, stack: Stack, *, checked: bool = True) -> None:
        if stack.embedded_stack is None:
            raise StackError(
                f"the backend {stack.backend} runs tasks elsewhere: mocks in Python need our engine in this process (embedded)"
            )
        self._engine = stack.embedded_stack.assembly.integrations.mocks
        self._checked = checked
        self._mocks: list[Mock] = []
        self._before = (self._engine.refuse_unmocked, self._engine.allowed)

    def __call__(
        self,
        state: str | None = None,
        *,
        resource: str | None = None,
        state_machine: str | None = None,
        returns: Any = ...,
        raises: Failure | None = None,
        computes: Callable[[Any], Any] | None = None,
        answers: Iterable[Any] | None = None,
        checked: bool | None = None,
    ) -> TaskMock:
        """Declares a mock for the calls that fit all of `state`, `resource` and `state_machine`; `*` stands for any part of a name.

        `resource` is an ARN or its end, such as `dynamodb:putItem` or a Lambda function's name. Exactly one of the others says what it
        answers. `raises` is an Error Name, that and a cause, or an exception as a Lambda function raises it. `computes` is called with the
        task's parameters, in a thread of its own unless it is a coroutine function. `answers` are given one after the other: results,
        `Raises(...)`, exceptions, or functions of the parameters; a further call fails.
        """
        given: dict[str, Any] = {}
        if returns is not ...:
            given["returns"] = returns
        if raises is not None:
            failure = _failing(raises)
            given["raises"] = failure.error_name if failure.cause is None else (failure.error_name, failure.cause)
        if computes is not None:
            given["computes"] = _beside_the_loop(computes)
        if answers is not None:
            given["answers"] = [_answer(one) for one in answers]
        given["checked"] = self._checked if checked is None else checked
        mock = self._engine.add(state=state, resource=resource, state_machine=state_machine, **given)
        self._mocks.append(mock)
        return TaskMock(mock)

    def declare(self, mocks: Mapping[str, Any]) -> None:
        """Mocks by state name, as the marker has them: a result, `Raises(...)`, an exception, a function, or a list of such answers."""
        for state, answer in mocks.items():
            if isinstance(answer, list):
                self(state, answers=answer)
                continue
            made = _answer(answer)
            if isinstance(made, Raises):
                self(state, raises=made)
            elif isinstance(made, Computes):
                self(state, computes=answer.function if isinstance(answer, Computes) else answer)
            else:
                self(state, returns=made.value)

    def refuse_others(self, *allowed: str) -> None:
        """From now on, a task that no mock answers fails its state, except where its resource is one of `allowed`."""
        self._engine.allowed = allowed
        self._engine.refuse_unmocked = True

    @property
    def calls(self) -> list[MockedCall]:
        """Every call of this test that was mocked or refused, in their order across all mocks."""
        return [MockedCall.of(call) for call in list(self._engine.calls)]

    def __enter__(self) -> TaskMocks:
        self._engine.calls.clear()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for mock in self._mocks:
            self._engine.remove(mock)
        self._engine.refuse_unmocked, self._engine.allowed = self._before


def _answer(answer: Any) -> Returns | Raises | Computes:
    if isinstance(answer, (Returns, Raises)):
        return answer
    if isinstance(answer, Computes):
        return Computes(_beside_the_loop(answer.function))
    if isinstance(answer, BaseException) or (isinstance(answer, type) and issubclass(answer, BaseException)):
        return _failing(answer)
    if callable(answer):
        return Computes(_beside_the_loop(answer))
    return Returns(answer)


def _failing(failure: Failure) -> Raises:
    """An exception becomes the error payload that a Lambda function's would."""
    if isinstance(failure, Raises):
        return failure
    if isinstance(failure, str):
        return Raises(failure)
    if isinstance(failure, tuple):
        return Raises(*failure)
    raised = failure() if isinstance(failure, type) else failure
    name = type(raised).__name__
    return Raises(name, json_text({"errorMessage": str(raised), "errorType": name, "stackTrace": []}))


def _beside_the_loop(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A plain function runs in a thread: it may call the stack, which would wait for itself on the engine's own loop."""
    if inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function, updated=())
    async def in_thread(parameters: Any) -> Any:
        return await asyncio.to_thread(function, parameters)

    return in_thread
