"""One line of states: the whole execution, a branch of a Parallel state, or an iteration of an inline Map.

A branch walks its graph from StartAt to an end, one visit after the other. It knows the event that its next event follows, and its
variables: it starts with its parent's, and what it assigns stays inside. The state modules do the states' work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from stepstack.clock import Timeline
from stepstack.history.history import History
from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.payload import VARIABLES_LIMIT_BYTES, Payload, size_bytes
from stepstack.interpreter.states import IMMEDIATE_STATES, LASTING_STATES
from stepstack.interpreter.unhurried import go_on_unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject, json_text
from stepstack.language.state_machine import StateGraph
from stepstack.query.time_bound import TakesLong

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution

__all__ = ["Branch"]

VISITS_PER_TURN: Final = 128
"""After so many visits in a row a branch lets the loop turn, so that an endless loop of Pass states starves nobody."""

ABORTABLE_STATES: Final = frozenset({"Map", "Parallel", "Task", "Wait"})
"""The states that have an Aborted event."""


class Branch:
    """`previous_event_id` is the event that this branch's next event follows; `visit` the state that it is in, None between states."""

    __slots__ = (
        "context_members",
        "execution",
        "history",
        "is_aborted",
        "previous_event_id",
        "timeline",
        "variables",
        "variables_bytes",
        "visit",
    )

    def __init__(
        self,
        execution: Execution,
        *,
        previous_event_id: int,
        variables: Mapping[str, Json],
        context_members: JsonObject,
    ) -> None:
        self.execution = execution
        self.history: History = execution.history
        self.timeline: Timeline = execution.timeline
        self.previous_event_id = previous_event_id
        self.variables = variables
        self.variables_bytes = 0
        """What its variables amount to, or more: a value that another one replaced counts until all are counted anew."""
        self.context_members = context_members
        """The Context Object but for its State and Task."""
        self.is_aborted = False
        self.visit: Visit | None = None

    def child(self, context_members: JsonObject | None = None) -> Branch:
        """A branch below this one's current state."""
        branch = Branch(
            self.execution,
            previous_event_id=self.previous_event_id,
            variables=self.variables,
            context_members=self.context_members if context_members is None else context_members,
        )
        branch.variables_bytes = self.variables_bytes
        return branch

    def assign(self, values: Mapping[str, Json], values_bytes: int) -> bool:
        """Sets variables; False, and nothing is set, where all that this branch sees would exceed the limit."""
        variables = {**self.variables, **values}
        total = self.variables_bytes + values_bytes
        if total > VARIABLES_LIMIT_BYTES:
            total = sum(size_bytes(json_text(value)) for value in variables.values())
            if total > VARIABLES_LIMIT_BYTES:
                return False
        self.variables, self.variables_bytes = variables, total
        return True

    def take_up(self, graph: StateGraph, context_members: JsonObject) -> Coroutine[Any, Any, Payload] | None:
        """For a redrive and after a restart: goes on in the state in which this branch ended or stood; None where it had entered none."""
        visit = self.visit
        if visit is None:
            return None
        self.is_aborted = False
        self.context_members = context_members
        if not self.execution.is_resumed:
            visit.begin_redrive()
        return self.go_on(graph, visit)

    def record(self, event_type: str, details: Mapping[str, Any] | None = None) -> int:
        """Records an event that follows this branch's previous one, and which the next one follows."""
        self.previous_event_id = number = self.history.record(event_type, self.previous_event_id, details)
        return number

    def record_aside(self, event_type: str, details: Mapping[str, Any] | None = None) -> int:
        """Records an event that follows this branch's previous one, while the next one follows that previous one too."""
        return self.history.record(event_type, self.previous_event_id, details)

    def record_abort(self) -> None:
        """The branch was stopped, or ended by a failure, inside a state: records that state's Aborted event, where it has one."""
        visit = self.visit
        if visit is not None and visit.state.type in ABORTABLE_STATES:
            self.record_aside(f"{visit.state.type}StateAborted")

    @property
    def is_stopped(self) -> bool:
        """Whether a cancellation that arrives now comes from outside: a sibling failed, or the execution ended."""
        return self.is_aborted or self.execution.has_ended

    async def walk(self, graph: StateGraph, raw_input: Payload) -> Payload:
        """Runs `graph` on `raw_input`; the output of the state that ends it. Raises StateFailed or ExecutionBroken."""
        visit = Visit(self, graph.states[graph.start_at], raw_input)
        visit.enter()
        return await self.go_on(graph, visit)

    async def go_on(self, graph: StateGraph, visit: Visit) -> Payload:
        """Like `walk`, from a state that is entered already: from the first one, or from the one that a redrive takes up again.

        Nothing is awaited between two states: whoever sees a branch at rest sees it in a state, or at its end.
        """
        states = graph.states
        visits = 0
        try:
            while True:
                self.visit = visit
                visits += 1
                if visits % VISITS_PER_TURN == 0:
                    await asyncio.sleep(0)
                immediate = IMMEDIATE_STATES.get(visit.state.type)
                try:
                    payload = await LASTING_STATES[visit.state.type](visit) if immediate is None else immediate(visit)
                except TakesLong as long:
                    if immediate is None:
                        raise
                    payload = await go_on_unhurried(long, immediate, visit)
                visit.exit(payload)
                if visit.next is None:
                    break
                visit = Visit(self, states[visit.next], payload)
                visit.enter()
        except StateFailed as failed:
            failed.event_id = self.previous_event_id
            raise
        self.visit = None
        return payload
