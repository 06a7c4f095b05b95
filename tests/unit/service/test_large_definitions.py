"""Large definitions, read in a thread: what others do meanwhile is seen, and nothing is done twice."""

from __future__ import annotations

import asyncio
import gc
import json
import threading

import pytest

from stepstack.errors import ServiceError
from stepstack.service import state_machines, test_state
from stepstack.service.store import StateMachineRecord

from .conftest import FAIL, PASS, ROLE, WAIT

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:m"


@pytest.fixture(autouse=True)
def every_definition_is_large(monkeypatch):
    monkeypatch.setattr("stepstack.service.large_definitions.LARGE_CHARACTERS", 0)


def create(call, definition=PASS):
    return call.service.call("CreateStateMachine", {"name": "m", "definition": definition, "roleArn": ROLE})


def test_it_is_read_in_another_thread_while_others_are_answered(call, monkeypatch):
    may_go_on, threads = threading.Event(), []
    parse = state_machines.parse

    def held(*arguments, **options):
        threads.append(threading.current_thread())
        assert may_go_on.wait(20)
        return parse(*arguments, **options)

    monkeypatch.setattr(state_machines, "parse", held)

    async def scenario():
        creating = asyncio.ensure_future(create(call))
        listed = await call.service.call("ListStateMachines", {})
        may_go_on.set()
        return listed, await creating

    listed, created = call.run(scenario())
    assert (listed, created["stateMachineArn"]) == ({"stateMachines": []}, ARN)
    assert threads[0] is not threading.current_thread()


def test_one_that_is_wrong_is_refused_in_the_same_words(call, monkeypatch):
    operations = [("CreateStateMachine", {"name": "m", "roleArn": ROLE}), ("ValidateStateMachineDefinition", {})]
    wrong = PASS.replace("Pass", "Oops")

    def answers():
        refusal = call.refusal(operations[0][0], definition=wrong, **operations[0][1])
        return refusal.error_code, refusal.message, call(operations[1][0], definition=wrong)

    large = answers()
    monkeypatch.setattr("stepstack.service.large_definitions.LARGE_CHARACTERS", 1_000_000)
    assert large == answers()
    assert large[0] == "InvalidDefinition"


@pytest.mark.parametrize(("other", "second"), [(PASS, dict), (FAIL, ServiceError)], ids=["the same", "another"])
def test_two_that_create_one_name_at_once_make_one_state_machine(call, other, second):
    async def scenario():
        return await asyncio.gather(create(call), create(call, other), return_exceptions=True)

    first, answer = call.run(scenario())
    assert isinstance(answer, second)
    assert answer == first or answer.error_code == "StateMachineAlreadyExists"
    assert len(call("ListStateMachines")["stateMachines"]) == 1


@pytest.mark.parametrize("is_created_anew", [False, True], ids=["deleted", "created anew"])
def test_an_update_of_what_is_deleted_meanwhile_changes_nothing(call, is_created_anew):
    call.run(create(call))

    async def scenario():
        updating = asyncio.ensure_future(call.service.call("UpdateStateMachine", {"stateMachineArn": ARN, "definition": FAIL}))
        await asyncio.sleep(0)
        record = call.service.store.state_machines.pop(ARN)
        if is_created_anew:
            again = StateMachineRecord(ARN, record.name, record.type, record.created_at, record.revision)
            call.service.store.add_state_machine(again)
        with pytest.raises(ServiceError) as refused:
            await updating
        return refused.value.error_code

    assert call.run(scenario()) == ("ConflictException" if is_created_anew else "StateMachineDoesNotExist")
    if is_created_anew:
        assert call("DescribeStateMachine", stateMachineArn=ARN)["definition"] == PASS


def test_an_update_is_seen_once_it_is_answered(call):
    call.run(create(call))
    call("UpdateStateMachine", stateMachineArn=ARN, definition=WAIT)
    assert call("DescribeStateMachine", stateMachineArn=ARN)["definition"] == WAIT


def test_a_refusal_that_nobody_asks_for_is_not_logged(call):
    logged = []
    call.loop.set_exception_handler(lambda loop, context: logged.append(context["message"]))
    call.run(create(call))
    # The error holds on to what was called.
    code = call.refusal("CreateStateMachine", name="m", definition=PASS.replace("Pass", "Oops"), roleArn=ROLE).error_code
    gc.collect()
    assert (code, logged) == ("StateMachineAlreadyExists", [])


def test_a_single_state_is_read_in_another_thread_too(call, monkeypatch):
    threads = []
    parse_state = test_state.parse_state

    def noted(*arguments, **options):
        threads.append(threading.current_thread())
        return parse_state(*arguments, **options)

    monkeypatch.setattr(test_state, "parse_state", noted)
    answer = call("TestState", definition=json.dumps({"Type": "Pass", "Result": 1, "End": True}))
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "1")
    assert threads[0] is not threading.current_thread()
