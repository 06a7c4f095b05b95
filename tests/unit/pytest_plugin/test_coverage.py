"""`--stepstack-cov` in real runs of pytest: counted, merged over workers and runs, reported, required."""

from __future__ import annotations

import json

import pytest

SUITE = """
    import pytest

    MACHINE = {
        "StartAt": "Choose",
        "States": {
            "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}], "Default": "Other"},
            "One": {"Type": "Pass", "Next": "Other"},
            "Other": {"Type": "Succeed"},
        },
    }
"""
WHOLE = """
    @pytest.mark.parametrize("n", [1, 2])
    def test_both_ways(state_machine, n):
        assert state_machine(MACHINE, label="orders").run({"n": n}).status == "SUCCEEDED"
"""
HALF = """
    def test_one_way(state_machine):
        assert state_machine(MACHINE, label="orders").run({"n": 2}).status == "SUCCEEDED"
"""
NOTHING = """
    def test_nothing():
        pass
"""
OTHER_HALF = HALF.replace('"n": 2', '"n": 1')


def report_of(pytester):
    return json.loads((pytester.path / "report.json").read_text())


def test_a_definition_that_only_another_backend_takes_is_told_and_not_counted(run):
    code = """
    def test_theirs(state_machine):
        machine = state_machine(MACHINE)
        machine.definition = '{"StartAt": "Gone", "States": {}}'
        machine.run({"n": 2}).succeeded()
    """
    result = run(f"{HALF}\n{code}", "--stepstack-cov")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["orders *", "1 executions are not counted: their definitions are none that stepstack reads"])


def test_an_execution_is_counted_once_however_often_the_test_waits_for_it(run, pytester):
    code = """
    def test_waits_twice(state_machine):
        execution = state_machine(MACHINE).start({"n": 2})
        execution.wait().succeeded()
        execution.wait().succeeded()
    """
    run(code, "--stepstack-cov-report", "json:report.json").assert_outcomes(passed=1)
    [machine] = report_of(pytester)["machines"]
    assert machine["executions"] == 1


def test_without_the_option_nothing_is_counted(run, pytester):
    run(HALF).assert_outcomes(passed=1)
    assert not (pytester.path / ".stepstack").exists()


def test_the_table_says_what_is_missing(run):
    result = run(HALF, "--stepstack-cov")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*state machine coverage*", "orders*2/3*0/1*", "*orders misses:*", "*Choose: rule 1 never true", "*never entered: One"]
    )


def test_workers_are_merged(run, pytester):
    run(WHOLE, "-n", "2", "--stepstack-cov-report", "json:report.json").assert_outcomes(passed=2)
    report = report_of(pytester)
    assert report["percent"] == 100
    assert [(machine["name"], machine["executions"]) for machine in report["machines"]] == [("orders", 2)]


def test_a_run_replaces_the_counts_of_the_last_one_unless_told_to_append(run, pytester):
    run(HALF, "--stepstack-cov-report", "json:report.json")
    half = report_of(pytester)["percent"]
    run(OTHER_HALF, "--stepstack-cov-report", "json:report.json", "--stepstack-cov-append")
    assert half < 100
    assert report_of(pytester)["percent"] == 100
    run(HALF, "--stepstack-cov-report", "json:report.json")
    assert report_of(pytester)["percent"] == half


@pytest.mark.parametrize(("code", "outcome"), [(WHOLE, 0), (HALF, 1)], ids=["enough", "too little"])
def test_too_little_coverage_fails_the_run(run, code, outcome):
    result = run(code, "--stepstack-cov-fail-under", "90")
    assert result.ret == outcome
    result.stdout.fnmatch_lines(["FAIL: *90% required*" if outcome else "OK: 100.0% covered, 90% required"])


def test_where_nothing_was_counted_nothing_is_covered(run):
    result = run(NOTHING, "--stepstack-cov-fail-under", "1")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAIL: no execution was counted, 1% required"])


def test_a_hundred_percent_is_not_shown_where_something_is_missing(run):
    code = """
    def test_most(state_machine):
        states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(400)}
        choice = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "S0"}], "Default": "S0"}
        states = {"Choose": choice, **states, "S400": {"Type": "Succeed"}}
        state_machine({"StartAt": "Choose", "States": states}, label="long").run({"n": 1}).succeeded()
    """
    result = run(code, "--stepstack-cov-fail-under", "100")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["long * 99%", "FAIL: 99.8% covered, 100% required"])


def test_states_of_child_executions_of_a_map_run_are_counted(run):
    code = """
    def test_each(state_machine):
        config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
        states = {"Item": {"Type": "Pass", "Next": "Last"}, "Last": {"Type": "Succeed"}}
        item = {"ProcessorConfig": config, "StartAt": "Item", "States": states}
        each = {"Type": "Map", "ItemProcessor": item, "End": True}
        state_machine({"StartAt": "Each", "States": {"Each": each}}, label="each").run([1, 2]).succeeded()
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["each * 3/3 * 2/2 * 1/3 *"])


def test_a_map_that_reads_its_items_has_as_many_as_were_read(run):
    code = """
    def test_each(state_machine, stepstack, unique_name):
        s3, bucket = stepstack.client("s3"), unique_name("items").lower()
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="items.json", Body="[1, 2]")
        config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
        item = {"ProcessorConfig": config, "StartAt": "Item", "States": {"Item": {"Type": "Succeed"}}}
        reader = {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket": bucket, "Key": "items.json"},
        }
        each = {"Type": "Map", "ItemReader": reader, "ItemProcessor": item, "End": True}
        state_machine({"StartAt": "Each", "States": {"Each": each}}, label="each").run().succeeded()
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["each * 2/2 * 1/1 * 1/3 *", "*Each: never without items, never with one item"])


@pytest.mark.parametrize("pattern", [".sync:2", ".sync", ""])
def test_nested_executions_of_the_tests_own_machines_are_counted(run, pattern):
    code = f"""
    def test_nested(state_machine):
        inner = state_machine(MACHINE, label="inner")
        arguments = {{"StateMachineArn": inner.arn, "Input": {{"n": 1}}}}
        start = {{"Type": "Task", "Resource": "arn:aws:states:::states:startExecution{pattern}", "Parameters": arguments, "Next": "Later"}}
        states = {{"Start": start, "Later": {{"Type": "Wait", "Seconds": 1, "End": True}}}}
        state_machine({{"StartAt": "Start", "States": states}}, label="outer").run().succeeded()
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["inner * 3/3 *", "outer * 2/2 * 2/2 *"])


def test_nested_executions_that_a_mock_makes_up_are_not_counted(run):
    code = """
    def test_nested(state_machine, mock_task):
        arn = state_machine(MACHINE, label="inner").arn.replace(":stateMachine:", ":execution:")
        mock_task("Start", returns={"ExecutionArn": f"{arn}:1", "Output": {}})
        start = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "Parameters": {"StateMachineArn": "gone"}}
        state_machine({"StartAt": "Start", "States": {"Start": {**start, "End": True}}}, label="outer").run().succeeded()
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["outer * 1/1 * 1/1 *"])


def test_machines_from_files_are_called_by_them_and_have_lines(run, pytester):
    (pytester.path / "machine.json").write_text(
        '{\n"StartAt": "A",\n"States": {\n"A": {"Type": "Pass", "Next": "B"},\n"B": {"Type": "Succeed"}}}\n'
    )
    code = """
    def test_it(state_machine):
        state_machine("machine.json").run()
    """
    run(code, "--stepstack-cov-report", "lcov:lcov.info", "--stepstack-cov-report", "html:page.html")
    lines = (pytester.path / "lcov.info").read_text().splitlines()
    assert "SF:machine.json" in lines
    assert {"DA:4,1", "DA:5,1", "LF:2", "LH:2"} <= set(lines)
    assert 'data-state="A"' in (pytester.path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--stepstack-cov-report", "pdf"], "*'pdf' is no report; valid: term, html, json, lcov*", id="no such report"),
        pytest.param(["--stepstack-cov-fail-under", "101"], "*101 is no percentage; valid: 0 to 100*", id="no percentage"),
    ],
)
def test_wrong_options_are_usage_errors(run, words, message):
    result = run(HALF, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_damaged_counts_are_named_and_not_overwritten(run, pytester):
    path = pytester.path / ".stepstack" / "coverage.json"
    path.parent.mkdir()
    path.write_text("{")
    result = run(HALF, "--stepstack-cov", "--stepstack-cov-append")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert path.read_text() == "{"


FILED = """
    @pytest.mark.parametrize("n", [1, 2])
    def test_each_with_a_table_of_its_own(state_machine, mock_task, unique_name, n):
        mock_task("Keep", returns={})
        state_machine(SOURCE, substitutions={"Table": unique_name("orders")}, **WORDS).run({"n": n}).succeeded()
"""
FILED_DEFINITION = {
    "StartAt": "Choose",
    "States": {
        "Choose": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "Done"}], "Default": "Keep"},
        "Keep": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Parameters": {"TableName": "${Table}", "Item": {}},
            "End": True,
        },
        "Done": {"Type": "Succeed"},
    },
}


def a_template(**machines):
    resources = {name: {"Type": "AWS::Serverless::StateMachine", "Properties": properties} for name, properties in machines.items()}
    return json.dumps({"Transform": "AWS::Serverless-2016-10-31", "Resources": resources})


@pytest.mark.parametrize(
    ("files", "source", "words", "name"),
    [
        ({"order.json": json.dumps(FILED_DEFINITION)}, "order.json", {}, "order.json"),
        (
            {"app.json": a_template(Order={"DefinitionUri": "order.json"}), "order.json": json.dumps(FILED_DEFINITION)},
            "app.json",
            {},
            "order.json",
        ),
        (
            {"app.json": a_template(Order={"Definition": FILED_DEFINITION}, Twin={"Definition": FILED_DEFINITION})},
            "app.json",
            {"resource": "Order"},
            "app.json:Order",
        ),
        ({}, FILED_DEFINITION, {"label": "order"}, "order"),
    ],
    ids=["a file", "a file that a template names", "a template", "a dict with a label"],
)
def test_a_machine_is_one_whatever_names_each_test_fills_in(run, pytester, files, source, words, name):  # noqa: PLR0917 - a case's columns
    for file, text in files.items():
        (pytester.path / file).write_text(text)
    code = f"SOURCE, WORDS = {source!r}, {words!r}\n\n"
    result = run(f"    {code}{FILED}", "-n", "2", "--stepstack-cov-report", "json:report.json")
    result.assert_outcomes(passed=2)
    (machine,) = report_of(pytester)["machines"]

    assert (machine["name"], machine["executions"], machine["percent"]) == (name, 2, 100)


def test_machines_of_one_template_are_counted_apart(run, pytester):
    (pytester.path / "app.json").write_text(a_template(Order={"Definition": FILED_DEFINITION}, Twin={"Definition": FILED_DEFINITION}))
    code = """
    @pytest.mark.parametrize("resource", ["Order", "Twin"])
    def test_each(state_machine, resource):
        state_machine("app.json", resource=resource).run({"n": 1}).succeeded()
    """
    run(code, "--stepstack-cov-report", "json:report.json").assert_outcomes(passed=2)

    assert [machine["name"] for machine in report_of(pytester)["machines"]] == ["app.json:Order", "app.json:Twin"]


def test_a_last_state_that_never_ends_well_is_told(run):
    code = """
    def test_it_fails(state_machine, mock_task):
        mock_task("Pay", raises="Broken")
        pay = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:pay", "End": True}
        state_machine({"StartAt": "Pay", "States": {"Pay": pay}}, label="pay").run().failed("Broken")
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["pay * 1/1 * 0/1 * 50%", "*Pay: End never taken"])


def test_a_machine_without_file_and_label_is_called_by_its_first_test(run):
    code = """
    def test_two(state_machine):
        state_machine(MACHINE).run({"n": 1}).succeeded()

    def test_one(state_machine):
        state_machine(MACHINE).run({"n": 2}).succeeded()
    """
    run(code, "--stepstack-cov").stdout.fnmatch_lines(["test_suite.py::test_one * 100%", "TOTAL *"])
