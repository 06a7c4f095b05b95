"""What a history tells of its states."""

from __future__ import annotations

from stepstack.history.visits import failing_visit
from stepstack.testing import read_visits


def entered(kind, previous, name, text="{}"):
    return (f"{kind}StateEntered", previous, {"name": name, "input": text})


def exited(kind, previous, name, text="{}"):
    return (f"{kind}StateExited", previous, {"name": name, "output": text})


def test_visits_come_in_the_order_of_entry_with_input_and_output(make_history):
    visits = read_visits(
        make_history(
            ("ExecutionStarted", 0, {"input": "{}"}),
            entered("Pass", 0, "A", '{"a":1}'),
            exited("Pass", 2, "A", '{"a":2}'),
            entered("Succeed", 3, "B", '{"a":2}'),
            exited("Succeed", 4, "B", '{"a":2}'),
            ("ExecutionSucceeded", 5, {"output": '{"a":2}'}),
        )
    )

    assert [(visit.name, visit.type, visit.input, visit.output) for visit in visits] == [
        ("A", "Pass", {"a": 1}, {"a": 2}),
        ("B", "Succeed", {"a": 2}, {"a": 2}),
    ]


def test_a_retried_task_has_its_attempts_and_failures(make_history):
    (visit,) = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Task", 0, "T"),
            ("TaskScheduled", 2, {"resource": "putItem", "parameters": '{"n":1}'}),
            ("TaskStarted", 3, {}),
            ("TaskFailed", 4, {"error": "Busy", "cause": "come back"}),
            ("TaskScheduled", 5, {"resource": "putItem", "parameters": '{"n":2}'}),
            ("TaskStarted", 6, {}),
            ("TaskSucceeded", 7, {"output": "1"}),
            exited("Task", 8, "T", "1"),
        )
    )

    assert (visit.attempts, visit.retries, visit.parameters, visit.output) == (2, 1, {"n": 2}, 1)
    assert [(failure.error, failure.cause) for failure in visit.failures] == [("Busy", "come back")]


def test_a_lambda_that_times_out_counts_as_a_failure(make_history):
    (visit,) = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Task", 0, "T"),
            ("LambdaFunctionScheduled", 2, {"resource": "arn", "input": "{}"}),
            ("LambdaFunctionStarted", 3, None),
            ("LambdaFunctionTimedOut", 4, {"error": "States.Timeout"}),
        )
    )

    assert [failure.error for failure in visit.failures] == ["States.Timeout"]


def test_states_of_branches_are_within_their_parallel_and_the_next_state_is_beside_it(make_history):
    visits = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Parallel", 0, "P"),
            ("ParallelStateStarted", 2, None),
            entered("Pass", 3, "Left"),
            exited("Pass", 4, "Left"),
            entered("Pass", 3, "Right"),
            exited("Pass", 6, "Right"),
            entered("Pass", 5, "Left again"),
            exited("Pass", 8, "Left again"),
            ("ParallelStateSucceeded", 9, None),
            exited("Parallel", 10, "P", "[]"),
            entered("Succeed", 11, "End"),
            exited("Succeed", 12, "End"),
        )
    )

    parents = {visit.name: visit.parent.name if visit.parent else None for visit in visits}
    assert parents == {"P": None, "Left": "P", "Right": "P", "Left again": "P", "End": None}
    assert visits[0].output == []


def test_states_of_a_map_know_their_iteration(make_history):
    visits = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Map", 0, "M", "[1,2]"),
            ("MapStateStarted", 2, {"length": 2}),
            ("MapIterationStarted", 3, {"name": "M", "index": 0}),
            entered("Pass", 4, "I", "1"),
            ("MapIterationStarted", 3, {"name": "M", "index": 1}),
            entered("Pass", 6, "I", "2"),
            exited("Pass", 5, "I", "1"),
            ("MapIterationSucceeded", 8, {"name": "M", "index": 0}),
            exited("Pass", 7, "I", "2"),
            entered("Pass", 10, "J", "2"),
            exited("Pass", 11, "J", "2"),
            ("MapIterationSucceeded", 12, {"name": "M", "index": 1}),
            ("MapStateSucceeded", 13, None),
            exited("Map", 14, "M", "[1,2]"),
        )
    )

    assert [(visit.name, visit.iteration, visit.depth, visit.output) for visit in visits] == [
        ("M", None, 0, [1, 2]),
        ("I", 0, 1, 1),
        ("I", 1, 1, 2),
        ("J", 1, 1, 2),
    ]


def test_the_full_name_has_the_items_of_all_maps_around_through_parallels_too(make_history):
    visits = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Map", 0, "Orders"),
            ("MapStateStarted", 2, {"length": 2}),
            ("MapIterationStarted", 3, {"name": "Orders", "index": 1}),
            entered("Parallel", 4, "Both"),
            ("ParallelStateStarted", 5, None),
            entered("Map", 6, "Lines"),
            ("MapStateStarted", 7, {"length": 1}),
            ("MapIterationStarted", 8, {"name": "Lines", "index": 0}),
            entered("Pass", 9, "Pay"),
        )
    )

    assert [visit.full_name for visit in visits] == ["Orders", "Both [1]", "Lines [1]", "Pay [1][0]"]


def test_a_parallel_within_a_parallel_that_fails_and_is_retried(make_history):
    visits = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Parallel", 0, "Outer"),
            ("ParallelStateStarted", 2, None),
            entered("Parallel", 3, "Inner"),
            ("ParallelStateStarted", 4, None),
            entered("Fail", 5, "F"),
            ("ParallelStateFailed", 6, {"error": "E"}),
            ("ParallelStateFailed", 7, {"error": "E"}),
            ("ParallelStateStarted", 8, None),
            entered("Parallel", 9, "Inner"),
            ("ParallelStateStarted", 10, None),
            entered("Pass", 11, "G"),
            exited("Pass", 12, "G"),
            ("ParallelStateSucceeded", 13, None),
            exited("Parallel", 14, "Inner"),
            ("ParallelStateSucceeded", 15, None),
            exited("Parallel", 16, "Outer"),
        )
    )

    outer, *_, last = visits
    assert (outer.attempts, [failure.error for failure in outer.failures], outer.is_exited) == (2, ["E"], True)
    assert (last.name, last.depth) == ("G", 2)


def test_the_failing_visit_is_the_innermost_one_with_the_executions_error(make_history):
    events = make_history(
        ("ExecutionStarted", 0, {}),
        entered("Parallel", 0, "P"),
        ("ParallelStateStarted", 2, None),
        entered("Task", 3, "T"),
        ("TaskScheduled", 4, {"parameters": "{}"}),
        ("TaskFailed", 5, {"error": "Broken"}),
        ("ParallelStateFailed", 6, {"error": "Broken"}),
        ("ExecutionFailed", 7, {"error": "Broken"}),
    )

    assert failing_visit(events, read_visits(events)).name == "T"


def test_a_state_that_fails_before_its_task_is_the_failing_one(make_history):
    events = make_history(
        ("ExecutionStarted", 0, {}), entered("Task", 0, "T"), ("ExecutionFailed", 2, {"error": "States.Runtime", "cause": "no path"})
    )

    assert failing_visit(events, read_visits(events)).name == "T"


def test_an_empty_history_has_no_visits():
    assert read_visits([]) == []
    assert failing_visit([], []) is None


def test_variables_are_those_that_the_states_before_assigned_also_after_thousands_of_states(make_history):
    lines = [("ExecutionStarted", 0, {})]
    for number in range(3000):
        lines.append(entered("Pass", len(lines), f"S{number}"))
        lines.append(("PassStateExited", len(lines), {"name": f"S{number}", "output": "{}", "assignedVariables": {"n": str(number)}}))

    visits = read_visits(make_history(*lines))

    assert visits[0].variables == {}
    assert visits[-1].variables == {"n": 2998}
    assert visits[1].variables == {"n": 0}


def test_an_expression_that_fails_is_of_the_state_that_the_event_names(make_history):
    events = make_history(
        ("ExecutionStarted", 0, {}),
        entered("Task", 0, "A"),
        ("TaskScheduled", 2, {"parameters": "{}"}),
        ("TaskSucceeded", 3, {"output": "{}"}),
        exited("Task", 4, "A"),
        entered("Pass", 5, "B"),
        ("EvaluationFailed", 5, {"error": "States.QueryEvaluationError", "cause": "nothing", "state": "B", "location": "Output"}),
        ("ExecutionFailed", 7, {"error": "States.QueryEvaluationError", "cause": "nothing"}),
    )
    a, b = visits = read_visits(events)

    assert failing_visit(events, visits) is b
    assert ([failure.error for failure in b.failures], a.failures) == (["States.QueryEvaluationError"], [])


def test_an_expression_that_fails_in_one_of_several_items_is_of_that_item(make_history):
    events = make_history(
        ("ExecutionStarted", 0, {}),
        entered("Map", 0, "M"),
        ("MapStateStarted", 2, {"length": 2}),
        ("MapIterationStarted", 3, {"name": "M", "index": 0}),
        entered("Pass", 4, "P"),
        ("MapIterationStarted", 3, {"name": "M", "index": 1}),
        entered("Pass", 6, "P"),
        ("EvaluationFailed", 4, {"error": "States.QueryEvaluationError", "state": "P", "location": "Output"}),
        ("MapIterationFailed", 8, {"name": "M", "index": 0}),
        ("MapStateFailed", 8, None),
        ("ExecutionFailed", 10, {"error": "States.QueryEvaluationError"}),
    )

    assert failing_visit(events, read_visits(events)).full_name == "P [0]"


def test_a_visit_tells_what_it_saw_and_what_it_assigned(make_history):
    first, second = read_visits(
        make_history(
            ("ExecutionStarted", 0, {}),
            entered("Pass", 0, "A"),
            ("PassStateExited", 2, {"name": "A", "output": "{}", "assignedVariables": {"total": "7"}}),
            entered("Pass", 3, "B"),
            exited("Pass", 4, "B"),
        )
    )

    assert (first.variables, first.assigned) == ({}, {"total": 7})
    assert (second.variables, second.assigned) == ({"total": 7}, {})
