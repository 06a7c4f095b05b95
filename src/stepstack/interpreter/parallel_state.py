"""The Parallel state: runs its branches at once on the same input; its result is the array of their outputs.

The first branch that fails ends the others and fails the state. Source: recorded histories for the order and linkage of the events.
"""

from __future__ import annotations

import asyncio
import functools
from typing import cast

from stepstack.interpreter.branch_group import run_together
from stepstack.interpreter.data_flow import arguments, effective_input, output_from_result
from stepstack.interpreter.error_handling import attempt
from stepstack.interpreter.failures import StateFailed
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.visit import Visit
from stepstack.language.state_machine import ParallelState


async def run_parallel(visit: Visit) -> Payload:
    """The state's output, once all branches have ended."""
    return await attempt(visit, cast("ParallelState", visit.state), _work, "ParallelStateFailed")


async def _work(visit: Visit, state: ParallelState) -> Payload:
    effective = effective_input(visit)
    branch_input = arguments(visit, effective, state.parameters)
    parent = visit.branch
    trial = parent.execution.trial
    if trial is None or not trial.has_mock:
        parent.record("ParallelStateStarted")
        result = await _run_branches(visit, state, branch_input)
        parent.record_aside("ParallelStateSucceeded")
    else:
        result = trial.mocked_result()
    return output_from_result(visit, state, result)


async def _run_branches(visit: Visit, state: ParallelState, branch_input: Payload) -> Payload:
    parent = visit.branch
    branches = [parent.child() for _ in state.branches]
    walks = [functools.partial(branch.walk, graph, branch_input) for branch, graph in zip(branches, state.branches, strict=True)]

    def stop() -> None:
        for branch in branches:
            branch.is_aborted = True

    try:
        outputs = await run_together(parent.timeline, walks, stop)
    except StateFailed as failed:
        for branch in branches:
            branch.record_abort()
        parent.previous_event_id = failed.event_id
        raise
    except asyncio.CancelledError:
        if parent.is_aborted:
            for branch in branches:
                branch.record_abort()
        raise
    parent.previous_event_id = max((branch.previous_event_id for branch in branches), default=parent.previous_event_id)
    return Payload.array(outputs)
