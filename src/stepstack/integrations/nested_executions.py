"""Executions that executions start: `states:startExecution`, alone, with `.sync` and with `.sync:2`.

Called by the runner. Our own Step Functions are called as functions: the child shares its parent's time, and its end is awaited, not
polled. Step Functions behind a URL are polled. Source: AWS's developer guide, "Start a new AWS Step Functions state machine", and recorded
answers.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from stepstack.clock import Timeline
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.jobs import polls
from stepstack.integrations.service_call import Refusal, Reply, ServiceCaller, Unreachable, call_in_process
from stepstack.integrations.service_model import describe
from stepstack.integrations.shapes import epoch_milliseconds
from stepstack.interpreter.ports import TaskCall, TaskFailed
from stepstack.json_types import Json, json_text, parse_json
from stepstack.language.resources import IntegrationPattern

__all__ = ["NestedExecutions"]

SERVICE = "stepfunctions"


class NestedExecutions:
    """Starts, awaits and stops executions."""

    def __init__(self, endpoints: Endpoints, caller: ServiceCaller) -> None:
        self._endpoints = endpoints
        self._caller = caller

    async def call(self, operation: str, params: Mapping[str, Any], timeline: Timeline | None = None) -> Reply:
        """The reply of any operation of Step Functions; with `timeline`, what is started shares that time."""
        own = self._endpoints.own_step_functions()
        if own is None:
            return await self._caller.call(SERVICE, operation, params)
        return await call_in_process(SERVICE, own.call(operation, params, timeline=timeline))

    async def start(self, params: Mapping[str, Any], call: TaskCall) -> Reply:
        """The reply to StartExecution; an execution that the task awaits shares its time."""
        awaited = call.resource.pattern in {IntegrationPattern.SYNC, IntegrationPattern.SYNC_2}
        return await self.call("StartExecution", params, call.timeline if awaited else None)

    async def sdk_call(self, operation: str, params: Mapping[str, Any], timeline: Timeline) -> Reply:
        """The reply of any operation, to an execution on `timeline`: while it waits for others, these others' time goes on."""
        if self._endpoints.own_step_functions() is not None:
            if operation == "StartSyncExecution":
                with timeline.parked():
                    return await self.call(operation, params, timeline)
            if operation == "GetActivityTask":
                with timeline.held():
                    return await self.call(operation, params)
        return await self.call(operation, params)

    async def completion(self, call: TaskCall, execution_arn: str) -> Json:
        """The description of the ended execution. Raises TaskFailed where it did not succeed."""
        own = self._endpoints.own_step_functions()
        if own is not None:
            with call.timeline.parked():
                await own.execution_ended(execution_arn)
            reply = await self.call("DescribeExecution", {"executionArn": execution_arn})
        else:
            reply = await self._polled(call, execution_arn)
        shape = describe(SERVICE).operation("DescribeExecution").answer(is_sdk=False)
        description = shape.states_members(reply.content, epoch_milliseconds)
        if call.resource.pattern is IntegrationPattern.SYNC_2:
            description = {name: _parsed(value) if name in {"Input", "Output"} else value for name, value in description.items()}
        if reply.content.get("status") != "SUCCEEDED":
            raise TaskFailed("States.TaskFailed", json_text(description))
        return description

    async def stop(self, execution_arn: str) -> None:
        with contextlib.suppress(Refusal, Unreachable):
            await self.call("StopExecution", {"executionArn": execution_arn})

    async def _polled(self, call: TaskCall, execution_arn: str) -> Reply:
        async for _ in polls(call.timeline):
            reply = await self.call("DescribeExecution", {"executionArn": execution_arn})
            if reply.content.get("status") not in {"RUNNING", "PENDING_REDRIVE"}:
                return reply
        raise AssertionError("polls go on for ever")


def _parsed(value: Json) -> Json:
    return parse_json(value) if isinstance(value, str) else value
