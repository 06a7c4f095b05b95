"""Mocks: answers in place of services, functions and activities.

Three kinds, asked in this order: mocks made in Python (`Mocks.add`, the pytest plugin's fixture is built on it), the mock file of Step
Functions Local (`mock_file.py`) for executions that name a test case, and, in `refuse_unmocked` mode, a refusal of every other call.
`Integrations` asks before it calls anything. A mock answers for the whole task: for `.sync` with the ended job's description, for
`.waitForTaskToken` with what the callback would bring, for a function's own ARN with what the function returns.

    mocks.add(state="Charge card", returns={"Payload": {"ok": True}})
    mocks.add(resource="dynamodb:putItem", answers=[Raises("DynamoDB.ProvisionedThroughputExceededException"), Returns({})])
    mocks.add(resource="arn:aws:lambda:*:function:price", computes=lambda order: order["pieces"] * 2)
"""

from __future__ import annotations

import inspect
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import EllipsisType
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.integrations.answer_check import answer_problem
from stepstack.interpreter.ports import TaskCall, TaskFailed, TaskFault
from stepstack.json_types import Json, json_problem, json_text

if TYPE_CHECKING:
    from stepstack.integrations.mock_file import MockFile

__all__ = ["Answer", "Computes", "Mock", "Mocks", "Raises", "Returns"]

CALLS_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Returns:
    """The task succeeds with this result."""

    value: Json


@dataclass(frozen=True, slots=True)
class Raises:
    """The task fails with this Error Name and cause."""

    error_name: str
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Computes:
    """The task's result is what `function` makes of its parameters; it may be a coroutine function.

    An exception fails the task as it would fail a Lambda function: its class is the Error Name. TaskFailed is passed on.
    """

    function: Callable[[Any], Any]


Answer: TypeAlias = Returns | Raises | Computes


class Mock:
    """One mock: which calls it answers, and with what. `calls` are those that it has answered."""

    def __init__(
        self,
        answers: Sequence[Answer],
        *,
        state: str | None,
        resource: str | None,
        state_machine: str | None,
        is_repeated: bool,
        is_checked: bool,
    ) -> None:
        self.state = state
        self.resource = resource
        self.state_machine = state_machine
        self.calls: list[TaskCall] = []
        self._answers = answers
        self._is_repeated = is_repeated
        self._is_checked = is_checked

    def matches(self, call: TaskCall) -> bool:
        return (
            (self.state is None or fnmatchcase(call.state_name, self.state))
            and (self.resource is None or _names_resource(self.resource, call))
            and (self.state_machine is None or _names_state_machine(self.state_machine, call))
        )

    async def answer(self, call: TaskCall) -> Json:
        """The result for this call. Raises TaskFailed."""
        number = len(self.calls)
        self.calls.append(call)
        if number < len(self._answers):
            answer = self._answers[number]
        elif self._is_repeated:
            answer = self._answers[-1]
        else:
            raise TaskFault(f"{self} has {len(self._answers)} answers, and this is call {number + 1}")
        value = await _given(answer, call)
        try:
            json_text(value)
        except (TypeError, ValueError) as error:
            raise TaskFault(f"{self} answers what is no JSON: {json_problem(value) or error}") from error
        if self._is_checked:
            problem = answer_problem(call.resource, value, requires_all=False)
            if problem is not None:
                raise TaskFault(f"{self} answers what {call.resource.arn} cannot: {problem}")
        return value

    def __str__(self) -> str:
        named = [("state", self.state), ("resource", self.resource), ("state_machine", self.state_machine)]
        return f"The mock for {', '.join(f'{name}={value!r}' for name, value in named if value is not None) or 'every call'}"


class Mocks:
    """The mocks of one engine. Those added last are asked first."""

    def __init__(self, mock_file: MockFile | None = None, *, refuse_unmocked: bool = False, checks_answers: bool = True) -> None:
        self.mock_file = mock_file
        self.refuse_unmocked = refuse_unmocked
        """Whether a call that no mock answers fails its state, instead of being made."""
        self.allowed: tuple[str, ...] = ()
        """Resources that may be called all the same, as `Mock.resource` names them."""
        self.checks_answers = checks_answers
        """Whether answers are checked against the shape of the service's own, unless a mock says otherwise."""
        self.calls: deque[TaskCall] = deque(maxlen=CALLS_KEPT)
        """The calls that mocks have answered or refused, the latest ones."""
        self._mocks: list[Mock] = []

    def add(
        self,
        *,
        state: str | None = None,
        resource: str | None = None,
        state_machine: str | None = None,
        returns: Json | EllipsisType = ...,
        raises: str | tuple[str, str] | None = None,
        computes: Callable[[Any], Any] | None = None,
        answers: Iterable[Answer] | None = None,
        checked: bool | None = None,
    ) -> Mock:
        """A new mock, for the calls that fit all of `state`, `resource` and `state_machine` (each a name, `*` stands for any part).

        `resource` is an ARN, or its end (`dynamodb:putItem`, a function's name). Exactly one of the others says what it answers: `returns`,
        `raises` (an Error Name, or that with a cause) and `computes` every time; `answers` one after the other, and no more.
        """
        given: list[Answer] = []
        if returns is not ...:
            given.append(Returns(returns))
        if raises is not None:
            given.append(Raises(raises) if isinstance(raises, str) else Raises(*raises))
        if computes is not None:
            given.append(Computes(computes))
        if len(given) + (answers is not None) != 1:
            raise ValueError("a mock needs exactly one of returns, raises, computes and answers")
        mock = Mock(
            tuple(answers) if answers is not None else given,
            state=state,
            resource=resource,
            state_machine=state_machine,
            is_repeated=answers is None,
            is_checked=self.checks_answers if checked is None else checked,
        )
        self._mocks.append(mock)
        return mock

    def remove(self, mock: Mock) -> None:
        if mock in self._mocks:
            self._mocks.remove(mock)

    def clear(self) -> None:
        """Forgets all mocks made in Python, and the calls."""
        self._mocks.clear()
        self.calls.clear()

    def is_mocked(self, call: TaskCall) -> bool:
        """Whether `answer` answers the call; asking changes nothing."""
        if self._mocks and self._mock(call) is not None:
            return True
        if call.test_case and self.mock_file is not None and self.mock_file.names(call):
            return True
        return self.refuse_unmocked and not any(_names_resource(name, call) for name in self.allowed)

    async def answer(self, call: TaskCall) -> Json:
        """The result of a mocked call. Raises TaskFailed."""
        self.calls.append(call)
        mock = self._mock(call)
        if mock is not None:
            return await mock.answer(call)
        if call.test_case and self.mock_file is not None and self.mock_file.names(call):
            return self.mock_file.answer(call)
        raise TaskFault(f"The state '{call.state_name}' calls {call.resource.arn}, which no mock answers; such calls are refused")

    def _mock(self, call: TaskCall) -> Mock | None:
        return next((mock for mock in reversed(self._mocks) if mock.matches(call)), None)


async def _given(answer: Answer, call: TaskCall) -> Json:
    if isinstance(answer, Returns):
        return answer.value
    if isinstance(answer, Raises):
        raise TaskFailed(answer.error_name, answer.cause)
    try:
        value = answer.function(call.parameters)
        if inspect.isawaitable(value):
            value = await value
    except TaskFailed:
        raise
    except Exception as error:
        trace = traceback.format_exception(type(error), error, error.__traceback__)
        cause = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
        raise TaskFailed(type(error).__name__, json_text(cause)) from error
    return value  # type: ignore[no-any-return]


def _names_resource(pattern: str, call: TaskCall) -> bool:
    resource = call.resource
    names = (resource.arn, f"{resource.service}:{resource.event_resource}", f"{resource.service}:{resource.action}", resource.name)
    return any(name and fnmatchcase(name, pattern) for name in names)


def _names_state_machine(pattern: str, call: TaskCall) -> bool:
    return fnmatchcase(call.state_machine_arn, pattern) or fnmatchcase(call.state_machine_name, pattern)
