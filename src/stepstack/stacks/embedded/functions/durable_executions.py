"""Durable functions: the executions of a stack, from the invocation that starts one to the listing of those that have ended.

A function with a DurableConfig is invoked through here (`invoke`), by a qualified name, as AWS demands; the other operations of Lambda's
API on durable executions have a method each. One execution is in `durable_execution`. Called by `lambda_service` and `durable_api`.
Source: Lambda's developer guide and API reference. Left out: the retention period (executions are kept until the stack ends, the oldest
that have ended make room), keys of KMS, and tenants.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import Randomness, Timeline, awaiting_timeline
from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions.durable_execution import ChainedInvoke, DurableExecution, function_error, json_object
from stepstack.stacks.embedded.functions.durable_operations import PAYLOAD_LIMIT_BYTES, DurableOperation, invalid

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_function import Function, InvokeResult

__all__ = ["DurableExecutions", "DurableStart"]

Json: TypeAlias = dict[str, Any]
Run: TypeAlias = "Callable[[Function, bytes], Awaitable[InvokeResult]]"
Find: TypeAlias = "Callable[[str, str], tuple[Function, bool]]"
"""A function by its name, in a region, and whether the name is qualified; raises ServiceError."""

EXECUTIONS_KEPT = 10_000
SYNCHRONOUS_SECONDS = 900

_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_ARN = re.compile(
    r"arn:[a-zA-Z0-9-]+:lambda:(?P<region>[a-zA-Z0-9-]+):\d{12}:function:[a-zA-Z0-9_-]+:(?:\$LATEST|[0-9]+)"
    r"/durable-execution/[a-zA-Z0-9_-]+/[a-zA-Z0-9_-]+"
)


@dataclass(frozen=True, slots=True)
class DurableStart:
    """An invocation that starts an execution; `name` is the one that the execution is to have."""

    function: Function
    payload: bytes
    is_qualified: bool
    """Whether the invocation names a version, an alias or $LATEST."""
    invocation_type: str = "RequestResponse"
    name: str | None = None

    @property
    def is_event(self) -> bool:
        return self.invocation_type == "Event"

    @property
    def text(self) -> str:
        return (self.payload or b"{}").decode("utf-8", "replace")


class DurableExecutions:
    """The executions of a stack's durable functions, by their ARNs."""

    def __init__(self, run: Run, find: Find, *, timeline: Callable[[], Timeline], randomness: Randomness) -> None:
        self._run = run
        self._find = find
        self._timeline = timeline
        self._randomness = randomness
        self._by_arn: dict[str, DurableExecution] = {}
        self._by_name: dict[tuple[str, str, str], DurableExecution] = {}
        """By region, function and execution name."""

    async def invoke(self, start: DurableStart) -> DurableExecution:
        """The execution that an invocation has started, or found; a synchronous one waits for its end.

        Raises ServiceError where Lambda refuses.
        """
        self.check(start)
        caller = awaiting_timeline.get()
        execution = self._started(start, caller or self._timeline())
        if start.is_event:
            return execution
        # The caller's execution shares this one's time: its own waits and timeouts stand still or flow with it.
        with caller.parked() if caller is not None else nullcontext():
            await execution.wait()
        return execution

    @staticmethod
    def check(start: DurableStart) -> None:
        """Raises ServiceError where such an invocation is refused."""
        if not start.is_qualified:
            raise invalid("You cannot invoke a durable function using an unqualified ARN.")
        if not start.is_event and start.function.configuration["DurableConfig"]["ExecutionTimeout"] > SYNCHRONOUS_SECONDS:
            raise invalid("You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.")
        if start.name is not None and _NAME.fullmatch(start.name) is None:
            rule = "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
            message = f"Value '{start.name}' at 'durableExecutionName' failed to satisfy constraint: {rule}"
            raise ServiceError("ValidationException", f"1 validation error detected: {message}")

    def execution(self, arn: str) -> DurableExecution:
        """The execution; ServiceError where there is none, or where that is no ARN of one."""
        if _ARN.fullmatch(arn) is None:
            raise invalid("Invalid Durable Execution ARN")
        found = self._by_arn.get(arn)
        if found is None:
            raise ServiceError("ResourceNotFoundException", "Durable Execution does not exist", {"Type": "User"})
        return found

    def open_callback(self, callback_id: str) -> tuple[DurableExecution, DurableOperation]:
        """A callback that is waited for; ServiceError for any other."""
        for execution in self._by_arn.values():
            operation = execution.callbacks.get(callback_id)
            if operation is not None:
                if operation.has_ended or not execution.is_running:
                    message = "The callback has timed out or has already been closed."
                    raise ServiceError("CallbackTimeoutException", message, {"Type": "User"})
                return execution, operation
        raise ServiceError("ResourceNotFoundException", "Callback does not exist", {"Type": "User"})

    def listed(self, function: Function) -> list[DurableExecution]:
        """The executions of a function, all versions of it, the newest first."""
        return [
            execution
            for execution in reversed(self._by_arn.values())
            if (execution.function.region, execution.function.name) == (function.region, function.name)
        ]

    def delete(self, execution: DurableExecution) -> None:
        """DeleteDurableExecution."""
        if execution.is_running:
            raise ServiceError("ResourceConflictException", "A running durable execution cannot be deleted.", {"Type": "User"})
        self._forget(execution)

    def abandon(self, function: Function | None = None) -> None:
        """Ends what runs of a function that is deleted, or of all. May be called from any thread."""
        for execution in list(self._by_arn.values()):
            if function is None or (execution.function.region, execution.function.name) == (function.region, function.name):
                execution.abandon()
                # A function of the same name that is made later has executions of its own.
                self._forget_name(execution)
        if function is None:
            self._by_arn.clear()
            self._by_name.clear()

    def _started(self, start: DurableStart, timeline: Timeline) -> DurableExecution:
        function, name = start.function, start.name
        existing = self._by_name.get((function.region, function.name, name)) if name is not None else None
        if existing is None:
            return self._start(start, timeline)
        if existing.payload != start.text:
            message = f"Durable execution with name {name} was already started with a different payload."
            raise ServiceError("DurableExecutionAlreadyStartedException", message, {"Type": "User"})
        return existing

    def _start(self, start: DurableStart, timeline: Timeline) -> DurableExecution:
        function = start.function
        name = start.name or self._randomness.uuid()
        qualified = function.arn if function.version.isdigit() else f"{function.arn}:{function.version}"
        execution = DurableExecution(
            arn=f"{qualified}/durable-execution/{name}/{self._randomness.uuid()}",
            name=name,
            function=function,
            payload=start.text,
            timeline=timeline,
            is_synchronous=not start.is_event,
            run=self._run,
            chain=self._chain,
            randomness=self._randomness,
        )
        self._make_room()
        self._by_arn[execution.arn] = execution
        self._by_name[function.region, function.name, name] = execution
        execution.start()
        return execution

    def _make_room(self) -> None:
        if len(self._by_arn) >= EXECUTIONS_KEPT:
            ended = next((execution for execution in self._by_arn.values() if not execution.is_running), None)
            if ended is not None:
                self._forget(ended)

    def _forget(self, execution: DurableExecution) -> None:
        del self._by_arn[execution.arn]
        self._forget_name(execution)

    def _forget_name(self, execution: DurableExecution) -> None:
        key = (execution.function.region, execution.function.name, execution.name)
        if self._by_name.get(key) is execution:
            del self._by_name[key]

    # Functions that executions invoke

    def _chain(self, parent: DurableExecution, options: Mapping[str, Any], payload: str | None) -> ChainedInvoke:
        """Invokes a function for an execution: one that is durable shares the time of its parent."""
        try:
            function, is_qualified = self._find(str(options["FunctionName"]), parent.function.region)
            if "DurableConfig" in function.configuration:
                start = DurableStart(function, (payload or "{}").encode(), is_qualified, "Event")
                self.check(start)
                child = self._start(start, parent.timeline)
                details = {"ExecutedVersion": function.version, "DurableExecutionArn": child.arn}
                return ChainedInvoke(details, lambda: _outcome_of_child(child))
        except ServiceError as refusal:
            error = {"ErrorMessage": refusal.message, "ErrorType": refusal.error_code}
            return ChainedInvoke({}, lambda: _settled("FAILED", error))
        return ChainedInvoke({"ExecutedVersion": function.version}, lambda: self._outcome_of_plain(parent.timeline, function, payload))

    async def _outcome_of_plain(self, timeline: Timeline, function: Function, payload: str | None) -> tuple[str, str | None, Json | None]:
        with timeline.working():
            result = await self._run(function, (payload or "{}").encode())
        if result.function_error is None:
            if len(result.payload) > PAYLOAD_LIMIT_BYTES:
                message = f"CHAINED_INVOKE output payload size must be less than or equal to {PAYLOAD_LIMIT_BYTES} bytes."
                return "FAILED", None, {"ErrorMessage": message}
            return "SUCCEEDED", result.payload.decode("utf-8", "replace"), None
        error = json_object(result.payload)
        if error.get("errorType") == "Sandbox.Timedout":
            return "TIMED_OUT", None, _chain_timeout(function.configuration["Timeout"])
        return "FAILED", None, function_error(error)


async def _settled(status: str, error: Json) -> tuple[str, str | None, Json | None]:
    # The checkpoint that starts it is answered first.
    await asyncio.sleep(0)
    return status, None, error


async def _outcome_of_child(child: DurableExecution) -> tuple[str, str | None, Json | None]:
    await child.wait()
    if child.status == "TIMED_OUT":
        return "TIMED_OUT", None, _chain_timeout(child.timeout_seconds)
    return child.status, child.result, child.error


def _chain_timeout(seconds: int) -> Json:
    return {"ErrorMessage": f"CHAINED_INVOKE timed out after {seconds} seconds.", "ErrorType": "ChainedInvoke.Timeout"}
