"""Parallel states: branches at once, the first failure ends the others."""

from __future__ import annotations

import asyncio
import json

from stepstack.interpreter.ports import TaskFailed, TaskFault

INVOKE = "arn:aws:states:::lambda:invoke"


def branch(name):
    return {"StartAt": name, "States": {name: {"Type": "Task", "Resource": INVOKE, "End": True}}}


def parallel(*branches, **fields):
    return {"StartAt": "P", "States": {"P": {"Type": "Parallel", "End": True, "Branches": list(branches), **fields}}}


def test_branches_run_at_once(with_engine):
    async def scenario(engine):
        here, there = asyncio.Event(), asyncio.Event()

        async def meet(mine, others):
            mine.set()
            await others.wait()
            return "met"

        engine.environment.tasks._tasks = {"A": lambda _: meet(here, there), "B": lambda _: meet(there, here)}
        return await engine.finish(parallel(branch("A"), branch("B")))

    assert json.loads(with_engine(scenario).output) == ["met", "met"]


def test_a_failure_cancels_the_calls_of_the_other_branches(with_engine, types):
    cancelled = []

    async def hang(_):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    def fail(_):
        raise TaskFailed("Oops")

    execution = with_engine(lambda engine: engine.finish(parallel(branch("A"), branch("B"))), tasks={"A": hang, "B": fail})
    assert execution.error == "Oops"
    assert cancelled == [True]
    assert types(execution).count("TaskStateAborted") == 2


def test_an_inner_parallel_that_is_stopped_records_what_it_was_in(with_engine, types):
    inner = parallel(branch("A"))["States"]["P"]

    async def hang(_):
        await asyncio.Event().wait()

    async def fail(_):
        await asyncio.sleep(0.01)
        raise TaskFailed("Oops")

    machine = parallel({"StartAt": "I", "States": {"I": inner}}, branch("B"))
    execution = with_engine(lambda engine: engine.finish(machine), tasks={"A": hang, "B": fail})
    aborted = [name for name in types(execution) if name.endswith("Aborted")]
    assert aborted == ["TaskStateAborted", "ParallelStateAborted", "TaskStateAborted"]


def test_a_retry_does_not_see_the_failed_attempts_branches(with_engine):
    seen = []

    def fail_once(_):
        seen.append(len(seen))
        if len(seen) == 1:
            raise TaskFailed("Oops")
        return "ok"

    machine = parallel(branch("A"), Retry=[{"ErrorEquals": ["Oops"]}])
    execution = with_engine(lambda engine: engine.finish(machine), tasks={"A": fail_once})
    assert execution.output == '["ok"]'


def test_previous_event_ids_lead_back_to_the_start_of_each_branch(with_engine):
    execution = with_engine(lambda engine: engine.finish(parallel(branch("A"), branch("B"))), tasks={"A": 1, "B": 2})
    events = {event.id: event for event in execution.history.events}
    entered = [event for event in events.values() if event.type == "TaskStateEntered"]
    assert {events[event.previous_event_id].type for event in entered} == {"ParallelStateStarted"}
    assert all(event.previous_event_id < event.id for event in events.values())


def test_what_is_wrong_with_a_test_is_hidden_by_no_failure_beside_it(with_engine):
    def fail(error):
        raise error

    tasks = {"A": lambda _: fail(TaskFailed("Oops")), "B": lambda _: fail(TaskFault("no mock answers"))}
    machine = parallel(branch("A"), branch("B"), Catch=[{"ErrorEquals": ["States.ALL"], "Next": "P"}])
    execution = with_engine(lambda engine: engine.finish(machine), tasks=tasks)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "States.Runtime", "no mock answers")
