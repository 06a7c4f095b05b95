"""Map states: how many iterations run at once, what the first failure does, distributed runs and their limits."""

from __future__ import annotations

import asyncio
import gzip
import json

import pytest

from stepstack.interpreter.distributed_map import CHILDREN_PER_TURN
from stepstack.interpreter.ports import TaskFailed

INVOKE = "arn:aws:states:::lambda:invoke"


def work(**fields):
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": INVOKE, "End": True, **fields}}}


def mapping(processor, mode="INLINE", **fields):
    config = {"Mode": mode, **({"ExecutionType": "STANDARD"} if mode == "DISTRIBUTED" else {})}
    state = {"Type": "Map", "End": True, "ItemProcessor": {"ProcessorConfig": config, **processor}, **fields}
    return {"StartAt": "M", "States": {"M": state}}


class Gauge:
    """A task that counts how many calls are under way at once."""

    def __init__(self):
        self.running = 0
        self.most = 0

    async def __call__(self, parameters):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        self.running -= 1
        return parameters


class Registry:
    """A MapRunRegistry that keeps what it is told."""

    def __init__(self):
        self.runs = []
        self.children = []

    def opened(self, map_run):
        self.runs.append(map_run)

    def child_started(self, map_run, execution, item_count):
        assert map_run in self.runs
        assert item_count > 0
        self.children.append(execution)


class TestInline:
    @pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3), (0, 40), (90, 40)])
    def test_no_more_than_max_concurrency_run_at_once(self, with_engine, limit, expected):
        gauge = Gauge()
        machine = mapping(work(), MaxConcurrency=limit)
        execution = with_engine(lambda engine: engine.finish(machine, list(range(100))), tasks={"T": gauge})
        assert gauge.most == expected
        assert json.loads(execution.output) == list(range(100))

    def test_iterations_see_their_item_in_the_context_object(self, with_engine):
        machine = mapping(work(Parameters={"index.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value"}))
        execution = with_engine(lambda engine: engine.finish(machine, ["a", "b"]), tasks={"T": lambda parameters: parameters})
        assert json.loads(execution.output) == [{"index": 0, "value": "a"}, {"index": 1, "value": "b"}]

    def test_the_first_failure_cancels_the_other_calls(self, with_engine, types):
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

    def test_maps_within_maps_keep_their_order(self, with_engine):
        inner = mapping(work())["States"]["M"]
        machine = mapping({"StartAt": "I", "States": {"I": inner}})
        execution = with_engine(lambda engine: engine.finish(machine, [[1, 2], [], [3]]), tasks={"T": lambda item: item})
        assert execution.output == "[[1,2],[],[3]]"

    def test_variables_of_an_iteration_stay_inside(self, with_engine):
        processor = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"inner.$": "$"}, "End": True}}}
        machine = mapping(processor, Next="B")
        del machine["States"]["M"]["End"]
        machine["States"]["B"] = {"Type": "Pass", "End": True}

        async def scenario(engine):
            execution = await engine.finish(machine, [1, 2])
            return dict(execution._root.variables)

        assert with_engine(scenario) == {}


class TestDistributed:
    def test_children_are_executions_of_their_own(self, with_engine):
        registry = Registry()
        machine = mapping(work(), "DISTRIBUTED", Label="lab")
        execution = with_engine(
            lambda engine: engine.finish(machine, ["a", "b"]), tasks={"T": lambda parameters: parameters}, map_runs=registry
        )
        (run,) = registry.runs
        assert run.arn.startswith("arn:aws:states:us-east-1:123456789012:mapRun:machine/lab:")
        assert [child.input_text for child in registry.children] == ['"a"', '"b"']
        assert all(child.arn.startswith("arn:aws:states:us-east-1:123456789012:execution:machine/lab:") for child in registry.children)
        assert {child.state_machine_arn for child in registry.children} == {
            "arn:aws:states:us-east-1:123456789012:stateMachine:machine/lab"
        }
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

    def test_max_concurrency_holds_for_children(self, with_engine):
        gauge = Gauge()
        machine = mapping(work(), "DISTRIBUTED", MaxConcurrency=4)
        with_engine(lambda engine: engine.finish(machine, list(range(40))), tasks={"T": gauge})
        assert gauge.most == 4

    def test_an_update_lets_more_children_run(self, with_engine):
        gauge, registry = Gauge(), Registry()

        async def call(parameters):
            registry.runs[0].update(max_concurrency=5)
            return await gauge(parameters)

        machine = mapping(work(), "DISTRIBUTED", MaxConcurrency=1)
        with_engine(lambda engine: engine.finish(machine, list(range(20))), tasks={"T": call}, map_runs=registry)
        assert gauge.most == 5

    def test_too_many_failures_stop_the_children_under_way(self, with_engine):
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
    def test_failures_are_tolerated_up_to_the_limits(self, with_engine, limits, status):
        def call(item):
            if item % 2:
                raise TaskFailed("Odd")
            return item

        machine = mapping(work(), "DISTRIBUTED", **limits)
        assert with_engine(lambda engine: engine.finish(machine, [0, 1, 2, 3]), tasks={"T": call}).status == status

    def test_stopping_the_execution_stops_its_children(self, with_engine):
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

    def test_waits_of_children_are_skipped_together(self, with_engine):
        waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "SecondsPath": "$", "End": True}}}
        execution = with_engine(lambda engine: engine.finish(mapping(waiting, "DISTRIBUTED"), [60, 3600]))
        assert execution.stopped_at - execution.started_at == pytest.approx(3600, abs=1)

    def test_others_have_their_turn_while_many_children_begin(self, with_engine):
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


class S3:
    """Objects for ItemReaders, and what ResultWriters put; a page of a listing has two objects."""

    def __init__(self, objects=None):
        self.objects = dict(objects or {})

    def __call__(self, call):
        parameters = call.parameters
        if call.resource.action == "getObject":
            if parameters["Key"] not in self.objects:
                raise TaskFailed("S3.NoSuchKeyException", "The specified key does not exist.")
            return {"Body": self.objects[parameters["Key"]]}
        if call.resource.action == "putObject":
            self.objects[parameters["Key"]] = parameters["Body"]
            return {}
        start = int(parameters.get("ContinuationToken", 0))
        names = sorted(self.objects)
        page = {"Contents": [{"ETag": '"e"', "Key": name, "Size": len(self.objects[name])} for name in names[start : start + 2]]}
        return {**page, "NextContinuationToken": str(start + 2)} if start + 2 < len(names) else page


PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


def reading(action="getObject", config=None, **fields):
    reader = {"Resource": f"arn:aws:states:::s3:{action}", "Parameters": {"Bucket": "b"}}
    if action == "getObject":
        reader["Parameters"]["Key"] = "k"
    if config is not None:
        reader["ReaderConfig"] = config
    return mapping(PASS, "DISTRIBUTED", ItemReader=reader, **fields)


class TestItemReader:
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
    def test_an_object_is_read(self, with_engine, config, body, expected):
        execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=S3({"k": body}))
        assert json.loads(execution.output) == expected

    def test_a_compressed_object_is_read(self, with_engine):
        body = gzip.compress(b"[7]").decode("latin-1")
        execution = with_engine(lambda engine: engine.finish(reading(config={"InputType": "JSON"})), tasks=S3({"k": body}))
        assert execution.output == "[7]"

    def test_all_pages_of_a_listing_are_read(self, with_engine):
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
    def test_all_listed_objects_are_read_and_their_items_put_in_one_row(self, with_engine, config, one, two, expected):
        objects = S3({"folder/": "", "folder/one": one, "folder/two": two})
        machine = reading("listObjectsV2", {**config, "Transformation": "LOAD_AND_FLATTEN"})
        execution = with_engine(lambda engine: engine.finish(machine), tasks=objects)
        assert json.loads(execution.output) == expected

    def test_athenas_manifest_names_objects_of_the_readers_type(self, with_engine):
        objects = S3({"k": '"s3://b/one"\n"s3://b/two"\n', "one": '{"a":1}\n', "two": '{"a":2}\n{"a":3}\n'})
        config = {"ManifestType": "ATHENA_DATA", "InputType": "JSONL"}
        execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=objects)
        assert json.loads(execution.output) == [{"a": 1}, {"a": 2}, {"a": 3}]

    @pytest.mark.parametrize(
        ("pointer", "body"), [("/a/1", '{"a": [0, [7]]}'), ("/x~1y/~0", '{"x/y": {"~": [7]}}')], ids=["an index", "escapes"]
    )
    def test_an_items_pointer_finds_the_array(self, with_engine, pointer, body):
        config = {"InputType": "JSON", "ItemsPointer": pointer}
        execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=S3({"k": body}))
        assert execution.output == "[7]"

    @pytest.mark.parametrize("name", ["InputType", "ManifestType"])
    def test_an_inventorys_manifest_names_the_objects_with_the_items(self, with_engine, name):
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
    def test_what_cannot_be_read_fails_the_run(self, with_engine, types, kind, body, cause):
        objects = S3({} if body is None else {"k": body})
        config = {"InputType": kind, **({"CSVHeaderLocation": "FIRST_ROW"} if kind == "CSV" else {})}
        execution = with_engine(lambda engine: engine.finish(reading(config=config)), tasks=objects)
        assert execution.error == "States.ItemReaderFailed"
        assert execution.cause.startswith(cause)
        assert types(execution)[-3:] == ["MapRunFailed", "MapStateFailed", "ExecutionFailed"]


SELECTING = {"at.$": "$$.Map.Item.Index", "value.$": "$$.Map.Item.Value", "source.$": "$$.Map.Item.Source"}


class TestItemsInTheContextObject:
    @pytest.mark.parametrize("mode", ["INLINE", "DISTRIBUTED"])
    def test_items_of_the_input_have_state_data_as_their_source(self, with_engine, mode):
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
    def test_an_item_that_was_read_names_its_object(self, with_engine, action, config, expected):
        objects = S3({"x": "1", "y": "2"})
        if action == "getObject":
            inventory = json.dumps({"sourceBucket": "b", "fileSchema": "n", "files": [{"key": "x"}, {"key": "y"}]})
            bodies = {"ATHENA_DATA": "s3://b/x\ns3://b/y\n", "S3_INVENTORY": inventory}
            objects.objects["k"] = bodies.get(config.get("ManifestType"), "1\n2\n")
        execution = with_engine(lambda engine: engine.finish(reading(action, config, ItemSelector=SELECTING), {}), tasks=objects)
        assert [item["source"] for item in json.loads(execution.output)] == expected

    def test_a_distributed_map_goes_over_the_members_of_an_object(self, with_engine, types):
        selector = {**SELECTING, "key.$": "$$.Map.Item.Key"}
        machine = mapping(PASS, "DISTRIBUTED", ItemsPath="$.servers", ItemSelector=selector)
        execution = with_engine(lambda engine: engine.finish(machine, {"servers": {"one": {"port": 80}, "two": None}}))
        one = {"at": 0, "value": {"port": 80}, "source": "STATE_DATA", "key": "one"}
        assert json.loads(execution.output) == [one, {"at": 1, "value": None, "source": "STATE_DATA", "key": "two"}]
        assert execution.history.events[2].details == {"length": 2}

    def test_the_members_of_an_object_come_as_pairs(self, with_engine):
        execution = with_engine(lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED"), {"one": 1}))
        assert json.loads(execution.output) == [{"Key": "one", "Value": 1}]

    def test_an_inline_map_refuses_an_object(self, with_engine):
        execution = with_engine(lambda engine: engine.finish(mapping(PASS), {"one": 1}))
        assert (execution.error, execution.cause.endswith('Reference path "$" must point to array.')) == ("States.Runtime", True)


class TestItemBatcher:
    @pytest.mark.parametrize(
        ("batcher", "sizes"),
        [({"MaxItemsPerBatch": 2}, [2, 2, 1]), ({"MaxItemsPerBatch": 10}, [5]), ({"MaxInputBytesPerBatch": 40}, [2, 2, 1])],
        ids=["by number", "all in one", "by bytes"],
    )
    def test_items_are_put_together(self, with_engine, batcher, sizes):
        registry = Registry()
        machine = mapping(PASS, "DISTRIBUTED", ItemBatcher=batcher)
        execution = with_engine(lambda engine: engine.finish(machine, ["12345678"] * 5), map_runs=registry)
        assert [len(batch["Items"]) for batch in json.loads(execution.output)] == sizes
        assert (registry.runs[0].executions.total, registry.runs[0].items.total) == (len(sizes), 5)

    def test_half_of_a_surrogate_pair_is_put_in_a_batch_too(self, with_engine):
        execution = with_engine(
            lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED", ItemBatcher={"MaxItemsPerBatch": 2}), ["\ud800", "a"])
        )
        assert json.loads(execution.output) == [{"Items": ["\ud800", "a"]}]


class TestResults:
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
    def test_without_a_bucket_the_results_are_the_output(self, with_engine, fields, expected):
        execution = with_engine(lambda engine: engine.finish(mapping(PASS, "DISTRIBUTED", **fields), [[1, 2], 3]))
        assert execution.output == expected

    def test_all_about_a_child_is_the_output_where_nothing_is_transformed(self, with_engine):
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
    def test_a_tolerated_failure_stands_among_the_results(self, with_engine, fields):
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


class TestResultWriter:
    def test_results_are_put_into_the_bucket_beside_a_manifest(self, with_engine):
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
    def test_results_are_written_in_the_form_that_is_configured(self, with_engine, config, extension, expected):
        objects = S3()
        writer = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "out"}, "WriterConfig": config}
        machine = mapping(PASS, "DISTRIBUTED", ResultWriter=writer)
        with_engine(lambda engine: engine.finish(machine, [[1, 2], 3]), tasks=objects)
        (written,) = [body for key, body in objects.objects.items() if key.endswith(f"/SUCCEEDED_0.{extension}")]
        assert written == expected

    def test_what_was_stopped_is_written_with_what_failed(self, with_engine):
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

    def test_what_failed_is_told_as_it_is_in_every_form(self, with_engine):
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
