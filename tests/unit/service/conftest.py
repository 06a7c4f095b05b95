"""A service on a loop of its own, called without HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json

import pytest

from stepstack.clock import Clock, Randomness
from stepstack.errors import ServiceError
from stepstack.in_process import PythonTasks
from stepstack.service import StepFunctionsService
from stepstack.service.sqlite_journal import SqliteJournal

ROLE = "arn:aws:iam::123456789012:role/test"
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
FAIL = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Broken", "Cause": "on purpose"}}})
WAIT = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}}})


class Caller:
    """Calls operations and waits for executions."""

    seeds = itertools.count(1)

    def __init__(self, end_loop, *, scale=1.0, journal=None, tasks=None, **options):
        self._end_loop = end_loop
        self.loop = asyncio.new_event_loop()
        clock = Clock(self.loop, scale)
        runner = tasks if hasattr(tasks, "request") else PythonTasks(tasks or {})
        self.journal = journal
        self.is_killed = False
        self.service = StepFunctionsService(clock, Randomness(next(self.seeds)), runner, journal=journal, **options)
        self.run(self.service.resume())

    def run(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def __call__(self, operation, **params):
        return self.run(self.service.call(operation, params))

    def refusal(self, operation, **params):
        """The error that the operation answers."""
        with pytest.raises(ServiceError) as caught:
            self(operation, **params)
        return caught.value

    def machine(self, name="machine", definition=PASS, **params):
        return self("CreateStateMachine", name=name, definition=definition, roleArn=ROLE, **params)

    def execution(self, machine_arn, **params):
        """A finished execution, as DescribeExecution answers it."""
        arn = self("StartExecution", stateMachineArn=machine_arn, **params)["executionArn"]
        self.run(self.service.execution_ended(arn))
        return self("DescribeExecution", executionArn=arn)

    def kill(self):
        """Ends the service as kill -9 does: nothing is stopped, nothing more is written."""
        self.journal._changes.clear()
        self.journal.close()
        self.is_killed = True

    def close(self):
        if not self.is_killed:
            self.run(self.service.close())
        self._end_loop(self.loop)


@pytest.fixture
def make_caller(end_loop):
    callers = []

    def make(**options):
        callers.append(Caller(end_loop, **options))
        return callers[-1]

    yield make
    for caller in callers:
        if not caller.loop.is_closed():
            caller.close()


@pytest.fixture
def call(make_caller):
    return make_caller()


@pytest.fixture
def make_journaled(make_caller, tmp_path):
    return lambda **options: make_caller(journal=SqliteJournal(tmp_path / "data"), **options)


@pytest.fixture
def reopen(make_journaled):
    """Kills a service and gives the one that comes after it."""

    def again(call, **options):
        call.kill()
        return make_journaled(**options)

    return again
