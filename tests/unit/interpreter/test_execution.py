"""The life of an execution: how it starts, ends, is stopped and is taken up again."""

from __future__ import annotations

import asyncio
import gc
import json
import logging

import pytest

from stepstack.clock import timestamp_text
from stepstack.interpreter.ports import TaskFailed

PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
WAIT = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": True}}}
LOOP = {
    "StartAt": "C",
    "States": {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": True, "Next": "End"}], "Default": "A"},
        "A": {"Type": "Pass", "Next": "C"},
        "End": {"Type": "Succeed"},
    },
}
TASK = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}}}


def test_an_execution_that_ends_tells_its_output_and_when_it_stopped(with_engine):
    execution = with_engine(lambda engine: engine.finish(PASS, {"a": 1}))
    assert (execution.status, execution.output, execution.error, execution.cause) == ("SUCCEEDED", '{"a":1}', None, None)
    assert execution.stopped_at >= execution.started_at


def test_the_input_keeps_the_text_that_it_was_given_in(with_engine):
    async def scenario(engine):
        execution = engine.start(PASS)
        execution.input.__init__([1, 2], "[1,  2]")
        await execution.wait()
        return execution

    assert with_engine(scenario).output == "[1,  2]"


@pytest.mark.parametrize(("characters", "status"), [(131_070, "SUCCEEDED"), (131_071, "FAILED")], ids=["at the limit", "beyond it"])
def test_one_assign_sets_256_kib_of_variables_at_most(with_engine, characters, status):
    state = {"Type": "Pass", "Assign": {"x.$": "$.text", "y.$": "$.text"}, "Parameters": {"text.$": "$"}, "OutputPath": None, "End": True}
    execution = with_engine(lambda engine: engine.finish({"StartAt": "A", "States": {"A": state}}, "x" * characters))
    assert (execution.status, execution.error) == (status, None if status == "SUCCEEDED" else "States.DataLimitExceeded")


@pytest.mark.parametrize(
    ("states", "is_same", "status"),
    [(41, False, "SUCCEEDED"), (42, False, "FAILED"), (90, True, "SUCCEEDED")],
    ids=["at the limit", "beyond it", "the same variable again and again"],
)
def test_all_variables_have_10_mib_at_most(with_engine, states, is_same, status):
    names = ["x" if is_same else f"x{index}" for index in range(states)]
    filling = {f"S{index}": {"Type": "Pass", "Assign": {f"{name}.$": "$"}, "Next": f"S{index + 1}"} for index, name in enumerate(names)}
    machine = {"StartAt": "S0", "States": filling}
    filling[f"S{states}"] = {"Type": "Succeed"}
    execution = with_engine(lambda engine: engine.finish(machine, "x" * 250_000))
    assert (execution.status, execution.error) == (status, None if status == "SUCCEEDED" else "States.DataLimitExceeded")


def test_stopping_ends_at_once_and_records_nothing_afterwards(with_engine, types):
    async def scenario(engine):
        execution = engine.start(WAIT)
        await asyncio.sleep(0)
        execution.stop("Enough", "of this")
        assert execution.status == "ABORTED"
        await asyncio.sleep(0.01)
        return execution

    execution = with_engine(scenario, scale=1.0)
    assert types(execution) == ["ExecutionStarted", "WaitStateEntered", "ExecutionAborted"]
    last = execution.history.events[-1]
    assert (last.previous_event_id, last.details) == (0, {"error": "Enough", "cause": "of this"})
    assert (execution.error, execution.cause) == ("Enough", "of this")


def test_stopping_cancels_the_call_that_is_in_flight(with_engine):
    cancelled = []

    async def call(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def scenario(engine):
        execution = engine.start(TASK)
        await asyncio.sleep(0.01)
        execution.stop()
        await asyncio.sleep(0.01)

    with_engine(scenario, tasks={"T": call})
    assert cancelled == [True]


def test_stopping_takes_down_every_branch_without_aborted_events(with_engine, types):
    machine = {
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "End": True, "Branches": [WAIT, {"StartAt": "V", "States": {"V": WAIT["States"]["W"]}}]}},
    }
    machine = {"StartAt": "Q", "States": {"Q": {"Type": "Parallel", "End": True, "Branches": [machine]}}}

    async def scenario(engine):
        execution = engine.start(machine)
        await asyncio.sleep(0.01)
        execution.stop()
        await asyncio.sleep(0.01)
        return execution, len(asyncio.all_tasks())

    execution, tasks = with_engine(scenario, scale=1.0)
    assert types(execution)[-1] == "ExecutionAborted"
    assert not [name for name in types(execution) if name.endswith("StateAborted")]
    assert tasks == 1


def test_stopping_what_has_ended_changes_nothing(with_engine):
    async def scenario(engine):
        execution = await engine.finish(PASS)
        execution.stop("too", "late")
        return execution

    execution = with_engine(scenario)
    assert (execution.status, execution.error) == ("SUCCEEDED", None)


def test_the_machines_timeout_ends_it_as_timed_out(with_engine, types):
    execution = with_engine(lambda engine: engine.finish({**WAIT, "TimeoutSeconds": 5}))
    assert execution.status == "TIMED_OUT"
    assert types(execution)[-1] == "ExecutionTimedOut"
    assert 4.9 < execution.stopped_at - execution.started_at < 6


def test_an_express_execution_has_five_minutes(with_engine):
    machine = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 301, "End": True}}}
    assert with_engine(lambda engine: engine.finish(machine, is_express=True)).status == "TIMED_OUT"


def test_the_time_of_an_execution_passes_during_its_calls(with_engine, monkeypatch):
    monkeypatch.setattr("stepstack.interpreter.execution.EXPRESS_LIMIT_SECONDS", 0.02)
    cancelled = []

    async def call(_):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(True)

    execution = with_engine(lambda engine: engine.finish(TASK, is_express=True), tasks={"T": call})
    assert (execution.status, cancelled) == ("TIMED_OUT", [True])


def test_a_timeout_that_is_not_reached_takes_no_time(with_engine):
    execution = with_engine(lambda engine: engine.finish(PASS, is_express=True))
    assert execution.stopped_at - execution.started_at < 1


def test_an_endless_loop_ends_at_the_event_limit(with_engine):
    execution = with_engine(lambda engine: engine.finish(LOOP), event_limit=50)
    assert execution.status == "FAILED"
    assert execution.error == "States.Runtime"
    assert execution.cause == "The execution reached the maximum number of history events (50)."
    assert len(execution.history.events) == 50


def test_an_endless_loop_lets_other_executions_run(with_engine):
    async def scenario(engine):
        endless = engine.start(LOOP)
        short = engine.start(PASS)
        await short.wait()
        return endless.status

    assert with_engine(scenario) == "RUNNING"


def test_a_fault_of_a_task_runner_ends_that_execution_alone(with_engine, caplog):
    class Broken:
        def problem(self, call):
            return None

        def is_mocked(self, call):
            return False

        async def request(self, call):
            raise ZeroDivisionError("broken")

    async def scenario(engine):
        broken, sound = engine.start(TASK), engine.start(PASS)
        await asyncio.gather(broken.wait(), sound.wait())
        return broken, sound

    with caplog.at_level(logging.CRITICAL, logger="stepstack"):
        broken, sound = with_engine(scenario, tasks=Broken())
    assert (broken.status, broken.error, broken.cause) == ("FAILED", "States.Runtime", "ZeroDivisionError: broken")
    assert sound.status == "SUCCEEDED"


def test_who_listens_hears_each_event_and_the_end_once(with_engine):
    heard, ended = [], []
    execution = with_engine(lambda engine: engine.finish(PASS, listener=heard.append, on_end=ended.append))
    assert heard == execution.history.events
    assert ended == [execution]


def test_who_listens_and_fails_keeps_nobody_from_the_end(with_engine):
    def hear(event):
        if event.type == "ExecutionSucceeded":
            raise ValueError("not heard")

    ended = []

    async def scenario(engine):
        unhandled = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: unhandled.append(context["exception"]))
        execution = await engine.finish(PASS, listener=hear, on_end=ended.append)
        await asyncio.sleep(0)
        execution.release()
        execution._task = None
        gc.collect()
        return execution, unhandled

    execution, unhandled = with_engine(scenario)
    assert (execution.status, ended) == ("SUCCEEDED", [execution])
    assert [str(error) for error in unhandled] == ["not heard"]


def test_a_cancelled_loop_leaves_an_aborted_execution(with_engine):
    async def scenario(engine):
        execution = engine.start(WAIT)
        await asyncio.sleep(0)
        return execution

    assert with_engine(scenario, scale=1.0).status == "ABORTED"


class TestRedrive:
    def test_the_state_that_failed_is_tried_again(self, with_engine, types):
        answers = [TaskFailed("Oops", "first"), "fine"]

        def task(_):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        async def scenario(engine):
            execution = await engine.finish(TASK)
            assert execution.status == "FAILED"
            execution.redrive()
            assert execution.status == "RUNNING"
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks={"T": task})
        assert (execution.status, execution.output, execution.error) == ("SUCCEEDED", '"fine"', None)
        assert execution.redrive_count == 1
        assert types(execution)[4:] == [
            "TaskFailed",
            "ExecutionFailed",
            "ExecutionRedriven",
            "TaskScheduled",
            "TaskStarted",
            "TaskSucceeded",
            "TaskStateExited",
            "ExecutionSucceeded",
        ]
        assert execution.history.events[6].details == {"redriveCount": 1}

    def test_variables_and_earlier_results_are_still_there(self, with_engine):
        selector = {"x.$": "$x", "redrives.$": "$$.Execution.RedriveCount", "at.$": "$$.Execution.RedriveTime"}
        machine = {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Assign": {"x": 7}, "Next": "T"},
                "T": {**TASK["States"]["T"], "ResultSelector": selector},
            },
        }
        failures = [TaskFailed("Oops")]

        def task(_):
            if failures:
                raise failures.pop()
            return {}

        async def scenario(engine):
            execution = await engine.finish(machine)
            execution.redrive()
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks={"T": task})
        assert json.loads(execution.output) == {"x": 7, "redrives": 1, "at": timestamp_text(execution.redriven_at)}

    @pytest.mark.parametrize("kind", ["Parallel", "Map"])
    def test_branches_that_had_ended_keep_their_results(self, with_engine, types, kind):
        calls = []

        def task(parameters):
            calls.append(parameters)
            if parameters == 2 and calls.count(2) == 1:
                raise TaskFailed("Oops")
            return parameters

        work = {"Type": "Task", "Resource": TASK["States"]["T"]["Resource"], "End": True}
        graphs = [
            {"StartAt": f"P{n}", "States": {f"P{n}": {"Type": "Pass", "Result": n, "Next": f"T{n}"}, f"T{n}": work}} for n in (1, 2, 3)
        ]
        each = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"}, "T": work}}
        state = {"Parallel": {"Branches": graphs}, "Map": {"ItemProcessor": each, "MaxConcurrency": 1}}[kind]

        async def scenario(engine):
            execution = await engine.finish({"StartAt": "S", "States": {"S": {"Type": kind, "End": True, **state}}}, [1, 2, 3])
            assert execution.status == "FAILED"
            execution.redrive()
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks=lambda call: task(call.parameters))
        assert (execution.status, execution.output) == ("SUCCEEDED", "[1,2,3]")
        assert sorted(calls) == [1, 2, 2, 3]
        redriven = types(execution).index("ExecutionRedriven")
        assert types(execution)[redriven + 1] == "TaskScheduled"
        assert types(execution)[-1] == "ExecutionSucceeded"

    def test_what_has_succeeded_cannot_be_redriven(self, with_engine):
        async def scenario(engine):
            execution = await engine.finish(PASS)
            with pytest.raises(ValueError, match="SUCCEEDED cannot be redriven"):
                execution.redrive()

        with_engine(scenario)

    def test_what_was_stopped_before_its_first_state_begins_with_it(self, with_engine, types):
        async def scenario(engine):
            execution = engine.start(PASS)
            execution.stop()
            execution.redrive()
            await execution.wait()
            return execution

        execution = with_engine(scenario)
        assert types(execution)[:4] == ["ExecutionStarted", "ExecutionAborted", "ExecutionRedriven", "PassStateEntered"]
        assert execution.status == "SUCCEEDED"

    def test_what_was_stopped_can_be_redriven(self, with_engine):
        async def scenario(engine):
            execution = engine.start({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}})
            await asyncio.sleep(0)
            execution.stop()
            await asyncio.sleep(0)
            execution.redrive()
            await execution.wait()
            return execution.status

        assert with_engine(scenario) == "SUCCEEDED"
