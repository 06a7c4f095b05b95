"""Mocks of tasks for one test."""

from __future__ import annotations

import itertools

import pytest

from stepstack.errors import StackError
from stepstack.testing import Raises, Returns, Stack, TaskMocks

RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 3}]


def task(resource="arn:aws:states:::sqs:sendMessage", parameters=None, **fields):
    """A Task that sends `parameters`, its input where there are none."""
    given = {"QueueUrl": "http://queue", "MessageBody.$": "$.body"} if parameters is None else parameters
    return {"Type": "Task", "Resource": resource, "Parameters": given, "End": True, **fields}


def function(name, **fields):
    return {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{name}", "End": True, **fields}


@pytest.fixture
def machine_of(state_machine):
    """A state machine of these states, run in their order."""

    def make(**states):
        names = list(states)
        for name, following in itertools.pairwise(names):
            del states[name]["End"]
            states[name]["Next"] = following
        return state_machine({"StartAt": names[0], "States": states})

    return make


def test_a_mock_by_state_returns_its_result(machine_of, mock_task):
    send = mock_task("Send", returns={"MessageId": "1", "MD5OfMessageBody": "x"})

    execution = machine_of(Send=task()).run({"body": "hello"})

    assert execution.output == {"MessageId": "1", "MD5OfMessageBody": "x"}
    send.assert_called_once_with({"QueueUrl": "http://queue", "MessageBody": "hello"})


def test_a_mock_by_resource_answers_every_state_that_calls_it(machine_of, mock_task):
    price = mock_task(resource="price", returns=5)

    machine_of(A=function("price"), B=function("price")).run({}).succeeded()

    assert [call.state_name for call in price.calls] == ["A", "B"]
    assert {call.resource for call in price.calls} == {"arn:aws:lambda:us-east-1:123456789012:function:price"}


def test_a_mock_by_state_machine_leaves_others_alone(machine_of, mock_task):
    one, other = machine_of(A=function("f")), machine_of(A=function("f"))
    mock_task("A", returns="any")
    mock_task("A", state_machine=one.name, returns="one")

    assert (one.run().output, other.run().output) == ("one", "any")


def test_answers_come_one_after_the_other_and_retries_are_calls(machine_of, mock_task):
    pay = mock_task("Pay", answers=[Raises("Busy", "come back"), TimeoutError("slow"), lambda order: order["amount"] * 2])

    execution = machine_of(Pay=function("pay", Retry=RETRY)).run({"amount": 5})

    assert execution.output == 10
    pay.assert_calls([{"amount": 5}] * 3)
    assert [call.attempt for call in pay.calls] == [0, 1, 2]
    assert [failure.error for failure in execution.state("Pay").failures] == ["Busy", "TimeoutError"]


def test_a_call_after_the_last_answer_fails(machine_of, mock_task):
    mock_task("Pay", answers=[Returns(1)])
    machine = machine_of(Pay=function("pay"))

    assert machine.run().output == 1
    machine.run().failed(cause="1 answers, and this is call 2")


@pytest.mark.parametrize(
    ("raises", "error", "cause"),
    [
        ("Busy", "Busy", None),
        (("Busy", "come back"), "Busy", "come back"),
        (Raises("Busy"), "Busy", None),
        (ValueError("no"), "ValueError", '"errorMessage":"no"'),
        (ValueError, "ValueError", '"errorType":"ValueError"'),
    ],
    ids=["name", "name and cause", "Raises", "exception", "class"],
)
def test_a_mock_raises(machine_of, mock_task, raises, error, cause):
    mock_task("Pay", raises=raises)

    machine_of(Pay=function("pay")).run().failed(error, cause)


def test_a_function_may_use_the_stack_that_waits_for_it(machine_of, mock_task, dynamodb):
    mock_task("Count", computes=lambda _: len(dynamodb.list_tables(Limit=1)["TableNames"]))

    machine_of(Count=function("count")).run().succeeded()


def test_a_coroutine_function_computes_too(machine_of, mock_task):
    async def double(number):
        return number * 2

    mock_task("Double", computes=double)

    assert machine_of(Double=function("double")).run("4").output == 8


def test_an_exception_of_a_function_fails_the_task_with_its_trace(machine_of, mock_task):
    def broken(_order):
        raise KeyError("amount")

    mock_task("Pay", computes=broken)

    execution = machine_of(Pay=function("pay")).run().failed("KeyError")
    assert "in broken" in execution.explanation


def test_an_answer_that_the_service_could_not_give_fails(machine_of, mock_task):
    mock_task("Send", returns={"MessageId": 1})

    machine_of(Send=task()).run({"body": "x"}).failed("States.Runtime", "MessageId")


def test_the_check_can_be_left_out(machine_of, mock_task):
    mock_task("Send", returns={"MessageId": 1}, checked=False)

    assert machine_of(Send=task()).run({"body": "x"}).output == {"MessageId": 1}


def test_unmocked_tasks_are_refused_where_that_is_wanted(machine_of, mock_task):
    mock_task("A", returns={})
    mock_task.refuse_others("arn:aws:states:::dynamodb:*")

    execution = machine_of(A=function("f"), B=function("g")).run().failed("States.Runtime", "which no mock answers")
    execution.visited(["A", "B"])
    assert [call.state_name for call in mock_task.calls] == ["A", "B"]


@pytest.mark.stepstack(mocks={"A": {"n": 1}, "B": [Raises("Busy"), 2], "C": ValueError("no")}, unmocked="refuse")
class TestMarker:
    def test_declares_mocks_by_state(self, machine_of):
        machine = machine_of(A=function("f"), B=function("g", Retry=RETRY), C=function("h"))

        machine.run().failed("ValueError").visited(["A", "B", "C"])

    @pytest.mark.stepstack(mocks={"C": 3})
    def test_a_closer_one_adds_to_it(self, machine_of):
        assert machine_of(A=function("f"), B=function("g", Retry=RETRY), C=function("h")).run().output == 3

    def test_refuses_the_rest(self, machine_of):
        machine_of(D=function("f")).run().failed("States.Runtime", "no mock answers")


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda mock: mock.assert_not_called(), "should not have been called; its calls were:\n  {\"n\":1} in 'A', attempt 0"),
        (lambda mock: mock.assert_called_with({"n": 2}), 'should have been called last with {"n":2}'),
        (lambda mock: mock.assert_calls([]), "should have been called with: nothing"),
        (lambda mock: mock.assert_calls([{"n": 1}, {"n": 2}]), 'should have been called with:\n  {"n":1}\n  {"n":2}'),
    ],
)
def test_an_assertion_that_does_not_hold_tells_the_calls(machine_of, mock_task, check, message):
    mock = mock_task("A", returns=None)
    machine_of(A=function("f")).run({"n": 1})

    with pytest.raises(AssertionError) as failure:
        check(mock)

    assert message in str(failure.value)


def test_a_mock_that_was_not_called_says_so(mock_task):
    mock = mock_task("Nobody", returns=None)

    with pytest.raises(AssertionError, match="The mock for state='Nobody' should have been called once; it was not called"):
        mock.assert_called_once()
    mock.assert_not_called()


def test_a_mock_needs_one_answer(mock_task):
    with pytest.raises(ValueError, match="exactly one of"):
        mock_task("A", returns=1, raises="Busy")


def test_another_backend_says_at_once_that_it_cannot(stepstack):
    elsewhere = Stack("local", stepstack.endpoints)

    with pytest.raises(StackError, match="the backend local runs tasks elsewhere"):
        TaskMocks(elsewhere)


@pytest.mark.parametrize(
    ("answers", "cause"),
    [
        ({"returns": {"MessageId": 1}}, "cannot: "),
        ({"returns": {"MessageId": object()}}, "answers what is no JSON: $.MessageId is an object"),
        ({"answers": [Raises("Busy")]}, "has 1 answers, and this is call 2"),
        (None, "which no mock answers"),
    ],
    ids=["what the service cannot give", "no JSON", "an answer too few", "a call that is refused"],
)
def test_what_is_wrong_with_a_test_is_hidden_by_no_catch_and_no_retry(state_machine, mock_task, answers, cause):
    if answers is None:
        mock_task.refuse_others()
    else:
        mock_task("Send", **answers)
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    inner = {"StartAt": "Send", "States": {"Send": task(Retry=RETRY)}}
    states = {
        "Both": {"Type": "Parallel", "Branches": [inner], "Catch": catch, "Retry": RETRY, "Next": "Caught"},
        "Caught": {"Type": "Succeed"},
    }

    execution = state_machine({"StartAt": "Both", "States": states}).run({"body": "x"}).failed("States.Runtime", cause)

    execution.visited(["Both", "Send"])
    assert execution.state("Send").failures[-1].error == "States.Runtime"
