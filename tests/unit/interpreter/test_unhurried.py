"""Expressions that take long, in every field that may hold one: the execution goes the same way, and others go on meanwhile."""

from __future__ import annotations

import asyncio
import threading

import pytest

from stepstack.query import time_bound

ONE = "{% $count([1..300].($ + 1)) - 299 %}"
"""Is 1, and long enough to be given up where patience has run out."""

IS_ONE = "{% $count([1..300].($ + 1)) - 299 = 1 %}"
FILTER = "$.items[?(@.id > 0)]"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
PROCESSOR = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {**PROCESSOR, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
INPUT = {"items": [{"id": 1}, {"id": 2}]}


def jsonata(state, **others):
    return {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state, **others}}


def jsonpath(state, **others):
    return {"StartAt": "A", "States": {"A": state, **others}}


DEFINITIONS = {
    "pass": jsonata({"Type": "Pass", "Output": [ONE, ONE], "Assign": {"a": ONE}, "Next": "B"}, B={"Type": "Succeed", "Output": ONE}),
    "choice": jsonata(
        {"Type": "Choice", "Choices": [{"Condition": IS_ONE, "Output": ONE, "Assign": {"a": ONE}, "Next": "B"}], "Default": "B"},
        B={"Type": "Succeed"},
    ),
    "fail": jsonata({"Type": "Fail", "Error": "{% $string($count([1..300].($ + 1))) %}", "Cause": "{% $join([1..300].$string()) %}"}),
    "wait": jsonata({"Type": "Wait", "Seconds": ONE, "Output": ONE, "Assign": {"a": ONE}, "End": True}),
    "wait until": jsonata({"Type": "Wait", "Timestamp": "{% $now()[$count([1..300].($ + 1)) = 300] %}", "End": True}),
    "task": jsonata(
        {
            "Type": "Task",
            "Resource": FUNCTION,
            "Arguments": {"a": ONE, "b": ONE},
            "TimeoutSeconds": "{% $count([1..300].($ + 1)) %}",
            "Credentials": {"RoleArn": "{% 'arn:aws:iam::123456789012:role/r' & $string($count([1..300].($ + 1))) %}"},
            "Output": ONE,
            "Assign": {"a": ONE},
            "End": True,
        }
    ),
    "catch": jsonata(
        {
            "Type": "Task",
            "Resource": FUNCTION,
            "Arguments": {"fail": ONE},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": ONE, "Assign": {"a": ONE}, "Next": "B"}],
            "End": True,
        },
        B={"Type": "Succeed"},
    ),
    "parallel": jsonata({"Type": "Parallel", "Arguments": ONE, "Branches": [PROCESSOR], "Output": ONE, "End": True}),
    "map": jsonata(
        {
            "Type": "Map",
            "Items": "{% [1..300].($ + 1)[$ < 4] %}",
            "ItemSelector": {"a": ONE, "b": "{% $states.context.Map.Item.Value + $count([1..300].($ + 1)) %}"},
            "MaxConcurrency": ONE,
            "ItemProcessor": PROCESSOR,
            "Output": ONE,
            "End": True,
        }
    ),
    "distributed map": jsonata(
        {
            "Type": "Map",
            "Label": "label",
            "Items": "{% [1..300].($ + 1)[$ < 4] %}",
            "ItemSelector": {"a": ONE},
            "ItemBatcher": {"MaxItemsPerBatch": ONE, "BatchInput": {"a": ONE}},
            "MaxConcurrency": ONE,
            "ToleratedFailurePercentage": ONE,
            "ItemProcessor": DISTRIBUTED,
            "Output": ONE,
            "End": True,
        }
    ),
    "paths": jsonpath({"Type": "Pass", "InputPath": FILTER, "Parameters": {"a.$": "$[?(@.id > 1)]"}, "OutputPath": "$..a", "End": True}),
    "paths of a task": jsonpath(
        {"Type": "Task", "Resource": FUNCTION, "Parameters": {"a.$": FILTER}, "ResultSelector": {"b.$": "$..a"}, "End": True}
    ),
    # One item after the other: of two that are computed in threads, either may be first.
    "paths of a map": jsonpath(
        {
            "Type": "Map",
            "ItemsPath": "$.items",
            "MaxConcurrency": 1,
            "ItemSelector": {"a.$": FILTER},
            "ItemProcessor": PROCESSOR,
            "End": True,
        }
    ),
}


def function(value):
    if "fail" in value:
        raise ValueError(value["fail"])
    return {"a": value}


def told(execution):
    return execution.status, execution.output, execution.error, [(event.type, event.details) for event in execution.history.events]


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_an_expression_that_takes_long_changes_nothing(with_engine, monkeypatch, definition):
    async def scenario(engine):
        return told(await engine.finish(definition, INPUT))

    at_once = with_engine(scenario, tasks={FUNCTION: function})
    monkeypatch.setattr(time_bound, "PATIENCE_SECONDS", -1.0)
    finished = []
    finish = time_bound.TakesLong.finish
    monkeypatch.setattr(time_bound.TakesLong, "finish", lambda long: finished.append(threading.current_thread()) or finish(long))
    assert without_names(with_engine(scenario, tasks={FUNCTION: function})) == without_names(at_once)
    assert finished
    assert threading.main_thread() not in finished


def without_names(seen):
    """Map Runs are named at random, waits until now end when they end."""
    status, output, error, events = seen
    return status, output, error, [(kind, {} if kind == "MapRunStarted" else details) for kind, details in events]


ENDLESS = jsonata({"Type": "Pass", "Output": "{% ($f := function($n) { $f($n) }; $f(1)) %}", "End": True})


def test_others_go_on_while_an_expression_does_not_end(with_engine, monkeypatch):
    monkeypatch.setattr(time_bound, "PATIENCE_SECONDS", 0.01)

    async def scenario(engine):
        endless = engine.start(ENDLESS)
        other = await engine.finish(jsonata({"Type": "Pass", "Output": 1, "End": True}))
        was_running = endless.status
        endless.stop("Stopped", "by the test")
        await endless.wait()
        return other.output, was_running, endless.status

    assert with_engine(scenario) == ("1", "RUNNING", "ABORTED")


def test_an_expression_that_does_not_end_fails_its_state_in_the_end(with_engine, monkeypatch):
    monkeypatch.setattr(time_bound, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(time_bound, "TIME_LIMIT_SECONDS", 0.05)

    async def scenario(engine):
        execution = engine.start(ENDLESS)
        turns = 0
        while not execution.has_ended:
            turns += 1
            await asyncio.sleep(0)
        return execution, turns

    execution, turns = with_engine(scenario)
    assert (execution.status, execution.error) == ("FAILED", "States.QueryEvaluationError")
    assert "Expression evaluation timeout: Check for infinite loop" in execution.cause
    assert turns > 2
