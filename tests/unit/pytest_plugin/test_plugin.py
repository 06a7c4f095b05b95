"""The plugin in real runs of pytest."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import boto3  # noqa: F401 - once here, and not again in each run within this process
import pytest

import stepstack.assembly
import stepstack.testing.stack
import stepstack.testing.state_machines  # noqa: F401

SUITE = """
    import json, os, pathlib
    import pytest

    ECHO = {"StartAt": "Echo", "States": {"Echo": {"Type": "Pass", "End": True}}}

    @pytest.fixture(autouse=True)
    def noted(request):
        yield
        with open(os.environ["NOTES"], "a") as notes:
            notes.write(json.dumps([request.node.name, os.getpid()]) + chr(10))
"""


@pytest.fixture
def run(pytester, run_pytest, monkeypatch):
    """Runs the suite with this code and these words."""
    monkeypatch.setenv("NOTES", str(pytester.path / "notes"))

    def start(code, *words):
        pytester.makepyfile(test_suite=f"{SUITE}\n{code}")
        return run_pytest(*words)

    return start


def test_a_suite_that_does_not_use_it_loads_nothing_heavy():
    code = "import sys, pytest, stepstack.pytest_plugin; print(sorted({name.partition('.')[0] for name in sys.modules}))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert "boto3" not in loaded
    assert "'asyncio'" not in loaded
    assert "'yaml'" not in loaded


def test_pytest_finds_it_by_itself_and_its_header_says_backend_and_time(pytester):
    result = pytester.runpytest_subprocess("--collect-only", timeout=60)

    result.stdout.fnmatch_lines(["stepstack: backend embedded, time skip"])


def test_a_state_machine_runs_and_is_deleted(run):
    result = run(
        """
    def test_run(state_machine):
        assert state_machine(ECHO).run({"a": 1}).succeeded().visited(["Echo"]).output == {"a": 1}

    def test_nothing_is_left(stepfunctions):
        assert stepfunctions.list_state_machines()["stateMachines"] == []
    """
    )

    result.assert_outcomes(passed=2)


def test_tables_are_active_and_deleted(run):
    result = run(
        """
    def test_table(dynamodb_table, dynamodb, dynamodb_resource):
        table = dynamodb_table(partition_key="PK", sort_key="N:N", items=[{"PK": "a", "N": 1}])
        assert dynamodb.describe_table(TableName=table.name)["Table"]["TableStatus"] == "ACTIVE"
        assert dynamodb_resource.Table(table.name).item_count == 1
        indexed = dynamodb_table({
            "TableName": "indexed",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("Id", "Day")],
            "GlobalSecondaryIndexes": [
                {"IndexName": "by-day", "KeySchema": [{"AttributeName": "Day", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}
            ],
        })
        assert indexed.name.endswith("-indexed")
        assert indexed.global_secondary_indexes[0]["IndexName"] == "by-day"

    def test_nothing_is_left(dynamodb):
        assert dynamodb.list_tables()["TableNames"] == []
    """
    )

    result.assert_outcomes(passed=2)


def test_a_failing_assertion_tells_the_execution(run):
    result = run(
        """
    def test_fails(state_machine):
        machine = state_machine({"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Never", "Cause": "because"}}})
        assert machine.run().status == "SUCCEEDED"
    """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stepstack: FAILED *", "execution * FAILED", "  error: Never", "  cause: because", "  path: No*"])


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('state_machine({"StartAt": "A", "States": {"A": {"Type": "Pass"}}})', "*RequestRefused: the definition of * is refused*"),
        ('state_machine(ECHO).test_state("Ecco")', "*RequestRefused: there is no state 'Ecco' in *: there is 'Echo'; was 'Echo' meant?"),
        ('state_machine(ECHO).run("{")', "*RequestRefused: StartExecution of * is refused (InvalidExecutionInput): *"),
        ('state_machine("nowhere.json")', "*SettingsError: there is no file 'nowhere.json' *"),
        ('mock_task("Echo")', "*ValueError: a mock needs exactly one of returns, raises, computes and answers"),
        ("lambda_functions(pay=1)", "*SettingsError: the handler of 'pay' is a callable or 'module:function', and this is 1"),
    ],
    ids=["definition", "state", "input", "file", "mock", "handler"],
)
def test_what_is_refused_is_told_without_our_own_code(run, code, told):
    result = run(f"""
    def test_fails(state_machine, mock_task, lambda_functions):
        {code}
    """)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([told])
    result.stdout.no_fnmatch_line("*stepstack/*.py:*")
    result.stdout.no_fnmatch_line("*botocore*")


def test_an_execution_that_does_not_end_is_stopped_and_told(run):
    result = run(
        """
    @pytest.mark.stepstack(time="real", timeout=0.2)
    def test_waits(state_machine):
        state_machine({"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}).run()
    """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ExecutionTimeout: the execution did not end within 0.2 s of real time", "*ABORTED", "*path: Wait*"])


def test_waits_are_skipped(run):
    result = run(
        """
    def test_waits(state_machine):
        wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86400, "End": True}}}
        execution = state_machine(wait, timeout=20).run().succeeded()
        assert (execution.stopped_at - execution.started_at).total_seconds() >= 86400
    """
    )

    result.assert_outcomes(passed=1)


def test_each_worker_has_an_embedded_stack_and_names_of_its_own(run, pytester):
    code = """
    @pytest.mark.parametrize("number", range(8))
    def test_run(state_machine, unique_name, stepstack, number):
        name = unique_name()
        assert "-" + os.environ["PYTEST_XDIST_WORKER"] + "-" in name
        pathlib.Path(os.environ["NOTES"] + "-" + os.environ["PYTEST_XDIST_WORKER"]).write_text(stepstack.endpoints["*"] + " " + name)
        state_machine(ECHO).run().succeeded()
    """

    result = run(code, "-n", "2", "--dist", "each")

    result.assert_outcomes(passed=16)
    (url0, name0), (url1, name1) = ((pytester.path / f"notes-gw{number}").read_text().split() for number in range(2))
    assert url0 != url1
    assert name0.split("-")[1] == name1.split("-")[1]


class TestSettings:
    @pytest.mark.parametrize("words", [[], ["-n", "1"]], ids=["alone", "xdist"])
    def test_a_wrong_marker_fails_with_one_message(self, run, words):
        result = run(
            """
    @pytest.mark.stepstack(backend="cloud")
    def test_wrong(stepstack): pass
    """,
            *words,
        )

        assert result.ret != 0
        (result.stdout if words else result.stderr).fnmatch_lines(
            ["*mark.stepstack on *::test_wrong: 'cloud' is no backend; valid: embedded,*"]
        )

    def test_a_fixture_comes_before_a_marker(self, run):
        result = run(
            """
    @pytest.fixture
    def stepstack_settings():
        return {"time": "0.5"}

    @pytest.mark.stepstack(time="real")
    def test_time(stepstack):
        assert stepstack.time == "0.5"
    """
        )

        result.assert_outcomes(passed=1)

    def test_the_environment_leads_other_code_to_the_stack(self, run):
        result = run(
            """
    def test_environment(stepstack_environment, stepstack):
        import boto3
        assert boto3.client("sqs").meta.endpoint_url == stepstack.endpoint_url("sqs") == os.environ["AWS_ENDPOINT_URL"]
        # AWS's SDKs would put "sync-" before the host for this call.
        tried = boto3.client("stepfunctions").test_state(definition='{"Type": "Succeed"}', roleArn=stepstack.role_arn(), input="{}")
        assert tried["status"] == "SUCCEEDED"

    def test_it_is_gone():
        assert "AWS_ENDPOINT_URL" not in os.environ
    """
        )

        result.assert_outcomes(passed=2)


class TestMissingBackend:
    SUITE = """
    def test_one(stepfunctions): pass
    def test_two(dynamodb_table): pass
    def test_other(): pass
    """

    @pytest.fixture
    def no_docker(self, pytester, monkeypatch):
        """A machine with nothing but Python, and services at ports where nobody listens."""
        monkeypatch.setenv("PATH", str(pytester.path))
        for variable in ("STEPFUNCTIONS_PORT", "DYNAMODB_PORT", "DYNALITE_PORT", "STEPSTACK_PORT"):
            monkeypatch.setenv(variable, "1")
        (pytester.path / "docker-compose.yml").touch()

    @pytest.mark.parametrize(
        ("backend", "message", "words"),
        [
            (
                "local",
                "the backend local is not available: Docker is missing: there is no `docker` command on this machine; *embedded*",
                [],
            ),
            ("local", "the backend local is not available: Docker is missing*", ["-n", "2"]),
            ("stepstack", "the backend stepstack is not available: Docker is missing*", []),
            ("dynalite", "the backend dynalite is not available: Docker is missing*; and without Docker: Node is missing*", []),
        ],
        ids=["local", "local, xdist", "stepstack", "dynalite"],
    )
    def test_tests_that_need_it_fail_with_one_clear_message(self, run, no_docker, backend, message, words):
        result = run(self.SUITE, "--stepstack-backend", backend, *words)

        result.assert_outcomes(passed=1, errors=2)
        result.stdout.fnmatch_lines([f"stepstack: {message}"])

    def test_tests_that_need_it_are_skipped_where_that_is_wanted(self, run, no_docker):
        result = run(self.SUITE, "--stepstack-backend=local", "--stepstack-skip-unavailable", "-rs")

        result.assert_outcomes(passed=1, skipped=2)
        result.stdout.fnmatch_lines(["SKIPPED*Docker is missing*"])

    def test_given_endpoints_that_do_not_answer_are_named(self, run):
        result = run(self.SUITE, "--stepstack-backend=endpoints", "--stepstack-endpoint=dynamodb=http://127.0.0.1:1")

        result.assert_outcomes(passed=1, errors=2)
        result.stdout.fnmatch_lines(["stepstack: dynamodb does not answer at http://127.0.0.1:1 (*refused*)"])

    def test_aws_without_opt_in_is_refused(self, run):
        result = run(self.SUITE, "--stepstack-backend=aws")

        result.assert_outcomes(passed=1, errors=2)
        result.stdout.fnmatch_lines(["stepstack: the backend aws works on a real account and costs money: say STEPSTACK_AWS=1 to allow it"])


def test_nothing_is_left_in_the_folder_of_temporary_files(run, pytester, monkeypatch):
    folder = pytester.mkdir("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))

    run("    def test_run(state_machine): state_machine(ECHO).run().succeeded()", "-n", "2", "--basetemp", "base").assert_outcomes(passed=1)

    assert [path.name for path in folder.iterdir() if path.name.startswith("stepstack")] == []


def test_a_page_is_written_for_each_failed_test_that_ran_something(run, pytester):
    result = run(
        """
    FAIL = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Never"}}}

    @pytest.mark.parametrize("name", ["a/b", "c"])
    def test_fails(state_machine, name): state_machine(FAIL).run().succeeded()

    def test_passes(state_machine): state_machine(ECHO).run().succeeded()

    def test_runs_nothing(): assert False
    """,
        "--stepstack-report=pages",
    )

    result.assert_outcomes(passed=1, failed=3)
    pages = sorted(path.name for path in (pytester.path / "pages").iterdir())
    assert [name.rpartition("-")[0] for name in pages] == ["test_fails-a-b", "test_fails-c"]
    result.stdout.fnmatch_lines([f"*{pages[0]}"])


USES_EVERYTHING = """
    @pytest.mark.parametrize("number", range(3))
    def test_uses_everything(state_machine, mock_task, lambda_functions, dynamodb_table, clock, stepstack, number):
        lambda_functions(add=lambda event, _context: event + 1)
        mock_task("Send", returns={"MessageId": "1", "MD5OfMessageBody": "x"})
        dynamodb_table(items=[{"Id": "1"}])
        send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": "q", "MessageBody": "b"}}
        machine = state_machine({
            "StartAt": "Send",
            "States": {
                "Send": {**send, "ResultPath": None, "Next": "Add"},
                "Add": {"Type": "Task", "Resource": lambda_functions["add"], "Next": "Wait"},
                "Wait": {"Type": "Wait", "Seconds": 5, "End": True},
            },
        })
        assert machine.run("1").output == 2
        clock.freeze()
        machine.start("1").wait_for_event("WaitStateEntered")

    def test_nothing_is_left_in_the_stack(stepstack, stepfunctions, dynamodb, clock):
        assert stepfunctions.list_state_machines()["stateMachines"] == []
        assert dynamodb.list_tables()["TableNames"] == []
        assert stepstack.client("lambda").list_functions()["Functions"] == []
        assert not clock.is_frozen
        assert not stepstack.embedded_stack.assembly.integrations.mocks.calls
"""


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted in /proc")
def test_a_run_leaves_no_thread_and_no_open_file(run):
    run(USES_EVERYTHING).assert_outcomes(passed=4)  # what loads once stays open
    gc.collect()
    threads, files = threading.active_count(), open_files()

    run(USES_EVERYTHING).assert_outcomes(passed=4)

    gc.collect()
    assert threading.active_count() == threads
    assert open_files() == files
