"""An execution with mocks, state by state through TestState, as on AWS."""

from __future__ import annotations

import pytest

from stepstack.errors import StackError
from stepstack.integrations.mocks import Computes
from stepstack.testing import Raises, Returns
from stepstack.testing.mock_cases import Declaration
from stepstack.testing.state_walk import walk

ORDERS = {
    "StartAt": "Price",
    "States": {
        "Price": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "price", "Payload": {"pieces.$": "$.pieces"}},
            "ResultSelector": {"sum.$": "$.Payload"},
            "ResultPath": "$.price",
            "Next": "Big?",
        },
        "Big?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.price.sum", "NumericGreaterThan": 10, "Next": "Pay"}],
            "Default": "Done",
        },
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Execution.Input.note"},
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["Declined"], "ResultPath": "$.error", "Next": "Done"}],
            "End": True,
        },
        "Done": {"Type": "Succeed"},
    },
}

PRICE = Declaration(
    "Price", None, (Computes(lambda sent: {"Payload": sent["Payload"]["pieces"] * 3, "StatusCode": 200}),), is_repeated=True
)
SENT = {"MessageId": "1", "MD5OfMessageBody": "x"}


@pytest.fixture
def orders(state_machine):
    return state_machine(ORDERS)


def test_it_goes_the_way_and_has_the_output_of_the_execution(orders, mock_task):
    declarations = [PRICE, Declaration(None, "sqs:sendMessage", (Raises("Busy"), Returns(SENT)), is_repeated=False)]
    mock_task("Price", computes=PRICE.answers[0].function)
    mock_task("Pay", answers=[Raises("Busy"), SENT])
    event = {"pieces": 5, "note": "thanks"}

    walked = walk(orders, '{"pieces": 5, "note": "thanks"}', "one", declarations).succeeded()

    executed = orders.run(event).succeeded()
    assert (walked.states, walked.output) == (executed.states, executed.output)
    assert walked.state("Pay").attempts == executed.state("Pay").attempts == 2
    assert walked.state("Pay").parameters == executed.state("Pay").parameters == {"QueueUrl": "q", "MessageBody": "thanks"}


def test_an_error_is_caught_or_ends_it(orders):
    caught = walk(
        orders, '{"pieces": 5, "note": "n"}', "one", [PRICE, Declaration("Pay", None, (Raises("Declined", "no"),), is_repeated=True)]
    )
    failed = walk(orders, '{"pieces": 5, "note": "n"}', "two", [PRICE, Declaration("Pay", None, (Raises("Busy"),), is_repeated=True)])

    caught.succeeded().visited(["Price", "Big?", "Pay", "Done"])
    assert caught.output["error"]["Error"] == "Declined"
    failed.failed("Busy").visited(["Price", "Big?", "Pay"])
    assert failed.state("Pay").attempts == 3
    assert "ended in: Pay (Task)" in failed.explanation


def test_each_retrier_counts_its_own_tries(state_machine, mock_task):
    retriers = [{"ErrorEquals": ["Busy"], "MaxAttempts": 1}, {"ErrorEquals": ["Late"], "MaxAttempts": 2}]
    task = {**ORDERS["States"]["Pay"], "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "Retry": retriers}
    machine = state_machine({"StartAt": "Pay", "States": {"Pay": task, "Done": {"Type": "Succeed"}}})
    answers = [Raises("Late"), Raises("Busy"), Raises("Late"), SENT]
    mock_task("Pay", answers=answers)
    given = tuple(answer if isinstance(answer, Raises) else Returns(answer) for answer in answers)

    walked = walk(machine, "{}", "one", [Declaration("Pay", None, given, is_repeated=False)])

    assert walked.succeeded().state("Pay").attempts == machine.run({}).succeeded().state("Pay").attempts == 4


def test_a_state_that_cannot_be_tested_alone_is_named(state_machine):
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    machine = state_machine({"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": [inner], "End": True}}})

    with pytest.raises(StackError, match="TestState does not run the state 'Both'"):
        walk(machine, "{}", "one", [PRICE])


def test_a_machine_with_walked_mocks_runs_that_way(orders):
    seen = []
    orders.stack.listeners.append(lambda _machine, execution: seen.append(execution.name))
    orders.walked_mocks = lambda: [PRICE]

    execution = orders.run({"pieces": 1, "note": ""}, name="walked")

    orders.stack.listeners.pop()
    execution.succeeded().visited(["Price", "Big?", "Done"])
    assert seen == ["walked"]
