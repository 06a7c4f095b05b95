"""What TestState refuses: mocks that do not fit, states that need one, Context Objects that no execution has."""

from __future__ import annotations

import json

import pytest

INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "f"}, "End": True}
TOKEN = {**INVOKE, "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken"}
NESTED = {
    "Type": "Task",
    "Resource": "arn:aws:states:::states:startExecution.sync:2",
    "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:m"},
    "End": True,
}
ACTIVITY = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}
PASS = {"Type": "Pass", "End": True}
GRAPH = {"StartAt": "A", "States": {"A": PASS}}
MAP = {"Type": "Map", "ItemsPath": "$", "ItemProcessor": GRAPH, "End": True}
PARALLEL = {"Type": "Parallel", "Branches": [GRAPH], "End": True}
ROLE = {"roleArn": "arn:aws:iam::123456789012:role/test"}
PATTERNS = "'.sync' or '.waitForTaskToken' service integration patterns"


def refusal(call, state, **params):
    error = call.refusal("TestState", definition=json.dumps(state), **params)
    assert error.error_code == "ValidationException"
    return error.message


@pytest.mark.parametrize(
    ("state", "params", "message"),
    [
        pytest.param(MAP, {}, "State type 'Map' is not supported when a mock is not specified", id="a Map"),
        pytest.param(PARALLEL, {}, "State type 'Parallel' is not supported when a mock is not specified", id="a Parallel"),
        pytest.param(ACTIVITY, ROLE, "TestState does not support Activity tasks when a mock is not specified.", id="an activity"),
        pytest.param(TOKEN, ROLE, f"TestState does not support {PATTERNS} when a mock is not specified.", id="a callback"),
        pytest.param(NESTED, ROLE, f"TestState does not support {PATTERNS} when a mock is not specified.", id="a job"),
        pytest.param(
            MAP,
            {"stateConfiguration": {"mapIterationFailureCount": 1}},
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
            id="failures of a Map",
        ),
        pytest.param(
            PARALLEL,
            {"stateConfiguration": {"errorCausedByState": "A"}},
            "TestState does not support ErrorCausedByState when a mock is not specified.",
            id="where an error came from",
        ),
        pytest.param(INVOKE, {}, "RoleArn must be specified when testing a Task state without a mock", id="a task without a role"),
    ],
)
def test_what_needs_a_mock_is_refused_without_one(call, state, params, message):
    assert refusal(call, state, **params) == message


@pytest.mark.parametrize(
    ("state", "mock", "message"),
    [
        pytest.param(PASS, {"result": "1"}, "State type 'Pass' is not supported when a mock is specified", id="of a Pass"),
        pytest.param(
            {"Type": "Wait", "Seconds": 1, "End": True},
            {"errorOutput": {"error": "E"}},
            "State type 'Wait' is not supported when a mock is specified",
            id="of a Wait",
        ),
        pytest.param(
            INVOKE,
            {"result": "{}", "errorOutput": {}},
            "A test mock should have only one of the following fields: [result, errorOutput].",
            id="a result and an error",
        ),
        pytest.param(INVOKE, {}, "A test mock should have only one of the following fields: [result, errorOutput].", id="neither"),
        pytest.param(INVOKE, {"result": "{"}, "Mocked result must be a valid JSON.", id="no JSON"),
        pytest.param(MAP, {"result": "{}"}, "Mocked result must be an array.", id="an object for a Map"),
        pytest.param(PARALLEL, {"result": "{}"}, "Mocked result must be an array.", id="an object for a Parallel"),
        pytest.param(
            INVOKE,
            {"result": '{"StatusCode": "200"}'},
            "Mock result schema validation error: Field 'StatusCode' must be a number",
            id="not of the service's shape",
        ),
    ],
)
def test_a_mock_that_does_not_fit_is_refused(call, state, mock, message):
    assert refusal(call, state, mock=mock) == message


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        pytest.param({"State": {"Foo": 1}}, "Field 'Foo' is not allowed", id="an unknown member"),
        pytest.param({"Map": {"Item": {}}}, "'Map' field is not supported when mocking a Context object", id="a Map's item"),
        pytest.param({"StateMachine": {"Name": 1}}, "StateMachine.Name must be a string", id="a number for a name"),
        pytest.param({"State": {"RetryCount": True}}, "State.RetryCount must be a number", id="a boolean for a number"),
        pytest.param(
            {"Task": {"Token": "t"}},
            "Context object contains 'Task' when state is not a Task state with a "
            "'.sync' or '.waitForTaskToken' service integration pattern",
            id="a token that the state has not",
        ),
    ],
)
def test_a_context_object_that_no_execution_has_is_refused(call, context, reason):
    message = refusal(call, INVOKE, mock={"result": "{}"}, context=json.dumps(context))
    assert message == f"Invalid Context object provided: {reason}"


def test_a_task_that_waits_for_a_token_may_be_given_one(call):
    state = {**TOKEN, "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}}
    answer = call(
        "TestState", definition=json.dumps(state), mock={"result": "1"}, context='{"Task": {"Token": "t"}}', inspectionLevel="DEBUG"
    )
    assert json.loads(answer["inspectionData"]["afterParameters"])["Payload"] == {"token": "t"}
