"""The machine that a definition becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepstack.errors import DefinitionError
from stepstack.language import Severity, diagnose, parse, parse_state
from stepstack.language.definition_text import SIZE_LIMIT_BYTES
from stepstack.language.resources import ResourceKind
from stepstack.language.state_machine import (
    ChoiceState,
    Field,
    MapState,
    ParallelState,
    PassState,
    ProcessorMode,
    QueryLanguage,
    State,
    SucceedState,
    TaskState,
    WaitState,
)
from stepstack.query.scope import Scope

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:f"


def machine_text(*, language: str = "JSONPath", **states: dict[str, Any]) -> str:
    return json.dumps({"QueryLanguage": language, "StartAt": next(iter(states)), "States": states})


def only_state(language: str = "JSONPath", **fields: Any) -> Any:
    """The state with `fields`, alone in its machine."""
    return parse(machine_text(language=language, A=fields)).states["A"]


def value(field: Field | None, data: Any = None, **variables: Any) -> Any:
    assert field is not None
    return field.expression.evaluate(Scope(data, {}, variables))


def test_a_machine_keeps_its_text_and_its_top_level_fields() -> None:
    text = json.dumps({"Comment": "c", "Version": "1.0", "TimeoutSeconds": 60, "StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    machine = parse(text)
    assert (machine.definition, machine.comment, machine.version, machine.timeout_seconds) == (text, "c", "1.0", 60)
    assert (machine.start_at, machine.query_language) == ("A", QueryLanguage.JSONPATH)
    assert isinstance(machine.states["A"], SucceedState)


def test_a_machine_is_frozen() -> None:
    machine = parse(machine_text(A={"Type": "Succeed"}))
    with pytest.raises(AttributeError):
        machine.start_at = "B"  # type: ignore[misc]


def test_paths_default_to_the_root_and_null_discards() -> None:
    plain = only_state(Type="Pass", End=True)
    assert plain.input_path.is_root
    assert plain.output_path.is_root
    assert plain.result_path.is_root
    discarding = only_state(Type="Pass", InputPath=None, OutputPath=None, ResultPath=None, End=True)
    assert (discarding.input_path, discarding.output_path, discarding.result_path) == (None, None, None)


def test_a_pass_state_has_parameters_or_a_result_as_it_is_written() -> None:
    state = only_state(Type="Pass", Result={"a.$": "$.b"}, Parameters={"c.$": "$.d"}, Comment="why", End=True)
    assert isinstance(state, PassState)
    assert value(state.result) == {"a.$": "$.b"}
    assert value(state.parameters, {"d": 7}) == {"c": 7}
    assert state.parameters is not None
    assert (state.parameters.name, state.comment) == ("Parameters", "why")


def test_a_result_of_null_is_a_result() -> None:
    state = only_state(Type="Pass", Result=None, End=True)
    assert value(state.result) is None


RESOURCES = {
    LAMBDA: (ResourceKind.LAMBDA_FUNCTION, "lambda", "", "", "f"),
    "arn:aws:lambda:::function:f": (ResourceKind.LAMBDA_FUNCTION, "lambda", "", "", "f"),
    f"{LAMBDA}:$LATEST": (ResourceKind.LAMBDA_FUNCTION, "lambda", "", "", "f:$LATEST"),
    "arn:aws:states:eu-west-1:123456789012:activity:work": (ResourceKind.ACTIVITY, "activity", "", "", "work"),
    "arn:aws:states:::lambda:invoke": (ResourceKind.SERVICE, "lambda", "invoke", "", ""),
    "arn:aws:states:::states:startExecution.sync:2": (ResourceKind.SERVICE, "states", "startExecution", ".sync:2", ""),
    "arn:aws-cn:states:::ecs:runTask.sync": (ResourceKind.SERVICE, "ecs", "runTask", ".sync", ""),
    "arn:aws:states:::aws-sdk:sqs:sendMessage.waitForTaskToken": (
        ResourceKind.SERVICE,
        "aws-sdk:sqs",
        "sendMessage",
        ".waitForTaskToken",
        "",
    ),
}


@pytest.mark.parametrize("arn", RESOURCES)
def test_a_tasks_resource_is_taken_apart(arn: str) -> None:
    resource = only_state(Type="Task", Resource=arn, Parameters={}, End=True).resource
    assert (resource.kind, resource.service, resource.action, resource.pattern.value, resource.name) == RESOURCES[arn]
    assert resource.arn == arn


def test_a_tasks_times_are_constants_or_paths() -> None:
    constants = only_state(Type="Task", Resource=LAMBDA, TimeoutSeconds=9, HeartbeatSeconds=3, End=True)
    assert (value(constants.timeout), value(constants.heartbeat), constants.timeout.name) == (9, 3, "TimeoutSeconds")
    paths = only_state(Type="Task", Resource=LAMBDA, TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$h", End=True)
    assert (value(paths.timeout, {"t": 4}), paths.timeout.name, paths.timeout.text) == (4, "TimeoutSecondsPath", "$.t")
    assert value(paths.heartbeat, {}, h=2) == 2


def test_retriers_have_the_defaults_of_the_language() -> None:
    default, given = only_state(
        Type="Task",
        Resource=LAMBDA,
        Retry=[
            {"ErrorEquals": ["A", "B"]},
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 5,
                "MaxAttempts": 0,
                "BackoffRate": 1.5,
                "MaxDelaySeconds": 9,
                "JitterStrategy": "FULL",
            },
        ],
        End=True,
    ).retriers
    assert (default.error_equals, default.interval_seconds, default.max_attempts, default.backoff_rate) == (("A", "B"), 1, 3, 2.0)
    assert (default.max_delay_seconds, default.full_jitter) == (None, False)
    assert (given.interval_seconds, given.max_attempts, given.backoff_rate, given.max_delay_seconds, given.full_jitter) == (
        5,
        0,
        1.5,
        9,
        True,
    )


def test_catchers_say_where_the_error_output_goes() -> None:
    to_root, to_path, to_nowhere = only_state(
        Type="Task",
        Resource=LAMBDA,
        Catch=[
            {"ErrorEquals": ["A"], "Next": "A", "Assign": {"cause.$": "$.Cause"}},
            {"ErrorEquals": ["B"], "Next": "A", "ResultPath": "$.error"},
            {"ErrorEquals": ["C"], "Next": "A", "ResultPath": None},
        ],
        End=True,
    ).catchers
    assert (to_root.result_path.is_root, to_path.result_path.text, to_nowhere.result_path) == (True, "$.error", None)
    assert value(to_root.assign, {"Cause": "why"}) == {"cause": "why"}
    assert (to_root.error_equals, to_root.next) == (("A",), "A")


def test_a_choice_has_rules_with_their_own_assign_and_a_default() -> None:
    choice = parse(
        machine_text(
            A={
                "Type": "Choice",
                "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "B", "Assign": {"x": 1}, "Comment": "c"}],
                "Default": "B",
            },
            B={"Type": "Succeed"},
        )
    ).states["A"]
    assert isinstance(choice, ChoiceState)
    assert (choice.default, choice.next, choice.choices[0].next, choice.choices[0].comment) == ("B", None, "B", "c")
    assert value(choice.choices[0].assign) == {"x": 1}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Seconds": 3}, 3),
        ({"SecondsPath": "$.s"}, 5),
        ({"Timestamp": "2024-05-06T07:08:09Z"}, "2024-05-06T07:08:09Z"),
        ({"TimestampPath": "$.t"}, "later"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else None,
)
def test_a_wait_knows_one_of_its_four_forms(fields: dict[str, Any], expected: Any) -> None:
    wait = only_state(Type="Wait", **fields, End=True)
    assert isinstance(wait, WaitState)
    assert (wait.seconds is None) is not (wait.timestamp is None)
    field = wait.seconds or wait.timestamp
    assert field is not None
    assert (field.name, value(field, {"s": 5, "t": "later"})) == (next(iter(fields)), expected)


def test_a_fail_states_error_and_cause_may_be_calls() -> None:
    fail = only_state(Type="Fail", ErrorPath="$.e", CausePath="States.Format('{}!', $.c)")
    assert (value(fail.error, {"e": "E"}), value(fail.cause, {"c": "why"})) == ("E", "why!")
    assert (fail.error.name, fail.cause.name) == ("ErrorPath", "CausePath")


def test_a_parallel_has_its_branches() -> None:
    branches = [{"StartAt": name, "States": {name: {"Type": "Succeed"}}} for name in "BC"]
    parallel = only_state(Type="Parallel", Branches=branches, ResultSelector={"x.$": "$[0]"}, End=True)
    assert isinstance(parallel, ParallelState)
    assert [branch.start_at for branch in parallel.branches] == ["B", "C"]
    assert value(parallel.result_selector, [1, 2]) == {"x": 1}


def test_a_map_reads_the_older_field_names() -> None:
    iterator = {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}
    state = only_state(Type="Map", Iterator=iterator, Parameters={"v.$": "$.v"}, ItemsPath="$.items", End=True)
    assert isinstance(state, MapState)
    assert state.item_processor.is_iterator
    assert (state.item_processor.mode, state.item_processor.execution_type) == (ProcessorMode.INLINE, "STANDARD")
    assert state.item_selector is not None
    assert (state.item_selector.name, value(state.item_selector, {"v": 1})) == ("Parameters", {"v": 1})
    assert value(state.items, {"items": [1]}) == [1]
    assert state.parameters is None


def test_a_distributed_map_has_reader_batcher_writer_and_tolerance() -> None:
    state = only_state(
        Type="Map",
        ItemProcessor={
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "B",
            "States": {"B": {"Type": "Succeed"}},
        },
        ItemReader={
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "b", "Key.$": "$.k"},
            "ReaderConfig": {
                "InputType": "CSV",
                "CSVHeaderLocation": "GIVEN",
                "CSVHeaders": ["x", "y"],
                "CSVDelimiter": "PIPE",
                "MaxItemsPath": "$.n",
            },
        },
        ItemSelector={"row.$": "$"},
        ItemBatcher={"MaxItemsPerBatch": 10, "MaxInputBytesPerBatch": 1000, "BatchInput": {"b.$": "$.b"}},
        ResultWriter={"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "r"}, "WriterConfig": {"OutputType": "JSONL"}},
        MaxConcurrency=5,
        ToleratedFailurePercentage=12.5,
        ToleratedFailureCountPath="$.tolerated",
        Label="rows",
        End=True,
    )
    assert (state.item_processor.mode, state.item_processor.execution_type) == (ProcessorMode.DISTRIBUTED, "EXPRESS")
    reader, batcher, writer = state.item_reader, state.item_batcher, state.result_writer
    assert (reader.input_type, reader.csv_header_location, reader.csv_headers, reader.csv_delimiter) == ("CSV", "GIVEN", ("x", "y"), "PIPE")
    assert value(reader.max_items, {"n": 3}) == 3
    assert value(reader.parameters, {"k": "key"}) == {"Bucket": "b", "Key": "key"}
    assert (value(batcher.max_items_per_batch), value(batcher.max_input_bytes_per_batch)) == (10, 1000)
    assert value(batcher.batch_input, {"b": 1}) == {"b": 1}
    assert (writer.resource.action, dict(writer.writer_config)) == ("putObject", {"OutputType": "JSONL"})
    assert (value(state.max_concurrency), value(state.tolerated_failure_percentage), state.label) == (5, 12.5, "rows")
    assert value(state.tolerated_failure_count, {"tolerated": 2}) == 2


def test_jsonata_stands_wherever_a_value_does() -> None:
    task = only_state(
        "JSONata",
        Type="Task",
        Resource=LAMBDA,
        Arguments={"n": "{% $n %}"},
        TimeoutSeconds="{% $n + 1 %}",
        Output="{% $states.input.a %}",
        Assign={"copy": "{% $states.input %}"},
        Catch=[{"ErrorEquals": ["States.ALL"], "Next": "A", "Output": {"e": "{% $states.errorOutput %}"}}],
        End=True,
    )
    assert isinstance(task, TaskState)
    assert (value(task.parameters, {}, n=4), value(task.timeout, {}, n=4)) == ({"n": 4}, 5)
    assert (value(task.output, {"a": 1}), value(task.assign, 7)) == (1, {"copy": 7})
    assert task.parameters is not None
    assert task.timeout is not None
    assert (task.parameters.name, task.timeout.text) == ("Arguments", "$n + 1")
    catcher_output = task.catchers[0].output
    assert catcher_output is not None
    assert catcher_output.name == "Catch[0]/Output"


def test_a_jsonata_map_takes_its_items_as_they_are_or_computed() -> None:
    processor = {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}
    written = only_state("JSONata", Type="Map", ItemProcessor=processor, Items=[1, "{% $n %}"], End=True)
    computed = only_state("JSONata", Type="Map", ItemProcessor=processor, Items="{% [1..$n] %}", MaxConcurrency="{% $n %}", End=True)
    assert (value(written.items, {}, n=2), value(computed.items, {}, n=3)) == ([1, 2], [1, 2, 3])
    assert value(computed.max_concurrency, {}, n=3) == 3


def test_states_inside_a_jsonata_state_are_of_the_machines_language() -> None:
    processor = {"StartAt": "B", "States": {"B": {"Type": "Pass", "Parameters": {"a.$": "$"}, "End": True}}}
    state = only_state(Type="Map", QueryLanguage="JSONata", ItemProcessor=processor, End=True)
    assert (state.query_language, state.item_processor.states["B"].query_language) == (QueryLanguage.JSONATA, QueryLanguage.JSONPATH)


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ({"A": {"Type": "Pass", "Assign": {"x": 1}, "Parameters": {"y": "$x"}, "End": True}}, {}),
        ({"A": {"Type": "Pass", "InputPath": "$b", "OutputPath": "$a.c", "End": True}}, {"A": ("a", "b")}),
        ({"A": {"Type": "Wait", "SecondsPath": "$s", "End": True}}, {"A": ("s",)}),
        ({"A": {"Type": "Fail", "ErrorPath": "$e", "CausePath": "States.Format('{}', $c)"}}, {"A": ("c", "e")}),
        (
            {
                "A": {"Type": "Choice", "Choices": [{"Variable": "$g", "StringEqualsPath": "$a", "Next": "B", "Assign": {"x.$": "$y"}}]},
                "B": {"Type": "Succeed"},
            },
            {"A": ("a", "g", "y")},
        ),
        (
            {
                "A": {
                    "Type": "Map",
                    "ItemsPath": "$list",
                    "MaxConcurrencyPath": "$n",
                    "Iterator": {"StartAt": "B", "States": {"B": {"Type": "Pass", "Parameters": {"a.$": "$inner"}, "End": True}}},
                    "End": True,
                }
            },
            {"A": ("list", "n"), "B": ("inner",)},
        ),
        (
            {
                "A": {
                    "Type": "Pass",
                    "QueryLanguage": "JSONata",
                    "Output": "{% $map($x, function($v) { $v + $y + $sum($states.input) }) %}",
                    "End": True,
                }
            },
            {"A": ("x", "y")},
        ),
        (
            {
                "A": {
                    "Type": "Task",
                    "Resource": LAMBDA,
                    "TimeoutSecondsPath": "$t",
                    "Credentials": {"RoleArn.$": "$role"},
                    "Catch": [{"ErrorEquals": ["X"], "Next": "A", "Assign": {"z.$": "$old"}}],
                    "End": True,
                }
            },
            {"A": ("old", "role", "t")},
        ),
    ],
    ids=["none", "paths", "wait", "fail", "choice", "map", "jsonata", "task"],
)
def test_variable_references_name_the_variables_that_each_state_reads(states: dict[str, Any], expected: dict[str, tuple[str, ...]]) -> None:
    assert dict(parse(machine_text(**states)).variable_references) == expected


def test_a_lone_state_is_parsed_for_test_state() -> None:
    state = parse_state(json.dumps({"Type": "Pass", "Next": "Elsewhere"}))
    assert isinstance(state, State)
    assert (state.name, state.next) == ("StateName", "Elsewhere")


def test_a_lone_states_diagnostics_are_located_in_a_machine_around_it() -> None:
    with pytest.raises(DefinitionError, match="Value cannot be empty at /States/StateName/Branches"):
        parse_state(json.dumps({"Type": "Parallel", "Branches": [], "End": True}))


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_a_state_is_found_by_its_name_wherever_it_is(name: str) -> None:
    inner = {"StartAt": "C", "States": {"C": {"Type": "Succeed"}}}
    outer = {"StartAt": "B", "States": {"B": {"Type": "Map", "Iterator": inner, "End": True}}}
    assert parse_state(machine_text(A={"Type": "Parallel", "Branches": [outer], "End": True}), state_name=name).name == name


def test_a_state_that_is_not_there_is_refused() -> None:
    with pytest.raises(DefinitionError, match="'Z' not found"):
        parse_state(machine_text(A={"Type": "Succeed"}), state_name="Z")


def test_a_state_of_a_machine_may_lead_to_nowhere() -> None:
    assert parse_state(machine_text(A={"Type": "Pass", "Next": "Z"}), state_name="A").next == "Z"


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000,
        machine_text(A={"Type": "Pass", "End": True}).replace('"Pass"', '"Pass", "Parameters": ' + '{"a":' * 5000 + "1" + "}" * 5000),
        '{"StartAt": "A", "States": ' + "9" * 5000 + "}",
    ],
    ids=["open brackets", "closed brackets", "open objects", "deep parameters", "a number of 5000 digits"],
)
def test_a_definition_nested_beyond_reason_is_one_error(text: str) -> None:
    (found,) = diagnose(text)
    assert found.severity is Severity.ERROR
    with pytest.raises(DefinitionError):
        parse(text)


def test_a_definition_over_the_limit_of_aws_is_refused() -> None:
    text = machine_text(A={"Type": "Succeed", "Comment": "ä" * (SIZE_LIMIT_BYTES // 2)})
    text = text.replace("\\u00e4", "ä")
    assert len(text) < SIZE_LIMIT_BYTES
    with pytest.raises(DefinitionError, match="larger than 1048576 bytes"):
        parse(text)


def test_a_definition_just_below_the_limit_is_taken() -> None:
    text = machine_text(A={"Type": "Succeed"})
    assert parse(text + " " * (SIZE_LIMIT_BYTES - len(text))).start_at == "A"


def test_without_a_catalog_any_service_may_be_named() -> None:
    assert only_state(Type="Task", Resource="arn:aws:states:::teapot:brew", End=True).resource.service == "teapot"
