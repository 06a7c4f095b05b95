"""RedriveExecution of executions whose distributed Map had not succeeded: the Map Run goes on with the children that had not."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.interpreter.ports import TaskFailed

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:call"
TRY = {"Type": "Task", "Resource": FUNCTION, "End": True}


def machine(do=TRY, kind="STANDARD", **fields):
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    states = {"First": {**fields.pop("First", {"Type": "Pass"}), "Next": "Do"}, "Do": do}
    processor = {"ProcessorConfig": config, "StartAt": "First", "States": states}
    each = {"Type": "Map", "ItemProcessor": processor, "End": True, "MaxConcurrency": 1, **fields}
    return json.dumps({"StartAt": "Map", "States": {"Map": each}})


class Function:
    """Fails for some items until it is mended; knows what it was called with."""

    def __init__(self, *failing):
        self.failing = set(failing)
        self.calls = []

    def __call__(self, call):
        value = call.parameters
        if not isinstance(value, (int, float)):
            value = value["Items"][0]
        self.calls.append(value)
        if value in self.failing:
            raise TaskFailed("Oops", "why")
        return call.parameters


@pytest.fixture
def failed(make_journaled):
    """A service and the ARN of an execution whose Map has failed over `items`."""

    def failed(function, items, text=None):
        call = make_journaled(scale=0, tasks=function)
        described = call.execution(call.machine(definition=text or machine())["stateMachineArn"], input=json.dumps(items))
        assert described["error"] == "States.ExceedToleratedFailureThreshold"
        return call, described["executionArn"]

    return failed


def finished(call, arn):
    call.run(call.service.execution_ended(arn))
    return call("DescribeExecution", executionArn=arn)


def redriven(call, arn):
    call("RedriveExecution", executionArn=arn)
    return finished(call, arn)


def map_runs(call, arn):
    return [call("DescribeMapRun", mapRunArn=run["mapRunArn"]) for run in call("ListMapRuns", executionArn=arn)["mapRuns"]]


def counts(run, name="executionCounts"):
    return {name: count for name, count in run[name].items() if count}


def children(call, run):
    arns = [child["executionArn"] for child in call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]]
    return sorted((call("DescribeExecution", executionArn=arn) for arn in arns), key=lambda child: child["input"])


def types(call, arn):
    return [event["type"] for event in call("GetExecutionHistory", executionArn=arn)["events"]]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["the same process", "after a restart"])
def test_what_had_succeeded_is_kept_and_all_else_is_made_up_for(failed, reopen, is_restarted):
    function = Function(2)
    call, arn = failed(function, [1, 2, 3])
    [before] = map_runs(call, arn)
    assert counts(before) == {"succeeded": 1, "failed": 1, "aborted": 1, "total": 3, "resultsWritten": 1}
    if is_restarted:
        call = reopen(call, scale=0, tasks=function)
    function.failing.clear()
    function.calls.clear()
    described = redriven(call, arn)
    assert (described["status"], described["output"]) == ("SUCCEEDED", "[1,2,3]")
    assert function.calls == [2, 3]
    [run] = map_runs(call, arn)
    assert (run["mapRunArn"], run["status"], run["redriveCount"]) == (before["mapRunArn"], "SUCCEEDED", 1)
    assert run["redriveDate"] >= before["stopDate"]
    assert counts(run) == counts(run, "itemCounts") == {"succeeded": 3, "total": 3, "resultsWritten": 3}
    assert [child["redriveCount"] for child in children(call, run)] == [0, 1, 0]
    events = call("GetExecutionHistory", executionArn=arn)["events"]
    at = types(call, arn).index("ExecutionRedriven")
    assert [event["type"] for event in events[at + 1 :]] == [
        "MapRunRedriven",
        "MapRunSucceeded",
        "MapStateSucceeded",
        "MapStateExited",
        "ExecutionSucceeded",
    ]
    assert events[at + 1]["mapRunRedrivenEventDetails"] == {"mapRunArn": run["mapRunArn"], "redriveCount": 1}


def test_a_child_goes_on_in_the_state_in_which_it_failed(failed):
    function = Function(1)
    call, arn = failed(function, [1])
    function.failing.clear()
    redriven(call, arn)
    [run] = map_runs(call, arn)
    [child] = children(call, run)
    way = types(call, child["executionArn"])
    assert way.count("PassStateEntered") == way.count("TaskStateEntered") == 1
    assert way[way.index("ExecutionRedriven") + 1] == "LambdaFunctionScheduled"
    assert (child["status"], child["output"]) == ("SUCCEEDED", "1")


def test_a_redrive_may_fail_again_and_be_redriven_again(failed, reopen):
    function = Function(1, 2)
    call, arn = failed(function, [1, 2, 3])
    function.failing = {2}
    assert redriven(call, arn)["status"] == "FAILED"
    [run] = map_runs(call, arn)
    assert (run["status"], run["redriveCount"]) == ("FAILED", 1)
    assert counts(run) == {"succeeded": 1, "failed": 1, "aborted": 1, "total": 3, "resultsWritten": 1}
    call = reopen(call, scale=0, tasks=function)
    function.failing.clear()
    function.calls.clear()
    assert redriven(call, arn)["output"] == "[1,2,3]"
    assert function.calls == [2, 3]
    [run] = map_runs(call, arn)
    assert (run["status"], run["redriveCount"], run["itemCounts"]["succeeded"]) == ("SUCCEEDED", 2, 3)


def test_batches_keep_the_numbers_of_their_items(failed):
    function = Function(3)
    call, arn = failed(function, [1, 2, 3, 4, 5], machine(ItemBatcher={"MaxItemsPerBatch": 2}))
    function.failing.clear()
    assert [batch["Items"] for batch in json.loads(redriven(call, arn)["output"])] == [[1, 2], [3, 4], [5]]
    [run] = map_runs(call, arn)
    assert (counts(run)["total"], counts(run, "itemCounts")["succeeded"]) == (3, 5)


def test_a_map_run_within_a_branch_goes_on_too(failed):
    function = Function(2)
    branch = json.loads(machine())
    parallel = {"Type": "Parallel", "Branches": [branch, {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}], "End": True}
    call, arn = failed(function, [1, 2], json.dumps({"StartAt": "Both", "States": {"Both": parallel}}))
    function.failing.clear()
    function.calls.clear()
    assert json.loads(redriven(call, arn)["output"]) == [[1, 2], [1, 2]]
    assert function.calls == [2]
    assert len(map_runs(call, arn)) == 1


def test_another_map_run_begins_where_the_map_failed_after_its_run_had_succeeded(make_caller):
    function = Function()
    call = make_caller(scale=0, tasks=function)
    arn = call.execution(call.machine(definition=machine(OutputPath="$.none"))["stateMachineArn"], input="[1]")["executionArn"]
    assert redriven(call, arn)["status"] == "FAILED"
    assert [run["status"] for run in map_runs(call, arn)] == ["SUCCEEDED", "SUCCEEDED"]


@pytest.mark.parametrize("is_restarted", [False, True], ids=["the same process", "after a restart"])
def test_express_children_that_had_not_succeeded_are_started_anew_in_their_places(failed, reopen, is_restarted):
    function = Function(2, 3)
    call, arn = failed(function, [1, 2, 3, 4], machine(kind="EXPRESS"))
    function.failing.discard(2)
    # Twice: what the first redrive has come to is kept for the second.
    for expected in ([2, 3], [3, 4]):
        if is_restarted:
            call = reopen(call, scale=0, tasks=function)
        function.calls.clear()
        described = redriven(call, arn)
        assert function.calls == expected
        function.failing.clear()
    assert (described["status"], described["output"]) == ("SUCCEEDED", "[1,2,3,4]")
    [run] = map_runs(call, arn)
    assert (run["status"], run["redriveCount"]) == ("SUCCEEDED", 2)
    assert counts(run) == counts(run, "itemCounts") == {"succeeded": 4, "total": 4, "resultsWritten": 4}
    assert types(call, arn).count("MapRunRedriven") == 2
    assert not call.service.store.map_runs[run["mapRunArn"]].express_children


def test_an_express_child_begins_at_its_start_when_it_is_started_anew(failed):
    function = Function(1)
    first = {"Type": "Pass", "Parameters": {"Items.$": "States.Array($, $$.Execution.Id)"}}
    call, arn = failed(function, [1], machine(kind="EXPRESS", First=first))
    [before] = call.service.store.map_runs.values()
    former = next(iter(before.express_children))
    function.failing.clear()
    [[item, name]] = (child["Items"] for child in json.loads(redriven(call, arn)["output"]))
    assert item == 1
    assert name not in {former, call("DescribeExecution", executionArn=arn)["executionArn"]}
    assert call.refusal("DescribeExecution", executionArn=former).error_code == "InvalidArn"


def test_another_map_run_begins_where_a_restart_has_interrupted_express_children(make_journaled, reopen):
    never = asyncio.Event()

    async def hang(call):
        await never.wait()

    call = make_journaled(scale=0, tasks=hang)
    text = machine(kind="EXPRESS")
    arn = call("StartExecution", stateMachineArn=call.machine(definition=text)["stateMachineArn"], input="[1, 2]")["executionArn"]
    call.run(asyncio.sleep(0.01))
    call = reopen(call, scale=0, tasks=lambda call: call.parameters)
    assert call("DescribeExecution", executionArn=arn)["status"] == "ABORTED"
    assert redriven(call, arn)["output"] == "[1,2]"
    assert sorted(run["status"] for run in map_runs(call, arn)) == ["ABORTED", "SUCCEEDED"]


def test_express_children_that_are_too_large_to_be_kept_are_not(failed, reopen, monkeypatch):
    monkeypatch.setattr("stepstack.service.stored_records.EXPRESS_CHILDREN_CHARACTERS", 1)
    function = Function(2)
    call, arn = failed(function, [1, 2], machine(kind="EXPRESS"))
    function.failing.clear()
    call = reopen(call, scale=0, tasks=function)
    assert redriven(call, arn)["output"] == "[1,2]"
    assert len(map_runs(call, arn)) == 2


def test_a_retrier_counts_anew_and_its_next_attempt_has_a_map_run_of_its_own(failed):
    function = Function(1)
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1, "IntervalSeconds": 1}]
    call, arn = failed(function, [1], machine(Retry=retry))
    assert len(map_runs(call, arn)) == 2
    assert redriven(call, arn)["status"] == "FAILED"
    runs = sorted(map_runs(call, arn), key=lambda run: run.get("redriveCount", 0))
    assert [run.get("redriveCount", 0) for run in runs] == [0, 0, 1]


def test_children_that_were_stopped_with_their_parent_are_redriven(make_caller):
    calls = []
    never = asyncio.Event()

    async def hang(call):
        calls.append(call.parameters)
        if len(calls) == 1:
            await never.wait()
        return call.parameters

    call = make_caller(scale=0, tasks=hang)
    arn = call("StartExecution", stateMachineArn=call.machine(definition=machine())["stateMachineArn"], input="[1, 2]")["executionArn"]

    async def begun():
        for _ in range(40):
            await asyncio.sleep(0)

    call.run(begun())
    call("StopExecution", executionArn=arn)
    assert redriven(call, arn)["output"] == "[1,2]"
    assert calls == [1, 1, 2]
    [run] = map_runs(call, arn)
    assert (run["status"], run["redriveCount"]) == ("SUCCEEDED", 1)
