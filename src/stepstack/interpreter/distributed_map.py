"""A distributed Map: reads the items, runs a child execution for each item or batch, and gathers or writes their results.

Called by the Map state. The Map Run's limits may change while it goes on, so the dispatcher asks them anew each time that a child ends.
A redrive goes on with the Map Run that had not succeeded: children that succeeded are kept, the others redriven (Express ones started
anew), what had not begun begins.
Source: recorded histories for the events and their linkage, the developer guide's "Distributed Map".
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from stepstack.interpreter.failures import ExecutionBroken, StateFailed
from stepstack.interpreter.item_batcher import Batches
from stepstack.interpreter.item_reader import ItemSource
from stepstack.interpreter.map_items import item_input, items_of
from stepstack.interpreter.map_limits import max_concurrency, tolerated_failure_count, tolerated_failure_percentage
from stepstack.interpreter.map_run import EndedChild, EndedMapRun, MapRun, MapRunPlace
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

CHILDREN_PER_TURN: Final = 32
"""So many children begin before the loop turns: ten thousand of them would hold everybody else up for a second."""

_Beginning: TypeAlias = "tuple[Callable[[], None], int]"
"""What starts or redrives a child, with the number of its items."""

TOLERANCE_EXCEEDED: Final = StateFailure("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")


async def run_distributed(visit: Visit, state: MapState, effective: Payload, items: Sequence[Json] | JsonObject) -> Payload:
    """The state's result: the children's outputs, or where a ResultWriter has put them."""
    return await _DistributedMap(visit, state, effective).run(items)


class _DistributedMap:
    """One attempt at a distributed Map, or the redrive of one."""

    def __init__(self, visit: Visit, state: MapState, effective: Payload) -> None:
        self.visit = visit
        self.state = state
        self.effective = effective
        self.branch = visit.branch
        self.execution = visit.branch.execution
        self.registry = self.execution.environment.map_runs
        self.children: list[Execution] = []
        """In the order of their items."""
        self.running: dict[Execution, int] = {}
        """The children under way, with the number of their items."""
        self.fault: StateFailure | None = None
        """What is wrong with the test, where that ended a child."""

    async def run(self, data: Sequence[Json] | JsonObject) -> Payload:
        visit, state, branch = self.visit, self.state, self.branch
        ended = self._ended_run()
        if ended is None:
            branch.record("MapStateStarted", {"length": len(data)})
        map_run = await unhurried(self._map_run) if ended is None else ended.redriven(self.execution, branch.timeline.now())
        source = None if state.item_reader is None else await unhurried(ItemSource, visit, state.item_reader, self.effective)
        batches = None if state.item_batcher is None else await unhurried(Batches, visit, state.item_batcher, self.effective)
        target = await unhurried(self._result_target)
        beginnings = [] if ended is None else await self._taken_up(map_run, ended)
        self._register(map_run)
        try:
            if ended is None or len(self.children) < ended.execution_count:
                items = items_of(data) if source is None else await source.items()
                inputs = [await unhurried(item_input, visit, state, self.effective, index, item) for index, item in enumerate(items)]
                weighed = [(payload, 1) for payload in inputs] if batches is None else batches.of(inputs)
                begin = functools.partial(self._start_child, map_run, self._child_machine())
                beginnings += [(functools.partial(begin, payload, weight), weight) for payload, weight in weighed[len(self.children) :]]
            await self._run_children(map_run, beginnings)
            children = self.children
            result = returned_results(children, state.result_writer) if target is None else await target.write(map_run, children)
        except StateFailed as failed:
            map_run.end("FAILED", branch.timeline.now())
            branch.record("MapRunFailed", failed.failure.event_details)
            raise
        except BaseException:
            map_run.end("ABORTED", branch.timeline.now())
            raise
        map_run.end("SUCCEEDED", branch.timeline.now())
        branch.record("MapRunSucceeded")
        branch.record_aside("MapStateSucceeded")
        return result

    def _ended_run(self) -> EndedMapRun | None:
        """The Map Run that a redrive goes on with."""
        place, self.visit.ended_in = self.visit.ended_in, None
        if self.registry is None or not isinstance(place, MapRunPlace):
            return None
        return cast("EndedMapRun | None", self.registry.ended(place.arn))

    async def _taken_up(self, map_run: MapRun, ended: EndedMapRun) -> list[_Beginning]:
        """Counts the children that had succeeded, which are kept; what redrives each of the others, with the number of its items."""
        machine = self._child_machine()
        beginnings: list[_Beginning] = []
        for former in ended.children:
            if len(self.children) % CHILDREN_PER_TURN == 0:
                await asyncio.sleep(0)
            child_input = Payload.parse(former.input_text)
            child = self.execution.child(machine, arn=former.arn, name=former.name, child_input=child_input, map_run=map_run)
            former.hand_over_to(child)
            weight = 1 if self.state.item_batcher is None else len(cast("dict[str, list[Json]]", child.input.value)["Items"])
            if child.status == "SUCCEEDED":
                map_run.executions.kept(1)
                map_run.items.kept(weight)
            elif map_run.is_express:
                child = self._new_child(map_run, machine, child_input)
                beginnings.append((functools.partial(self._restart_child, map_run, child, former, weight), weight))
            else:
                beginnings.append((functools.partial(self._redrive_child, map_run, child, former, weight), weight))
            self.children.append(child)
        return beginnings

    def _register(self, map_run: MapRun) -> None:
        is_redriven = map_run.redriven_at is not None
        if self.registry is not None:
            (self.registry.redriven if is_redriven else self.registry.opened)(map_run)
        if is_redriven:
            self.branch.record("MapRunRedriven", {"mapRunArn": map_run.arn, "redriveCount": map_run.redrive_count})
        else:
            self.branch.record("MapRunStarted", {"mapRunArn": map_run.arn})

    def _map_run(self) -> MapRun:
        visit, state, execution = self.visit, self.state, self.execution
        scope = visit.scope(self.effective.value)
        concurrency = max_concurrency(visit, state, scope)
        count = tolerated_failure_count(visit, state, scope)
        percentage = tolerated_failure_percentage(visit, state, scope)
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

    async def _run_children(self, map_run: MapRun, beginnings: Sequence[_Beginning]) -> None:
        """Begins children as the limits allow, until all have ended or too many have failed."""
        map_run.executions.pending = len(beginnings)
        map_run.items.pending = sum(weight for _, weight in beginnings)
        waiting = deque(begin for begin, _ in beginnings)
        try:
            while waiting or self.running:
                limit = min(map_run.max_concurrency or MOST_CHILDREN_AT_ONCE, MOST_CHILDREN_AT_ONCE)
                for _ in range(min(CHILDREN_PER_TURN, limit - len(self.running), len(waiting))):
                    waiting.popleft()()
                if waiting and len(self.running) < limit:
                    await asyncio.sleep(0)
                else:
                    map_run.changed.clear()
                    with self.branch.timeline.parked():
                        await map_run.changed.wait()
                if self.fault is not None:
                    raise ExecutionBroken(self.fault, self.branch.previous_event_id, is_fault=True)
                if map_run.has_exceeded_tolerance:
                    raise StateFailed(TOLERANCE_EXCEEDED)
        finally:
            for child in list(self.running):
                child.stop()

    def _child_machine(self) -> StateMachine:
        processor = self.state.item_processor
        return dataclasses.replace(self.execution.machine, start_at=processor.start_at, states=processor.states, timeout_seconds=None)

    def _new_child(self, map_run: MapRun, machine: StateMachine, child_input: Payload) -> Execution:
        name = self.execution.environment.randomness.uuid()
        prefix = map_run.state_machine_arn.rpartition(":")[0].rpartition(":")[0]
        kind = "express" if map_run.is_express else "execution"
        arn = f"{prefix}:{kind}:{map_run.state_machine_name}:{name}"
        return self.execution.child(machine, arn=arn, name=name, child_input=child_input, map_run=map_run)

    def _start_child(self, map_run: MapRun, machine: StateMachine, payload: Payload, weight: int) -> None:
        child = self._new_child(map_run, machine, payload)
        self.children.append(child)
        self._count_in(map_run, child, weight)
        if self.registry is not None:
            self.registry.child_started(map_run, child, weight)
        child.start()

    def _restart_child(self, map_run: MapRun, child: Execution, former: EndedChild, weight: int) -> None:
        """Express executions have no redrive: another one begins in the former's place."""
        child.started_at = self.branch.timeline.now()
        self._count_in(map_run, child, weight)
        if self.registry is not None:
            self.registry.child_restarted(map_run, former.arn, child)
        child.start()

    def _redrive_child(self, map_run: MapRun, child: Execution, former: EndedChild, weight: int) -> None:
        from stepstack.interpreter.restoration import restore

        restore(child, former.events())
        self._count_in(map_run, child, weight)
        child.redrive()
        if self.registry is not None:
            self.registry.child_redriven(map_run, child)

    def _count_in(self, map_run: MapRun, child: Execution, weight: int) -> None:
        """The child is about to run."""

        def on_end(child: Execution) -> None:
            del self.running[child]
            self.fault = self.fault or child.fault
            map_run.executions.ended(child.status, 1)
            map_run.items.ended(child.status, weight)
            map_run.changed.set()

        child.on_end = on_end
        self.running[child] = weight
        map_run.executions.started(1)
        map_run.items.started(weight)
