"""A finished execution, as tests see it.

Made by `StateMachineHandle.run`. Everything beyond status and output comes from the history, which is fetched when it is first asked
for, so that it works on every backend and costs nothing where a test looks at the output alone.

The assertions raise AssertionError with an account of the execution and return the execution, so that they chain and also stand behind
`assert`:

    machine.run({"Operation": "Create"}).succeeded().visited(["Choose Operation", "DynamoDB Create"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from stepstack.errors import StepstackError
from stepstack.history.visits import Event, StateVisit, read_visits
from stepstack.json_types import Json, parse_json
from stepstack.testing.explanation import explain

__all__ = ["ExecutionResult", "ExecutionTimeout"]


class ExecutionTimeout(StepstackError):
    """An execution did not end before its deadline; it was stopped. The text has its path and its last events."""

    code = "execution-timeout"


@dataclass(eq=False, repr=False)
class ExecutionResult:
    """Status, output, error and cause as DescribeExecution gives them; history, visits and states from GetExecutionHistory."""

    arn: str
    name: str
    state_machine_arn: str
    status: str
    """SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    input_text: str
    output_text: str | None = None
    error: str | None = None
    cause: str | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    fetch_history: Callable[[], Sequence[Event]] = tuple

    def __repr__(self) -> str:
        return f"<ExecutionResult {self.name}: {self.status}{f' {self.error}' if self.error else ''}>"

    @property
    def state_machine_name(self) -> str:
        return self.state_machine_arn.rpartition(":")[2]

    @property
    def input(self) -> Json:
        return parse_json(self.input_text)

    @property
    def output(self) -> Json:
        """The output as a JSON value; an execution that did not succeed has none, and says why."""
        __tracebackhide__ = True
        self.succeeded()
        return None if self.output_text is None else parse_json(self.output_text)

    @cached_property
    def history(self) -> Sequence[Event]:
        """Every event, as boto3's GetExecutionHistory returns them."""
        return self.fetch_history()

    @property
    def history_problem(self) -> str | None:
        """Why there is no history, such as for an EXPRESS execution; None where there is one."""
        try:
            return None if self.history else "it has no events"
        except StepstackError as error:
            return str(error)

    @cached_property
    def visits(self) -> list[StateVisit]:
        """Every stay in a state, in the order in which the states were entered."""
        return read_visits(self.history)

    @property
    def states(self) -> list[str]:
        """The names of the states visited, in the order in which they were entered."""
        return [visit.name for visit in self.visits]

    def state(self, name: str) -> StateVisit:
        """The last visit of the state `name`; AssertionError where there is none."""
        for visit in reversed(self.visits):
            if visit.name == name:
                return visit
        raise AssertionError(f"the state {name!r} was not visited\n{self.explanation}")

    @property
    def explanation(self) -> str:
        """The path, the failure and the last events, in a few lines."""
        return explain(self)

    def snapshot(self, *, events: bool = False) -> Any:
        """The execution as plain data without times, ids and generated names, for syrupy, inline-snapshot or `==`.

        Its visits, or with `events` every event of its history.
        """
        from stepstack.testing.snapshots import events_snapshot, snapshot_of

        return events_snapshot(self) if events else snapshot_of(self)

    def succeeded(self) -> ExecutionResult:
        """Fails the test unless the execution ended as SUCCEEDED."""
        __tracebackhide__ = True
        if self.status != "SUCCEEDED":
            raise AssertionError(f"the execution should have SUCCEEDED\n{self.explanation}")
        return self

    def failed(self, error: str | None = None, cause: str | None = None) -> ExecutionResult:
        """Fails the test unless the execution FAILED (or TIMED_OUT), with this error and with `cause` as a part of its cause."""
        __tracebackhide__ = True
        if self.status not in {"FAILED", "TIMED_OUT"}:
            raise AssertionError(f"the execution should have FAILED\n{self.explanation}")
        if error is not None and self.error != error:
            raise AssertionError(f"the execution should have failed with {error}\n{self.explanation}")
        if cause is not None and cause not in (self.cause or ""):
            raise AssertionError(f"the cause should contain {cause!r}\n{self.explanation}")
        return self

    def visited(self, states: str | Iterable[str]) -> ExecutionResult:
        """Fails the test unless exactly these states were entered, in this order; one name alone must be among them."""
        __tracebackhide__ = True
        if isinstance(states, str):
            self.state(states)
            return self
        expected = list(states)
        if self.states != expected:
            raise AssertionError(f"the path should have been: {' -> '.join(expected)}\n{self.explanation}")
        return self

    def not_visited(self, *names: str) -> ExecutionResult:
        """Fails the test if one of these states was entered."""
        __tracebackhide__ = True
        entered = [name for name in names if name in self.states]
        if entered:
            raise AssertionError(f"{', '.join(map(repr, entered))} should not have been visited\n{self.explanation}")
        return self
