"""A distributed Map: reads the items, runs a child execution for each item or batch, and gathers or writes their results.

Called by the Map state. The Map Run's limits may change while it goes on, so the dispatcher asks them anew each time that a child ends.
Source: recorded histories for the events and their linkage, the developer guide's "Distributed Map".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from stepstack.interpreter.failures import StateFailed, runtime_failure
from stepstack.interpreter.item_batcher import Batches
from stepstack.interpreter.item_reader import ItemSource
from stepstack.interpreter.map_items import item_input, items_of
from stepstack.interpreter.map_run import MapRun
from stepstack.interpreter.number_fields import number, whole_number
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.result_writer import ResultTarget, returned_results
from stepstack.interpreter.unhurried import unhurried
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, JsonObject
from stepstack.language.state_machine import MapState, StateMachine

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution

__all__ = ["TOLERANCE_EXCEEDED", "run_distributed"]

MOST_CHILDREN_AT_ONCE: Final = 10_000

TOLERANCE_EXCEEDED: Final = StateFailure("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")


async def run_distributed(visit: Visit, state: MapState, effective: Payload, items: Sequence[Json] | JsonObject) -> Payload:
    """The state's result: the children's outputs, or where a ResultWriter has put them."""
    return await _DistributedMap(visit, state, effective).run(items)


class _DistributedMap:
    """One attempt at a distributed Map."""

    def __init__(self, visit: Visit, state: MapState, effective: Payload) -> None:
        self.visit = visit
        self.state = state
        self.effective = effective
        self.branch = visit.branch
        self.execution = visit.branch.execution
        self.children: list[Execution] = []
        self.running: dict[Execution, int] = {}
        """The children under way, with the number of their items."""

    async def run(self, data: Sequence[Json] | JsonObject) -> Payload:
        visit, state, branch = self.visit, self.state, self.branch
        branch.record("MapStateStarted", {"length": len(data)})
        map_run = await unhurried(self._map_run)
        source = None if state.item_reader is None else await unhurried(ItemSource, visit, state.item_reader, self.effective)
        batches = None if state.item_batcher is None else await unhurried(Batches, visit, state.item_batcher, self.effective)
        target = await unhurried(self._result_target)
        registry = self.execution.environment.map_runs
        if registry is not None:
            registry.opened(map_run)
        branch.record("MapRunStarted", {"mapRunArn": map_run.arn})
        try:
            items = items_of(data) if source is None else await source.items()
            inputs = [await unhurried(item_input, visit, state, self.effective, index, item) for index, item in enumerate(items)]
            await self._run_children(map_run, [(payload, 1) for payload in inputs] if batches is None else batches.of(inputs))
            children = self.children
            result = returned_results(children, state.result_writer) if target is None else await target.write(map_run, children)
        except StateFailed as failed:
            map_run.end("FAILED", branch.timeline.now())
            self._record_failed(failed.failure)
            raise
        except BaseException:
            map_run.end("ABORTED", branch.timeline.now())
            raise
        map_run.end("SUCCEEDED", branch.timeline.now())
        branch.record("MapRunSucceeded")
        branch.record_aside("MapStateSucceeded")
        return result

    def _map_run(self) -> MapRun:
        visit, state, execution = self.visit, self.state, self.execution
        scope = visit.scope(self.effective.value)
        concurrency = 0 if state.max_concurrency is None else whole_number(visit, state.max_concurrency, scope)
        count = 0 if state.tolerated_failure_count is None else whole_number(visit, state.tolerated_failure_count, scope)
        percentage = 0.0 if state.tolerated_failure_percentage is None else number(visit, state.tolerated_failure_percentage, scope)
        if concurrency < 0:
            raise runtime_failure(visit, "MaxConcurrency cannot be negative.")
        if count < 0:
            raise runtime_failure(visit, "ToleratedFailureCount cannot be negative.")
        if not 0 <= percentage <= 100:
            raise runtime_failure(visit, "ToleratedFailurePercentage must be between 0 and 100.")
        uuid = execution.environment.randomness.uuid
        name = f"{execution.state_machine_name}/{state.label or uuid()}"
        machine_arn = execution.state_machine_arn.rpartition(":")[0]
        return MapRun(
            arn=f"{machine_arn.rpartition(':')[0]}:mapRun:{name}:{uuid()}",
            execution=execution,
            state_machine_arn=f"{machine_arn}:{name}",
            state_machine_name=name,
            is_express=state.item_processor.execution_type == "EXPRESS",
            started_at=self.branch.timeline.now(),
            max_concurrency=concurrency,
            tolerated_failure_count=count,
            tolerated_failure_percentage=percentage,
        )

    def _result_target(self) -> ResultTarget | None:
        writer = self.state.result_writer
        if writer is None or writer.resource is None:
            return None
        return ResultTarget(self.visit, writer, writer.resource, self.effective)

    async def _run_children(self, map_run: MapRun, inputs: Sequence[tuple[Payload, int]]) -> None:
        """Starts children as the limits allow, until all have ended or too many have failed."""
        map_run.executions.pending = len(inputs)
        map_run.items.pending = sum(weight for _, weight in inputs)
        machine = self._child_machine()
        waiting = iter(inputs)
        has_more = True
        try:
            while has_more or self.running:
                limit = min(map_run.max_concurrency or MOST_CHILDREN_AT_ONCE, MOST_CHILDREN_AT_ONCE)
                while has_more and len(self.running) < limit:
                    following = next(waiting, None)
                    has_more = following is not None
                    if following is not None:
                        self._start_child(map_run, machine, *following)
                if not self.running:
                    break
                map_run.changed.clear()
                with self.branch.timeline.parked():
                    await map_run.changed.wait()
                if map_run.has_exceeded_tolerance:
                    raise StateFailed(TOLERANCE_EXCEEDED)
        finally:
            for child in list(self.running):
                child.stop()

    def _child_machine(self) -> StateMachine:
        processor = self.state.item_processor
        return dataclasses.replace(self.execution.machine, start_at=processor.start_at, states=processor.states, timeout_seconds=None)

    def _start_child(self, map_run: MapRun, machine: StateMachine, payload: Payload, weight: int) -> None:
        name = self.execution.environment.randomness.uuid()
        prefix = map_run.state_machine_arn.rpartition(":")[0].rpartition(":")[0]
        kind = "express" if map_run.is_express else "execution"
        arn = f"{prefix}:{kind}:{map_run.state_machine_name}:{name}"

        def on_end(child: Execution) -> None:
            del self.running[child]
            map_run.executions.ended(child.status, 1)
            map_run.items.ended(child.status, weight)
            map_run.changed.set()

        child = self.execution.child(machine, arn=arn, name=name, child_input=payload, map_run=map_run, on_end=on_end)
        self.children.append(child)
        self.running[child] = weight
        map_run.executions.started(1)
        map_run.items.started(weight)
        registry = self.execution.environment.map_runs
        if registry is not None:
            registry.child_started(map_run, child)
        child.start()

    def _record_failed(self, failure: StateFailure) -> None:
        details = {}
        if failure.error_name is not None:
            details["error"] = failure.error_name
        if failure.cause is not None:
            details["cause"] = failure.cause
        self.branch.record("MapRunFailed", details)
