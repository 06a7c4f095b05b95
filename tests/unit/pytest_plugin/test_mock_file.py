"""The mocks of Python tests, for a server that reads a mock file when it starts."""

from __future__ import annotations

import json

import pytest

import stepstack.pytest_plugin.machines
import stepstack.testing.mocks  # noqa: F401 - loaded once here, not once in each run within this process
from stepstack.testing import Stack

SUITE = """
import pytest
from stepstack.testing import Raises

PAY = {
    "StartAt": "Pay",
    "States": {
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$.sum"},
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1}],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$$.Execution.Input.items",
            "ItemProcessor": {
                "StartAt": "Price",
                "States": {"Price": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:price", "End": True}},
            },
            "End": True,
        },
    },
}

SENT = {"MessageId": "1", "MD5OfMessageBody": "x"}

def test_pays(state_machine, mock_task):
    machine = state_machine(PAY, label="pay")
    pay = mock_task("Pay", answers=[Raises("Busy", "later"), SENT])
    price = mock_task(resource="price", returns=3)
    assert machine.run({"sum": "5", "items": [1, 2]}).output == [3, 3]
    pay.assert_calls([{"QueueUrl": "q", "MessageBody": "5"}] * 2)
    assert [call.attempt for call in pay.calls] == [0, 1]
    assert sorted(call.parameters for call in price.calls) == [1, 2]

@pytest.mark.stepstack(mocks={"Pay": Raises("Declined")})
def test_is_declined(state_machine):
    state_machine(PAY).run({"sum": "5", "items": []}).failed("Declined")
"""


@pytest.fixture
def run(pytester, run_pytest):
    """Runs a suite with these words."""

    def start(*words, suite=SUITE):
        pytester.makepyfile(test_suite=suite)
        return run_pytest(*words)

    return start


@pytest.fixture
def elsewhere(run, pytester):
    """The words for a run against a server that has the mocks of the suite from a file."""
    run("--stepstack-write-mocks=mocks.json").assert_outcomes(passed=2)
    with Stack.embedded(mock_file=pytester.path / "mocks.json") as server:
        yield [
            "--stepstack-backend=endpoints",
            f"--stepstack-endpoint=stepfunctions={server.endpoints['*']}",
            "--stepstack-mock-file=mocks.json",
        ]


def test_the_folder_of_the_file_is_made(run, pytester):
    run("--stepstack-write-mocks=new/folder/mocks.json").assert_outcomes(passed=2)
    assert (pytester.path / "new" / "folder" / "mocks.json").is_file()


def test_a_file_that_cannot_be_written_is_told_in_one_line(run, pytester):
    pytester.mkdir("mocks")
    result = run("--stepstack-write-mocks=mocks")
    result.stderr.fnmatch_lines(["ERROR: --stepstack-write-mocks: *mocks cannot be written: Is a directory"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_the_same_tests_pass_on_a_server_that_has_the_file(run, elsewhere):
    run(*elsewhere).assert_outcomes(passed=2)


def test_a_file_that_has_other_mocks_is_told(run, elsewhere):
    result = run(*elsewhere, suite=SUITE.replace('"later"', '"sooner"').replace('Raises("Declined")', "1"))

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*the mock file has other mocks for this test: write it with `pytest --stepstack-write-mocks FILE`*"])


def test_a_test_that_is_not_in_the_file_is_told(run, elsewhere):
    result = run(*elsewhere, suite=SUITE.replace("def test_pays", "def test_pays_now"))

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the mock file has no mocks for this test*"])


def test_workers_write_one_file_and_it_is_the_same_each_time(run, pytester):
    run("--stepstack-write-mocks=alone.json").assert_outcomes(passed=2)
    run("--stepstack-write-mocks=workers.json", "-n", "2").assert_outcomes(passed=2)

    alone = (pytester.path / "alone.json").read_text()
    assert (pytester.path / "workers.json").read_text() == alone
    assert len(json.loads(alone)["StateMachines"]) == 2


def test_a_server_elsewhere_without_a_file_is_told(run):
    with Stack.embedded() as server:
        result = run("--stepstack-backend=endpoints", f"--stepstack-endpoint=stepfunctions={server.endpoints['*']}")

    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["stepstack: the backend endpoints runs tasks elsewhere, and has its mocks from a file: *"])


def test_a_mock_that_computes_cannot_be_written(run):
    result = run("--stepstack-write-mocks=mocks.json", suite=SUITE.replace("returns=3", "computes=lambda item: 3"))

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*the mock of 'Price' computes its answer, which a mock file cannot*"])


def test_mocks_are_written_on_the_embedded_backend_alone(run):
    result = run("--stepstack-write-mocks=mocks.json", "--stepstack-backend=endpoints", "--stepstack-endpoint=s3=http://127.0.0.1:1")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--stepstack-write-mocks: mocks are written by a run on the backend embedded, and this is endpoints"])
