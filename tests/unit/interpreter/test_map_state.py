"""Inline Maps: how many iterations run at once, what the first failure does, what stays inside."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.unit.interpreter.maps import Gauge, mapping, work

from stepstack.interpreter.ports import TaskFailed


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3), (0, 40), (90, 40)])
def test_no_more_than_max_concurrency_run_at_once(with_engine, limit, expected):
    gauge = Gauge()
    machine = mapping(work(), MaxConcurrency=limit)
    execution = with_engine(lambda engine: engine.finish(machine, list(range(100))), tasks={"T": gauge})
    assert gauge.most == expected
    assert json.loads(execution.output) == list(range(100))


def test_iterations_see_their_item_in_the_context_object(with_engine):
    machine = mapping(work(Parameters={"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"}))
    execution = with_engine(lambda engine: engine.finish(machine, ["a", "b"]), tasks={"T": lambda parameters: parameters})
    assert json.loads(execution.output) == [{"index": 0, "value": "a"}, {"index": 1, "value": "b"}]


def test_the_first_failure_cancels_the_other_calls(with_engine, types):
    cancelled = []

    async def call(item):
        if item == 0:
            await asyncio.sleep(0.01)
            raise TaskFailed("Oops")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(item)
            raise

    execution = with_engine(lambda engine: engine.finish(mapping(work()), [0, 1, 2]), tasks={"T": call})
    assert (execution.status, execution.error) == ("FAILED", "Oops")
    assert sorted(cancelled) == [1, 2]
    assert types(execution).count("MapIterationAborted") == 2
    assert types(execution)[-2:] == ["MapStateFailed", "ExecutionFailed"]


def test_maps_within_maps_keep_their_order(with_engine):
    inner = mapping(work())["States"]["M"]
    machine = mapping({"StartAt": "I", "States": {"I": inner}})
    execution = with_engine(lambda engine: engine.finish(machine, [[1, 2], [], [3]]), tasks={"T": lambda item: item})
    assert execution.output == "[[1,2],[],[3]]"


def test_variables_of_an_iteration_stay_inside(with_engine):
    processor = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"inner.$": "$"}, "End": True}}}
    machine = mapping(processor, Next="B")
    del machine["States"]["M"]["End"]
    machine["States"]["B"] = {"Type": "Pass", "End": True}

    async def scenario(engine):
        execution = await engine.finish(machine, [1, 2])
        return dict(execution._root.variables)

    assert with_engine(scenario) == {}
