"""Calls without HTTP are checked as requests are."""

from __future__ import annotations

import asyncio
import json

import pytest

from stepstack.api.in_process import StepFunctionsInProcess
from stepstack.clock import Clock, Randomness
from stepstack.errors import ServiceError
from stepstack.in_process import PythonTasks
from stepstack.service import StepFunctionsService

PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


def test_parameters_are_checked_against_the_model():
    async def scenario():
        clock = Clock(asyncio.get_running_loop())
        step_functions = StepFunctionsInProcess(StepFunctionsService(clock, Randomness(1), PythonTasks({})))
        created = await step_functions.call("CreateStateMachine", {"name": "m", "definition": PASS, "roleArn": "arn:aws:iam::1:role/r"})
        machine = created["stateMachineArn"]
        with pytest.raises(ServiceError) as refused:
            await step_functions.call("StartExecution", {"stateMachineArn": machine, "name": "n" * 81})
        started = await step_functions.call("StartExecution", {"stateMachineArn": machine, "name": "n" * 80})
        await step_functions.execution_ended(started["executionArn"])
        described = await step_functions.call("DescribeExecution", {"executionArn": started["executionArn"]})
        return refused.value, described["status"]

    refusal, status = asyncio.run(scenario())
    assert refusal.error_code == "ValidationException"
    assert "'name' failed to satisfy constraint: Member must have length less than or equal to 80" in refusal.message
    assert status == "SUCCEEDED"
