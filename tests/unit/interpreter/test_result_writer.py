"""Results of a distributed Map: as its output, and in a bucket."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.unit.interpreter.maps import PASS, S3, Registry, mapping, work

from stepstack.interpreter.ports import TaskFailed, TaskFault


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "[[1,2],3]"),
        ({"ResultWriter": {"WriterConfig": {"Transformation": "COMPACT"}}}, "[[1,2],3]"),
        ({"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSON"}}}, "[1,2,3]"),
        ({"ResultWriter": {"WriterConfig": {"OutputType": "JSONL"}}}, "[[1,2],3]"),
    ],
    ids=["no ResultWriter", "COMPACT", "FLATTEN", "no Transformation"],
)
def test_without_a_bucket_the_results_are_the_output(with_engine, fields, expected):
    execution = with_engine(lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED", **fields), [[1, 2], 3]))
    assert execution.output == expected


def test_all_about_a_child_is_the_output_where_nothing_is_transformed(with_engine):
    registry = Registry()
    machine = mapping(PASS, "DISTRIBUTED", ResultWriter={"WriterConfig": {"Transformation": "NONE"}})
    execution = with_engine(lambda engine: engine.finish(machine, [[1, 2]]), map_runs=registry)
    (child,) = registry.children
    (result,) = json.loads(execution.output)
    assert (result["ExecutionArn"], result["Input"], result["Output"]) == (child.arn, "[1,2]", "[1,2]")
    assert (result["Status"], result["RedriveCount"], result["RedriveStatus"]) == ("SUCCEEDED", 0, "NOT_REDRIVABLE")


@pytest.mark.parametrize(
    "fields",
    [{}, {"ResultWriter": {"WriterConfig": {"Transformation": "FLATTEN"}}}],
    ids=["no ResultWriter", "FLATTEN"],
)
def test_a_tolerated_failure_stands_among_the_results(with_engine, fields):
    def task(task_call):
        if task_call.parameters == 2:
            raise TaskFailed("Oops", "why")
        return task_call.parameters

    machine = mapping(work(), "DISTRIBUTED", ToleratedFailureCount=1, **fields)
    execution = with_engine(lambda engine: engine.finish(machine, [1, 2, 3]), tasks=task)
    first, failed, last = json.loads(execution.output)
    assert (first, last) == (1, 3)
    assert (failed["Error"], failed["Cause"], failed["Status"], failed["Input"]) == ("Oops", "why", "FAILED", "2")
    assert failed["RedriveStatus"] == "REDRIVABLE_BY_MAP_RUN"
    assert "Output" not in failed


def test_results_are_put_into_the_bucket_beside_a_manifest(with_engine):
    def call(task_call):
        if task_call.resource.service == "s3":
            return objects(task_call)
        if task_call.parameters == 2:
            raise TaskFailed("Oops", "why")
        return task_call.parameters

    objects = S3()
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out", "Prefix": "jobs"}}
    machine = mapping(work(), "DISTRIBUTED", ResultWriter=writer, ToleratedFailureCount=1)
    execution = with_engine(lambda engine: engine.finish(machine, [1, 2]), tasks=call)
    result = json.loads(execution.output)
    folder = f"jobs/{result['MapRunArn'].rpartition(':')[2]}"
    assert result["ResultWriterDetails"] == {"Bucket": "out", "Key": f"{folder}/manifest.json"}
    manifest = json.loads(objects.objects[f"{folder}/manifest.json"])
    assert [entry["Key"] for entry in manifest["ResultFiles"]["SUCCEEDED"]] == [f"{folder}/SUCCEEDED_0.json"]
    assert manifest["ResultFiles"]["PENDING"] == []
    (succeeded,) = json.loads(objects.objects[f"{folder}/SUCCEEDED_0.json"])
    (failed,) = json.loads(objects.objects[f"{folder}/FAILED_0.json"])
    assert (succeeded["Input"], succeeded["Output"], succeeded["Status"]) == ("1", "1", "SUCCEEDED")
    assert (failed["Error"], failed["Cause"], failed["Status"]) == ("Oops", "why", "FAILED")


@pytest.mark.parametrize(
    ("config", "extension", "expected"),
    [
        ({"Transformation": "COMPACT"}, "json", "[[1,2],3]"),
        ({"Transformation": "FLATTEN"}, "json", "[1,2,3]"),
        ({"Transformation": "FLATTEN", "OutputType": "JSONL"}, "jsonl", "1\n2\n3\n"),
        ({"Transformation": "COMPACT", "OutputType": "JSONL"}, "jsonl", "[1,2]\n3\n"),
    ],
    ids=["COMPACT", "FLATTEN", "FLATTEN in lines", "COMPACT in lines"],
)
def test_results_are_written_in_the_form_that_is_configured(with_engine, config, extension, expected):
    objects = S3()
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}, "WriterConfig": config}
    machine = mapping(PASS, "DISTRIBUTED", ResultWriter=writer)
    with_engine(lambda engine: engine.finish(machine, [[1, 2], 3]), tasks=objects)
    (written,) = [body for key, body in objects.objects.items() if key.endswith(f"/SUCCEEDED_0.{extension}")]
    assert written == expected


def test_what_was_stopped_is_written_with_what_failed(with_engine):
    class StoppingAll(Registry):
        def child_started(self, map_run, execution, item_count):
            super().child_started(map_run, execution, item_count)
            asyncio.get_running_loop().call_soon(execution.stop)

    objects = S3()
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}}
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$", "End": True}}}
    machine = mapping(waiting, "DISTRIBUTED", ResultWriter=writer)
    execution = with_engine(lambda engine: engine.finish(machine, [9_000_000]), tasks=objects, map_runs=StoppingAll(), scale=1.0)
    assert execution.status == "SUCCEEDED"
    (written,) = [json.loads(body) for key, body in objects.objects.items() if key.endswith("/FAILED_0.json")]
    assert [result["Status"] for result in written] == ["ABORTED"]


def test_what_failed_is_told_as_it_is_in_every_form(with_engine):
    def call(task_call):
        if task_call.resource.service == "s3":
            return objects(task_call)
        raise TaskFailed("Oops", "why")

    objects = S3()
    config = {"Transformation": "FLATTEN", "OutputType": "JSONL"}
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}, "WriterConfig": config}
    machine = mapping(work(), "DISTRIBUTED", ResultWriter=writer, ToleratedFailureCount=1)
    with_engine(lambda engine: engine.finish(machine, [2]), tasks=call)
    (written,) = [body for key, body in objects.objects.items() if key.endswith("/FAILED_0.jsonl")]
    failed = json.loads(written)
    assert (failed["Input"], failed["Error"], failed["Status"]) == ("2", "Oops", "FAILED")


def test_what_is_wrong_with_a_test_is_caught_by_nobody(with_engine):
    def call(_):
        raise TaskFault("no mock answers")

    writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}}
    machine = mapping(PASS, "DISTRIBUTED", ResultWriter=writer, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "M"}])
    execution = with_engine(lambda engine: engine.finish(machine, [1]), tasks=call)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "States.Runtime", "no mock answers")
