"""An execution of an earlier process, made anew from its history: where it stood, with its variables, branches and iterations.

Called by the service, for RedriveExecution and after a restart. `restore` gives an execution that may be redriven; `make_ready` finds out
whether one that ran may be resumed: nothing that it did may have been on its way. Of a Map Run it tells which one it was, for a redrive to
go on with; the children have histories of their own. Source: the events that this interpreter records, and how they follow one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from stepstack.errors import ExpressionError
from stepstack.history.history import HistoryEvent
from stepstack.interpreter.branch import Branch
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.failures import ExecutionBroken, StateFailed
from stepstack.interpreter.map_run import MapRunPlace
from stepstack.interpreter.map_state import InlineIterations, inline_iterations
from stepstack.interpreter.parallel_state import ParallelBranches, parallel_branches
from stepstack.interpreter.payload import Payload, size_bytes
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.visit import Resumption, Visit
from stepstack.json_types import parse_json
from stepstack.language.resources import IntegrationPattern, ResourceKind
from stepstack.language.state_machine import MapState, ParallelState, ProcessorMode, StateGraph, TaskState
from stepstack.query.scope import Sources

__all__ = ["NotAtRest", "Restoration", "restore"]

_FAILURES: Final = ("Failed", "TimedOut")


class NotAtRest(Exception):
    """Something that the execution did was on its way when the process ended: its text says what."""


class _Unread(Exception):
    """The events do not fit the state machine: nothing can be made of them."""


@dataclass(slots=True, eq=False)
class _Line:
    """A branch, as its events tell it."""

    branch: Branch
    graph: StateGraph
    parent: _Line | None = None
    index: int = 0
    """Which branch of its Parallel, which iteration of its Map."""
    entered: HistoryEvent | None = None
    """The beginning of the visit that it is in."""
    exited: HistoryEvent | None = None
    """The end of the last visit, where it is in none."""
    since: float = 0.0
    """When it was entered, or redriven there."""
    events: list[HistoryEvent] = field(default_factory=list)
    """What it recorded in that visit; since a redrive, if there was one."""
    children: dict[int, _Line] = field(default_factory=dict)
    is_closed: bool = False
    """Whether the last attempt of its Parallel or Map has ended."""

    @property
    def name(self) -> str | None:
        """The state that it is in."""
        return None if self.entered is None else cast("str", (self.entered.details or {})["name"])

    @property
    def visit(self) -> Visit:
        """The visit that it is in, made when it is first asked for."""
        branch, entered, name = self.branch, self.entered, self.name
        if entered is None or name is None or name not in self.graph.states:
            raise _Unread
        if branch.visit is None or branch.visit.entered_event_id != entered.id:
            visit = Visit(branch, self.graph.states[name], Payload.parse((entered.details or {})["input"]))
            visit.entered_previous_event_id = entered.previous_event_id
            visit.entered_event_id = entered.id
            visit.entered_at = entered.timestamp
            branch.visit = visit
        return branch.visit

    def all(self) -> Iterator[_Line]:
        yield self
        for child in self.children.values():
            yield from child.all()

    def upwards(self) -> Iterator[_Line]:
        line: _Line | None = self
        while line is not None:
            yield line
            line = line.parent

    def advance(self, event: HistoryEvent) -> None:
        self.branch.previous_event_id = event.id
        self.events.append(event)


class Restoration:
    """An execution with what its history tells of it."""

    def __init__(self, execution: Execution, root: _Line | None) -> None:
        self.execution = execution
        self._root = root

    def make_ready(self, tokens: Mapping[int, str]) -> None:
        """Lets each state at rest know how it stood, so that `execution.resume()` goes on from there; raises NotAtRest.

        `tokens` are the task tokens that are kept, by the StateEntered event of the state that awaits the answer.
        """
        if self._root is None:
            raise NotAtRest("its history does not tell how it stood")
        if self._root.exited is not None:
            raise NotAtRest("it was about to end")
        _rest(self._root, tokens)


def restore(execution: Execution, events: Sequence[HistoryEvent]) -> Restoration:
    """Gives `execution`, which is new, the `events` and the place of the one that recorded them.

    Where the events do not tell the branches of the state that it was in, that state is the place, to begin anew.
    """
    reader = _Reader(execution)
    sources, execution.sources = execution.sources, Sources(execution.sources.now, execution.sources.randomness)
    try:
        root: _Line | None = reader.read(events)
    except (_Unread, ExpressionError, ExecutionBroken, StateFailed, LookupError, ValueError, AttributeError, StopIteration):
        reader, root = _Reader(execution), None
        reader.read_outermost(events)
    finally:
        execution.sources = sources
    execution.history.events = list(events)
    execution.take_over(reader.root.branch)
    return Restoration(execution, root)


class _Reader:
    """Follows the events in their order; `_owners` are the lines to which events belong, `_openings` the branches that a Parallel began."""

    def __init__(self, execution: Execution) -> None:
        self.root = _Line(execution.root_branch(), execution.machine)
        self._owners: dict[int, _Line] = {0: self.root}
        self._openings: dict[int, list[_Line]] = {}
        self._entered_after: dict[int, list[_Line]] = {}
        self._readers: dict[str, Callable[[HistoryEvent, _Line], _Line]] = {
            "ParallelStateStarted": self._begin_branches,
            "ParallelStateFailed": self._close,
            "MapStateStarted": self._begin_map,
            "MapStateFailed": self._close,
            "MapRunStarted": self._map_run,
            "MapRunRedriven": self._map_run,
            "MapRunSucceeded": self._map_run,
            "MapIterationStarted": self._begin_iteration,
            "MapIterationSucceeded": self._end_iteration,
            "MapIterationFailed": self._end_iteration,
            "MapIterationAborted": self._end_iteration,
            "EvaluationFailed": self._evaluation_failed,
        }

    def read(self, events: Sequence[HistoryEvent]) -> _Line:
        """The line of the execution itself, with a visit wherever one is in a state."""
        for event in events:
            self._owners[event.id] = self._read(event)
        for line in self.root.all():
            if line.entered is not None:
                self._finish(line, line.visit)
        return self.root

    def read_outermost(self, events: Sequence[HistoryEvent]) -> None:
        """Where the execution itself was, whatever happened within its states."""
        for event in events:
            name = _details(event).get("name")
            state = self.root.graph.states.get(name) if isinstance(name, str) else None
            if state is not None and event.type == f"{state.type}StateEntered":
                self._owners[event.previous_event_id] = self.root
                self._enter(event)
            elif state is not None and event.type == f"{state.type}StateExited":
                self._exit(event, self.root)
        if self.root.entered is not None:
            _ = self.root.visit

    def _finish(self, line: _Line, visit: Visit) -> None:
        if isinstance(visit.ended_in, ParallelBranches):
            for index, child in line.children.items():
                if child.exited is not None:
                    visit.ended_in.outputs[index] = _output(child.exited)

    def _read(self, event: HistoryEvent) -> _Line:
        """The line to which the event belongs."""
        kind = event.type
        if kind.startswith("Execution"):
            return self._execution_event(event)
        if kind.endswith("StateEntered"):
            return self._enter(event)
        owner = self._owners[event.previous_event_id]
        if kind.endswith("StateExited"):
            return self._exit(event, owner)
        read = self._readers.get(kind)
        if read is not None:
            return read(event, owner)
        if not kind.endswith(("StateSucceeded", "StateAborted")):
            owner.advance(event)
        return owner

    def _execution_event(self, event: HistoryEvent) -> _Line:
        if event.type == "ExecutionRedriven":
            self.root.branch.previous_event_id = event.id
            for line in self.root.all():
                line.events = []
                line.since = event.timestamp
                line.is_closed = False
                group = None if line.entered is None else line.visit.ended_in
                if isinstance(group, InlineIterations):
                    group.current.update({iteration.index: iteration for iteration in group.failed})
                    group.failed = []
        return self.root

    def _enter(self, event: HistoryEvent) -> _Line:
        name = _details(event)["name"]
        beginnings = self._openings.get(event.previous_event_id)
        if beginnings is None:
            line = self._owners[event.previous_event_id]
        else:
            line = next(line for line in beginnings if line.graph.start_at == name)
        line.entered, line.exited, line.since = event, None, event.timestamp
        line.events, line.children, line.is_closed = [], {}, False
        line.branch.previous_event_id = event.id
        self._entered_after.setdefault(event.previous_event_id, []).append(line)
        return line

    def _exit(self, event: HistoryEvent, owner: _Line) -> _Line:
        name = _details(event)["name"]
        line = next(line for line in owner.upwards() if line.name == name)
        assigned = _details(event).get("assignedVariables")
        if assigned:
            values = {key: parse_json(text) for key, text in assigned.items()}
            line.branch.assign(values, sum(size_bytes(text) for text in assigned.values()))
        line.entered, line.exited, line.children = None, event, {}
        line.branch.visit = None
        line.branch.previous_event_id = event.id
        return line

    def _begin_branches(self, event: HistoryEvent, owner: _Line) -> _Line:
        line = _innermost(owner, "Parallel")
        line.advance(event)
        line.is_closed = False
        visit = line.visit
        visit.ended_in = group = parallel_branches(visit)
        graphs = cast("ParallelState", visit.state).branches
        lines = [_Line(branch, graph, line, index) for index, (branch, graph) in enumerate(zip(group.branches, graphs, strict=True))]
        line.children = {child.index: child for child in lines}
        self._openings[event.id] = lines
        return line

    def _close(self, event: HistoryEvent, owner: _Line) -> _Line:
        line = _innermost(owner, event.type.removesuffix("StateFailed"))
        line.is_closed = True
        line.advance(event)
        return line

    def _begin_map(self, event: HistoryEvent, owner: _Line) -> _Line:
        line = _innermost(owner, "Map")
        line.advance(event)
        line.is_closed = False
        line.children = {}
        visit = line.visit
        visit.ended_in = None
        if cast("MapState", visit.state).item_processor.mode is not ProcessorMode.DISTRIBUTED:
            visit.ended_in = iterations = inline_iterations(visit)
            if len(iterations.items) != _details(event)["length"]:
                raise _Unread
        return line

    def _map_run(self, event: HistoryEvent, owner: _Line) -> _Line:
        """One that succeeded is not gone on with: where its state failed all the same, another one begins."""
        line = _innermost(owner, "Map")
        line.advance(event)
        line.visit.ended_in = None if event.type == "MapRunSucceeded" else MapRunPlace(_details(event)["mapRunArn"])
        return line

    def _begin_iteration(self, event: HistoryEvent, owner: _Line) -> _Line:
        name, index = _details(event)["name"], _details(event)["index"]
        line = next(line for line in owner.upwards() if line.name == name)
        iterations = cast("InlineIterations", line.visit.ended_in)
        iteration = iterations.take_next(event.previous_event_id)
        if iteration is None or iteration.index != index:
            raise _Unread
        child = line.children[index] = _Line(iteration.branch, iterations.state.item_processor, line, index)
        child.branch.previous_event_id = event.id
        return child

    def _end_iteration(self, event: HistoryEvent, owner: _Line) -> _Line:
        name, index = _details(event)["name"], _details(event)["index"]
        child = next(line for line in owner.upwards() if line.index == index and line.parent is not None and line.parent.name == name)
        iterations = cast("InlineIterations", cast("_Line", child.parent).visit.ended_in)
        if event.type == "MapIterationSucceeded":
            iterations.outputs[index] = _output(cast("HistoryEvent", child.exited))
            iterations.last_event_id = event.id
            del iterations.current[index]
        elif event.type == "MapIterationFailed":
            iterations.failed.append(iterations.current.pop(index))
        return child

    def _evaluation_failed(self, event: HistoryEvent, owner: _Line) -> _Line:
        """It may follow the event before StateEntered, which another line had recorded."""
        name = _details(event)["state"]
        candidates: list[_Line] = [*owner.upwards(), *self._entered_after.get(event.previous_event_id, ())]
        line = next(line for line in candidates if line.name == name)
        line.advance(event)
        return line


def _details(event: HistoryEvent) -> Mapping[str, Any]:
    return event.details or {}


def _output(exited: HistoryEvent) -> Payload:
    return Payload.parse(_details(exited)["output"])


def _innermost(owner: _Line, state_type: str) -> _Line:
    """The line around `owner`, or itself, that is in an open state of that type."""
    for line in owner.upwards():
        if line.entered is not None and line.entered.type == f"{state_type}StateEntered" and not line.is_closed:
            return line
    raise _Unread


# ---------------------------------------------------------------------------------------------------------------------------- at rest


def _rest(line: _Line, tokens: Mapping[int, str]) -> None:
    """Prepares the visit of `line` to be gone on with; raises NotAtRest."""
    if line.entered is None:
        return
    visit = line.visit
    state = visit.state
    if isinstance(state, TaskState):
        visit.resumption = _task_resumption(line, visit, state, tokens)
    elif state.type == "Wait":
        visit.resumption = Resumption(since=line.since)
    elif isinstance(state, (ParallelState, MapState)):
        _rest_within(line, visit, tokens)


def _rest_within(line: _Line, visit: Visit, tokens: Mapping[int, str]) -> None:
    group = visit.ended_in
    if line.events and (group is None or isinstance(group, MapRunPlace)):
        raise NotAtRest(f"the Map Run of the state '{line.name}' was under way")
    if len(line.events) > 1 or (isinstance(group, InlineIterations) and group.failed):
        raise NotAtRest(f"the state '{line.name}' had failed and was about to be tried again")
    for child in line.children.values():
        _rest(child, tokens)


def _task_resumption(line: _Line, visit: Visit, state: TaskState, tokens: Mapping[int, str]) -> Resumption | None:
    """How the Task stood; None where its first attempt had not begun."""
    failures: list[StateFailure] = []
    current: list[HistoryEvent] = []
    for event in line.events:
        current.append(event)
        if event.type.endswith(_FAILURES):
            failures.append(StateFailure(_details(event).get("error"), _details(event).get("cause")))
            current = []
    if not line.events:
        return None
    if not current:
        visit.retry_count = len(failures) - 1
        return Resumption(line.events[-1].timestamp, tuple(failures[:-1]), failures[-1])
    visit.retry_count = len(failures)
    last, resource = current[-1], state.resource
    token = tokens.get(visit.entered_event_id)
    begun = next((event.timestamp for event in current if event.type.endswith("Started")), 0.0)
    if resource.kind is ResourceKind.ACTIVITY:
        is_known = len(current) <= 2 and last.type in {"ActivityScheduled", "ActivityStarted"} and token is not None
        has_begun = last.type == "ActivityStarted"
        resumption = Resumption(begun, tuple(failures), has_begun=has_begun, awaited_since=last.timestamp, task_token=token)
    else:
        awaits_token = resource.pattern is IntegrationPattern.WAIT_FOR_TASK_TOKEN
        is_known = len(current) <= 3 and last.type == "TaskSubmitted" and (token is not None or not awaits_token)
        submitted = _output(last) if is_known else None
        resumption = Resumption(
            begun,
            tuple(failures),
            has_begun=True,
            awaited_since=last.timestamp,
            submitted=submitted,
            task_token=token if awaits_token else None,
        )
    if not is_known:
        raise NotAtRest(f"the state '{line.name}' had called out, and the answer had not come")
    return resumption
