"""Mocks of tasks for one test, and assertions on their calls.

Behind the fixture `mock_task`; `stepstack.integrations.mocks` answers. A mock is chosen by state, by resource, by state machine, or by any
of them together; those declared last are asked first. Answers are checked against the service's own shape, unless `checked=False`.

    charge = mock_task("Charge card", answers=[Raises("Busy"), {"Payload": "ok"}])
    mock_task(resource="dynamodb:putItem", returns={})
    mock_task("Price", computes=lambda order: order["pieces"] * 2)
    ...
    charge.assert_calls([{"amount": 5}, {"amount": 5}])

Where tasks run in a server elsewhere, the same declarations are that server's mock file (`mock_cases.py`).
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import StackError
from stepstack.integrations.mocks import Answer, Computes, Mock, Raises, Returns
from stepstack.json_types import Json, json_text
from stepstack.testing.mock_cases import CASE, Declaration, MockFileContents, case_of, scheduled_calls, task_resources
from stepstack.testing.mock_fit import misfit

if TYPE_CHECKING:
    from stepstack.interpreter.ports import TaskCall
    from stepstack.testing.executions import ExecutionResult
    from stepstack.testing.stack import Stack

__all__ = ["Computes", "MockedCall", "Raises", "Returns", "TaskMock", "TaskMocks", "failure_of"]

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

    def __init__(self, named: str, calls: Callable[[], list[MockedCall]]) -> None:
        self._named = named
        self._calls = calls

    @property
    def calls(self) -> list[MockedCall]:
        """In their order."""
        return self._calls()

    @property
    def call_count(self) -> int:
        return len(self.calls)

    def assert_called(self) -> None:
        __tracebackhide__ = True
        if not self.calls:
            raise AssertionError(f"{self._named} should have been called")

    def assert_not_called(self) -> None:
        __tracebackhide__ = True
        if self.calls:
            raise AssertionError(f"{self._named} should not have been called; {self._told()}")

    def assert_called_once(self) -> None:
        __tracebackhide__ = True
        if self.call_count != 1:
            raise AssertionError(f"{self._named} should have been called once; {self._told()}")

    def assert_called_with(self, parameters: Json) -> None:
        """The last call had these parameters."""
        __tracebackhide__ = True
        self.assert_called()
        if self.calls[-1].parameters != parameters:
            raise AssertionError(f"{self._named} should have been called last with {json_text(parameters)}; {self._told()}")

    def assert_called_once_with(self, parameters: Json) -> None:
        __tracebackhide__ = True
        self.assert_called_once()
        self.assert_called_with(parameters)

    def assert_calls(self, parameters: Sequence[Json]) -> None:
        """There were exactly these calls, in this order."""
        __tracebackhide__ = True
        if [call.parameters for call in self.calls] != list(parameters):
            wanted = "".join(f"\n  {json_text(one)}" for one in parameters)
            raise AssertionError(f"{self._named} should have been called with:{wanted or ' nothing'}\n{self._told()}")

    def _told(self) -> str:
        lines = [f"\n  {json_text(call.parameters)} in {call.state_name!r}, attempt {call.attempt}" for call in self.calls]
        return f"its calls were:{''.join(lines)}" if lines else "it was not called"

    def __repr__(self) -> str:
        return f"<{self._named}, {self.call_count} calls>"


class TaskMocks:
    """The mocks of one test; call it to declare one. A context manager that takes them away again.

    Where the engine is in this process, it answers from them. A server elsewhere answers from `mock_file`, which must hold the same mocks;
    on AWS, `run` walks the state machine through TestState, which takes them.
    """

    def __init__(self, stack: Stack, *, mock_file: Path | None = None, checked: bool = True) -> None:
        if stack.embedded_stack is None and mock_file is None and stack.backend != "aws":
            raise StackError(
                f"the backend {stack.backend} runs tasks elsewhere, and has its mocks from a file: write one with "
                "`pytest --stepstack-write-mocks FILE` on the embedded backend, and name it with --stepstack-mock-file"
            )
        self._engine = stack.embedded_stack.assembly.integrations.mocks if stack.embedded_stack is not None else None
        self._file = MockFileContents.read(mock_file) if self._engine is None and mock_file is not None else None
        self._checked = checked
        self.declarations: list[Declaration] = []
        self.executions: list[tuple[str, ExecutionResult]] = []
        """What the test ran, with its definitions; calls of a server elsewhere are read from their histories."""
        self._mocks: list[Mock] = []
        """In the engine here: one for each declaration."""
        self._before = (self._engine.refuse_unmocked, self._engine.allowed) if self._engine is not None else (False, ())

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
        is_optional: bool = False,
    ) -> TaskMock:
        """Declares a mock for the calls that fit all of `state`, `resource` and `state_machine`; `*` stands for any part of a name.

        `resource` is an ARN or its end, such as `dynamodb:putItem` or a Lambda function's name. Exactly one of the others says what it
        answers. `raises` is an Error Name, that and a cause, or an exception as a Lambda function raises it. `computes` is called with the
        task's parameters, in a thread of its own unless it is a coroutine function. `answers` are given one after the other: results,
        `Raises(...)`, exceptions, or functions of the parameters; a further call fails. A mock that fits no Task state of the test's state
        machines fails the test, unless it `is_optional`.
        """
        __tracebackhide__ = True
        if sum((returns is not ..., raises is not None, computes is not None, answers is not None)) != 1:
            raise ValueError("a mock needs exactly one of returns, raises, computes and answers")
        if answers is not None:
            given = tuple(_answer(one) for one in answers)
        elif raises is not None:
            given = (_failing(raises),)
        else:
            given = (Returns(returns) if computes is None else Computes(_beside_the_loop(computes)),)
        declaration = Declaration(
            state, resource, given, is_repeated=answers is None, state_machine=state_machine, is_optional=is_optional, place=_caller()
        )
        self.declarations.append(declaration)
        if self._engine is None:
            return self._declared_elsewhere(declaration)
        mock = self._engine.add(
            state=state,
            resource=resource,
            state_machine=state_machine,
            checked=self._checked if checked is None else checked,
            **({"answers": given} if answers is not None else _repeated(given[0])),
        )
        self._mocks.append(mock)
        return TaskMock(str(mock), lambda: [MockedCall.of(call) for call in mock.calls])

    def declare(self, mocks: Mapping[str, Any], *, required: Container[str] = (), place: str = "") -> None:
        """Mocks by state name, as the marker has them: a result, `Raises(...)`, an exception, a function, or a list of such answers.

        Those whose states are not `required` are optional; `place` says where they stand.
        """
        for state, answer in mocks.items():
            answers = {"answers": answer} if isinstance(answer, list) else _repeated(_answer(answer))
            self(state, **answers, is_optional=state not in required)
            self.declarations[-1] = replace(self.declarations[-1], place=place)

    def misfits(self, machines: Sequence[tuple[str, str]]) -> list[str]:
        """The mocks that can answer nothing in `machines` (name and definition of each), in words; optional ones are left out."""
        called = {id(one) for one, mock in zip(self.declarations, self._mocks, strict=False) if mock.calls}
        wanted = (one for one in self.declarations if not one.is_optional and id(one) not in called)
        return [words for words in (misfit(one, machines) for one in wanted) if words is not None]

    def refuse_others(self, *allowed: str) -> None:
        """From now on, a task that no mock answers fails its state, except where its resource is one of `allowed`."""
        if self._engine is None:
            raise StackError("a server elsewhere calls what its mock file does not name: only the embedded engine refuses such calls")
        self._engine.allowed = allowed
        self._engine.refuse_unmocked = True

    @property
    def calls(self) -> list[MockedCall]:
        """Every call of this test that was mocked or refused, in their order across all mocks."""
        if self._engine is None:
            return self._calls_elsewhere(None)
        return [MockedCall.of(call) for call in list(self._engine.calls)]

    def test_case(self, state_machine: str, definition: str) -> str | None:
        """The case of the mock file that an execution there needs; None where the engine here answers, or nothing is mocked."""
        if self._file is None or not self.declarations:
            return None
        self._file.require(state_machine, case_of(definition, self.declarations))
        return CASE

    def __enter__(self) -> TaskMocks:
        if self._engine is not None:
            self._engine.calls.clear()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._engine is None:
            return
        for mock in self._mocks:
            self._engine.remove(mock)
        self._engine.calls.clear()
        self._engine.refuse_unmocked, self._engine.allowed = self._before

    def _declared_elsewhere(self, declaration: Declaration) -> TaskMock:
        if declaration.state_machine is not None:
            raise StackError("a mock file knows mocks by state: state_machine= works on the embedded backend alone")
        named = str(replace(declaration, place=""))
        return TaskMock(named[0].upper() + named[1:], lambda: self._calls_elsewhere(declaration))

    def _calls_elsewhere(self, declaration: Declaration | None) -> list[MockedCall]:
        """The calls that `declaration` answered (None: any), as the histories of the test's executions show them."""
        calls = []
        for definition, execution in self.executions:
            resources = task_resources(definition)
            for call in scheduled_calls(execution.history):
                resource = resources.get(call.state_name, "")
                chosen = next((one for one in reversed(self.declarations) if one.matches(call.state_name, resource)), None)
                if chosen is not None and (declaration is None or declaration is chosen):
                    calls.append(MockedCall(call.parameters, call.state_name, resource, call.attempt, execution.arn))
        return calls


def _caller() -> str:
    """Where the test's own code declares a mock: `test_orders.py:12`."""
    frame = sys._getframe(2)
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _repeated(answer: Answer) -> dict[str, Any]:
    """`answer` as the keyword that gives it for every call."""
    if isinstance(answer, Returns):
        return {"returns": answer.value}
    if isinstance(answer, Raises):
        return {"raises": answer.error_name if answer.cause is None else (answer.error_name, answer.cause)}
    return {"computes": answer.function}


def _answer(answer: Any) -> Answer:
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
    return failure_of(failure() if isinstance(failure, type) else failure)


def failure_of(error: BaseException) -> Raises:
    """The failure of a Lambda function that raises `error`: its class is the Error Name, and a payload as Lambda's the cause."""
    name = type(error).__name__
    return Raises(name, json_text({"errorMessage": str(error), "errorType": name, "stackTrace": []}))


def _beside_the_loop(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A plain function runs in a thread: it may call the stack, which would wait for itself on the engine's own loop."""
    if inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function, updated=())
    async def in_thread(parameters: Any) -> Any:
        return await asyncio.to_thread(function, parameters)

    return in_thread
