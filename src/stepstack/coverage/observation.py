"""Reads one execution's history into the counts of its machine.

It needs nothing but the definition and the events, so it works for every backend. What a history does not say outright is derived: which
Choice Rules were false is found by evaluating them again on the state's recorded input and variables; where that cannot be done (a
random number, the time of day), the rule is known by where the execution went. Which retrier or catcher acted follows from the errors in
the events. The child executions of a Map Run have histories of their own, which are observed as `is_child`. Source: recorded histories.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from stepstack.coverage.counts import MachineCounts
from stepstack.errors import ExpressionError
from stepstack.history.visits import StateVisit, read_visits
from stepstack.interpreter.error_handling import is_matched
from stepstack.interpreter.ports import StateFailure
from stepstack.language.state_machine import (
    ChoiceState,
    FailState,
    MapState,
    Retrier,
    State,
    StateMachine,
    SucceedState,
    WorkState,
    states_of,
)
from stepstack.query.scope import Literal, Scope

__all__ = ["observe"]


def observe(counts: MachineCounts, machine: StateMachine, events: Sequence[Mapping[str, Any]], *, is_child: bool = False) -> None:
    """Adds what `events` (as GetExecutionHistory answers them) show to `counts`. A child execution of a Map Run is a part of one that is
    counted already.
    """
    observation = _Observation(machine, read_visits(events))
    counts.executions += not is_child
    counts.counts.update(observation.counted())


class _Observation:
    """One history being read."""

    def __init__(self, machine: StateMachine, visits: Sequence[StateVisit]) -> None:
        self._states = {state.name: state for state in states_of(machine)}
        self._visits = visits
        self._followers = {id(visit.previous): visit for visit in visits if visit.previous is not None}
        self._children: dict[int, list[StateVisit]] = {}
        for visit in visits:
            if visit.parent is not None:
                self._children.setdefault(id(visit.parent), []).append(visit)
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def counted(self) -> Counter[tuple[str, str, str]]:
        for visit in self._visits:
            state = self._states.get(visit.name)
            if state is None:
                continue  # the machine was updated while the execution ran
            self._counts[("state", visit.name, "")] += 1
            follower = self._followers.get(id(visit))
            if isinstance(state, ChoiceState):
                self._count_choice(state, visit, follower)
            elif isinstance(state, WorkState):
                self._count_work(state, visit, follower)
            else:
                self._count_transition(state, visit, follower)
        return self._counts

    def _count_transition(self, state: State, visit: StateVisit, follower: StateVisit | None) -> None:
        if isinstance(state, (SucceedState, FailState)):
            return
        if follower is None:
            if state.next is None and visit.is_exited:
                self._counts[("transition", state.name, "")] += 1
        elif follower.name == state.next:
            self._counts[("transition", state.name, follower.name)] += 1

    def _count_choice(self, state: ChoiceState, visit: StateVisit, follower: StateVisit | None) -> None:
        if follower is None:
            if _has_no_match(state, visit):
                for number in range(1, len(state.choices) + 1):
                    self._counts[("rule", state.name, f"{number} false")] += 1
            return  # else a rule failed: nothing was decided
        chosen = self._chosen_rule(state, visit, follower.name)
        if chosen is None:
            return
        for number in range(1, min(chosen, len(state.choices)) + 1):
            self._counts[("rule", state.name, f"{number} false")] += 1
        if chosen < len(state.choices):
            self._counts[("rule", state.name, f"{chosen + 1} true")] += 1
        else:
            self._counts[("default", state.name, "")] += 1

    def _chosen_rule(self, state: ChoiceState, visit: StateVisit, target: str) -> int | None:
        """The index of the rule that held, the number of rules where Default was taken; None where it cannot be told."""
        scope = _choice_scope(state, visit)
        for index, rule in enumerate(state.choices):
            try:
                holds = scope is not None and rule.evaluate(scope)
            except ExpressionError:
                break
            if holds:
                if rule.next == target:
                    return index
                break
        else:
            if state.default == target and scope is not None:
                return len(state.choices)
        candidates = [index for index, rule in enumerate(state.choices) if rule.next == target]
        if state.default == target:
            candidates.append(len(state.choices))
        return candidates[0] if len(candidates) == 1 else None

    def _count_work(self, state: WorkState, visit: StateVisit, follower: StateVisit | None) -> None:
        failures = [self._error_of(visit, index) for index in range(len(visit.failures))]
        self._count_retriers(state, visit, failures)
        if isinstance(state, MapState) and visit.item_count is not None:
            size = "zero" if visit.item_count == 0 else "one" if visit.item_count == 1 else "many"
            self._counts[("map", state.name, size)] += 1
        has_failed = bool(failures) and len(failures) >= max(1, visit.attempts)
        if not has_failed:
            self._count_transition(state, visit, follower)
        if not has_failed or follower is None:
            return
        for number, catcher in enumerate(state.catchers, 1):
            if catcher.next == follower.name and _takes(catcher.error_equals, failures[-1]):
                self._counts[("catcher", state.name, str(number))] += 1
                return

    def _count_retriers(self, state: WorkState, visit: StateVisit, failures: Sequence[str | None]) -> None:
        retries = [0] * len(state.retriers)
        for attempt, error in enumerate(failures, 1):
            index = _retrier_for(state.retriers, error)
            if index is None:
                continue
            if attempt < visit.attempts:
                retries[index] += 1
                self._counts[("retrier", state.name, f"{index + 1} used")] += 1
            elif retries[index] >= state.retriers[index].max_attempts:
                self._counts[("retrier", state.name, f"{index + 1} exhausted")] += 1

    def _error_of(self, visit: StateVisit, index: int) -> str | None:
        """The Error Name of a failure; a Parallel's or a Map's is the one of the state within that failed."""
        error = visit.failures[index].error
        if error is not None or id(visit) not in self._children:
            return error
        for child in reversed([child for child in self._children[id(visit)] if child.parent_attempt == index + 1]):
            state = self._states.get(child.name)
            if isinstance(state, FailState):
                return str(state.error.expression.value) if state.error and isinstance(state.error.expression, Literal) else None
            if child.failures and not child.is_exited:
                return self._error_of(child, len(child.failures) - 1)
        return None


def _takes(error_equals: tuple[str, ...], error: str | None) -> bool:
    """Whether ErrorEquals may have taken `error`; an error that the history does not name could be any."""
    return error is None or is_matched(error_equals, StateFailure(error))


def _retrier_for(retriers: Sequence[Retrier], error: str | None) -> int | None:
    return next((index for index, retrier in enumerate(retriers) if _takes(retrier.error_equals, error)), None)


def _choice_scope(state: ChoiceState, visit: StateVisit) -> Scope | None:
    """What the rules saw; None where the history leaves it out."""
    if visit.input_text is None:
        return None
    # The Context Object is not in a history: rules that read it are known by where the execution went.
    scope = Scope(data=visit.input, context={}, variables=visit.variables)
    if state.query_language.value == "JSONPath":
        if state.input_path is None:
            scope.data = {}
        else:
            try:
                scope.data = state.input_path.evaluate(scope)
            except ExpressionError:
                return None
    return scope


def _has_no_match(state: ChoiceState, visit: StateVisit) -> bool:
    """Whether an execution ended in this Choice because no rule held and there is no Default."""
    scope = _choice_scope(state, visit)
    try:
        return scope is not None and state.default is None and not any(rule.evaluate(scope) for rule in state.choices)
    except ExpressionError:
        return False
