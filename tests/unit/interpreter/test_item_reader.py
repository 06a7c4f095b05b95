"""Items of a distributed Map that are read from a bucket."""

from __future__ import annotations

import gzip
import json

import pytest
from tests.unit.interpreter.maps import S3, reading

from stepstack.interpreter.ports import TaskFault


@pytest.mark.parametrize(
    ("config", "body", "expected"),
    [
        ({"InputType": "JSON"}, "[1, 2, 3]", [1, 2, 3]),
        ({"InputType": "JSON", "MaxItems": 2}, "[1, 2, 3]", [1, 2]),
        ({"InputType": "JSONL"}, '{"a":1}\n\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a,b\n1,2\n3\n", [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]),
        ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x"]}, "1,2\n3,4\n", [{"x": "1"}, {"x": "3"}]),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "CSVDelimiter": "SEMICOLON"},
            'a;b\n"x;y";2\n',
            [{"a": "x;y", "b": "2"}],
        ),
        ({"InputType": "JSON"}, "\ufeff[1]".encode().decode("latin-1"), [1]),
        ({"InputType": "JSONL"}, '"a\u2028b"\r\n"c"\n'.encode().decode("latin-1"), ["a\u2028b", "c"]),
    ],
    ids=["JSON", "MaxItems", "JSON Lines", "CSV", "given headers", "delimiter", "byte order mark", "a line separator in a string"],
)
def test_an_object_is_read(with_engine, config, body, expected):
    execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=S3({"k": body}))
    assert json.loads(execution.output) == expected


def test_a_compressed_object_is_read(with_engine):
    body = gzip.compress(b"[7]").decode("latin-1")
    execution = with_engine(lambda engine: engine.finish(reading(config={"InputType": "JSON"})), tasks=S3({"k": body}))
    assert execution.output == "[7]"


def test_all_pages_of_a_listing_are_read(with_engine):
    objects = S3({f"o{index}": "x" * index for index in range(5)})
    execution = with_engine(lambda engine: engine.finish(reading("listObjectsV2")), tasks=objects)
    listed = json.loads(execution.output)
    assert [entry["Key"] for entry in listed] == ["o0", "o1", "o2", "o3", "o4"]
    assert listed[0] == {"Etag": '"e"', "Key": "o0", "Size": 0}


@pytest.mark.parametrize(
    ("config", "one", "two", "expected"),
    [
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "a\n1\n2\n", "a\n3\n", [{"a": "1"}, {"a": "2"}, {"a": "3"}]),
        ({"InputType": "JSONL"}, "1\n2\n", "3\n", [1, 2, 3]),
        ({"InputType": "JSON", "ItemsPointer": "/rows"}, '{"rows": [1]}', '{"rows": [2, 3]}', [1, 2, 3]),
        ({"InputType": "JSON", "MaxItems": 2}, "[1, 2, 3]", "no JSON", [1, 2]),
    ],
    ids=["CSV", "JSON Lines", "ItemsPointer", "MaxItems"],
)
def test_all_listed_objects_are_read_and_their_items_put_in_one_row(with_engine, config, one, two, expected):
    objects = S3({"folder/": "", "folder/one": one, "folder/two": two})
    machine = reading("listObjectsV2", {**config, "Transformation": "LOAD_AND_FLATTEN"})
    execution = with_engine(lambda engine: engine.finish(machine), tasks=objects)
    assert json.loads(execution.output) == expected


def test_athenas_manifest_names_objects_of_the_readers_type(with_engine):
    objects = S3({"k": '"s3://b/one"\n"s3://b/two"\n', "one": '{"a":1}\n', "two": '{"a":2}\n{"a":3}\n'})
    config = {"ManifestType": "ATHENA_DATA", "InputType": "JSONL"}
    execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=objects)
    assert json.loads(execution.output) == [{"a": 1}, {"a": 2}, {"a": 3}]


@pytest.mark.parametrize(
    ("pointer", "body"), [("/a/1", '{"a": [0, [7]]}'), ("/x~1y/~0", '{"x/y": {"~": [7]}}')], ids=["an index", "escapes"]
)
def test_an_items_pointer_finds_the_array(with_engine, pointer, body):
    config = {"InputType": "JSON", "ItemsPointer": pointer}
    execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=S3({"k": body}))
    assert execution.output == "[7]"


@pytest.mark.parametrize("name", ["InputType", "ManifestType"])
def test_an_inventorys_manifest_names_the_objects_with_the_items(with_engine, name):
    manifest = {"sourceBucket": "b", "fileSchema": "Bucket, Key", "files": [{"key": "one"}, {"key": "two"}]}
    objects = S3({"k": json.dumps(manifest), "one": '"b","x"\n', "two": '"b","y"\n'})
    config = {name: "MANIFEST" if name == "InputType" else "S3_INVENTORY"}
    execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=objects)
    assert json.loads(execution.output) == [{"Bucket": "b", "Key": "x"}, {"Bucket": "b", "Key": "y"}]


@pytest.mark.parametrize(
    ("kind", "body", "cause"),
    [
        ("JSON", '{"a":1}', "Attempting to map over non-iterable node."),
        ("JSON", "nothing", "Unable to parse the item as JSON"),
        ("JSON", None, "The specified key does not exist."),
        ("JSON", gzip.compress(b"[1, 2, 3]")[:-9].decode("latin-1"), "Unable to decompress the object k: Compressed file ended"),
        ("CSV", f"a\n{'x' * 140_000}\n", "Unable to parse the item as CSV: field larger than field limit"),
    ],
    ids=["an object", "no JSON", "no such key", "cut off", "too large a field"],
)
def test_what_cannot_be_read_fails_the_run(with_engine, types, kind, body, cause):
    objects = S3({} if body is None else {"k": body})
    config = {"InputType": kind, **({"CSVHeaderLocation": "FIRST_ROW"} if kind == "CSV" else {})}
    execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=objects)
    assert execution.error == "States.ItemReaderFailed"
    assert execution.cause.startswith(cause)
    assert types(execution)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


def test_what_is_wrong_with_a_test_is_caught_by_nobody(with_engine):
    def call(_):
        raise TaskFault("no mock answers")

    machine = reading(config={"InputType": "JSON"}, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "M"}])
    execution = with_engine(lambda engine: engine.finish(machine), tasks=call)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "States.Runtime", "no mock answers")
