"""Task states: timeouts, task tokens, heartbeats, activities, jobs."""

from __future__ import annotations

import asyncio

import pytest

from stepstack.interpreter.ports import TaskFailed
from stepstack.interpreter.task_tokens import TokenClosed

INVOKE = "arn:aws:states:::lambda:invoke"
ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity:work"


def task(resource=INVOKE, **fields):
    return {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": resource, "End": True, **fields}}}


class Services:
    """A TaskRunner that keeps the calls it gets; `answer` makes the requests, `job` the completions."""

    def __init__(self, answer=None, job=None):
        self.calls = []
        self.abandoned = []
        self._answer = answer
        self._job = job

    def problem(self, call):
        return None

    def is_mocked(self, call):
        return False

    async def request(self, call):
        self.calls.append(call)
        return {} if self._answer is None else await self._answer(call)

    async def completion(self, call, submitted):
        return await self._job(call, submitted)

    async def abandon(self, call, submitted):
        self.abandoned.append(submitted)


class Queue:
    """An activity's queue without workers; tests take the tasks out themselves."""

    def __init__(self):
        self.tasks = []

    def exists(self, activity_arn):
        return activity_arn == ACTIVITY

    def schedule(self, activity_arn, token, task_input, started):
        self.tasks.append((token, task_input, started))


async def forever(_):
    await asyncio.Event().wait()


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to that")


class TestTimeouts:
    def test_a_call_that_takes_too_long_times_out(self, with_engine, types):
        function = task("arn:aws:lambda:us-east-1:123456789012:function:f", TimeoutSeconds=1)

        async def scenario(engine):
            return await asyncio.gather(engine.finish(task(TimeoutSeconds=1)), engine.finish(function))

        of_service, of_function = with_engine(scenario, tasks=Services(forever))
        assert (of_service.status, of_service.error, of_service.cause) == ("FAILED", "States.Timeout", None)
        assert types(of_service)[-2:] == ["TaskTimedOut", "ExecutionFailed"]
        assert types(of_function)[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]

    def test_a_timeout_can_be_caught_by_its_name_but_not_as_a_failed_task(self, with_engine):
        catchers = [{"ErrorEquals": ["States.TaskFailed"], "Next": "Wrong"}, {"ErrorEquals": ["States.Timeout"], "Next": "Right"}]
        machine = task(TimeoutSeconds=1, Catch=catchers)
        machine["States"].update(Wrong={"Type": "Fail"}, Right={"Type": "Pass", "Result": "caught", "End": True})
        execution = with_engine(lambda engine: engine.finish(machine), tasks=Services(forever))
        assert execution.output == '"caught"'

    def test_a_skipped_wait_elsewhere_does_not_time_a_call_out(self, with_engine):
        waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1000, "End": True}}}

        async def scenario(engine):
            release = asyncio.Event()

            async def call(_):
                await release.wait()
                return "done"

            calling = engine.start(task(TimeoutSeconds=60))
            engine.environment.tasks._answer = call
            other = engine.start(waiting)
            await asyncio.sleep(0.02)
            assert other.status == "RUNNING"
            release.set()
            await asyncio.gather(calling.wait(), other.wait())
            return calling.status, other.status

        assert with_engine(scenario, tasks=Services()) == ("SUCCEEDED", "SUCCEEDED")

    def test_a_path_gives_the_seconds_and_the_history_shows_them(self, with_engine):
        machine = task(TimeoutSecondsPath="$.t", HeartbeatSecondsPath="$.h")
        execution = with_engine(lambda engine: engine.finish(machine, {"t": 30, "h": 10}), tasks=Services())
        scheduled = execution.history.events[2].details
        assert (scheduled["timeoutInSeconds"], scheduled["heartbeatInSeconds"]) == (30, 10)


class TestTaskTokens:
    MACHINE = task(f"{INVOKE}.waitForTaskToken", Parameters={"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}})

    def test_the_state_awaits_the_answer_to_its_token(self, with_engine, types):
        async def scenario(engine):
            services = engine.environment.tasks
            execution = engine.start(self.MACHINE)
            await until(lambda: services.calls)
            call = services.calls[0]
            assert call.parameters["Payload"]["token"] == call.task_token
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            engine.tokens.succeed(call.task_token, '{"answer": 42}')
            await execution.wait()
            with pytest.raises(TokenClosed):
                engine.tokens.succeed(call.task_token, "{}")
            return execution

        execution = with_engine(scenario, tasks=Services())
        assert execution.output == '{"answer": 42}'
        assert types(execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]

    def test_an_answer_that_comes_before_the_request_has_returned_counts(self, with_engine):
        async def scenario(engine):
            async def answer_at_once(call):
                engine.tokens.succeed(call.task_token, '"quick"')
                return {}

            engine.environment.tasks._answer = answer_at_once
            return (await engine.finish(self.MACHINE)).output

        assert with_engine(scenario, tasks=Services()) == '"quick"'

    def test_a_failure_through_the_token_fails_the_task(self, with_engine, types):
        async def scenario(engine):
            execution = engine.start(self.MACHINE)
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            engine.tokens.fail(engine.environment.tasks.calls[0].task_token, "Broken", "why")
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks=Services())
        assert (execution.error, execution.cause) == ("Broken", "why")

    def test_a_failure_without_a_name_is_caught_by_all(self, with_engine, types):
        machine = {**self.MACHINE, "States": {"T": {**self.MACHINE["States"]["T"]}}}
        machine["States"]["T"]["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": "End"}]
        machine["States"]["End"] = {"Type": "Pass", "End": True}

        async def scenario(engine):
            execution = engine.start(machine)
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            engine.tokens.fail(engine.environment.tasks.calls[0].task_token, None, None)
            await execution.wait()
            return execution.output

        assert with_engine(scenario, tasks=Services()) == '{"Error":null,"Cause":null}'

    def test_a_missed_heartbeat_is_a_timeout_that_its_own_name_catches_too(self, with_engine, types):
        fields = {**self.MACHINE["States"]["T"], "HeartbeatSeconds": 1, "TimeoutSeconds": 60}
        machine = {"StartAt": "T", "States": {"T": {**fields, "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "End"}]}}}
        machine["States"]["End"] = {"Type": "Pass", "End": True}

        async def scenario(engine):
            execution = engine.start(machine)
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            await engine.clock.advance(1)
            await execution.wait()
            return execution.output

        assert with_engine(scenario, tasks=Services()) == '{"Error":"States.Timeout","Cause":""}'

    def test_a_heartbeat_starts_the_time_anew(self, with_engine, types):
        fields = {**self.MACHINE["States"]["T"], "HeartbeatSeconds": 1}

        async def scenario(engine):
            execution = engine.start({"StartAt": "T", "States": {"T": fields}})
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            token = engine.environment.tasks.calls[0].task_token
            engine.clock.freeze()
            for _ in range(4):
                await engine.clock.advance(0.9)
                engine.tokens.heartbeat(token)
            engine.tokens.succeed(token, "1")
            await execution.wait()
            return execution.output

        assert with_engine(scenario, tasks=Services()) == "1"

    def test_a_skipping_clock_skips_no_callback(self, with_engine, types):
        fields = {**self.MACHINE["States"]["T"], "TimeoutSeconds": 3600}

        async def scenario(engine):
            execution = engine.start({"StartAt": "T", "States": {"T": fields}})
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            await asyncio.sleep(0.05)
            assert execution.status == "RUNNING"
            engine.tokens.succeed(engine.environment.tasks.calls[0].task_token, "1")
            await execution.wait()
            return execution.status

        assert with_engine(scenario, tasks=Services()) == "SUCCEEDED"

    def test_each_attempt_has_a_token_of_its_own(self, with_engine):
        fields = {**self.MACHINE["States"]["T"], "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}]}

        async def scenario(engine):
            async def fail_twice(call):
                if call.attempt < 2:
                    raise TaskFailed("Again")
                engine.tokens.succeed(call.task_token, "1")

            engine.environment.tasks._answer = fail_twice
            await engine.finish({"StartAt": "T", "States": {"T": fields}})
            return [call.task_token for call in engine.environment.tasks.calls]

        assert len(set(with_engine(scenario, tasks=Services()))) == 3


class TestActivities:
    def test_a_worker_takes_the_task_and_answers(self, with_engine, types):
        queue = Queue()

        async def scenario(engine):
            execution = engine.start(task(ACTIVITY, TimeoutSeconds=60), {"a": 1})
            await until(lambda: queue.tasks)
            token, task_input, started = queue.tasks[0]
            assert task_input == '{"a":1}'
            started("worker 7")
            await until(lambda: "ActivityStarted" in types(execution))
            engine.tokens.succeed(token, '"done"')
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks=Services(), activities=queue)
        assert types(execution)[2:6] == ["ActivityScheduled", "ActivityStarted", "ActivitySucceeded", "TaskStateExited"]
        assert execution.history.events[3].details == {"workerName": "worker 7"}
        assert execution.output == '"done"'

    def test_time_counts_from_the_moment_a_worker_takes_the_task(self, with_engine, types):
        queue = Queue()

        async def scenario(engine):
            execution = engine.start(task(ACTIVITY, TimeoutSeconds=1))
            await until(lambda: queue.tasks)
            engine.clock.freeze()
            await engine.clock.advance(3600)
            assert execution.status == "RUNNING"
            queue.tasks[0][2](None)
            await until(lambda: types(execution)[-1] == "ActivityStarted")
            await engine.clock.advance(1)
            await execution.wait()
            return execution

        execution = with_engine(scenario, tasks=Services(), activities=queue)
        assert types(execution)[2:5] == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut"]
        assert execution.error == "States.Timeout"


class TestJobs:
    MACHINE = task("arn:aws:states:::batch:submitJob.sync")

    def test_the_jobs_description_is_the_result(self, with_engine, types):
        async def job(_call, submitted):
            return {"was": submitted, "Status": "SUCCEEDED"}

        async def answer(_):
            return {"JobId": "7"}

        execution = with_engine(lambda engine: engine.finish(self.MACHINE), tasks=Services(answer, job))
        assert types(execution)[2:6] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]
        assert execution.output == '{"was":{"JobId":"7"},"Status":"SUCCEEDED"}'

    @pytest.mark.parametrize("pattern", [".sync", ".waitForTaskToken"])
    def test_a_request_that_fails_has_begun_no_work(self, with_engine, types, pattern):
        async def answer(_):
            raise TaskFailed("Batch.ClientException", "no queue")

        machine = task(f"arn:aws:states:::batch:submitJob{pattern}")
        execution = with_engine(lambda engine: engine.finish(machine), tasks=Services(answer))
        assert types(execution)[2:] == ["TaskScheduled", "TaskStarted", "TaskSubmitFailed", "ExecutionFailed"]
        details = {"resourceType": "batch", "resource": f"submitJob{pattern}", "error": "Batch.ClientException", "cause": "no queue"}
        assert execution.history.events[4].details == details

    def test_a_job_that_fails_was_submitted(self, with_engine, types):
        async def job(*_):
            raise TaskFailed("States.TaskFailed", "{}")

        execution = with_engine(lambda engine: engine.finish(self.MACHINE), tasks=Services(job=job))
        assert types(execution)[2:] == ["TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskFailed", "ExecutionFailed"]

    def test_a_mock_that_fails_fails_the_work(self, with_engine, types):
        async def answer(_):
            raise TaskFailed("Boom")

        services = Services(answer)
        services.is_mocked = lambda call: True
        execution = with_engine(lambda engine: engine.finish(self.MACHINE), tasks=services)
        assert types(execution)[2:] == ["TaskScheduled", "TaskStarted", "TaskFailed", "ExecutionFailed"]

    def test_a_stopped_execution_abandons_its_job(self, with_engine, types):
        async def job(*_):
            await asyncio.Event().wait()

        async def answer(_):
            return {"JobId": "7"}

        services = Services(answer, job)

        async def scenario(engine):
            execution = engine.start(self.MACHINE)
            await until(lambda: types(execution)[-1] == "TaskSubmitted")
            execution.stop()
            await until(lambda: services.abandoned)

        with_engine(scenario, tasks=services)
        assert services.abandoned == [{"JobId": "7"}]

    def test_parameters_that_cannot_start_a_task_end_the_execution_before_it_is_scheduled(self, with_engine, types):
        services = Services()
        services.problem = lambda call: "The value of the field 'X' has an invalid format"
        execution = with_engine(lambda engine: engine.finish(self.MACHINE, {"X": 1}), tasks=services)
        assert types(execution) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
        assert execution.cause.endswith(
            "The Parameters '{\"X\":1}' could not be used to start the Task: [The value of the field 'X' has an invalid format]"
        )
