"""Mocks that fit no Task state fail their test, and say which states there are."""

from __future__ import annotations

import pytest

import stepstack.pytest_plugin.machines
import stepstack.testing.mocks  # noqa: F401 - loaded once here, not once in each run within this process

SUITE = """
import pytest

SEND = "arn:aws:states:::sqs:sendMessage"
TELL = "arn:aws:lambda:us-east-1:123456789012:function:tell"
ORDER = {
    "StartAt": "Charge card",
    "States": {
        "Charge card": {"Type": "Task", "Resource": SEND, "Parameters": {"QueueUrl": "q", "MessageBody": "m"}, "Next": "Each"},
        "Each": {"Type": "Map", "ItemsPath": "$$.Execution.Input.items", "End": True,
            "ItemProcessor": {"StartAt": "Tell", "States": {"Tell": {"Type": "Task", "Resource": TELL, "End": True}}}},
    },
}
SENT = {"MessageId": "1", "MD5OfMessageBody": "x"}
EMPTY = {"items": []}
"""


def test_a_name_that_is_no_task_state_fails_a_test_that_passed(run):
    result = run(
        """
def test_order(state_machine, mock_task):
    mock_task(resource="sqs:sendMessage", returns=SENT)
    mock_task("Charge crad", returns=SENT)
    state_machine(ORDER).run(EMPTY).succeeded()
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "stepstack: the mock for state='Charge crad' (test_suite.py:*) fits no Task state: there are 'Charge card', 'Tell'; "
            "was 'Charge card' meant?"
        ]
    )


def test_a_test_that_failed_anyway_is_told_why_it_may_have(run):
    result = run(
        """
def test_order(state_machine, mock_task):
    mock_task("Charge crad", returns=SENT)
    mock_task.refuse_others()
    state_machine(ORDER).run(EMPTY).succeeded()
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stepstack: mocks that fit nothing*", "the mock for state='Charge crad' *"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            'resource="sqs:sendMesage"',
            "*the mock for resource='sqs:sendMesage' * fits no Task's Resource: there are 'arn:aws:states:::sqs:*",
        ),
        ('"Charge card", resource="tell"', "*fits no Task state: there are 'Charge card', 'Tell'; was 'Charge card' meant?"),
        ('"Charge card", state_machine="orders"', "*state_machine='orders' * fits no state machine of the test: there is 'stepstack-*"),
        ('"X*"', "*the mock for state='X[*]' * fits no Task state: there are 'Charge card', 'Tell'"),
        ('"Each"', "*the mock for state='Each' * fits no Task state: *"),
    ],
    ids=["resource", "state and resource", "state machine", "pattern", "no Task"],
)
def test_whatever_it_is_chosen_by_must_fit(run, words, message):
    result = run(
        f"""
def test_order(state_machine, mock_task):
    mock_task("Charge card", returns=SENT)
    mock_task({words}, returns=1)
    state_machine(ORDER)
"""
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([message])


def test_a_mock_that_fits_need_not_be_called(run):
    result = run(
        """
def test_order(state_machine, mock_task):
    mock_task("Charge card", returns=SENT)
    mock_task("Tell", returns=1)
    mock_task(resource="tell", returns=1)
    mock_task(resource=SEND, state_machine="*-orders", returns=SENT)
    state_machine(ORDER, label="orders").run(EMPTY).succeeded()

def test_one_of_several_machines_is_enough(state_machine, mock_task):
    mock_task("Tell", returns=1)
    state_machine({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}).run().succeeded()
    state_machine(ORDER)

def test_a_definition_that_was_replaced_counts_too(state_machine, mock_task):
    mock_task("Charge card", returns=SENT)
    machine = state_machine(ORDER)
    machine.run(EMPTY).succeeded()
    machine.update('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')

def test_without_a_state_machine_nothing_can_be_said(mock_task, stepfunctions):
    mock_task("Nowhere", returns=1)

def test_it_may_be_optional(state_machine, mock_task):
    mock_task("Nowhere", returns=1, is_optional=True)
    state_machine(ORDER)
"""
    )

    result.assert_outcomes(passed=5)


def test_a_tests_own_marker_must_fit_and_that_of_its_module_need_not(run):
    result = run(
        """
pytestmark = pytest.mark.stepstack(mocks={"Of another test": 1, "Charge card": SENT})

@pytest.mark.stepstack(mocks={"Tell": 1})
def test_fits(state_machine):
    state_machine(ORDER).run(EMPTY).succeeded()

@pytest.mark.stepstack(mocks={"Tel": 1})
def test_does_not_fit(state_machine):
    state_machine(ORDER).run(EMPTY).succeeded()
"""
    )

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["stepstack: the mock for state='Tel' (@pytest.mark.stepstack on test_does_not_fit) fits no Task state: *"])
