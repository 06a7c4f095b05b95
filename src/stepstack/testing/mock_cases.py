"""A test's mocks as a case of Step Functions Local's mock file, and their calls read from histories.

Where tasks run in a server of its own, Python cannot answer for them: the server reads a mock file when it starts. The same declarations
become that file in a run on the embedded stack (`--stepstack-write-mocks FILE`), and are held against it in a run on the other server
(`--stepstack-mock-file FILE`). State machines of tests with mocks have names that are the same in every run there; each has one case.
Called by `TaskMocks` and the plugin. Left out: mocks that compute, which no file can hold.
Source: AWS's developer guide, "Use mocked service integrations".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

from stepstack.errors import SettingsError, StackError
from stepstack.history.visits import Event, event_details
from stepstack.integrations.mocks import Answer, Raises, Returns
from stepstack.json_types import Json, parse_json
from stepstack.language.transitions import Graph, graphs_inside

__all__ = [
    "CASE",
    "Case",
    "Declaration",
    "MockFileContents",
    "ScheduledCall",
    "case_of",
    "resource_names",
    "scheduled_calls",
    "stable_name",
    "task_resources",
]

CASE = "Mocked"
EVERY_INVOCATION = "0-999"
"""A mocked response needs an entry for each invocation; nobody retries more often."""

Case: TypeAlias = "dict[str, dict[str, Any]]"
"""State name to mocked response: `{"0": {"Return": ...}, "1-2": {"Throw": {...}}}`."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One mock as a test declared it."""

    state: str | None
    resource: str | None
    answers: tuple[Answer, ...]
    is_repeated: bool
    state_machine: str | None = None
    """Elsewhere than on the embedded engine, mocks cannot be chosen by it."""
    is_optional: bool = False
    """Whether it may fit no Task state of the test's state machines."""
    place: str = ""
    """Where it was declared: `test_orders.py:12`."""

    def __str__(self) -> str:
        named = (("state", self.state), ("resource", self.resource), ("state_machine", self.state_machine))
        wanted = ", ".join(f"{name}={value!r}" for name, value in named if value is not None)
        return f"the mock for {wanted or 'every call'}{f' ({self.place})' if self.place else ''}"

    def matches(self, state_name: str, resource: str) -> bool:
        return (self.state is None or fnmatchcase(state_name, self.state)) and (
            self.resource is None or any(fnmatchcase(name, self.resource) for name in resource_names(resource))
        )

    def response(self, state_name: str) -> dict[str, Any]:
        """The mocked response of the file. StackError where an answer is computed."""
        outcomes = [_outcome(answer, state_name) for answer in self.answers]
        if self.is_repeated:
            return {EVERY_INVOCATION: outcomes[0]}
        return {str(number): outcome for number, outcome in enumerate(outcomes)}


@dataclass(frozen=True, slots=True)
class ScheduledCall:
    """One task that a history shows as scheduled."""

    state_name: str
    parameters: Json
    attempt: int


def stable_name(test_id: str, label: str) -> str:
    """A state machine's name that is the same in every run, and in no other test."""
    return f"stepstack-mocked-{label or 'machine'}-{hashlib.sha256(f'{test_id} {label}'.encode()).hexdigest()[:12]}"


def case_of(definition: str, declarations: Sequence[Declaration]) -> Case:
    """What `declarations` make of the Task states of `definition`; those declared last come first."""
    case: Case = {}
    for name, resource in task_resources(definition).items():
        declaration = next((one for one in reversed(declarations) if one.matches(name, resource)), None)
        if declaration is not None:
            case[name] = declaration.response(name)
    return case


def task_resources(definition: str) -> dict[str, str]:
    """Each Task state's Resource, those within branches and item processors too."""
    graphs = graphs_inside(Graph(json.loads(definition), ""))
    states = (entry for graph in graphs for entry in graph.states.items())
    return {name: str(state.get("Resource", "")) for name, state in states if state.get("Type") == "Task"}


def scheduled_calls(events: Sequence[Event]) -> Iterator[ScheduledCall]:
    """The tasks that a history shows, in their order."""
    states: dict[int, tuple[int, str]] = {}
    attempts: dict[int, int] = {}
    for event in events:
        kind, details = event["type"], event_details(event)
        state = (event["id"], details.get("name", "")) if kind.endswith("StateEntered") else states.get(event.get("previousEventId", 0))
        if state is None:
            continue
        states[event["id"]] = state
        if kind.endswith("Scheduled"):
            text = details.get("parameters", details.get("input"))
            attempt = attempts[state[0]] = attempts.get(state[0], -1) + 1
            yield ScheduledCall(state[1], None if text is None else parse_json(text), attempt)


class MockFileContents:
    """A mock file, in parts: state machine's name to its case."""

    def __init__(self, cases: Mapping[str, Case] | None = None) -> None:
        self.cases: dict[str, Case] = dict(cases or {})

    def add(self, state_machine: str, case: Case) -> None:
        self.cases[state_machine] = case

    def text(self) -> str:
        """The file's text, equal for equal mocks."""
        machines: dict[str, Any] = {}
        responses: dict[str, Any] = {}
        for name, case in sorted(self.cases.items()):
            names = {state: _response_name(response) for state, response in case.items()}
            responses |= {names[state]: response for state, response in case.items()}
            machines[name] = {"TestCases": {CASE: names}}
        return (
            json.dumps({"StateMachines": machines, "MockedResponses": dict(sorted(responses.items()))}, indent=2, ensure_ascii=False) + "\n"
        )

    @classmethod
    def read(cls, path: Path) -> MockFileContents:
        """SettingsError where the file is missing or no mock file."""
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            responses = document["MockedResponses"]
            cases = {
                name: {state: responses[response] for state, response in machine["TestCases"].get(CASE, {}).items()}
                for name, machine in document["StateMachines"].items()
            }
        except OSError as error:
            raise SettingsError(f"the mock file {path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{path} is no mock file: {error}") from None
        return cls(cases)

    def require(self, state_machine: str, case: Case) -> None:
        """StackError where the file does not hold exactly this case."""
        if self.cases.get(state_machine) != case:
            problem = "has other mocks for this test" if state_machine in self.cases else "has no mocks for this test"
            raise StackError(
                f"the mock file {problem}: write it with `pytest --stepstack-write-mocks FILE` on the embedded backend, "
                "and start the server with it"
            )


def resource_names(resource: str) -> Iterator[str]:
    """The names by which a mock may know a resource: its ARN, its end with and without its pattern, a function's or an activity's name."""
    yield resource
    end = resource.rpartition(":::")[2]
    yield end
    yield end.partition(".")[0]
    if ":function:" in resource:
        yield resource.partition(":function:")[2]
        yield resource.partition(":function:")[2].partition(":")[0]
    elif ":activity:" in resource:
        yield resource.partition(":activity:")[2]


def _outcome(answer: Answer, state_name: str) -> dict[str, Any]:
    if isinstance(answer, Returns):
        return {"Return": answer.value}
    if isinstance(answer, Raises):
        return {"Throw": {"Error": answer.error_name, "Cause": answer.cause or ""}}
    raise StackError(
        f"the mock of {state_name!r} computes its answer, which a mock file cannot: give it answers, or run on the embedded backend"
    )


def _response_name(response: Mapping[str, Any]) -> str:
    return "mock-" + hashlib.sha256(json.dumps(response, sort_keys=True).encode()).hexdigest()[:12]
