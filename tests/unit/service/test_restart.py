"""What becomes of executions that ran when the service ended: resumed where nothing of theirs was on its way, else aborted."""

from __future__ import annotations

import asyncio
import json

import pytest

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:call"
TOKEN_TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Parameters": {"FunctionName": "call", "Payload": {"token.$": "$$.Task.Token"}},
}


def definition(start_at, **states):
    return json.dumps({"StartAt": start_at, "States": states})


def wait(seconds=3600, **fields):
    return {"Type": "Wait", "Seconds": seconds, **fields}


@pytest.fixture
def turn():
    """Lets the loop of a service turn until what it began is at rest."""

    def turn(call, times=40):
        async def turns():
            for _ in range(times):
                await asyncio.sleep(0)

        call.run(turns())

    return turn


@pytest.fixture
def start(turn):
    """Starts an execution and lets it come to rest: its ARN."""

    def start(call, text, **params):
        machine = call.machine(definition=text)["stateMachineArn"]
        arn = call("StartExecution", stateMachineArn=machine, **params)["executionArn"]
        turn(call)
        return arn

    return start


def types(call, arn):
    return [event["type"] for event in call("GetExecutionHistory", executionArn=arn)["events"]]


def finished(call, arn):
    call.run(call.service.execution_ended(arn))
    return call("DescribeExecution", executionArn=arn)


def entered(call, arn):
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in call("GetExecutionHistory", executionArn=arn)["events"]
        if event["type"].endswith("StateEntered")
    ]


class TestWaits:
    def test_a_wait_goes_on_with_the_variables_and_the_history_that_were_there(self, make_journaled, reopen, start):
        call = make_journaled()
        first = {"Type": "Pass", "Assign": {"x": 7}, "Result": {"a": 1}, "Next": "Wait"}
        last = {"Type": "Pass", "Parameters": {"x.$": "$x", "a.$": "$.a", "name.$": "$$.Execution.Name"}, "End": True}
        arn = start(call, definition("First", First=first, Wait=wait(1, Next="Last"), Last=last), name="n")
        before = call("GetExecutionHistory", executionArn=arn)["events"]
        after = reopen(call)
        assert after("DescribeExecution", executionArn=arn)["status"] == "RUNNING"
        assert after("GetExecutionHistory", executionArn=arn)["events"] == before
        described = finished(after, arn)
        assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"x": 7, "a": 1, "name": "n"})
        events = after("GetExecutionHistory", executionArn=arn)["events"]
        assert events[: len(before)] == before
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert [event["previousEventId"] for event in events] == [0, 0, *range(2, len(events))]

    def test_a_wait_ends_at_its_original_time(self, make_journaled, reopen, start):
        call = make_journaled()
        arn = start(call, definition("Wait", Wait=wait(1, End=True)))
        described = finished(reopen(call), arn)
        assert 1 <= described["stopDate"] - described["startDate"] < 1.9

    def test_a_wait_goes_on_after_an_orderly_end_too(self, make_journaled, start):
        call = make_journaled()
        arn = start(call, definition("Wait", Wait=wait(1, End=True)))
        call.close()
        assert finished(make_journaled(), arn)["status"] == "SUCCEEDED"

    def test_under_a_skipping_clock_time_does_not_go_back(self, make_journaled, reopen, start):
        call = make_journaled(scale=0.0)
        first = definition("Long", Long=wait(86_400, Next="Token"), Token={**TOKEN_TASK, "End": True})
        call.close()
        call = make_journaled(scale=0.0, tasks=Service([]))
        arn = start(call, first)
        call.run(asyncio.sleep(0.05))
        after = reopen(call, scale=0.0, tasks=Service([]))
        after("StopExecution", executionArn=arn)
        stamps = [event["timestamp"] for event in after("GetExecutionHistory", executionArn=arn)["events"]]
        assert stamps == sorted(stamps)
        assert stamps[-1] - stamps[0] >= 86_400

    def test_the_timeout_of_the_execution_counts_from_its_start(self, make_journaled, reopen, start):
        call = make_journaled()
        text = json.loads(definition("Wait", Wait=wait(End=True))) | {"TimeoutSeconds": 1}
        arn = start(call, json.dumps(text))
        described = finished(reopen(call), arn)
        assert described["status"] == "TIMED_OUT"
        assert described["stopDate"] - described["startDate"] < 1.9

    def test_waits_in_branches_and_iterations_go_on_together(self, make_journaled, reopen, start):
        call = make_journaled()
        branches = [
            {"StartAt": "P1", "States": {"P1": {"Type": "Pass", "Result": 1, "End": True}}},
            {"StartAt": "W2", "States": {"W2": wait(1, Next="P2"), "P2": {"Type": "Pass", "Result": 2, "End": True}}},
            {
                "StartAt": "M3",
                "States": {
                    "M3": {
                        "Type": "Map",
                        "ItemsPath": "$.items",
                        "MaxConcurrency": 2,
                        "ItemProcessor": {"StartAt": "W4", "States": {"W4": wait(1, Next="P4"), "P4": {"Type": "Pass", "End": True}}},
                        "End": True,
                    }
                },
            },
        ]
        text = definition("Both", Both={"Type": "Parallel", "Branches": branches, "End": True})
        arn = start(call, text, input='{"items": ["a", "b", "c"]}')
        before = types(call, arn)
        after = reopen(call)
        described = finished(after, arn)
        assert (described["status"], described.get("output")) == ("SUCCEEDED", '[1,2,["a","b","c"]]')
        assert types(after, arn)[: len(before)] == before
        assert types(after, arn).count("ParallelStateStarted") == types(after, arn).count("MapStateStarted") == 1
        assert types(after, arn).count("MapIterationStarted") == 3

    def test_an_execution_survives_several_restarts(self, make_journaled, reopen, start, turn):
        call = make_journaled()
        arn = start(call, definition("First", First=wait(1, Next="Second"), Second=wait(1, End=True)))
        for _ in range(3):
            call = reopen(call)
            turn(call)
        call.run(asyncio.sleep(1.1))
        call = reopen(call)
        assert finished(call, arn)["status"] == "SUCCEEDED"
        assert types(call, arn).count("WaitStateEntered") == 2


def test_an_execution_that_had_only_been_acknowledged_runs_after_the_restart(make_journaled):
    call = make_journaled()
    machine = call.machine(definition=definition("A", A={"Type": "Pass", "End": True}))["stateMachineArn"]

    async def acknowledge():
        await call.service.call("StartExecution", {"stateMachineArn": machine, "name": "n", "input": "[1]"})
        # Acknowledged; the execution's first step is yet to come.
        call.kill()

    call.run(acknowledge())
    arn = machine.replace("stateMachine", "execution") + ":n"
    described = finished(make_journaled(), arn)
    assert (described["status"], described["output"]) == ("SUCCEEDED", "[1]")


def test_an_execution_whose_call_was_on_its_way_is_aborted_and_says_where(make_journaled, reopen, start):
    async def never(_):
        await asyncio.Event().wait()

    call = make_journaled(tasks=never)
    arn = start(call, definition("A", A={"Type": "Pass", "Next": "Call"}, Call={"Type": "Task", "Resource": FUNCTION, "End": True}))
    before = call("GetExecutionHistory", executionArn=arn)["events"]
    after = reopen(call, tasks=never)
    described = after("DescribeExecution", executionArn=arn)
    assert described["status"] == "ABORTED"
    assert described["cause"] == (
        "stepstack ended while this execution was running: the state 'Call' had called out, and the answer had not come"
    )
    events = after("GetExecutionHistory", executionArn=arn)["events"]
    assert events[:-1] == before
    assert (events[-1]["type"], events[-1]["id"]) == ("ExecutionAborted", len(before) + 1)


class Service:
    """A TaskRunner: a service outside, which keeps the tokens that it is handed; it answers at once, or never."""

    def __init__(self, tokens, *, answers=True):
        self.tokens = tokens
        self.answers = answers

    def problem(self, call):
        return None

    def is_mocked(self, call):
        return False

    async def request(self, call):
        self.tokens.append(call.task_token)
        if not self.answers:
            await asyncio.Event().wait()
        return {}

    async def completion(self, call, submitted):
        raise NotImplementedError

    async def abandon(self, call, submitted):
        raise NotImplementedError


class TestTaskTokens:
    def test_a_token_that_was_handed_out_is_good_after_the_restart(self, make_journaled, reopen, start):
        tokens = []
        call = make_journaled(tasks=Service(tokens))
        arn = start(call, definition("Ask", Ask={**TOKEN_TASK, "End": True}))
        after = reopen(call, tasks=Service(tokens))
        after("SendTaskHeartbeat", taskToken=tokens[0])
        after("SendTaskSuccess", taskToken=tokens[0], output='{"a":1}')
        described = finished(after, arn)
        assert (described["status"], described["output"]) == ("SUCCEEDED", '{"a":1}')
        assert types(after, arn).count("TaskScheduled") == 1
        assert len(tokens) == 1
        assert after.refusal("SendTaskSuccess", taskToken=tokens[0], output="{}").error_code == "TaskTimedOut"
        assert reopen(after).refusal("SendTaskSuccess", taskToken=tokens[0], output="{}").error_code == "TaskTimedOut"

    @pytest.mark.parametrize("is_good", [True, False], ids=["success", "failure"])
    def test_an_answer_that_was_acknowledged_is_not_lost(self, make_journaled, start, is_good):
        tokens = []
        call = make_journaled(tasks=Service(tokens))
        arn = start(call, definition("Ask", Ask={**TOKEN_TASK, "Next": "Wait"}, Wait=wait(End=True)))

        async def acknowledge():
            if is_good:
                await call.service.call("SendTaskSuccess", {"taskToken": tokens[0], "output": "[1]"})
            else:
                await call.service.call("SendTaskFailure", {"taskToken": tokens[0], "error": "Refused"})
            # Acknowledged; the execution is yet to take it up.
            call.kill()

        call.run(acknowledge())
        after = make_journaled(tasks=Service(tokens))
        after.run(asyncio.sleep(0.05))
        described = after("DescribeExecution", executionArn=arn)
        assert described["status"] == ("RUNNING" if is_good else "FAILED")
        assert entered(after, arn) == (["Ask", "Wait"] if is_good else ["Ask"])

    def test_retriers_count_the_attempts_before_the_restart(self, make_journaled, reopen, start, turn):
        tokens = []
        call = make_journaled(tasks=Service(tokens), scale=0.0)
        retry = [{"ErrorEquals": ["Again"], "MaxAttempts": 2, "IntervalSeconds": 1}]
        arn = start(call, definition("Ask", Ask={**TOKEN_TASK, "Retry": retry, "End": True}))
        for attempt in range(3):
            call("SendTaskFailure", taskToken=tokens[attempt], error="Again")
            call.run(asyncio.sleep(0.05))
            call = reopen(call, tasks=Service(tokens), scale=0.0)
            turn(call)
        assert call("DescribeExecution", executionArn=arn)["status"] == "FAILED"
        assert len(tokens) == 3

    def test_the_moment_of_a_heartbeat_that_was_acknowledged_is_kept(self, make_journaled, reopen, start):
        tokens = []
        call = make_journaled(tasks=Service(tokens))
        start(call, definition("Ask", Ask={**TOKEN_TASK, "HeartbeatSeconds": 600, "End": True}))
        [before] = call.journal.restored_tasks()
        call("SendTaskHeartbeat", taskToken=tokens[0])
        [after] = reopen(call, tasks=Service(tokens)).journal.restored_tasks()
        assert before.task.heartbeat_at is None
        assert after.task.heartbeat_at == pytest.approx(call.service.clock.now(), abs=60)

    def test_the_tokens_of_an_aborted_execution_are_closed(self, make_journaled, reopen, start):
        tokens = []
        tasks = Service(tokens, answers=False)
        call = make_journaled(tasks=tasks)
        arn = start(call, definition("Ask", Ask={**TOKEN_TASK, "End": True}))
        after = reopen(call, tasks=tasks)
        assert after("DescribeExecution", executionArn=arn)["status"] == "ABORTED"
        assert after.refusal("SendTaskSuccess", taskToken=tokens[0], output="{}").error_code == "TaskTimedOut"

    def test_a_tasks_timeout_counts_from_its_original_beginning(self, make_journaled, reopen, start):
        call = make_journaled(tasks=Service([]))
        arn = start(call, definition("Ask", Ask={**TOKEN_TASK, "TimeoutSeconds": 1, "End": True}))
        described = finished(reopen(call, tasks=Service([])), arn)
        assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
        assert described["stopDate"] - described["startDate"] < 1.9


class TestActivities:
    @pytest.fixture
    def activity(self):
        return "arn:aws:states:us-east-1:123456789012:activity:act"

    @pytest.fixture
    def text(self, activity):
        return definition("Work", Work={"Type": "Task", "Resource": activity, "End": True})

    @pytest.fixture
    def short_polls(self, monkeypatch):
        monkeypatch.setattr("stepstack.service.activities.POLL_SECONDS", 0.05)

    def test_a_task_that_nobody_had_taken_is_there_for_a_worker(self, make_journaled, reopen, start, activity, text):
        call = make_journaled()
        call("CreateActivity", name="act")
        arn = start(call, text, input="[1]")
        after = reopen(call)
        task = after("GetActivityTask", activityArn=activity, workerName="w")
        assert task["input"] == "[1]"
        after("SendTaskSuccess", taskToken=task["taskToken"], output="[2]")
        assert finished(after, arn)["output"] == "[2]"
        assert types(after, arn).count("ActivityScheduled") == types(after, arn).count("ActivityStarted") == 1

    @pytest.mark.usefixtures("short_polls")
    def test_a_task_that_was_taken_is_its_workers(self, make_journaled, reopen, start, activity, text):
        call = make_journaled()
        call("CreateActivity", name="act")
        arn = start(call, text)
        task = call("GetActivityTask", activityArn=activity, workerName="w")
        after = reopen(call)
        assert after("GetActivityTask", activityArn=activity) == {}
        after("SendTaskSuccess", taskToken=task["taskToken"], output="[2]")
        assert finished(after, arn)["output"] == "[2]"
        events = after("GetExecutionHistory", executionArn=arn)["events"]
        assert [event["activityStartedEventDetails"]["workerName"] for event in events if event["type"] == "ActivityStarted"] == ["w"]

    @pytest.mark.usefixtures("short_polls")
    def test_a_worker_that_is_gone_before_it_has_the_task_does_not_keep_it(self, make_journaled, reopen, start, activity, text):
        call = make_journaled()
        call("CreateActivity", name="act")
        arn = start(call, text)

        async def leave():
            poll = asyncio.ensure_future(call.service.call("GetActivityTask", {"activityArn": activity, "workerName": "gone"}))
            await asyncio.sleep(0)
            # It is being written that this worker has the task.
            poll.cancel()
            await asyncio.wait({poll})
            assert poll.cancelled()

        call.run(leave())
        assert types(call, arn)[-1] == "ActivityScheduled"
        after = reopen(call)
        task = after("GetActivityTask", activityArn=activity, workerName="next")
        after("SendTaskSuccess", taskToken=task["taskToken"], output="1")
        assert finished(after, arn)["output"] == "1"

    def test_a_worker_whose_task_has_started_has_it(self, make_journaled, start, activity, text):
        call = make_journaled()
        call("CreateActivity", name="act")
        arn = start(call, text)
        record = call.service.store.executions[arn].execution

        async def poll():
            polling = asyncio.ensure_future(call.service.call("GetActivityTask", {"activityArn": activity}))
            while record.history.events[-1].type != "ActivityStarted":
                # Others have something to be written all the time, for which this worker need not wait.
                call.journal.activity(call.service.store.activities[activity])
                await asyncio.sleep(0)
            polling.cancel()
            return await polling

        assert call.run(poll())["input"] == "{}"
        assert types(call, arn)[-1] == "ActivityStarted"


class TestMapRuns:
    def text(self, do, **fields):
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, "StartAt": "Do", "States": {"Do": do}}
        return definition("Map", Map={"Type": "Map", "Label": "Each", "ItemProcessor": processor, "End": True, **fields})

    def questions(self, call, arn):
        [run] = call("ListMapRuns", executionArn=arn)["mapRuns"]
        children = call("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
        return [
            ("ListMapRuns", {"executionArn": arn}),
            ("DescribeMapRun", {"mapRunArn": run["mapRunArn"]}),
            ("ListExecutions", {"mapRunArn": run["mapRunArn"]}),
            ("ListExecutions", {"stateMachineArn": run["stateMachineArn"]}),
            *(
                (operation, {"executionArn": child["executionArn"]})
                for child in children
                for operation in ("DescribeExecution", "GetExecutionHistory", "DescribeStateMachineForExecution")
            ),
        ]

    def test_a_finished_map_run_and_its_children_answer_as_before(self, make_journaled, reopen, start):
        call = make_journaled()
        arn = start(call, self.text({"Type": "Pass", "End": True}), input='[1, 2, {"a": 3}]')
        assert finished(call, arn)["status"] == "SUCCEEDED"
        questions = self.questions(call, arn)
        before = [call(operation, **params) for operation, params in questions]
        assert before[1]["itemCounts"]["succeeded"] == 3
        after = reopen(call)
        assert [after(operation, **params) for operation, params in questions] == before
        assert len(questions) == 4 + 3 * 3

    def test_a_redrive_of_the_parent_goes_on_with_its_map_run(self, make_journaled, reopen, start):
        call = make_journaled()
        arn = start(call, self.text(wait(1, End=True)), input="[1, 2]")
        after = reopen(call)
        assert after("DescribeExecution", executionArn=arn)["status"] == "ABORTED"
        after("RedriveExecution", executionArn=arn)
        assert finished(after, arn)["status"] == "SUCCEEDED"
        [run] = after("ListMapRuns", executionArn=arn)["mapRuns"]
        described = after("DescribeMapRun", mapRunArn=run["mapRunArn"])
        assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
        assert described["executionCounts"]["succeeded"] == described["executionCounts"]["total"] == 2
        questions = self.questions(after, arn)
        before = [after(operation, **params) for operation, params in questions]
        last = reopen(after)
        assert [last(operation, **params) for operation, params in questions] == before
        for child in last("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]:
            ways = types(last, child["executionArn"])
            assert ways[2:5] == ["ExecutionAborted", "ExecutionRedriven", "WaitStateExited"]

    def test_a_parent_ends_after_its_children_whose_time_was_skipped(self, make_journaled, reopen):
        called, never = asyncio.Event(), asyncio.Event()

        async def hang(_):
            called.set()
            await never.wait()

        call = make_journaled(scale=0, tasks=hang)
        text = json.loads(self.text(wait(Next="Hang")))
        text["States"]["Map"]["ItemProcessor"]["States"]["Hang"] = {"Type": "Task", "Resource": FUNCTION, "End": True}
        machine = call.machine(definition=json.dumps(text))["stateMachineArn"]
        arn = call("StartExecution", stateMachineArn=machine, input="[1]")["executionArn"]
        call.run(called.wait())
        self.questions(call, arn)
        after = reopen(call)
        [run] = after("ListMapRuns", executionArn=arn)["mapRuns"]
        [child] = after("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
        parent = after("DescribeExecution", executionArn=arn)
        assert parent["stopDate"] >= child["stopDate"] >= child["startDate"] + 3600

    def test_what_ran_in_a_map_run_is_aborted_with_its_parent(self, make_journaled, reopen, start):
        call = make_journaled()
        do = {
            "Do": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 1, "Next": "Done"}], "Default": "Wait"},
            "Done": {"Type": "Succeed"},
            "Wait": wait(End=True),
        }
        text = json.loads(self.text({}, MaxConcurrency=3))
        text["States"]["Map"]["ItemProcessor"]["States"] = do
        arn = start(call, json.dumps(text), input="[1, 2, 3, 4, 5]")
        [run] = call("ListMapRuns", executionArn=arn)["mapRuns"]
        assert call("DescribeMapRun", mapRunArn=run["mapRunArn"])["itemCounts"]["running"] == 3
        after = reopen(call)
        parent = after("DescribeExecution", executionArn=arn)
        described = after("DescribeMapRun", mapRunArn=run["mapRunArn"])
        assert (parent["status"], described["status"]) == ("ABORTED", "ABORTED")
        assert parent["cause"].endswith("the Map Run of the state 'Map' was under way")
        assert described["stopDate"] == parent["stopDate"]
        counts = {name: count for name, count in described["executionCounts"].items() if count}
        assert counts == {"succeeded": 1, "aborted": 4, "total": 5, "resultsWritten": 1}
        children = after("ListExecutions", mapRunArn=run["mapRunArn"])["executions"]
        assert sorted(child["status"] for child in children) == ["ABORTED", "ABORTED", "ABORTED", "SUCCEEDED"]
        last = [types(after, child["executionArn"])[-2:] for child in children if child["status"] == "ABORTED"]
        assert last == [["WaitStateEntered", "ExecutionAborted"]] * 3


class TestRedrive:
    def machine(self):
        before = {"Type": "Pass", "Assign": {"x": 7}, "Next": "Try"}
        return definition("A", A=before, Try={"Type": "Task", "Resource": FUNCTION, "End": True})

    def test_what_had_failed_before_the_restart_is_redriven(self, make_journaled, reopen, start):
        def fails(_):
            raise RuntimeError("not yet")

        call = make_journaled(tasks=fails)
        arn = start(call, self.machine(), input="[1]")
        assert call("DescribeExecution", executionArn=arn)["status"] == "FAILED"
        after = reopen(call, tasks=lambda call: call.parameters)
        described = after("DescribeExecution", executionArn=arn)
        assert (described["status"], described["redriveStatus"]) == ("FAILED", "REDRIVABLE")
        redriven = after("RedriveExecution", executionArn=arn, clientToken="once")
        described = finished(after, arn)
        assert (described["status"], described["output"], described["redriveCount"]) == ("SUCCEEDED", "[1]", 1)
        history = after("GetExecutionHistory", executionArn=arn)
        last = reopen(after)
        assert last("GetExecutionHistory", executionArn=arn) == history
        assert last("DescribeExecution", executionArn=arn) == described
        assert last("RedriveExecution", executionArn=arn, clientToken="once") == redriven

    def test_what_was_stopped_or_timed_out_is_redriven_too(self, make_journaled, reopen, start):
        call = make_journaled(scale=0.0)
        timed = json.loads(definition("Wait", Wait=wait(10, End=True))) | {"TimeoutSeconds": 5}
        timed_out = call("StartExecution", stateMachineArn=call.machine("t", json.dumps(timed))["stateMachineArn"])["executionArn"]
        assert finished(call, timed_out)["status"] == "TIMED_OUT"
        text = definition("Wait", Wait={"Type": "Wait", "SecondsPath": "$", "End": True})
        stopped = call("StartExecution", stateMachineArn=call.machine("s", text)["stateMachineArn"], input="10")["executionArn"]
        call("StopExecution", executionArn=stopped, cause="enough")
        after = reopen(call, scale=0.0)
        for arn, status in ((timed_out, "TIMED_OUT"), (stopped, "ABORTED")):
            assert after("DescribeExecution", executionArn=arn)["status"] == status
        if types(after, stopped)[-2] == "WaitStateEntered":
            after("RedriveExecution", executionArn=stopped)
            assert finished(after, stopped)["status"] == "SUCCEEDED"
        after("RedriveExecution", executionArn=timed_out)
        assert finished(after, timed_out)["redriveCount"] == 1

    def test_what_the_crash_aborted_is_redriven_where_it_stood(self, make_journaled, reopen, start):
        calls = []

        async def never(call):
            calls.append(call.parameters)
            await asyncio.Event().wait()

        call = make_journaled(tasks=never)
        arn = start(call, self.machine(), input="[1]")
        after = reopen(call, tasks=lambda call: [*call.parameters, 2])
        after("RedriveExecution", executionArn=arn)
        described = finished(after, arn)
        assert (described["status"], described["output"]) == ("SUCCEEDED", "[1,2]")
        assert types(after, arn).count("PassStateEntered") == 1

    def test_a_redriven_execution_at_rest_is_resumed(self, make_journaled, reopen, start):
        call = make_journaled()
        arn = start(call, definition("Wait", Wait=wait(1, End=True)))
        call("StopExecution", executionArn=arn)
        call("RedriveExecution", executionArn=arn)
        after = reopen(call)
        described = finished(after, arn)
        assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
