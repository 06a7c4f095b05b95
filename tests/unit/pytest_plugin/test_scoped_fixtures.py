"""State machines and tables of a module and of a session."""

from __future__ import annotations

import json

import pytest

import stepstack.pytest_plugin.machines
import stepstack.testing.mocks  # noqa: F401 - loaded once here, not once in each run within this process

CONFTEST = """
import pytest

ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}
made = []

@pytest.fixture(scope="session")
def session_echo(session_state_machine):
    made.append("session")
    return session_state_machine("echo.json", label="session-echo")

@pytest.fixture(scope="module")
def module_echo(module_state_machine):
    made.append("module")
    return module_state_machine(ECHO, label="echo")

@pytest.fixture
def names(stepfunctions):
    return lambda: sorted(one["name"] for one in stepfunctions.list_state_machines()["stateMachines"])
"""


@pytest.fixture
def run(pytester, run_pytest):
    """Runs these modules with a conftest.py that makes machines of both scopes."""
    pytester.makeconftest(CONFTEST)
    (pytester.path / "echo.json").write_text('{"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": true}}}', encoding="utf-8")

    def start(*words, **modules):
        pytester.makepyfile(**modules)
        return run_pytest(*words)

    return start


def test_a_module_has_one_machine_that_is_deleted_when_it_ends_and_a_session_until_the_end(run):
    result = run(
        test_a="""
def test_one(module_echo, session_echo, names):
    assert module_echo.run({"a": 1}).output == session_echo.run({"a": 1}).output == {"a": 1}
    assert len(names()) == 2

def test_two(module_echo, names):
    assert module_echo.name in names()
    assert module_echo.run().succeeded()
""",
        test_b="""
import conftest

def test_only_the_sessions_is_there(names, session_echo):
    assert names() == [session_echo.name]

def test_another_module_has_another(module_echo, names, session_echo):
    assert len(names()) == 2
    assert sorted(conftest.made) == ["module", "module", "session"]
""",
    )

    result.assert_outcomes(passed=4)


def test_tables_live_as_long(run):
    result = run(
        test_a="""
import pytest

@pytest.fixture(scope="module")
def orders(module_dynamodb_table, session_dynamodb_table):
    session_dynamodb_table(label="session", items=[{"Id": "1"}])
    return module_dynamodb_table(partition_key="Order")

def test_puts(orders):
    orders.put_item(Item={"Order": "1"})

def test_is_still_there(orders, dynamodb):
    assert orders.get_item(Key={"Order": "1"})["Item"]
    assert len(dynamodb.list_tables()["TableNames"]) == 2
""",
        test_b="""
def test_only_the_sessions_is_there(dynamodb):
    [name] = dynamodb.list_tables()["TableNames"]
    assert name.endswith("-session-session")
""",
    )

    result.assert_outcomes(passed=3)


def test_what_they_run_belongs_to_the_test_that_runs_it(run):
    result = run(
        test_a="""
import pytest

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
CALL = {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": FUNCTION, "End": True}}}

@pytest.fixture(scope="module")
def call(module_state_machine):
    return module_state_machine(CALL)

def test_mocked(call, mock_task):
    mock = mock_task("Call", returns=5)
    assert call.run({"a": 1}).output == 5
    mock.assert_called_once_with({"a": 1})

def test_mocked_otherwise(call, mock_task):
    mock_task("Call", raises="Busy")
    call.run().failed("Busy")

def test_a_mock_that_does_not_fit(call, mock_task):
    mock_task("Cal", returns=5, )
    call.run().failed()

def test_a_failure(call):
    assert call.run().status == "SUCCEEDED"

def test_functions_of_the_test(call, lambda_functions):
    lambda_functions(f=lambda event, _context: event)
    assert call.run([1]).output == [1]
"""
    )

    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["stepstack: the mock for state='Cal' * fits no Task state: there is 'Call'; was 'Call' meant?"])
    result.stdout.fnmatch_lines(["*stepstack: FAILED *", "  path: Call (failed)"])


def test_each_worker_has_its_own(run, pytester):
    result = run(
        "-n",
        "2",
        "--dist=each",
        test_a="""
import json, os, pathlib

def test_runs(module_echo, session_echo, names):
    assert len(names()) == 2
    session_echo.run().succeeded()
    pathlib.Path(os.environ["PYTEST_XDIST_WORKER"] + ".json").write_text(json.dumps(names()))
""",
    )

    result.assert_outcomes(passed=2)
    first, second = (json.loads((pytester.path / f"gw{number}.json").read_text()) for number in range(2))
    assert not set(first) & set(second)


def test_coverage_counts_them(run):
    result = run("--stepstack-cov", test_a="def test_runs(session_echo): session_echo.run().succeeded()")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*echo.json*100%*"])


def test_a_modules_marker_chooses_its_backend(run):
    result = run(
        "--stepstack-skip-unavailable",
        test_a="""
import pytest
pytestmark = pytest.mark.stepstack(backend="endpoints", endpoints=["stepfunctions=http://127.0.0.1:1"])
def test_runs(module_echo): pass
""",
        test_b="def test_runs(module_echo): module_echo.run().succeeded()",
    )

    result.assert_outcomes(passed=1, skipped=1)


def test_a_module_whose_tests_come_in_two_parts_never_uses_a_name_twice(run):
    result = run(
        "test_a.py::test_one",
        "test_b.py",
        "test_a.py::test_two",
        "--keep-duplicates",
        test_a="""
names = []
def test_one(module_echo): names.append(module_echo.name)
def test_two(module_echo): assert module_echo.name not in names or len(names) == 1
""",
        test_b="def test_other(module_echo): pass",
    )

    result.assert_outcomes(passed=3)


def test_mocks_on_a_server_elsewhere_need_the_tests_own_machine(run, pytester):
    from stepstack.testing import Stack

    (pytester.path / "mocks.json").write_text('{"StateMachines": {}, "MockedResponses": {}}', encoding="utf-8")
    with Stack.embedded() as server:
        result = run(
            "--stepstack-backend=endpoints",
            f"--stepstack-endpoint=stepfunctions={server.endpoints['*']}",
            "--stepstack-mock-file=mocks.json",
            test_a="""
def test_mocked(module_echo, mock_task):
    mock_task("Echo", returns=5)
    module_echo.run()

def test_unmocked(module_echo):
    module_echo.run().succeeded()
""",
        )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*mocks on the backend endpoints need a state machine of the test's own*make it with state_machine"])
