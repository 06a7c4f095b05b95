"""`lambda_functions` where the engine is another process's, as on Docker Compose, with several workers at once."""

from __future__ import annotations

import socket

import pytest

from stepstack.testing import Stack

SUITE = """
import os
import pytest

CALL = {
    "StartAt": "Price",
    "States": {
        "Price": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "price", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "End": True,
        }
    },
}
COMPUTED = {**CALL, "States": {"Price": {**CALL["States"]["Price"], "Parameters": {"FunctionName.$": "$.function"}}}}

@pytest.mark.parametrize("number", range(6))
def test_calls_this_process(state_machine, lambda_functions, number):
    lambda_functions(price=lambda event, context: [os.getpid(), number, context.function_name])
    assert state_machine(CALL).run().output == [os.getpid(), number, "price"]

def test_a_name_that_is_computed_is_the_arn(state_machine, lambda_functions):
    lambda_functions(price=lambda event, context: os.getpid())
    assert state_machine(COMPUTED).run({"function": lambda_functions["price"]}).output == os.getpid()
    if "PYTEST_XDIST_WORKER" in os.environ:
        state_machine(COMPUTED).run({"function": "price"}).failed("Lambda.ResourceNotFoundException", "lambda_functions['price']")
"""


@pytest.fixture
def elsewhere(monkeypatch):
    """A server of Step Functions that is up already, with a LAMBDA_ENDPOINT."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Stack.embedded(endpoints={"lambda": f"http://127.0.0.1:{port}"}) as server:
        for variable in ("STEPFUNCTIONS_PORT", "DYNAMODB_PORT"):
            monkeypatch.setenv(variable, server.endpoints["*"].rpartition(":")[2])
        # What its container would be told, and the address where that leads.
        monkeypatch.setenv("LAMBDA_ENDPOINT", f"http://host.docker.internal:{port}")
        monkeypatch.setenv("STEPSTACK_LAMBDA_HOST", "127.0.0.1")
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # of the run that this test is part of
        yield port


@pytest.mark.parametrize("words", [[], ["-n", "3"]], ids=["alone", "xdist"])
def test_each_process_has_its_own_functions_and_nobody_listens_afterwards(pytester, elsewhere, words):
    pytester.makepyfile(test_suite=SUITE)

    result = pytester.runpytest_subprocess(
        "-p", "stepstack.pytest_plugin", "-p", "xdist.plugin", "--stepstack-backend=local", *words, timeout=100
    )

    result.assert_outcomes(passed=7)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", elsewhere)) != 0
