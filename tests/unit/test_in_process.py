"""`stepstack.run`: one execution without a server."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

import stepstack
from stepstack.errors import DefinitionError, NotJson, SettingsError, StackError
from stepstack.in_process import run
from stepstack.interpreter.ports import TaskFailed

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
INVOKE = "arn:aws:states:::lambda:invoke"


def task(resource=INVOKE, **fields):
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "End": True, **fields}}}


def test_it_is_the_packages_own_name():
    assert stepstack.run is run
    with pytest.raises(AttributeError, match="has no attribute 'walk'"):
        stepstack.walk  # noqa: B018


def test_a_finished_execution_tells_what_came_of_it():
    execution = run(PASS, {"a": 1})
    assert (execution.status, execution.output, execution.states) == ("SUCCEEDED", {"a": 1}, ["A"])
    assert [event["type"] for event in execution.history] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]


def test_a_definition_may_be_text_a_value_or_a_file(tmp_path):
    path = tmp_path / "machine.json"
    path.write_text(json.dumps(PASS), encoding="utf-8")
    assert [run(source, 5).output for source in (PASS, json.dumps(PASS), path)] == [5, 5, 5]


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_a_definition_may_be_yaml(tmp_path, suffix):
    text = "StartAt: A\nStates:\n  A: {Type: Succeed}\n"
    file = tmp_path / f"machine{suffix}"
    file.write_text(text)

    assert [run(file).status, run(text).status] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("machine.json", r"a str is a definition's text, and 'machine.json' is none: give a file as pathlib.Path\('machine.json'\)"),
        ("StartAt: A\nStates: [\n", "the definition is no YAML: line 3, column 1: "),
    ],
    ids=["a path as text", "broken YAML"],
)
def test_a_text_that_is_no_definition_is_refused(definition, message):
    with pytest.raises(SettingsError, match=message):
        run(definition)


def test_without_an_input_it_is_an_empty_object():
    assert run(PASS).output == {}


def test_an_input_that_is_no_json_is_refused_with_its_place():
    with pytest.raises(NotJson, match=r"^the input is no JSON: \$\.lines\[0\] is a set, and JSON has none$") as refused:
        run(PASS, {"lines": [{1, 2}]})
    assert isinstance(refused.value, ValueError)


def test_what_aws_would_refuse_is_refused():
    with pytest.raises(DefinitionError, match="StartAt"):
        run({"States": {"A": {"Type": "Pass", "End": True}}})


class TestTasks:
    @pytest.mark.parametrize(
        ("resource", "key"),
        [
            (INVOKE, "T"),
            (INVOKE, INVOKE),
            (INVOKE, "lambda:invoke"),
            (f"{INVOKE}.waitForTaskToken", "lambda:invoke"),
            ("arn:aws:lambda:us-east-1:123456789012:function:greet", "greet"),
        ],
        ids=["state", "arn", "action", "callback", "function"],
    )
    def test_a_task_is_found_by_its_names(self, resource, key):
        assert run(task(resource), {"n": 1}, tasks={key: lambda parameters: parameters["n"] + 1}).output == 2

    def test_a_task_may_be_a_value_or_a_coroutine(self):
        async def answer(_):
            await asyncio.sleep(0)
            return "awaited"

        assert run(task(), tasks={"T": {"a": 1}}).output == {"a": 1}
        assert run(task(), tasks={"T": answer}).output == "awaited"

    def test_one_function_may_answer_all_calls(self):
        assert run(task(), tasks=lambda call: call.state_name).output == "T"

    def test_an_exception_is_the_tasks_failure(self):
        def fail(_):
            raise KeyError("gone")

        execution = run(task(), tasks={"T": fail})
        assert (execution.status, execution.error) == ("FAILED", "KeyError")
        assert json.loads(execution.cause) == {"errorMessage": "'gone'", "errorType": "KeyError"}

    def test_a_result_that_is_no_json_is_a_failure(self):
        execution = run(task(), tasks={"T": lambda _: {1, 2}})
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
        assert execution.cause == "The task of the state 'T' answers what is no JSON: $ is a set, and JSON has none"

    def test_a_result_that_is_given_and_no_json_is_a_failure_too(self):
        execution = run(task(), tasks={"T": {"at": {1, 2}}})
        assert execution.cause == "The task of the state 'T' answers what is no JSON: $.at is a set, and JSON has none"

    def test_a_failure_may_be_named(self):
        def fail(_):
            raise TaskFailed("DynamoDB.ConditionalCheckFailedException", "no")

        execution = run(task(), tasks={"T": fail})
        assert (execution.error, execution.cause) == ("DynamoDB.ConditionalCheckFailedException", "no")

    def test_a_task_that_is_not_given_ends_the_execution_and_says_so(self):
        execution = run(task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "T"}]))
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
        assert "no task is given for the state 'T'" in execution.cause

    def test_an_item_reader_without_a_task_ends_the_execution_and_says_so(self):
        reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **PASS}
        catch = [{"ErrorEquals": ["States.ALL"], "Next": "M"}]
        state = {"Type": "Map", "ItemReader": reader, "ItemProcessor": processor, "Catch": catch, "End": True}
        execution = run({"StartAt": "M", "States": {"M": state}})
        assert (execution.status, execution.error) == ("FAILED", "States.Runtime")
        assert "no task is given for the state 'M'" in execution.cause


WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 86400, "End": True}}}


class TestTime:
    def test_waits_are_skipped(self):
        execution = run(WAIT)
        assert execution.stopped_at - execution.started_at == pytest.approx(86400, abs=1)

    def test_what_takes_too_long_is_stopped_and_said(self):
        with pytest.raises(StackError, match=r"has not ended after 0\.05 s; it was last in \['W'\]"):
            run(WAIT, time="real", timeout_seconds=0.05)

    def test_calls_that_a_timeout_cancels_have_cleaned_up_when_it_is_told(self):
        cleaned = []

        async def call(_):
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                cleaned.append(True)

        inner = {"StartAt": "Q", "States": {"Q": {"Type": "Parallel", "Branches": [task()], "End": True}}}
        outer = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [inner], "End": True}}}
        with pytest.raises(StackError, match=r"has not ended after 0\.05 s"):
            run(outer, tasks={"T": call}, timeout_seconds=0.05)
        assert cleaned == [True]

    def test_a_time_that_means_nothing_is_refused(self):
        with pytest.raises(ValueError, match=r"^time is 'skip', 'real' or a number"):
            run(WAIT, time="never")


def test_ids_and_jitter_can_be_repeated():
    uuids = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"id.$": "$$.Execution.Name"}, "End": True}}}
    assert run(uuids, seed=5).output == run(uuids, seed=5).output != run(uuids, seed=6).output


def test_it_works_where_a_loop_runs_already():
    async def notebook():
        return run(PASS, {"a": 1}).output

    assert asyncio.run(notebook()) == {"a": 1}


def test_threads_run_executions_side_by_side():
    outputs = []
    threads = [threading.Thread(target=lambda number=number: outputs.append(run(PASS, number).output)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outputs) == [0, 1, 2, 3]


def test_a_higher_event_limit_lets_a_large_map_through():
    processor = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    machine = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}}
    assert run(machine, list(range(7000))).error == "States.Runtime"
    assert len(run(machine, list(range(7000)), event_limit=100_000).output) == 7000
