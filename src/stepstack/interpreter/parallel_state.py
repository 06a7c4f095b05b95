"""The Parallel state: runs its branches at once on the same input; its result is the array of their outputs.

The first branch that fails ends the others and fails the state. Source: recorded histories for the order and linkage of the events.
"""

from __future__ import annotations

import functools
from typing import cast

from stepstack.interpreter.branch_group import run_branches
from stepstack.interpreter.data_flow import arguments, effective_input, output_from_result
from stepstack.interpreter.error_handling import attempt
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.language.state_machine import ParallelState

__all__ = ["ParallelBranches", "parallel_branches", "run_parallel"]


async def run_parallel(visit: Visit) -> Payload:
    """The state's output, once all branches have ended."""
    return await attempt(visit, cast("ParallelState", visit.state), _work, "ParallelStateFailed")


async def _work(visit: Visit, state: ParallelState) -> Payload:
    effective = await unhurried(effective_input, visit)
    branch_input = await unhurried(arguments, visit, effective, state.parameters)
    parent = visit.branch
    trial = parent.execution.trial
    if trial is None or not trial.has_mock:
        result = await _branches(visit, state, branch_input).run()
        parent.record_aside("ParallelStateSucceeded")
    else:
        result = trial.mocked_result()
    return await unhurried(output_from_result, visit, state, result)


def _branches(visit: Visit, state: ParallelState, branch_input: Payload) -> ParallelBranches:
    """The branches of a new attempt, or those of the attempt that a redrive takes up."""
    if isinstance(visit.ended_in, ParallelBranches):
        return visit.ended_in
    visit.branch.record("ParallelStateStarted")
    return ParallelBranches(visit, state, branch_input)


def parallel_branches(visit: Visit) -> ParallelBranches:
    """Those of an attempt that an earlier process had begun; none of them has entered a state yet. Raises as the state would."""
    state = cast("ParallelState", visit.state)
    return ParallelBranches(visit, state, arguments(visit, effective_input(visit), state.parameters))


class ParallelBranches:
    """The branches of one attempt; `outputs` has those of the branches that have ended."""

    def __init__(self, visit: Visit, state: ParallelState, branch_input: Payload) -> None:
        self._visit = visit
        self._state = state
        self._input = branch_input
        self.branches = [visit.branch.child() for _ in state.branches]
        self.outputs: list[Payload | None] = [None] * len(state.branches)

    async def run(self) -> Payload:
        """The array of the outputs of all branches. Raises the first failure, once the others were stopped."""
        parent = self._visit.branch
        works = [functools.partial(self._walk, index) for index, output in enumerate(self.outputs) if output is None]
        await run_branches(self._visit, self, works)
        parent.previous_event_id = max((branch.previous_event_id for branch in self.branches), default=parent.previous_event_id)
        return Payload.array(cast("list[Payload]", self.outputs))

    async def _walk(self, index: int) -> None:
        branch, graph = self.branches[index], self._state.branches[index]
        going_on = branch.take_up(graph, self._visit.branch.context_members)
        self.outputs[index] = await (branch.walk(graph, self._input) if going_on is None else going_on)

    def stop(self) -> None:
        for branch in self.branches:
            branch.is_aborted = True

    def record_aborts(self) -> None:
        for branch in self.branches:
            branch.record_abort()
