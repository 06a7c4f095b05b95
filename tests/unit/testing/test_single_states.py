"""One state alone."""

from __future__ import annotations

import pytest

from stepstack.errors import NotJson
from stepstack.testing import Raises

ORDERS = {
    "StartAt": "Check",
    "States": {
        "Check": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.amount", "NumericGreaterThan": 100, "Next": "Pay"}],
            "Default": "Done",
        },
        "Pay": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "pay", "Payload": {"sum.$": "$.amount"}},
            "ResultSelector": {"paid.$": "$.Payload.ok"},
            "ResultPath": "$.payment",
            "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["Declined"], "Next": "Done"}],
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    },
}


@pytest.fixture
def orders(state_machine):
    return state_machine(ORDERS)


@pytest.mark.parametrize(("amount", "next_state"), [(101, "Pay"), (100, "Done")])
def test_a_choice_says_where_it_leads(orders, amount, next_state):
    result = orders.test_state("Check", {"amount": amount}).succeeded()

    assert (result.next_state, result.output) == (next_state, {"amount": amount})


def test_a_mocked_task_shows_its_data_flow(orders):
    result = orders.test_state("Pay", {"amount": 5}, mock={"Payload": {"ok": True}, "StatusCode": 200}).succeeded()

    assert result.output == {"amount": 5, "payment": {"paid": True}}
    assert result.inspection["afterParameters"] == {"FunctionName": "pay", "Payload": {"sum": 5}}


def test_a_mocked_error_is_retried_caught_or_fails(orders):
    assert orders.test_state("Pay", {"amount": 5}, mock=Raises("Busy")).failed("Busy").status == "RETRIABLE"
    assert orders.test_state("Pay", {"amount": 5}, mock=Raises("Busy"), retry_count=2).failed("Busy").status == "FAILED"
    caught = orders.test_state("Pay", {"amount": 5}, mock=Raises("Declined", "no cover")).failed("Declined")
    assert (caught.status, caught.next_state) == ("CAUGHT_ERROR", "Done")


def test_an_assertion_that_does_not_hold_tells_what_came_out(orders):
    result = orders.test_state("Pay", {"amount": 5}, mock=Raises("Declined"))

    with pytest.raises(AssertionError, match=r"should have SUCCEEDED, and is CAUGHT_ERROR: Declined"):
        result.succeeded()
    with pytest.raises(AssertionError, match="should have failed with Busy"):
        result.failed("Busy")


def test_what_a_test_gives_that_is_no_json_is_told_with_its_place(orders):
    with pytest.raises(NotJson, match=r"^the mock is no JSON: \$\.at is an object, and JSON has none$"):
        orders.test_state("Pay", {"amount": 5}, mock={"at": object()})
    with pytest.raises(NotJson, match=r"^the input is no JSON: \$ is a set, and JSON has none$"):
        orders.run({1, 2})
