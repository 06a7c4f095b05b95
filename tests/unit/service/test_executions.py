"""Executions: start, describe, list, stop, history, Express."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.api.service_model import operation_names
from stepstack.service.store import Retention

from .conftest import FAIL, PASS, ROLE, WAIT


def test_a_finished_execution_is_described_whole(call):
    arn = call.machine()["stateMachineArn"]
    described = call.execution(arn, name="first", input='{"a": 1}')
    assert described.pop("startDate") <= described.pop("stopDate")
    assert described == {
        "executionArn": "arn:aws:states:us-east-1:123456789012:execution:machine:first",
        "stateMachineArn": arn,
        "name": "first",
        "status": "SUCCEEDED",
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"a": 1}',
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_a_failed_execution_has_error_and_cause_and_no_output(call):
    described = call.execution(call.machine(definition=FAIL)["stateMachineArn"])
    assert (described["status"], described["error"], described["cause"]) == ("FAILED", "Broken", "on purpose")
    assert described["redriveStatus"] == "REDRIVABLE"
    assert "output" not in described


def test_starting_a_running_execution_again_with_the_same_input_answers_the_same(call):
    arn = call.machine(definition=WAIT)["stateMachineArn"]
    first = call("StartExecution", stateMachineArn=arn, name="first", input="{}")
    assert call("StartExecution", stateMachineArn=arn, name="first", input="{}") == first
    refusal = call.refusal("StartExecution", stateMachineArn=arn, name="first", input="[]")
    assert (refusal.error_code, refusal.message) == ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")


def test_the_name_of_a_finished_execution_cannot_be_used_again(call):
    arn = call.machine()["stateMachineArn"]
    call.execution(arn, name="first")
    assert call.refusal("StartExecution", stateMachineArn=arn, name="first").error_code == "ExecutionAlreadyExists"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Invalid execution input."),
        ("nonsense", "Unrecognized token 'nonsense'"),
        ("{'a': 1}", "was expecting double-quote to start field name"),
        ('{"a" 1}', "was expecting a colon to separate field name and value"),
        ("[1 2]", "was expecting comma to separate Array entries"),
        ('{"a": 1', "expected close marker for Object"),
        ('"' + "x" * 262_144 + '"', "exceeds 262144 bytes"),
        ("[" * 100_000, "nesting depth"),
        ('"a\nb"', "Illegal unquoted character ((CTRL-CHAR, code 10))"),
    ],
    ids=["empty", "word", "quotes", "colon", "comma", "open", "large", "deep", "control"],
)
def test_an_input_that_is_no_json_or_too_large_is_refused(call, text, reason):
    refusal = call.refusal("StartExecution", stateMachineArn=call.machine()["stateMachineArn"], input=text)
    assert refusal.error_code == "InvalidExecutionInput"
    assert reason in refusal.message


def test_stopping_ends_an_execution_with_the_callers_error_and_cause(call):
    arn = call("StartExecution", stateMachineArn=call.machine(definition=WAIT)["stateMachineArn"])["executionArn"]
    stopped = call("StopExecution", executionArn=arn, error="Enough", cause="of it")
    described = call("DescribeExecution", executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "of it")
    assert described["stopDate"] == stopped["stopDate"]
    assert call("StopExecution", executionArn=arn) == stopped


def test_executions_are_listed_the_latest_first_and_by_status(call):
    arn = call.machine()["stateMachineArn"]
    names = [call.execution(arn)["name"] for _ in range(3)]
    listed = call("ListExecutions", stateMachineArn=arn)["executions"]
    assert [item["name"] for item in listed] == names[::-1]
    assert call("ListExecutions", stateMachineArn=arn, statusFilter="FAILED") == {"executions": []}


def test_pages_of_executions_do_not_move_when_new_ones_start(call):
    arn = call.machine()["stateMachineArn"]
    names = [call.execution(arn)["name"] for _ in range(5)]
    first = call("ListExecutions", stateMachineArn=arn, maxResults=2)
    call.execution(arn)
    second = call("ListExecutions", stateMachineArn=arn, maxResults=10, nextToken=first["nextToken"])
    assert [item["name"] for item in first["executions"] + second["executions"]] == names[::-1]


def test_a_history_can_be_read_in_pages_in_both_directions(call):
    arn = call.execution(call.machine()["stateMachineArn"])["executionArn"]
    for is_reversed, expected in ((False, [1, 2, 3, 4]), (True, [4, 3, 2, 1])):
        first = call("GetExecutionHistory", executionArn=arn, maxResults=3, reverseOrder=is_reversed)
        rest = call("GetExecutionHistory", executionArn=arn, reverseOrder=is_reversed, nextToken=first["nextToken"])
        assert [event["id"] for event in first["events"] + rest["events"]] == expected
        assert "nextToken" not in rest


def test_a_history_without_execution_data_has_no_inputs_and_outputs(call):
    arn = call.execution(call.machine()["stateMachineArn"])["executionArn"]
    events = call("GetExecutionHistory", executionArn=arn, includeExecutionData=False)["events"]
    assert events[1]["stateEnteredEventDetails"] == {"name": "A"}


def test_an_express_execution_sees_that_it_was_never_redriven(call):
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "OutputPath": "$$.Execution.RedriveCount", "End": True}}}
    machine = call.machine(definition=json.dumps(definition), type="EXPRESS")
    assert call("StartSyncExecution", stateMachineArn=machine["stateMachineArn"])["output"] == "0"


def test_an_express_execution_cannot_be_asked_about(call):
    arn = call.machine(type="EXPRESS")["stateMachineArn"]
    execution = call("StartExecution", stateMachineArn=arn)["executionArn"]
    for operation in ("DescribeExecution", "GetExecutionHistory", "StopExecution", "DescribeStateMachineForExecution"):
        refusal = call.refusal(operation, executionArn=execution)
        assert (refusal.error_code, refusal.message) == ("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'")
    assert call.refusal("ListExecutions", stateMachineArn=arn).error_code == "StateMachineTypeNotSupported"


def test_a_synchronous_execution_answers_its_result_and_what_it_costs(call):
    arn = call.machine(type="EXPRESS")["stateMachineArn"]
    answer = call("StartSyncExecution", stateMachineArn=arn, input="[1]")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "[1]")
    assert answer["billingDetails"] == {"billedDurationInMilliseconds": 100, "billedMemoryUsedInMB": 64}


def test_a_synchronous_execution_can_be_described_without_its_data(call):
    arn = call.machine(type="EXPRESS")["stateMachineArn"]
    answer = call("StartSyncExecution", stateMachineArn=arn, input="[1]", includedData="METADATA_ONLY")
    assert answer["status"] == "SUCCEEDED"
    assert answer.keys().isdisjoint({"input", "inputDetails", "output", "outputDetails"})


def test_a_standard_state_machine_cannot_be_run_synchronously(call):
    refusal = call.refusal("StartSyncExecution", stateMachineArn=call.machine()["stateMachineArn"])
    assert refusal.error_code == "StateMachineTypeNotSupported"


def test_an_unknown_state_machine_and_an_unknown_execution_are_told(call):
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
    execution = "arn:aws:states:us-east-1:123456789012:execution:none:none"
    assert call.refusal("StartExecution", stateMachineArn=machine).message == f"State Machine Does Not Exist: '{machine}'"
    assert call.refusal("DescribeExecution", executionArn=execution).message == f"Execution Does Not Exist: '{execution}'"


@pytest.mark.parametrize("params", [{}, {"stateMachineArn": "a", "mapRunArn": "b"}], ids=["none", "both"])
def test_a_list_of_executions_is_of_one_state_machine_or_one_map_run(call, params):
    assert call.refusal("ListExecutions", **params).error_code == "ValidationException"


def test_only_so_many_finished_executions_are_remembered(make_caller):
    call = make_caller(retention=Retention(count=3))
    arn = call.machine()["stateMachineArn"]
    executions = [call.execution(arn)["executionArn"] for _ in range(5)]
    listed = call("ListExecutions", stateMachineArn=arn)["executions"]
    assert [item["executionArn"] for item in listed] == executions[:1:-1]
    assert call.refusal("DescribeExecution", executionArn=executions[0]).error_code == "ExecutionDoesNotExist"


def test_a_failed_execution_is_redriven_where_it_failed(make_caller):
    attempts = []

    def flaky(_):
        attempts.append(1)
        if len(attempts) == 1:
            raise RuntimeError("not yet")
        return {"ok": True}

    call = make_caller(tasks={"Try": flaky})
    resource = "arn:aws:lambda:us-east-1:123456789012:function:try"
    states = {"Before": {"Type": "Pass", "Next": "Try"}, "Try": {"Type": "Task", "Resource": resource, "End": True}}
    arn = call.machine(definition=json.dumps({"StartAt": "Before", "States": states}))["stateMachineArn"]
    failed = call.execution(arn)
    assert failed["status"] == "FAILED"
    redriven = call("RedriveExecution", executionArn=failed["executionArn"], clientToken="once")
    call.run(call.service.execution_ended(failed["executionArn"]))
    described = call("DescribeExecution", executionArn=failed["executionArn"])
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert call("RedriveExecution", executionArn=failed["executionArn"], clientToken="once") == redriven
    types = [event["type"] for event in call("GetExecutionHistory", executionArn=failed["executionArn"])["events"]]
    assert types.count("PassStateEntered") == 1
    assert "ExecutionRedriven" in types


def test_an_execution_that_runs_or_succeeded_cannot_be_redriven(call):
    succeeded = call.execution(call.machine()["stateMachineArn"])["executionArn"]
    assert call.refusal("RedriveExecution", executionArn=succeeded).error_code == "ExecutionNotRedrivable"


def test_a_reset_stops_and_forgets_everything(call):
    arn = call.machine(definition=WAIT)["stateMachineArn"]
    call("StartExecution", stateMachineArn=arn)
    call("CreateActivity", name="act")
    call.run(call.service.reset())
    assert call("ListStateMachines") == {"stateMachines": []}
    assert call("ListActivities") == {"activities": []}
    assert call.service.store.executions == {}


def test_what_is_started_while_a_reset_cleans_up_is_not_forgotten(make_caller):
    async def slow_to_stop(_):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)

    call = make_caller(tasks={"A": slow_to_stop})
    task = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}}})
    call("StartExecution", stateMachineArn=call.machine(definition=task)["stateMachineArn"])
    call.run(asyncio.sleep(0))

    async def scenario():
        reset = asyncio.ensure_future(call.service.reset())
        await asyncio.sleep(0)
        create = {"name": "machine", "definition": WAIT, "roleArn": ROLE}
        arn = (await call.service.call("CreateStateMachine", create))["stateMachineArn"]
        started = await call.service.call("StartExecution", {"stateMachineArn": arn})
        is_resetting = not reset.done()
        await reset
        return is_resetting, started["executionArn"]

    is_resetting, arn = call.run(scenario())
    assert is_resetting
    assert call("DescribeExecution", executionArn=arn)["status"] == "RUNNING"


def test_every_operation_of_the_service_model_is_there(call):
    assert call.service.operations >= set(operation_names())


def test_an_operation_that_does_not_exist_is_told(call):
    assert call.refusal("MakeCoffee").error_code == "UnknownOperationException"


def test_a_definition_is_validated_with_severity_limit_and_truncation(call):
    states = {f"S{number}": {"Type": "Nonsense"} for number in range(5)}
    definition = json.dumps({"StartAt": "S0", "States": states})
    answer = call("ValidateStateMachineDefinition", definition=definition, maxResults=2)
    assert (answer["result"], len(answer["diagnostics"]), answer["truncated"]) == ("FAIL", 2, True)
    assert call("ValidateStateMachineDefinition", definition=PASS) == {"result": "OK", "diagnostics": [], "truncated": False}


def test_a_test_case_that_cannot_be_run_is_refused_when_the_execution_is_started(make_caller):
    call = make_caller(test_case_problem=lambda machine, case: None if case == "Known" else f"{machine} has no {case}")
    arn = call.machine()["stateMachineArn"]
    assert call.execution(f"{arn}#Known")["stateMachineArn"] == arn
    assert call.execution(f"{arn}#")["status"] == "SUCCEEDED"
    refusal = call.refusal("StartExecution", stateMachineArn=f"{arn}#Nonsense")
    assert (refusal.error_code, refusal.message) == ("ValidationException", "machine has no Nonsense")


def test_the_arn_of_a_distributed_map_cannot_be_started(call):
    refusal = call.refusal("StartExecution", stateMachineArn=f"{call.machine()['stateMachineArn']}/label")
    assert refusal.members == {"reason": "API_DOES_NOT_SUPPORT_LABELED_ARNS"}


def test_express_executions_that_run_are_stopped_by_a_reset(call):
    arn = call.machine(definition=WAIT, type="EXPRESS")["stateMachineArn"]
    call("StartExecution", stateMachineArn=arn)
    [record] = call.service.store.express
    execution = record.execution
    call.run(call.service.reset())
    assert execution.status == "ABORTED"
    assert not call.service.store.express
