"""Distributed Maps: children that are executions of their own, limits, failures, and what stops them."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.unit.interpreter.maps import PASS, Gauge, Registry, mapping, work

from stepstack.interpreter.distributed_map import CHILDREN_PER_TURN
from stepstack.interpreter.ports import TaskFailed, TaskFault


def test_children_are_executions_of_their_own(with_engine):
    registry = Registry()
    machine = mapping(work(), "DISTRIBUTED", Label="lab")
    execution = with_engine(
        lambda engine: engine.finish(machine, ["a", "b"]), tasks={"T": lambda parameters: parameters}, map_runs=registry
    )
    (run,) = registry.runs
    assert run.arn.startswith("arn:aws:states:us-east-1:123456789012:mapRun:machine/lab:")
    assert [child.input_text for child in registry.children] == ['"a"', '"b"']
    assert all(child.arn.startswith("arn:aws:states:us-east-1:123456789012:execution:machine/lab:") for child in registry.children)
    assert {child.state_machine_arn for child in registry.children} == {"arn:aws:states:us-east-1:123456789012:stateMachine:machine/lab"}
    assert all(child.map_run is run and child.root_arn == execution.arn for child in registry.children)
    assert run.status == "SUCCEEDED"
    assert run.executions.wire() == {
        "pending": 0,
        "running": 0,
        "succeeded": 2,
        "failed": 0,
        "timedOut": 0,
        "aborted": 0,
        "total": 2,
        "resultsWritten": 2,
    }


def test_max_concurrency_holds_for_children(with_engine):
    gauge = Gauge()
    machine = mapping(work(), "DISTRIBUTED", MaxConcurrency=4)
    with_engine(lambda engine: engine.finish(machine, list(range(40))), tasks={"T": gauge})
    assert gauge.most == 4


def test_an_update_lets_more_children_run(with_engine):
    gauge, registry = Gauge(), Registry()

    async def call(parameters):
        registry.runs[0].update(max_concurrency=5)
        return await gauge(parameters)

    machine = mapping(work(), "DISTRIBUTED", MaxConcurrency=1)
    with_engine(lambda engine: engine.finish(machine, list(range(20))), tasks={"T": call}, map_runs=registry)
    assert gauge.most == 5


def test_too_many_failures_stop_the_children_under_way(with_engine):
    registry = Registry()

    async def call(item):
        if item == 0:
            raise TaskFailed("Oops")
        await asyncio.Event().wait()

    machine = mapping(work(), "DISTRIBUTED", MaxConcurrency=3)
    execution = with_engine(lambda engine: engine.finish(machine, [0, 1, 2, 3, 4]), tasks={"T": call}, map_runs=registry)
    assert execution.error == "States.ExceedToleratedFailureThreshold"
    (run,) = registry.runs
    counts = run.executions
    assert (run.status, counts.failed, counts.aborted, counts.running, counts.pending) == ("FAILED", 1, 4, 0, 0)
    assert [child.status for child in registry.children] == ["FAILED", "ABORTED", "ABORTED"]


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailureCount": 1}, "FAILED"),
        ({"ToleratedFailureCount": 2}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 49}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 4, "ToleratedFailurePercentage": 10}, "FAILED"),
    ],
)
def test_failures_are_tolerated_up_to_the_limits(with_engine, limits, status):
    def call(item):
        if item % 2:
            raise TaskFailed("Odd")
        return item

    machine = mapping(work(), "DISTRIBUTED", **limits)
    assert with_engine(lambda engine: engine.finish(machine, [0, 1, 2, 3]), tasks={"T": call}).status == status


def test_stopping_the_execution_stops_its_children(with_engine):
    registry = Registry()
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": True}}}

    async def scenario(engine):
        execution = engine.start(mapping(waiting, "DISTRIBUTED"), [1, 2])
        await asyncio.sleep(0.02)
        execution.stop()
        await asyncio.sleep(0.02)

    with_engine(scenario, map_runs=registry, scale=1.0)
    assert [child.status for child in registry.children] == ["ABORTED", "ABORTED"]
    assert registry.runs[0].status == "ABORTED"


def test_waits_of_children_are_skipped_together(with_engine):
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$", "End": True}}}
    execution = with_engine(lambda engine: engine.finish(mapping(waiting, "DISTRIBUTED"), [60, 3600]))
    assert execution.stopped_at - execution.started_at == pytest.approx(3600, abs=1)


def test_others_have_their_turn_while_many_children_begin(with_engine):
    async def scenario(engine):
        execution = engine.start(mapping(PASS, "DISTRIBUTED"), list(range(1000)))
        turns = 0
        while not execution.has_ended:
            await asyncio.sleep(0)
            turns += 1
        return execution, turns

    execution, turns = with_engine(scenario)
    assert json.loads(execution.output) == list(range(1000))
    assert turns > 1000 / CHILDREN_PER_TURN


@pytest.mark.parametrize("depth", [1, 2], ids=["in a child", "in a child's child"])
def test_what_is_wrong_with_a_test_is_tolerated_by_no_map(with_engine, types, depth):
    def call(_):
        raise TaskFault("no mock answers")

    graph = work(Retry=[{"ErrorEquals": ["States.ALL"]}])
    for name in "ab"[:depth]:
        catch = [{"ErrorEquals": ["States.ALL"], "Next": f"Caught {name}"}]
        each = mapping(graph, "DISTRIBUTED", ToleratedFailurePercentage=100, Catch=catch)["States"]["M"]
        graph = {"StartAt": name, "States": {name: each, f"Caught {name}": {"Type": "Succeed"}}}
    registry = Registry()
    execution = with_engine(lambda engine: engine.finish(graph, [[1, 2]]), tasks=call, map_runs=registry)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "States.Runtime", "no mock answers")
    assert {run.status for run in registry.runs} == {"ABORTED"}
    assert len(registry.runs) == depth
    assert "SucceedStateEntered" not in types(execution)
