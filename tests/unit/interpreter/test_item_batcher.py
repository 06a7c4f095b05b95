"""Items of a distributed Map, put together."""

from __future__ import annotations

import json

import pytest
from tests.unit.interpreter.maps import PASS, Registry, mapping


@pytest.mark.parametrize(
    ("batcher", "sizes"),
    [({"MaxItemsPerBatch": 2}, [2, 2, 1]), ({"MaxItemsPerBatch": 10}, [5]), ({"MaxInputBytesPerBatch": 40}, [2, 2, 1])],
    ids=["by number", "all in one", "by bytes"],
)
def test_items_are_put_together(with_engine, batcher, sizes):
    registry = Registry()
    machine = mapping(PASS, "DISTRIBUTED", ItemBatcher=batcher)
    execution = with_engine(lambda engine: engine.finish(machine, ["12345678"] * 5), map_runs=registry)
    assert [len(batch["Items"]) for batch in json.loads(execution.output)] == sizes
    assert (registry.runs[0].executions.total, registry.runs[0].items.total) == (len(sizes), 5)


def test_half_of_a_surrogate_pair_is_put_in_a_batch_too(with_engine):
    execution = with_engine(
        lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED", ItemBatcher={"MaxItemsPerBatch": 2}), ["\ud800", "a"])
    )
    assert json.loads(execution.output) == [{"Items": ["\ud800", "a"]}]
