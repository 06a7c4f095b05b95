"""An execution in a few lines."""

from __future__ import annotations

import json

from stepstack.testing.explanation import explain


def test_a_success_is_its_path(make_execution):
    text = explain(
        make_execution(
            ("ExecutionStarted", 0, {}),
            ("PassStateEntered", 0, {"name": "A"}),
            ("PassStateExited", 2, {"name": "A"}),
            ("SucceedStateEntered", 3, {"name": "B"}),
            ("SucceedStateExited", 4, {"name": "B"}),
        )
    )

    assert text == "execution one of orders: SUCCEEDED\n  path: A -> B"


def test_the_path_tells_items_of_nested_maps_apart(make_execution):
    lines = [
        event
        for index in (0, 1)
        for event in (
            ("MapIterationStarted", 3, {"name": "Orders", "index": index}),
            ("MapStateEntered", 4 + 4 * index, {"name": "Lines"}),
            ("MapStateStarted", 5 + 4 * index, {"length": 1}),
            ("MapIterationStarted", 6 + 4 * index, {"name": "Lines", "index": 0}),
        )
    ]
    text = explain(
        make_execution(
            ("ExecutionStarted", 0, {}),
            ("MapStateEntered", 0, {"name": "Orders"}),
            ("MapStateStarted", 2, {"length": 2}),
            *lines,
            ("PassStateEntered", 7, {"name": "Pay"}),
            ("PassStateEntered", 11, {"name": "Pay"}),
        )
    )

    assert text.endswith("path: Orders -> Lines [0] -> Lines [1] -> Pay [0][0] -> Pay [1][0]")


def test_a_failure_tells_the_state_its_parameters_its_attempts_and_the_last_events(make_execution):
    text = explain(
        make_execution(
            ("ExecutionStarted", 0, {}),
            ("TaskStateEntered", 0, {"name": "Pay", "input": "{}"}),
            ("TaskScheduled", 2, {"resourceType": "sqs", "resource": "sendMessage", "parameters": '{"amount":5}'}),
            ("TaskFailed", 3, {"error": "Busy", "cause": "first"}),
            ("TaskScheduled", 4, {"resourceType": "sqs", "resource": "sendMessage", "parameters": '{"amount":5}'}),
            ("TaskFailed", 5, {"error": "Busy", "cause": "second"}),
            ("ExecutionFailed", 6, {"error": "Busy", "cause": "second"}),
            status="FAILED",
            output_text=None,
            error="Busy",
            cause="second",
        )
    )

    assert text.splitlines() == [
        "execution one of orders: FAILED",
        "  error: Busy",
        "  cause: second",
        "  path: Pay (2 attempts, failed)",
        "  ended in: Pay (Task)",
        '  its parameters: {"amount":5}',
        "  its attempts:",
        "    1. Busy: first",
        "    2. Busy: second",
        "  last events:",
        "       2 TaskStateEntered: Pay {}",
        "       3 TaskScheduled: sqs sendMessage",
        "       4 TaskFailed: Busy first",
        "       5 TaskScheduled: sqs sendMessage",
        "       6 TaskFailed: Busy second",
        "       7 ExecutionFailed: Busy second",
    ]


def test_a_lambdas_stack_trace_is_told_in_full(make_execution):
    trace = [f'  File "handler.py", line {number}, in handler\n    fail()\n' for number in range(40)]
    cause = json.dumps({"errorMessage": "no stock", "errorType": "OutOfStock", "stackTrace": trace})

    text = explain(make_execution(status="FAILED", error="OutOfStock", cause=cause))

    assert "  cause: OutOfStock: no stock" in text
    assert text.count("fail()") == 40
    assert "line 39, in handler" in text


def test_a_long_input_is_cut(make_execution):
    text = explain(
        make_execution(
            ("ExecutionStarted", 0, {}),
            ("PassStateEntered", 0, {"name": "A", "input": "x" * 5000}),
            status="FAILED",
            error="States.Runtime",
        )
    )

    assert "... (5000 characters)" in text
    assert len(text) < 1200


def test_a_long_path_is_cut_in_the_middle(make_execution):
    lines = [("ExecutionStarted", 0, {})]
    for number in range(100):
        lines += [("PassStateEntered", 2 * number + 1, {"name": f"S{number}"}), ("PassStateExited", 2 * number + 2, {"name": f"S{number}"})]

    text = explain(make_execution(*lines))

    assert "S0 -> S1 -> " in text
    assert "... 60 more ..." in text
    assert text.endswith("-> S99")
