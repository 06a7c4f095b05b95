"""Random definitions and inputs: the engine ends each with a status and, where it failed, in AWS's words, not in Python's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepstack.errors import DefinitionError
from stepstack.in_process import run
from stepstack.interpreter.ports import TaskFailed

NAMES = ("A", "B", "C", "D")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(-2, 2) | st.sampled_from(["", "x", "2016-12-05T21:29:29Z", "5"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "items"]), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    ["$", "$.a", "$.a.b", "$.items", "$.items[0]", "$.items[*]", "$..a", "$$.Execution.Name", "$$.State", "$v", "$v.a", "$$"]
)
REFERENCE_PATHS = st.sampled_from(["$", "$.a", "$.a.b", "$.items", "$.items[0]", "$v", "$v.a", "$$.Execution.Name"])
JSONATA = st.sampled_from(["$states.input", "$states.input.a", "$v", "$states.context.State.Name", "1/0", "[1..3]", "$x", "$sum('a')"]).map(
    "{{% {} %}}".format
)
TEMPLATES = st.dictionaries(st.sampled_from(["p.$", "q.$"]), PATHS, min_size=1) | st.fixed_dictionaries({"k": VALUES})


def ended(draw: Any, names: tuple[str, ...]) -> dict[str, Any]:
    following = draw(st.sampled_from([None, *names]))
    return {"End": True} if following is None else {"Next": following}


@st.composite
def json_path_fields(draw: Any, *, with_result: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in ("InputPath", "OutputPath"):
        if draw(st.integers(0, 4)) == 0:
            fields[name] = draw(st.none() | PATHS)
    if draw(st.integers(0, 3)) == 0:
        fields["Assign"] = {"v.$": draw(PATHS)}
    if with_result and draw(st.booleans()):
        fields["ResultPath"] = draw(st.sampled_from([None, "$", "$.a", "$.a.b", "$.items[0]"]))
    return fields


@st.composite
def a_jsonata_pass(draw: Any, names: tuple[str, ...], _: int) -> dict[str, Any]:
    fields = {"Output": draw(JSONATA)} if draw(st.booleans()) else {"Assign": {"v": draw(JSONATA)}}
    return {"Type": "Pass", "QueryLanguage": "JSONata", **fields, **ended(draw, names)}


def a_succeed(_names: tuple[str, ...], _depth: int) -> st.SearchStrategy[dict[str, Any]]:
    return st.just({"Type": "Succeed"})


@st.composite
def a_fail(draw: Any, _names: tuple[str, ...], _depth: int) -> dict[str, Any]:
    return {"Type": "Fail", **draw(st.sampled_from([{}, {"Error": "E", "Cause": "c"}, {"ErrorPath": "$.a"}]))}


@st.composite
def a_choice(draw: Any, names: tuple[str, ...], _: int) -> dict[str, Any]:
    test = draw(st.sampled_from([{"NumericLessThan": 5}, {"IsPresent": True}, {"StringEquals": "x"}, {"IsNull": False}]))
    rule = {"Variable": draw(REFERENCE_PATHS), **test, "Next": draw(st.sampled_from(names))}
    default = draw(st.sampled_from([None, *names]))
    return {"Type": "Choice", "Choices": [rule], **({} if default is None else {"Default": default})}


@st.composite
def a_wait(draw: Any, names: tuple[str, ...], _: int) -> dict[str, Any]:
    field = draw(st.sampled_from([{"Seconds": 1}, {"SecondsPath": "$.a"}, {"TimestampPath": "$.b"}]))
    return {"Type": "Wait", **field, **draw(json_path_fields(with_result=False)), **ended(draw, names)}


@st.composite
def a_pass(draw: Any, names: tuple[str, ...], _: int) -> dict[str, Any]:
    content = draw(st.sampled_from([{}, {"Result": 1}]) | st.fixed_dictionaries({"Parameters": TEMPLATES}))
    return {"Type": "Pass", **content, **draw(json_path_fields(with_result=True)), **ended(draw, names)}


@st.composite
def a_working_state(draw: Any, names: tuple[str, ...], depth: int) -> dict[str, Any]:
    fields = {**draw(json_path_fields(with_result=True)), **ended(draw, names)}
    if draw(st.booleans()):
        fields["Retry"] = [{"ErrorEquals": draw(st.sampled_from([["States.ALL"], ["E"]])), "MaxAttempts": 1}]
    if draw(st.booleans()):
        fields["Catch"] = [{"ErrorEquals": ["States.ALL"], "Next": draw(st.sampled_from(names))}]
    kind = draw(st.sampled_from(["Task", "Parallel", "Map"] if depth else ["Task"]))
    if kind == "Task":
        return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", **fields}
    if kind == "Parallel":
        return {"Type": "Parallel", "Branches": draw(st.lists(a_graph(depth - 1), min_size=1, max_size=2)), **fields}
    mode = draw(st.sampled_from([{"Mode": "INLINE"}, {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}]))
    processor = {"ProcessorConfig": mode, **draw(a_graph(depth - 1))}
    return {"Type": "Map", "ItemsPath": draw(REFERENCE_PATHS), "ItemProcessor": processor, **fields}


STATES = (a_pass, a_choice, a_wait, a_succeed, a_fail, a_jsonata_pass, a_working_state, a_working_state)


@st.composite
def a_graph(draw: Any, depth: int = 1) -> dict[str, Any]:
    """States that go anywhere, all within reach of a Choice that begins; the last one ends."""
    names = tuple(f"{name}{draw(st.integers(0, 10**9))}" for name in NAMES[: draw(st.integers(2, 4))])
    states = {name: draw(draw(st.sampled_from(STATES))(names, depth)) for name in names[:-1]}
    begin = f"Begin{names[0]}"
    rules = [{"Variable": draw(REFERENCE_PATHS), "IsPresent": draw(st.booleans()), "Next": name} for name in names]
    return {
        "StartAt": begin,
        "States": {begin: {"Type": "Choice", "Choices": rules, "Default": names[0]}, **states, names[-1]: {"Type": "Succeed"}},
    }


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(a_graph(2), VALUES)
def test_every_execution_ends_with_a_status_and_a_dense_history(definition, value):
    calls = iter(range(10**9))

    def task(parameters: Any) -> Any:
        if next(calls) % 3 == 1:
            raise TaskFailed("E", "c")
        return parameters

    try:
        execution = run(definition, value, tasks=lambda call: task(call.parameters), event_limit=400, timeout_seconds=20)
    except DefinitionError:
        return
    assert execution.status in {"SUCCEEDED", "FAILED"}
    assert [event["id"] for event in execution.history] == list(range(1, len(execution.history) + 1))
    assert all(event["previousEventId"] < event["id"] for event in execution.history)
    assert execution.history[-1]["type"] == f"Execution{execution.status.title()}"
    if execution.status == "FAILED":
        assert "Traceback" not in (execution.cause or "")
        assert not (execution.cause or "").startswith(("TypeError", "KeyError", "AttributeError", "IndexError", "RecursionError"))


@pytest.mark.parametrize("depth", [50, 400])
def test_deeply_nested_inputs_pass_through(depth):
    value: Any = 1
    for _ in range(depth):
        value = [value]
    assert run({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}, value).output == value
