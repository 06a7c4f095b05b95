import asyncio

import pytest

from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations
from stepstack.integrations.mocks import Computes, Mocks, Raises, Returns
from stepstack.interpreter.ports import TaskFailed

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:price"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ({}, True),
        ({"state": "Work"}, True),
        ({"state": "W*k"}, True),
        ({"state": "Other"}, False),
        ({"resource": "dynamodb:putItem"}, True),
        ({"resource": "arn:aws:states:::dynamodb:putItem"}, True),
        ({"resource": "dynamodb:*"}, True),
        ({"resource": "sqs:*"}, False),
        ({"state_machine": "orders"}, True),
        ({"state_machine": "arn:aws:states:us-east-1:123456789012:stateMachine:orders"}, True),
        ({"state_machine": "order"}, False),
        ({"state": "Work", "resource": "sqs:*"}, False),
    ],
)
def test_a_mock_answers_the_calls_that_fit_all_that_it_names(task_call, pattern, names):
    mocks = Mocks()
    mocks.add(**pattern, returns={})
    assert mocks.is_mocked(task_call("dynamodb:putItem")) is names


def test_patterns_of_integration_need_not_be_named(task_call):
    mocks = Mocks()
    mocks.add(resource="sqs:sendMessage", returns={"MessageId": "m"})
    assert mocks.is_mocked(task_call("sqs:sendMessage.waitForTaskToken"))


def test_functions_and_activities_are_found_by_their_names(answers, task_call):
    mocks = Mocks()
    mocks.add(resource="price", returns=1)
    mocks.add(resource="arn:aws:states:*:activity:pack", returns=2)
    activity = "arn:aws:states:us-east-1:123456789012:activity:pack"
    assert answers(mocks, task_call(FUNCTION), task_call(activity)) == [1, 2]


def test_children_of_a_map_run_are_of_their_state_machine(task_call):
    mocks = Mocks()
    mocks.add(state_machine="orders", returns={})
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:orders/Label:1"
    assert mocks.is_mocked(task_call("dynamodb:putItem", state_machine_arn=arn))


def test_the_mock_added_last_answers_until_it_is_removed(answers, task_call):
    mocks = Mocks()
    mocks.add(returns={"Attributes": {"n": {"S": "first"}}})
    second = mocks.add(state="Work", returns={"Attributes": {"n": {"S": "second"}}})
    call = task_call("dynamodb:putItem")
    assert answers(mocks, call)[0]["Attributes"]["n"]["S"] == "second"
    mocks.remove(second)
    mocks.remove(second)
    assert answers(mocks, call)[0]["Attributes"]["n"]["S"] == "first"
    mocks.clear()
    assert not mocks.is_mocked(call)


def test_answers_come_one_after_the_other_and_no_more(answers, task_call):
    mocks = Mocks()
    mock = mocks.add(resource=FUNCTION, answers=[Raises("Busy", "wait"), Returns(1), Computes(lambda given: given["n"] + 1)])
    call = task_call(FUNCTION, {"n": 5})
    assert answers(mocks, call, call, call) == [("Busy", "wait"), 1, 6]
    assert answers(mocks, call) == [("States.Runtime", f"The mock for resource='{FUNCTION}' has 3 answers, and this is call 4")]
    assert [made.parameters for made in mock.calls] == [{"n": 5}] * 4
    assert len(mocks.calls) == 4


def test_errors_are_raised_every_time(answers, task_call):
    mocks = Mocks()
    mocks.add(raises=("CardDeclined", "No."))
    call = task_call(FUNCTION)
    assert answers(mocks, call, call) == [("CardDeclined", "No.")] * 2
    mocks.add(raises="CardDeclined")
    assert answers(mocks, call) == [("CardDeclined", None)]


def test_functions_may_be_coroutines_and_may_fail(answers, task_call):
    async def slow(parameters):
        await asyncio.sleep(0)
        return parameters

    def fails(_parameters):
        raise LookupError("no such order")

    def refuses(_parameters):
        raise TaskFailed("Custom.Name", "why")

    mocks = Mocks()
    mocks.add(resource=FUNCTION, answers=[Computes(slow), Computes(fails), Computes(refuses)])
    call = task_call(FUNCTION, {"n": 1})
    result, failure, refusal = answers(mocks, call, call, call)
    assert result == {"n": 1}
    assert failure[0] == "LookupError"
    assert '"errorMessage":"no such order","errorType":"LookupError"' in failure[1]
    assert refusal == ("Custom.Name", "why")


@pytest.mark.parametrize(
    "words",
    [{"computes": lambda _: {1}}, {"returns": {"Item": {1}}}, {"answers": [Returns(float("nan"))]}],
    ids=["computed", "constant", "one of several"],
)
def test_an_answer_that_is_no_json_fails_the_task_and_names_the_mock(answers, task_call, words):
    mocks = Mocks()
    mocks.add(state="Work", **words, checked=False)
    [(error, cause)] = answers(mocks, task_call("dynamodb:putItem"))
    assert error == "States.Runtime"
    assert cause.startswith("The mock for state='Work' answers what is no JSON: ")


def test_an_answer_that_the_service_could_not_give_fails_the_state(answers, task_call):
    mocks = Mocks()
    mocks.add(state="Work", returns={"Attributes": []})
    assert answers(mocks, task_call("dynamodb:putItem")) == [
        (
            "States.Runtime",
            "The mock for state='Work' answers what arn:aws:states:::dynamodb:putItem cannot: Field 'Attributes' must be an object",
        )
    ]


def test_the_check_of_answers_can_be_switched_off(answers, task_call):
    call = task_call("dynamodb:putItem")
    mocks = Mocks()
    mocks.add(returns="anything", checked=False)
    assert answers(mocks, call) == ["anything"]
    mocks = Mocks(checks_answers=False)
    mocks.add(returns="anything")
    assert answers(mocks, call) == ["anything"]
    mocks.add(returns="anything", checked=True)
    assert answers(mocks, call)[0][0] == "States.Runtime"


@pytest.mark.parametrize("given", [{}, {"returns": 1, "raises": "E"}, {"computes": len, "answers": []}], ids=["none", "two", "two others"])
def test_a_mock_needs_exactly_one_kind_of_answer(given):
    with pytest.raises(ValueError, match="exactly one"):
        Mocks().add(**given)


def test_null_is_an_answer(answers, task_call):
    mocks = Mocks()
    mocks.add(returns=None)
    assert answers(mocks, task_call(FUNCTION)) == [None]


def test_calls_that_no_mock_answers_can_be_refused(answers, task_call):
    mocks = Mocks(refuse_unmocked=True)
    mocks.add(resource="price", returns=1)
    mocks.allowed = ("dynamodb:*",)
    assert answers(mocks, task_call(FUNCTION), task_call("sqs:sendMessage")) == [
        1,
        ("States.Runtime", "The state 'Work' calls arn:aws:states:::sqs:sendMessage, which no mock answers; such calls are refused"),
    ]
    assert not mocks.is_mocked(task_call("dynamodb:getItem"))


def test_mocks_answer_before_anything_is_called(task_call):
    async def scenario():
        integrations = Integrations(Endpoints())
        integrations.mocks.add(resource="dynamodb:getItem", returns={"Item": {"id": {"S": "1"}}})
        call = task_call("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S": "1"}}})
        assert integrations.is_mocked(call)
        return await integrations.request(call)

    assert asyncio.run(scenario()) == {"Item": {"id": {"S": "1"}}}
