"""What a history tells: which states an execution visited, with what input, how often it tried, where it failed.

Called by `ExecutionResult`, the failure texts, coverage and the reports. It reads events as boto3's GetExecutionHistory returns them,
from any backend, and follows `previousEventId`, so that branches of a Parallel and iterations of a Map are told apart. It leaves out Map
Runs: their child executions have histories of their own.
Source: botocore's service model of GetExecutionHistory, recorded histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from stepstack.json_types import Json, parse_json

__all__ = ["Event", "Failure", "StateVisit", "event_details", "failing_visit", "read_visits"]

Event: TypeAlias = Mapping[str, Any]

_FAILURE_ENDINGS = ("Failed", "TimedOut")
_OPENERS = {"ParallelStateStarted": "Parallel", "MapStateStarted": "Map"}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt."""

    error: str | None
    cause: str | None


@dataclass(slots=True, eq=False)
class StateVisit:
    """One stay in one state."""

    name: str
    type: str
    """Task, Choice, Parallel, ..."""
    entered_event_id: int
    entered_at: datetime | None
    previous_event_id: int = 0
    """The event that its entering is linked to."""
    input_text: str | None = None
    output_text: str | None = None
    exited_at: datetime | None = None
    is_exited: bool = False
    parent: StateVisit | None = None
    """The Parallel or Map within which it was visited."""
    parent_attempt: int = 0
    """Which attempt of the parent it belongs to, from 1; 0 without a parent."""
    previous: StateVisit | None = None
    """The visit beside this one that led here; None where the graph begins."""
    assigned_texts: Mapping[str, str] = field(default_factory=dict)
    """`assigned`, each as JSON text."""
    item_count: int | None = None
    """How many items a Map had."""
    iteration: int | None = None
    """Which item of the Map, from 0."""
    parameters_text: str | None = None
    """What it last sent to its task."""
    attempts: int = 0
    """How often its task, its branches or its items were started."""
    failures: list[Failure] = field(default_factory=list)
    failed_evaluations: list[int] = field(default_factory=list)
    """The events of its expressions that failed."""
    _is_closed: bool = False
    _seen: dict[str, Json] | None = None
    """`variables`, once they are known."""

    @property
    def input(self) -> Json:
        return None if self.input_text is None else parse_json(self.input_text)

    @property
    def output(self) -> Json:
        """None where the state was never left."""
        return None if self.output_text is None else parse_json(self.output_text)

    @property
    def parameters(self) -> Json:
        """What it last sent to its task; None where it called none."""
        return None if self.parameters_text is None else parse_json(self.parameters_text)

    @property
    def assigned(self) -> dict[str, Json]:
        """The variables that it assigned when it was left."""
        return {name: parse_json(text) for name, text in self.assigned_texts.items()}

    @property
    def variables(self) -> dict[str, Json]:
        """The variables that it saw when it was entered."""
        path: list[StateVisit] = []
        visit: StateVisit | None = self
        while visit is not None and visit._seen is None:
            path.append(visit)
            visit = visit.previous if visit.previous is not None else visit.parent
        # Backwards over the path, without recursion and once for each visit: an execution may have ten thousand of them.
        for later in reversed(path):
            before = later.previous if later.previous is not None else later.parent
            seen = {} if before is None or before._seen is None else before._seen
            if later.previous is not None and later.previous.assigned_texts:
                seen = {**seen, **later.previous.assigned}
            later._seen = seen
        return dict(self._seen or {})

    @property
    def retries(self) -> int:
        return max(0, self.attempts - 1)

    @property
    def depth(self) -> int:
        """How many Parallel and Map states are around it."""
        return sum(1 for _ in self._enclosing()) - 1

    @property
    def full_name(self) -> str:
        """The state's name, with the items of the Map states around it, the outermost first: `Pay [2][0]`."""
        # Who stands in a Parallel within an item has no item of its own.
        items = [visit.iteration for visit in self._enclosing() if visit.iteration is not None]
        return " ".join(filter(None, (self.name, "".join(f"[{item}]" for item in reversed(items)))))

    def _enclosing(self) -> Iterator[StateVisit]:
        visit: StateVisit | None = self
        while visit is not None:
            yield visit
            visit = visit.parent

    def __repr__(self) -> str:
        return f"<{self.type} {self.name!r}>"


def event_details(event: Event) -> Mapping[str, Any]:
    """The details of `event`, whatever their member's name; {} where it has none."""
    for key, value in event.items():
        if key.endswith("EventDetails") and isinstance(value, Mapping):
            return value
    return {}


def read_visits(events: Iterable[Event]) -> list[StateVisit]:
    """Every visit, in the order in which the states were entered."""
    reader = _Reader()
    for event in events:
        reader.read(event)
    return reader.visits


def failing_visit(events: Sequence[Event], visits: Sequence[StateVisit]) -> StateVisit | None:
    """The visit in which a failed execution ended.

    Behind the end of an execution, a Parallel, a Map or an iteration stands the event within it that ended it, so the chain of
    events leads back to the visit. Where it is broken, it is the last visit that was not left.
    """
    by_id = {event["id"]: event for event in events}
    entered = {visit.entered_event_id: visit for visit in visits}
    evaluating = {event_id: visit for visit in visits for event_id in visit.failed_evaluations}
    number = events[-1]["id"] if events else 0
    while number in by_id and number not in entered:
        if number in evaluating:
            return evaluating[number]
        number = by_id[number].get("previousEventId", 0)
    return entered.get(number) or next((visit for visit in reversed(visits) if not visit.is_exited), None)


class _Reader:
    """Follows the events, in order; `_owners` says in which visit each event happened."""

    def __init__(self) -> None:
        self.visits: list[StateVisit] = []
        self._owners: dict[int, StateVisit | None] = {}
        self._iterations: dict[int, int] = {}
        self._entries_within: set[int] = set()
        """Ids of events behind which a state is entered within their owner, not beside it."""

    def read(self, event: Event) -> None:
        kind, number = event["type"], event["id"]
        before = self._owners.get(event.get("previousEventId", 0))
        if kind.endswith("StateEntered"):
            self._owners[number] = self._enter(event)
        elif kind.endswith("StateExited"):
            self._owners[number] = self._exit(event, before)
        elif kind.startswith(("ParallelState", "MapState", "MapIteration")):
            self._owners[number] = self._read_enclosure(event, before)
        elif kind == "EvaluationFailed":
            owner = self._owners[number] = self._evaluating(event, before)
            if owner is not None:
                owner.failed_evaluations.append(number)
                _note_attempt(owner, event)
        else:
            self._owners[number] = before
            if before is not None:
                _note_attempt(before, event)

    def _enter(self, event: Event) -> StateVisit:
        previous = event.get("previousEventId", 0)
        neighbour = self._owners.get(previous)
        is_within = previous in self._entries_within
        details = event_details(event)
        visit = StateVisit(
            name=details.get("name", ""),
            type=event["type"].removesuffix("StateEntered"),
            entered_event_id=event["id"],
            entered_at=event.get("timestamp"),
            previous_event_id=previous,
            input_text=details.get("input"),
            parent=neighbour if is_within or neighbour is None else neighbour.parent,
            previous=None if is_within else neighbour,
            parent_attempt=neighbour.attempts if is_within and neighbour else neighbour.parent_attempt if neighbour else 0,
            iteration=self._iterations.get(previous) if is_within else neighbour.iteration if neighbour else None,
        )
        self.visits.append(visit)
        return visit

    def _exit(self, event: Event, before: StateVisit | None) -> StateVisit | None:
        details = event_details(event)
        name = details.get("name")
        for visit in before._enclosing() if before else ():
            if visit.name == name and not visit.is_exited:
                visit.is_exited = True
                visit.output_text = details.get("output")
                visit.exited_at = event.get("timestamp")
                visit.assigned_texts = details.get("assignedVariables", {})
                return visit
        return before

    def _evaluating(self, event: Event, before: StateVisit | None) -> StateVisit | None:
        """Whose expression failed: AWS links the event to what was before the state, not to the state, which it names."""
        if before is not None and not before.is_exited and before.name == event_details(event).get("state"):
            return before
        name, previous = event_details(event).get("state"), event.get("previousEventId", 0)
        open_ones = [visit for visit in reversed(self.visits) if visit.name == name and not visit.is_exited]
        return next((visit for visit in open_ones if visit.previous_event_id == previous), open_ones[0] if open_ones else before)

    def _read_enclosure(self, event: Event, before: StateVisit | None) -> StateVisit | None:
        """Events of a Parallel, a Map or an iteration: they belong to the innermost one that is open."""
        kind = event["type"]
        details = event_details(event)
        if kind in _OPENERS:
            self._entries_within.add(event["id"])
            return self._open(before, _OPENERS[kind], details)
        wanted = "Parallel" if kind.startswith("Parallel") else "Map"
        name = details.get("name") if kind.startswith("MapIteration") else None
        owner = next((visit for visit in before._enclosing() if _is_open(visit, wanted, name)), before) if before else None
        if kind == "MapIterationStarted":
            self._entries_within.add(event["id"])
            self._iterations[event["id"]] = details.get("index", 0)
        elif owner is not None and not kind.startswith("MapIteration"):
            owner._is_closed = True
            _note_attempt(owner, event)
        return owner

    def _open(self, before: StateVisit | None, wanted: str, details: Mapping[str, Any]) -> StateVisit | None:
        """A Parallel or a Map starts, or starts again: AWS records no failure of an attempt that is followed by another one."""
        owner = next((visit for visit in before._enclosing() if _is_open(visit, wanted, None)), before) if before else None
        if owner is not None:
            if len(owner.failures) < owner.attempts:
                owner.failures.append(Failure(None, None))
            owner.attempts += 1
            owner._is_closed = False
            owner.item_count = details.get("length")
        return owner


def _is_open(visit: StateVisit, wanted: str, name: str | None) -> bool:
    return visit.type == wanted and not visit.is_exited and not visit._is_closed and name in {None, visit.name}


def _note_attempt(visit: StateVisit, event: Event) -> None:
    kind = event["type"]
    details = event_details(event)
    if kind.endswith("Scheduled"):
        visit.attempts += 1
        visit.parameters_text = details.get("parameters", details.get("input"))
    elif kind.endswith(_FAILURE_ENDINGS) and not kind.startswith(("Execution", "MapRun")):
        visit.failures.append(Failure(details.get("error"), details.get("cause")))
