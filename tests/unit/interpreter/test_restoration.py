"""Executions made anew from their histories: resumed where they were at rest, redriven where they had failed."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepstack.clock import Clock, Randomness
from stepstack.in_process import PythonTasks
from stepstack.interpreter.execution import Execution
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import Environment, TaskFailed
from stepstack.interpreter.restoration import NotAtRest, restore
from stepstack.interpreter.task_tokens import KeptTask, TaskTokens
from stepstack.json_types import json_text
from stepstack.language import parse

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:T"


def new_execution(definition, input_value=None, *, scale=0.0, tasks=None):
    """An execution of `definition` that has not been started."""
    randomness = Randomness(1)
    clock = Clock(asyncio.get_running_loop(), scale)
    runner = tasks if hasattr(tasks, "request") else PythonTasks(tasks or {})
    environment = Environment(clock=clock, randomness=randomness, tasks=runner, tokens=TaskTokens(randomness))
    return Execution(
        parse(json_text(definition)),
        arn=f"{MACHINE.replace('stateMachine', 'execution')}:first",
        name="first",
        execution_input=Payload.parse(json_text({} if input_value is None else input_value)),
        environment=environment,
        state_machine_arn=MACHINE,
        state_machine_name="machine",
    )


async def ended(execution):
    await asyncio.wait_for(execution.wait(), 20)
    return execution


def types(events):
    return [event.type for event in events]


# --------------------------------------------------------------------------------------------------------------------------- at rest


def graphs(names, depth):
    """Graphs of states of the types that may stand still, whose output tells which way they took."""

    def graph(kinds):
        labels = [f"S{next(names)}" for _ in kinds]
        states = {}
        for label, kind, following in zip(labels, kinds, [*labels[1:], None], strict=True):
            states[label] = {**kind, **({"End": True} if following is None else {"Next": following})}
        return {"StartAt": labels[0], "States": states}

    simple = st.sampled_from(
        [
            {"Type": "Wait", "Seconds": 1},
            {"Type": "Wait", "Seconds": 2},
            {"Type": "Pass", "Assign": {"x": 7}},
            {"Type": "Pass", "Parameters": {"in.$": "$"}},
            {"Type": "Pass", "Result": [1, 2]},
        ]
    )
    if not depth:
        return st.lists(simple, min_size=1, max_size=3).map(graph)
    inner = graphs(names, depth - 1)
    parallel = st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"Type": "Parallel", "Branches": branches})
    each = st.tuples(inner, st.sampled_from([0, 1, 2])).map(
        lambda pair: {"Type": "Map", "ItemsPath": "$$.Execution.Input.items", "ItemProcessor": pair[0], "MaxConcurrency": pair[1]}
    )
    return st.lists(simple | parallel | each, min_size=1, max_size=3).map(graph)


async def rests(execution):
    """The history of `execution` each time that it is at rest, until it has ended."""
    clock = execution.environment.clock
    clock.freeze()
    execution.start()
    found = []
    while not execution.has_ended:
        for _ in range(30):
            await asyncio.sleep(0)
        found.append(list(execution.history.events))
        await clock.advance(1)
    return found[:-1] if found and types(found[-1])[-1].startswith("Execution") and len(found[-1]) > 1 else found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_execution_that_is_resumed_anywhere_ends_as_if_nothing_had_been(data):
    definition = data.draw(graphs(itertools.count(), 2))

    async def scenario():
        original = new_execution(definition, {"items": ["a", "b", "c"]})
        stops = await rests(original)
        for events in stops:
            again = new_execution(definition, {"items": ["a", "b", "c"]})
            restore(again, events).make_ready({})
            again.resume()
            await ended(again)
            assert (again.status, again.output) == (original.status, original.output)
            assert again.history.events[: len(events)] == events
            assert sorted(types(again.history.events)) == sorted(types(original.history.events))
            assert [event.id for event in again.history.events] == list(range(1, len(again.history.events) + 1))

    asyncio.run(scenario())


async def frozen(definition, *, passed=0.0, tasks=None):
    """An execution that has not been started, under a frozen clock on which so many seconds have passed."""
    execution = new_execution(definition, tasks=tasks)
    execution.environment.clock.freeze()
    await execution.environment.clock.advance(passed)
    return execution


async def after_a_restart(definition, *, tasks=None, passed, alive_after=None):
    """An execution at rest that goes on so many seconds later; its task sent a heartbeat after some."""
    first = await frozen(definition, tasks=tasks)
    first.start()
    clock, tokens = first.environment.clock, first.environment.tokens
    await clock.advance(alive_after or 0)
    kept = {}
    for token, pending in tokens._open.items():
        if alive_after is not None:
            tokens.heartbeat(token)
        kept[pending.entered_event_id] = KeptTask(token, first.arn, pending.entered_event_id, heartbeat_at=pending.heartbeat_at)
    events = list(first.history.events)
    again = await frozen(definition, tasks=tasks, passed=passed)
    for task in kept.values():
        again.environment.tokens.keep(task)
    restore(again, events).make_ready({number: task.token for number, task in kept.items()})
    again.resume()
    await again.environment.clock.advance(0)
    return again


def test_a_retry_comes_when_it_was_due():
    retry = [{"ErrorEquals": ["Oops"], "MaxAttempts": 1, "IntervalSeconds": 1000}]
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": FUNCTION, "Retry": retry, "End": True}}}
    calls = []

    def task(_):
        calls.append(1)
        raise TaskFailed("Oops", "again")

    async def scenario():
        again = await after_a_restart(definition, tasks={"T": task}, passed=400)
        await again.environment.clock.advance(590)
        assert (len(calls), again.status) == (1, "RUNNING")
        await again.environment.clock.advance(20)
        assert (len(calls), again.status) == (2, "FAILED")
        late = await after_a_restart(definition, tasks={"T": task}, passed=5000)
        await late.environment.clock.advance(0)
        assert (len(calls), late.status) == (4, "FAILED")

    asyncio.run(scenario())


class Answering:
    """A TaskRunner: a service outside, which answers each request at once."""

    def problem(self, call):
        return None

    def is_mocked(self, call):
        return False

    async def request(self, call):
        return {}


@pytest.mark.parametrize("alive_after", [None, 300], ids=["before the first heartbeat", "after a heartbeat"])
def test_a_heartbeat_is_missed_when_it_was_due(alive_after):
    resource = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    parameters = {"FunctionName": "T", "Payload": {"token.$": "$$.Task.Token"}}
    task = {"Type": "Task", "Resource": resource, "Parameters": parameters, "HeartbeatSeconds": 1000, "End": True}

    async def scenario():
        again = await after_a_restart({"StartAt": "A", "States": {"A": task}}, tasks=Answering(), passed=400, alive_after=alive_after)
        await again.environment.clock.advance(590 + (alive_after or 0))
        assert again.status == "RUNNING"
        await again.environment.clock.advance(20)
        assert (again.status, again.error) == ("FAILED", "States.Timeout")

    asyncio.run(scenario())


def test_a_retrier_that_waits_counts_on():
    definition = {
        "StartAt": "T",
        "States": {
            "T": {
                "Type": "Task",
                "Resource": FUNCTION,
                "Retry": [{"ErrorEquals": ["Oops"], "MaxAttempts": 2, "IntervalSeconds": 1}],
                "End": True,
            }
        },
    }
    calls = []

    def task(_):
        calls.append(1)
        raise TaskFailed("Oops", "again")

    async def scenario():
        stops = await rests(new_execution(definition, tasks={"T": task}))
        assert len(calls) == 3
        # It waits for one second, then for two.
        for events, expected in zip(stops, (2, 1, 1), strict=True):
            calls.clear()
            again = new_execution(definition, tasks={"T": task})
            restore(again, events).make_ready({})
            again.resume()
            assert (await ended(again)).error == "Oops"
            assert len(calls) == expected

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("within", "reason"),
    [
        (lambda task: task, "the state 'T' had called out, and the answer had not come"),
        (
            lambda task: {"Type": "Parallel", "Branches": [{"StartAt": "T", "States": {"T": task}}], "End": True},
            "the state 'T' had called out, and the answer had not come",
        ),
    ],
    ids=["alone", "in a branch"],
)
def test_a_call_that_was_on_its_way_is_told(within, reason):
    definition = {"StartAt": "A", "States": {"A": within({"Type": "Task", "Resource": FUNCTION, "End": True})}}
    if "Branches" not in definition["States"]["A"]:
        definition = {"StartAt": "T", "States": {"T": definition["States"]["A"]}}

    async def never(_):
        await asyncio.Event().wait()

    async def scenario():
        original = new_execution(definition, tasks={"T": never})
        original.start()
        for _ in range(30):
            await asyncio.sleep(0)
        again = new_execution(definition)
        with pytest.raises(NotAtRest, match=reason):
            restore(again, original.history.events).make_ready({})
        original.stop()

    asyncio.run(scenario())


# -------------------------------------------------------------------------------------------------------------------------- redriven


def work(next_state=None):
    return {"Type": "Task", "Resource": FUNCTION, **({"End": True} if next_state is None else {"Next": next_state})}


EACH = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Next": "T"}, "T": work()}}
SHAPES = {
    "parallel": {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": f"P{n}", "States": {f"P{n}": {"Type": "Pass", "Result": n, "Next": f"T{n}"}, f"T{n}": work()}} for n in (1, 2, 3)
        ],
    },
    "map, one by one": {"Type": "Map", "ItemProcessor": EACH, "MaxConcurrency": 1},
    "map, all at once": {"Type": "Map", "ItemProcessor": EACH},
    "map in a parallel": {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": EACH, "End": True}}},
            {"StartAt": "Q", "States": {"Q": {"Type": "Pass", "End": True}}},
        ],
    },
    "map in a map": {
        "Type": "Map",
        "ItemProcessor": {
            "StartAt": "M",
            "States": {"M": {"Type": "Map", "ItemsPath": "$$.Execution.Input", "ItemProcessor": EACH, "End": True}},
        },
    },
    "tried again before": {"Type": "Map", "ItemProcessor": EACH, "Retry": [{"ErrorEquals": ["Oops"], "MaxAttempts": 1}]},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_redrive_from_the_history_does_what_the_execution_itself_would_do(shape, failing):
    definition = {"StartAt": "S", "States": {"S": {**SHAPES[shape], "End": True}}}

    def runs(is_restored):
        calls = []
        is_mended = []

        def task(parameters):
            calls.append(parameters)
            if parameters == failing and not is_mended:
                raise TaskFailed("Oops")
            return parameters

        async def scenario():
            execution = new_execution(definition, [1, 2, 3], tasks={"T": task})
            execution.start()
            await ended(execution)
            assert execution.status == "FAILED"
            is_mended.append(True)
            if is_restored:
                again = new_execution(definition, [1, 2, 3], tasks={"T": task})
                again.status = "FAILED"
                restore(again, execution.history.events)
                execution = again
            execution.redrive()
            await ended(execution)
            history = [(event.id, event.previous_event_id, event.type, event.details) for event in execution.history.events]
            return execution.status, execution.output, calls, history

        return asyncio.run(scenario())

    assert runs(is_restored=True) == runs(is_restored=False)


def test_a_second_redrive_from_the_history_goes_on_too():
    definition = {"StartAt": "S", "States": {"S": {**SHAPES["map, one by one"], "End": True}}}
    failing = {2, 3}
    calls = []

    def task(parameters):
        calls.append(parameters)
        if parameters in failing:
            failing.remove(parameters)
            raise TaskFailed("Oops")
        return parameters

    async def scenario():
        execution = new_execution(definition, [1, 2, 3], tasks={"T": task})
        execution.start()
        for count in (1, 2):
            await ended(execution)
            assert execution.status == "FAILED"
            again = new_execution(definition, [1, 2, 3], tasks={"T": task})
            again.status, again.redrive_count = "FAILED", count - 1
            restore(again, execution.history.events)
            execution = again
            execution.redrive()
        await ended(execution)
        return execution

    execution = asyncio.run(scenario())
    assert (execution.status, execution.output, execution.redrive_count) == ("SUCCEEDED", "[1,2,3]", 2)
    assert calls == [1, 2, 2, 3, 3]


def test_where_the_items_of_a_map_are_others_now_the_state_begins_anew():
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "Items": [1, 2], "ItemProcessor": EACH, "End": True}},
    }

    async def scenario():
        original = new_execution(definition, tasks={"T": lambda _: 1})
        original.start()
        await ended(original)
        events = [event for event in original.history.events if event.type in {"ExecutionStarted", "MapStateEntered"}]
        started = next(event for event in original.history.events if event.type == "MapStateStarted")
        again = new_execution(definition, tasks={"T": lambda _: 1})
        again.status = "FAILED"
        restore(again, [*events, started._replace(details={"length": 5})])
        again.redrive()
        return await ended(again)

    execution = asyncio.run(scenario())
    assert (execution.status, execution.output) == ("SUCCEEDED", "[1,1]")
    assert types(execution.history.events).count("MapStateStarted") == 2
