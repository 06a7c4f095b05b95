"""The Map state: runs its item processor once for each item; its result is the array of the outputs.

Inline, the iterations are branches of the same execution, at most MaxConcurrency and never more than 40 at a time; the first that fails
ends the others. Distributed, each item or batch is a child execution of a Map Run (`distributed_map`). Source: recorded histories for
the order and linkage of the events, the developer guide's "Map workflow state".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, cast

from stepstack.errors import ExpressionError, PathNotFound
from stepstack.interpreter.branch_group import run_branches
from stepstack.interpreter.data_flow import is_jsonata, noted_input, output_from_result
from stepstack.interpreter.distributed_map import run_distributed
from stepstack.interpreter.error_handling import attempt
from stepstack.interpreter.failures import (
    StateFailed,
    expression_failure,
    query_evaluation_failure,
    runtime_failure,
    unexpected_type,
)
from stepstack.interpreter.map_items import MapItem, item_context, item_input
from stepstack.interpreter.map_limits import max_concurrency
from stepstack.interpreter.map_trial import tried_result
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject, json_text
from stepstack.language.state_machine import MapState, ProcessorMode

__all__ = ["InlineIterations", "Iteration", "inline_iterations", "run_map"]

INLINE_CONCURRENCY: Final = 40
"""The most iterations that AWS runs at once, whatever MaxConcurrency says."""

ITERATIONS_PER_TURN: Final = 32


async def run_map(visit: Visit) -> Payload:
    """The state's output, once all iterations have ended."""
    return await attempt(visit, cast("MapState", visit.state), _work, "MapStateFailed")


async def _work(visit: Visit, state: MapState) -> Payload:
    effective = await unhurried(noted_input, visit)
    items: Sequence[Json] | JsonObject = [] if state.item_reader is not None else await unhurried(_items, visit, state, effective)
    if visit.branch.execution.trial is not None:
        result = await unhurried(tried_result, visit, state, effective, items)
        return await unhurried(output_from_result, visit, state, result)
    if state.item_processor.mode is ProcessorMode.DISTRIBUTED:
        result = await run_distributed(visit, state, effective, items)
    else:
        result = await _run_inline(visit, state, effective, cast("Sequence[Json]", items))
    return await unhurried(output_from_result, visit, state, result)


def _items(visit: Visit, state: MapState, effective: Payload) -> Sequence[Json] | JsonObject:
    """The array that the state maps over; a distributed Map also takes an object."""
    field = state.items
    if field is None:
        value, text = effective.value, "$"
    else:
        try:
            value, text = field.expression.evaluate(visit.scope(effective.value)), field.text
        except PathNotFound as error:
            raise runtime_failure(visit, f"Invalid path '{error.text}' : {error.message}") from error
        except ExpressionError as error:
            raise expression_failure(visit, field.name, error) from error
    if isinstance(value, (list, tuple)) or (isinstance(value, dict) and state.item_processor.mode is ProcessorMode.DISTRIBUTED):
        return value
    if not is_jsonata(state):
        reference = text[1:] if text.startswith("$$") else text
        raise runtime_failure(visit, f'Reference path "{reference}" must point to array.')
    if field is None:
        raise query_evaluation_failure(visit, f"Map state input must be an array but was: {json_text(value)}")
    raise unexpected_type(visit, field.name, field.text, "array", value)


async def _run_inline(visit: Visit, state: MapState, effective: Payload, items: Sequence[Json]) -> Payload:
    limit = await unhurried(max_concurrency, visit, state, visit.scope(effective.value))
    concurrency = min(limit or INLINE_CONCURRENCY, INLINE_CONCURRENCY)
    iterations = visit.ended_in
    if not isinstance(iterations, InlineIterations):
        visit.branch.record("MapStateStarted", {"length": len(items)})
        iterations = InlineIterations(visit, state, effective, items)
    return await iterations.run(min(concurrency, len(items)))


def inline_iterations(visit: Visit) -> InlineIterations:
    """Those of an attempt that an earlier process had begun; none of them has begun yet. Raises as the state would."""
    state = cast("MapState", visit.state)
    effective = noted_input(visit)
    return InlineIterations(visit, state, effective, cast("Sequence[Json]", _items(visit, state, effective)))


class InlineIterations:
    """The iterations of one attempt, worked off by a few workers side by side."""

    def __init__(self, visit: Visit, state: MapState, effective: Payload, items: Sequence[Json]) -> None:
        self.visit = visit
        self.state = state
        self.effective = effective
        self.items = items
        self.outputs: list[Payload | None] = [None] * len(items)
        self.pending = iter(range(len(items)))
        self.parent = visit.branch
        self.current: dict[int, Iteration] = {}
        """The iterations under way, by index."""
        self.failed: list[Iteration] = []
        self.last_event_id = self.parent.previous_event_id
        """The event that MapStateSucceeded follows."""

    async def run(self, workers: int) -> Payload:
        parent = self.parent
        begun = [*self.failed, *self.current.values()]
        self.failed = []
        self.current = {iteration.index: iteration for iteration in begun}
        while len(begun) < workers and (following := self.start_next(parent.previous_event_id)) is not None:
            begun.append(following)
        await run_branches(self.visit, self, [_Worker(self, iteration) for iteration in begun])
        parent.previous_event_id = self.last_event_id
        parent.record_aside("MapStateSucceeded")
        return Payload.array(cast("list[Payload]", self.outputs))

    def start_next(self, previous_event_id: int) -> Iteration | None:
        """The next iteration, begun; None where none is left."""
        iteration = self.take_next(previous_event_id)
        if iteration is not None:
            iteration.branch.record("MapIterationStarted", iteration.details)
        return iteration

    def take_next(self, previous_event_id: int) -> Iteration | None:
        """The next iteration, whose beginning is recorded already or yet to be recorded; None where none is left."""
        index = next(self.pending, None)
        if index is None:
            return None
        iteration = self.current[index] = Iteration(self, index, previous_event_id)
        return iteration

    def stop(self) -> None:
        for iteration in self.current.values():
            iteration.branch.is_aborted = True

    def record_aborts(self) -> None:
        for iteration in self.current.values():
            iteration.branch.record_abort()
            iteration.branch.record_aside("MapIterationAborted", iteration.details)


class Iteration:
    """One run of the item processor."""

    __slots__ = ("branch", "details", "index", "item", "iterations")

    def __init__(self, iterations: InlineIterations, index: int, previous_event_id: int) -> None:
        self.iterations = iterations
        self.index = index
        self.item = MapItem(iterations.items[index])
        self.branch = iterations.parent.child(self._context_members())
        self.branch.previous_event_id = previous_event_id
        self.details = {"name": iterations.state.name, "index": index}

    def _context_members(self) -> JsonObject:
        return {**self.iterations.parent.context_members, "Map": item_context(self.index, self.item)}

    async def run(self) -> None:
        iterations = self.iterations
        branch = self.branch
        processor = iterations.state.item_processor
        try:
            going_on = branch.take_up(processor, self._context_members())
            if going_on is None:
                payload = await unhurried(item_input, iterations.visit, iterations.state, iterations.effective, self.index, self.item)
                going_on = branch.walk(processor, payload)
            output = await going_on
        except StateFailed as failed:
            failed.event_id = branch.previous_event_id
            branch.record_aside("MapIterationFailed", self.details)
            iterations.failed.append(iterations.current.pop(self.index))
            raise
        iterations.outputs[self.index] = output
        iterations.last_event_id = branch.record_aside("MapIterationSucceeded", self.details)
        del iterations.current[self.index]


class _Worker:
    """Works off one iteration after the other."""

    __slots__ = ("iteration", "iterations")

    def __init__(self, iterations: InlineIterations, iteration: Iteration) -> None:
        self.iterations = iterations
        self.iteration: Iteration | None = iteration

    async def __call__(self) -> None:
        count = 0
        while self.iteration is not None:
            await self.iteration.run()
            count += 1
            if count % ITERATIONS_PER_TURN == 0:
                await asyncio.sleep(0)
            self.iteration = self.iterations.start_next(self.iteration.branch.previous_event_id)
