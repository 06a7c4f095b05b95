"""Step Functions Local's mock file, which the variable SFN_MOCK_CONFIG names.

    {"StateMachines": {"orders": {"TestCases": {"CardDeclined": {"Charge card": "Declined"}}}},
     "MockedResponses": {"Declined": {"0-1": {"Throw": {"Error": "CardDeclined", "Cause": "..."}}, "2": {"Return": {"StatusCode": 200}}}}}

An execution chooses a case by `#CardDeclined` behind the state machine's ARN. The keys of a mocked response are the numbers of the state's
invocations in the execution, from 0, or ranges of them; a retry is an invocation too. A state that the case does not name calls its
service. Unlike there, the file is read again when it has changed, and every mistake in it is told, with its place. Called by the mocks;
checked by whoever starts an engine. Source: AWS's developer guide, "Use mocked service integrations"; recorded executions.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepstack.errors import SettingsError
from stepstack.interpreter.ports import TaskCall, TaskFailed, TaskFault
from stepstack.json_types import Json
from stepstack.language.resources import ResourceKind

__all__ = ["MockFile"]

VARIABLE = "SFN_MOCK_CONFIG"
EXECUTIONS_KEPT = 10_000
"""Executions whose invocations are counted; older ones are forgotten, long after they have ended."""

_RANGE = re.compile(r"(0|[1-9][0-9]{0,8})(?:-(0|[1-9][0-9]{0,8}))?\Z")


@dataclass(frozen=True, slots=True)
class _Response:
    """One entry of a mocked response: what the invocations `first` to `last` answer."""

    first: int
    last: int
    outcome: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Contents:
    cases: Mapping[str, Mapping[str, Mapping[str, str]]]
    """Names of mocked responses, by state machine, case and state."""
    responses: Mapping[str, Sequence[_Response]]


class MockFile:
    """The file at `path`. Making one reads it; raises SettingsError where it is missing or mistaken."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._read_at: tuple[int, int] | None = None
        self._contents = _Contents({}, {})
        self._mistake: str | None = None
        self._invocations: OrderedDict[str, dict[str, int]] = OrderedDict()
        self._refresh()
        if self._mistake is not None:
            raise SettingsError(self._mistake)

    def problem(self, state_machine_name: str, test_case: str) -> str | None:
        """Why an execution cannot run this case: the file is mistaken, or has no such case. None where it can."""
        self._refresh()
        if self._mistake is not None:
            return self._mistake
        cases = self._contents.cases.get(state_machine_name)
        if cases is None:
            return f"{self._place} has no state machine '{state_machine_name}'; it has {_listed(self._contents.cases)}"
        if test_case not in cases:
            return f"{self._place} has no test case '{test_case}' for '{state_machine_name}'; it has {_listed(cases)}"
        return None

    def names(self, call: TaskCall) -> bool:
        """Whether the call is mocked. Where the case cannot be run at all it is, so that the mistake shows."""
        name, case = call.state_machine_name, call.test_case or ""
        return self.problem(name, case) is not None or call.state_name in self._contents.cases[name][case]

    def answer(self, call: TaskCall) -> Json:
        """The result of a mocked call. Raises TaskFailed."""
        name, case = call.state_machine_name, call.test_case or ""
        problem = self.problem(name, case)
        if problem is not None:
            raise TaskFault(problem)
        response_name = self._contents.cases[name][case][call.state_name]
        number = self._count(call)
        for response in self._contents.responses[response_name]:
            if response.first <= number <= response.last:
                return _outcome(response.outcome, call)
        cause = (
            f"{self._place} has no answer for invocation {number} of the state '{call.state_name}' in the mocked response '{response_name}'"
        )
        raise TaskFault(cause)

    @property
    def _place(self) -> str:
        return f"The mock file {self.path} ({VARIABLE})"

    def _count(self, call: TaskCall) -> int:
        """The number of this invocation of its state, from 0, in the execution that the caller started."""
        arn = call.root_execution_arn or call.execution_arn
        counts = self._invocations.get(arn)
        if counts is None:
            counts = self._invocations[arn] = {}
            while len(self._invocations) > EXECUTIONS_KEPT:
                self._invocations.popitem(last=False)
        number = counts.get(call.state_name, 0)
        counts[call.state_name] = number + 1
        return number

    def _refresh(self) -> None:
        try:
            status = self.path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp == self._read_at:
                return
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._read_at = None
            self._mistake = f"{self._place} cannot be read: {getattr(error, 'strerror', None) or error}"
            return
        self._read_at = stamp
        self._mistake = None
        try:
            self._contents = _parsed(text)
        except _Mistakes as mistakes:
            self._mistake = f"{self._place} is mistaken: {mistakes}"


class _Mistakes(Exception):
    """All that is wrong with the file."""


def _outcome(outcome: Mapping[str, Any], call: TaskCall) -> Json:
    if "Throw" in outcome:
        raise TaskFailed(outcome["Throw"]["Error"], outcome["Throw"].get("Cause"))
    value: Json = outcome["Return"]
    if call.resource.kind is ResourceKind.LAMBDA_FUNCTION and isinstance(value, Mapping) and "Payload" in value:
        return value["Payload"]
    return value


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "none"


def _parsed(text: str) -> _Contents:
    """The contents of the file; raises _Mistakes with all that is wrong."""
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise _Mistakes("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _Mistakes(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    reader = _Reader()
    contents = reader.contents(value)
    if reader.mistakes:
        raise _Mistakes("; ".join(reader.mistakes))
    return contents


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Mistakes(f"the field '{twice}' stands twice in one object")
    return found


class _Reader:
    """Takes the file's value apart and collects mistakes."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def contents(self, value: Any) -> _Contents:
        fields = self._object(value, "the file")
        for name in fields:
            if name not in {"StateMachines", "MockedResponses"}:
                self.mistakes.append(f"{name}: only StateMachines and MockedResponses belong here")
        responses = {
            name: tuple(self._responses(item, f"MockedResponses.{name}"))
            for name, item in self._object(fields.get("MockedResponses", {}), "MockedResponses").items()
        }
        cases = {
            name: self._cases(item, f"StateMachines.{name}", responses)
            for name, item in self._object(fields.get("StateMachines", {}), "StateMachines").items()
        }
        return _Contents(cases, responses)

    def _object(self, value: Any, place: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.mistakes.append(f"{place}: an object is needed")
        return {}

    def _cases(self, value: Any, place: str, responses: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
        fields = self._object(value, place)
        if isinstance(value, dict) and "TestCases" not in fields:
            self.mistakes.append(f"{place}: the field TestCases is missing")
        cases: dict[str, Mapping[str, str]] = {}
        for name, states in self._object(fields.get("TestCases", {}), f"{place}.TestCases").items():
            case_place = f"{place}.TestCases.{name}"
            named = cases[name] = self._object(states, case_place)
            for state, response in named.items():
                if not isinstance(response, str):
                    self.mistakes.append(f"{case_place}.{state}: the name of a mocked response is needed")
                elif response not in responses:
                    self.mistakes.append(f"{case_place}.{state}: there is no mocked response '{response}'")
        return cases

    def _responses(self, value: Any, place: str) -> Iterator[_Response]:
        taken: list[_Response] = []
        for key, outcome in self._object(value, place).items():
            numbers = _RANGE.match(key)
            if numbers is None:
                self.mistakes.append(f"{place}.{key}: a number such as 0 or a range such as 1-2 is needed")
                continue
            first = int(numbers[1])
            response = _Response(first, int(numbers[2] or first), outcome if isinstance(outcome, dict) else {})
            if response.last < response.first:
                self.mistakes.append(f"{place}.{key}: the range ends before it begins")
            elif any(other.first <= response.last and response.first <= other.last for other in taken):
                self.mistakes.append(f"{place}.{key}: it overlaps another entry")
            self._check_outcome(outcome, f"{place}.{key}")
            taken.append(response)
            yield response

    def _check_outcome(self, outcome: Any, place: str) -> None:
        fields = self._object(outcome, place)
        if not isinstance(outcome, dict):
            return
        if len(fields) != 1 or not fields.keys() <= {"Return", "Throw"}:
            self.mistakes.append(f"{place}: exactly one of Return and Throw is needed")
            return
        if "Throw" in fields:
            thrown = self._object(fields["Throw"], f"{place}.Throw")
            if isinstance(fields["Throw"], dict) and not isinstance(thrown.get("Error"), str):
                self.mistakes.append(f"{place}.Throw: the field Error is needed, a string")
            if not isinstance(thrown.get("Cause", ""), str):
                self.mistakes.append(f"{place}.Throw.Cause: a string is needed")
