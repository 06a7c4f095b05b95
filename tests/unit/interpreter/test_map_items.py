"""What an iteration sees of its item."""

from __future__ import annotations

import json

import pytest
from tests.unit.interpreter.maps import PASS, S3, mapping, reading

SELECTING = {"at.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "source.$": "$$.Map.Item.Source"}


@pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
def test_items_of_the_input_have_state_data_as_their_source(with_engine, mode):
    execution = with_engine(lambda engine: engine.finish(mapping(PASS, mode, ItemSelector=SELECTING), ["a"]))
    assert json.loads(execution.output) == [{"at": 0, "value": "a", "source": "STATE_DATA"}]


@pytest.mark.parametrize(
    ("action", "config", "expected"),
    [
        ("getObject", {"InputType": "JSONL"}, ["S3://b/k", "S3://b/k"]),
        ("getObject", {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}, ["S3://b/x", "S3://b/y"]),
        ("getObject", {"ManifestType": "S3_INVENTORY"}, ["S3://b/x", "S3://b/y"]),
        ("listObjectsV2", {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}, ["S3://b/x", "S3://b/y"]),
        ("listObjectsV2", None, ["S3://b", "S3://b"]),
    ],
    ids=["an object", "Athena's manifest", "an inventory", "listed objects", "a list"],
)
def test_an_item_that_was_read_names_its_object(with_engine, action, config, expected):
    objects = S3({"x": "1", "y": "2"})
    if action == "getObject":
        inventory = json.dumps({"sourceBucket": "b", "fileSchema": "n", "files": [{"key": "x"}, {"key": "y"}]})
        bodies = {"ATHENA_DATA": "s3://b/x\ns3://b/y\n", "S3_INVENTORY": inventory}
        objects.objects["k"] = bodies.get(config.get("ManifestType"), "1\n2\n")
    execution = with_engine(lambda engine: engine.finish(reading(action, config, ItemSelector=SELECTING), {}), tasks=objects)
    assert [item["source"] for item in json.loads(execution.output)] == expected


def test_a_distributed_map_goes_over_the_members_of_an_object(with_engine, types):
    selector = {**SELECTING, "key.$": "$$.Map.Item.Key"}
    machine = mapping(PASS, "DISTRIBUTED", ItemsPath="$.servers", ItemSelector=selector)
    execution = with_engine(lambda engine: engine.finish(machine, {"servers": {"one": {"port": 80}, "two": None}}))
    one = {"at": 0, "value": {"port": 80}, "source": "STATE_DATA", "key": "one"}
    assert json.loads(execution.output) == [one, {"at": 1, "value": None, "source": "STATE_DATA", "key": "two"}]
    assert execution.history.events[2].details == {"length": 2}


def test_the_members_of_an_object_come_as_pairs(with_engine):
    execution = with_engine(lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED"), {"one": 1}))
    assert json.loads(execution.output) == [{"Key": "one", "Value": 1}]


def test_an_inline_map_refuses_an_object(with_engine):
    execution = with_engine(lambda engine: engine.finish(mapping(PASS), {"one": 1}))
    assert (execution.error, execution.cause.endswith('Reference path "$" must point to array.')) == ("States.Runtime", True)
