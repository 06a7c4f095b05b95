"""Executions: start, describe, list, stop, their histories, and Express ones.

Called by `stepstack.service.service`. The interpreter runs an execution (`stepstack.interpreter.Execution`); a record keeps what the API
tells of it. Express executions have no operation that tells of them: they are forgotten when they end. Source: recorded answers of AWS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from stepstack.clock import Timeline
from stepstack.errors import ServiceError
from stepstack.history import HistoryEvent
from stepstack.history.wire import wire_event
from stepstack.interpreter.execution import Execution, ExecutionStatus
from stepstack.interpreter.payload import SIZE_LIMIT_BYTES, Payload, is_too_large
from stepstack.interpreter.ports import Environment
from stepstack.interpreter.restoration import Restoration, restore
from stepstack.service.account import Account, Params, Result, resource_not_found, wire_time
from stepstack.service.arns import StatesArn, checked_name, parse_arn
from stepstack.service.execution_logs import ExecutionLogs
from stepstack.service.json_problem import json_problem
from stepstack.service.paging import listed
from stepstack.service.status_changes import StatusChanges
from stepstack.service.store import ExecutionRecord, Revision, StateMachineRecord

__all__ = ["Executions", "checked_input"]

BILLING_STEP_MILLISECONDS = 100
BILLED_MEMORY_MB = 64
EXPRESS_ONLY = "This operation is not supported by this type of state machine"
REDRIVE_SECONDS = 14 * 24 * 3600.0


class Executions:
    def __init__(
        self,
        account: Account,
        environment: Environment,
        logs: ExecutionLogs,
        status_changes: StatusChanges,
        test_case_problem: Callable[[str, str], str | None],
    ) -> None:
        self._account = account
        self._status_changes = status_changes
        self._test_case_problem = test_case_problem
        self._environment = environment
        self._logs = logs

    # ------------------------------------------------------------------------------------------------------------------ start, stop

    def start(self, params: Params, timeline: Timeline | None = None) -> Result:
        """Starts an execution; on its parent's `timeline` where another execution awaits it."""
        arn, test_case = self._target(params)
        machine, revision = self._account.find_revision(arn)
        given = checked_input(params.get("input", "{}"))
        name = checked_name(params["name"]) if "name" in params else self._account.randomness.uuid()
        if machine.type == "EXPRESS":
            record = self._record(machine, revision, arn, params, name=name, text=given.text, test_case=test_case)
            self._start_express(record, given, timeline)
            return {"executionArn": record.arn, "startDate": wire_time(record.started_at)}
        existing = self._account.store.executions.get(self._account.arns.execution(machine.name, name))
        if existing is not None and existing.arn in machine.executions:
            if existing.status != "RUNNING" or existing.input != given.text:
                raise ServiceError("ExecutionAlreadyExists", f"Execution Already Exists: '{existing.arn}'")
            return {"executionArn": existing.arn, "startDate": wire_time(existing.started_at)}
        record = self._record(machine, revision, arn, params, name=name, text=given.text, test_case=test_case)
        execution = self._prepared(record, given, timeline)
        self._account.store.add_execution(record)
        self._account.journal.execution(record)
        execution.start()
        return {"executionArn": record.arn, "startDate": wire_time(record.started_at)}

    async def start_sync(self, params: Params, timeline: Timeline | None = None) -> Result:
        arn, test_case = self._target(params)
        machine, revision = self._account.find_revision(arn)
        if machine.type != "EXPRESS":
            raise ServiceError("StateMachineTypeNotSupported", EXPRESS_ONLY)
        given = checked_input(params.get("input", "{}"))
        name = checked_name(params["name"]) if "name" in params else self._account.randomness.uuid()
        record = self._record(machine, revision, arn, params, name=name, text=given.text, test_case=test_case)
        await self._start_express(record, given, timeline).wait()
        return _sync_description(record, machine, has_data=params.get("includedData") != "METADATA_ONLY")

    def _target(self, params: Params) -> tuple[StatesArn, str | None]:
        """The state machine to start, and the mock's test case behind `#` (None where there is none, or none is named)."""
        text, _, test_case = params["stateMachineArn"].partition("#")
        arn = parse_arn(text, "stateMachine")
        if arn.label is not None:
            message = f"StartExecution does not support the ARN of a distributed Map: {text}"
            raise ServiceError("ValidationException", message, {"reason": "API_DOES_NOT_SUPPORT_LABELED_ARNS"})
        if test_case:
            problem = self._test_case_problem(arn.name, test_case)
            if problem is not None:
                raise ServiceError("ValidationException", problem)
        return arn, test_case or None

    def _record(
        self,
        machine: StateMachineRecord,
        revision: Revision,
        arn: StatesArn,
        params: Params,
        *,
        name: str,
        text: str,
        test_case: str | None,
    ) -> ExecutionRecord:
        arns = self._account.arns
        if machine.type == "EXPRESS":
            execution_arn = arns.express_execution(machine.name, name, self._account.randomness.uuid())
        else:
            execution_arn = arns.execution(machine.name, name)
        version = None
        if arn.qualifier is not None:
            version = next((version for version in machine.versions.values() if version.revision is revision), None)
        return ExecutionRecord(
            arn=execution_arn,
            name=name,
            number=self._account.store.next_number(),
            state_machine_arn=machine.arn,
            state_machine_name=machine.name,
            type=machine.type,
            revision=revision,
            input=text,
            started_at=self._account.now(),
            version_arn=None if version is None else version.arn,
            alias_arn=arn.text if arn.qualifier is not None and not arn.is_version else None,
            trace_header=params.get("traceHeader"),
            test_case=test_case,
        )

    def _start_express(self, record: ExecutionRecord, given: Payload, timeline: Timeline | None) -> Execution:
        execution = self._prepared(record, given, timeline)
        self._account.store.express.add(record)
        execution.start()
        return execution

    def _prepared(self, record: ExecutionRecord, given: Payload, timeline: Timeline | None) -> Execution:
        """The execution of `record`, whose input was `given`; it is yet to be started."""
        execution = self._execution(record, given, timeline)
        self.attach(record, execution)
        record.started_at = execution.started_at
        return execution

    def attach(self, record: ExecutionRecord, execution: Execution) -> None:
        """Has `execution` tell of `record`, and be told of where it is heard."""
        record.execution = execution
        hearing = (self._logs.listener(record), self._status_changes.listener(record), self._account.journal.listener(record))
        heard = [listener for listener in hearing if listener is not None]
        execution.history.listener = heard[0] if len(heard) == 1 else _each(heard) if heard else None

    def start_event(self, record: ExecutionRecord) -> HistoryEvent:
        """The first event of an execution that had begun nothing else yet."""
        execution = self._execution(record, Payload.parse(record.input), self._account.clock.timeline(record.started_at))
        execution.record_start()
        return execution.history.events[0]._replace(timestamp=record.started_at)

    def restored(self, record: ExecutionRecord) -> Restoration:
        """The execution of `record`, made anew from its history: as it ended, or as it stood when an earlier process ended."""
        events = record.events
        timeline = self._account.clock.timeline(events[-1].timestamp if events else record.started_at)
        execution = self._execution(record, Payload.parse(record.input), timeline)
        execution.started_at = record.started_at
        execution.redrive_count, execution.redriven_at = record.redrive_count, record.redriven_at
        execution.status = cast("ExecutionStatus", record.final_status)
        execution.stopped_at = record.stopped_at
        restoration = restore(execution, events)
        self.attach(record, execution)
        return restoration

    def _execution(self, record: ExecutionRecord, given: Payload, timeline: Timeline | None) -> Execution:
        return Execution(
            record.revision.machine,
            arn=record.arn,
            name=record.name,
            execution_input=given,
            environment=self._environment,
            state_machine_arn=record.state_machine_arn,
            state_machine_name=record.state_machine_name,
            role_arn=record.revision.role_arn,
            state_machine_version_arn=record.version_arn,
            state_machine_alias_arn=record.alias_arn,
            is_express=record.type == "EXPRESS",
            test_case=record.test_case,
            timeline=timeline,
            on_end=lambda _: self._ended(record),
        )

    def _ended(self, record: ExecutionRecord) -> None:
        if record.type == "EXPRESS":
            record.settle()
            self._account.store.express.discard(record)
        else:
            self._account.ended(record)

    def stop(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        self.abort(record, params.get("error"), params.get("cause"))
        return {"stopDate": wire_time(record.stopped_at or self._account.now())}

    def abort(self, record: ExecutionRecord, error: str | None = None, cause: str | None = None) -> None:
        """Stops the execution where it runs."""
        if record.execution is not None:
            record.execution.stop(error, cause)

    async def has_ended(self, arn: str) -> None:
        """Returns once the execution is over; at once where there is none."""
        record = self._account.store.executions.get(arn)
        if record is not None and record.execution is not None:
            await record.execution.wait()

    # --------------------------------------------------------------------------------------------------------------------- describe

    def describe(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        status, reason = self.redrive_status(record)
        result = {
            "executionArn": record.arn,
            "stateMachineArn": record.state_machine_arn,
            "name": record.name,
            "status": record.status,
            "startDate": wire_time(record.started_at),
            "redriveCount": record.redrive_count,
            "redriveStatus": status,
        }
        if reason is not None:
            result["redriveStatusReason"] = reason
        if params.get("includedData") != "METADATA_ONLY":
            result.update(input=record.input, inputDetails={"included": True})
            if record.output is not None:
                result.update(output=record.output, outputDetails={"included": True})
        result.update(_optional_members(record, "version_arn", "alias_arn", "map_run_arn", "trace_header", "error", "cause"))
        result.update(_optional_times(record))
        return result

    def redrive_status(self, record: ExecutionRecord) -> tuple[str, str | None]:
        """Whether the execution can be redriven, as DescribeExecution tells it, and why not."""
        status = record.status
        if status in {"RUNNING", "SUCCEEDED", "PENDING_REDRIVE"}:
            return "NOT_REDRIVABLE", f"Execution is {status} and cannot be redriven"
        if record.map_run_arn is not None:
            return "REDRIVABLE_BY_MAP_RUN", None
        if self._account.now() - (record.stopped_at or 0) > REDRIVE_SECONDS:
            return "NOT_REDRIVABLE", "Execution has exceeded the redrivable period"
        return "REDRIVABLE", None

    def history(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        events = record.events
        is_reversed = params.get("reverseOrder", False)
        include_data = params.get("includeExecutionData", True)

        def told(event: HistoryEvent) -> Result:
            item = wire_event(event, include_execution_data=include_data)
            item["timestamp"] = wire_time(item["timestamp"])
            return item

        ordered = reversed(events) if is_reversed else events
        scope = f"history {record.arn} {is_reversed}"
        return listed("events", ordered, lambda event: event.id, told, params, scope=scope, descending=is_reversed)

    # ------------------------------------------------------------------------------------------------------------------------- list

    def list(self, params: Params) -> Result:
        records, scope = self._listed(params)
        status, redriven = params.get("statusFilter"), params.get("redriveFilter")
        chosen: Iterable[ExecutionRecord] = records
        if status is not None:
            chosen = (record for record in chosen if record.status == status)
        if redriven is not None:
            chosen = (record for record in chosen if (record.redrive_count > 0) == (redriven == "REDRIVEN"))
        scope = f"{scope} {status} {redriven}"
        optional = ("version_arn", "alias_arn") if params.get("mapRunArn") is None else ("map_run_arn", "item_count")

        def told(record: ExecutionRecord) -> Result:
            return {**_list_item(record), **_optional_members(record, *optional)}

        return listed("executions", chosen, lambda record: record.number, told, params, scope=scope, descending=True)

    def _listed(self, params: Params) -> tuple[Iterator[ExecutionRecord], str]:
        """The executions that are asked for, the newest first, and a name for their list."""
        machine_arn, map_run_arn = params.get("stateMachineArn"), params.get("mapRunArn")
        if (machine_arn is None) == (map_run_arn is None):
            message = "Either stateMachineArn or mapRunArn must be specified, and not both"
            raise ServiceError("ValidationException", message, {"reason": "MISSING_REQUIRED_PARAMETER"})
        if map_run_arn is not None:
            parse_arn(map_run_arn, "mapRun")
            if map_run_arn not in self._account.store.map_runs:
                raise resource_not_found(map_run_arn)
            records = reversed(self._account.store.executions.values())
            return (record for record in records if record.map_run_arn == map_run_arn), map_run_arn
        arn = parse_arn(machine_arn or "", "stateMachine")
        machine, _ = self._account.find_revision(arn)
        if machine.type == "EXPRESS":
            raise ServiceError("StateMachineTypeNotSupported", EXPRESS_ONLY)
        if arn.label is not None:
            return (record for record in reversed(machine.executions.values()) if record.state_machine_arn == arn.text), arn.text
        own = (record for record in reversed(machine.executions.values()) if record.map_run_arn is None)
        if arn.is_version:
            return (record for record in own if record.version_arn == arn.text), arn.text
        if arn.qualifier is not None:
            return (record for record in own if record.alias_arn == arn.text), arn.text
        return own, arn.text


def _each(listeners: Sequence[Callable[[HistoryEvent], None]]) -> Callable[[HistoryEvent], None]:
    def hear(event: HistoryEvent) -> None:
        for listener in listeners:
            listener(event)

    return hear


def checked_input(text: str) -> Payload:
    """The input that `text` is; raises InvalidExecutionInput where it is no JSON, or too large."""
    if not text:
        raise ServiceError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'Invalid execution input.'")
    if is_too_large(text):
        reason = f"Invalid execution input. The input exceeds {SIZE_LIMIT_BYTES} bytes."
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")
    try:
        return Payload.parse(text)
    except ValueError:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{json_problem(text)}'") from None


OPTIONAL_MEMBERS = {
    "version_arn": "stateMachineVersionArn",
    "alias_arn": "stateMachineAliasArn",
    "map_run_arn": "mapRunArn",
    "trace_header": "traceHeader",
    "item_count": "itemCount",
    "error": "error",
    "cause": "cause",
}


def _optional_members(record: ExecutionRecord, *names: str) -> dict[str, Any]:
    return {OPTIONAL_MEMBERS[name]: value for name in names if (value := getattr(record, name)) is not None}


def _optional_times(record: ExecutionRecord) -> dict[str, float]:
    result = {}
    if record.stopped_at is not None:
        result["stopDate"] = wire_time(record.stopped_at)
    if record.redriven_at is not None:
        result["redriveDate"] = wire_time(record.redriven_at)
    return result


def _list_item(record: ExecutionRecord) -> dict[str, Any]:
    return {
        "executionArn": record.arn,
        "stateMachineArn": record.state_machine_arn,
        "name": record.name,
        "status": record.status,
        "startDate": wire_time(record.started_at),
        "redriveCount": record.redrive_count,
        **_optional_times(record),
    }


def _sync_description(record: ExecutionRecord, machine: StateMachineRecord, *, has_data: bool) -> dict[str, Any]:
    stopped_at = record.stopped_at or record.started_at
    steps = math.ceil(max(stopped_at - record.started_at, 0.001) * 1000 / BILLING_STEP_MILLISECONDS)
    result = {
        "executionArn": record.arn,
        "stateMachineArn": machine.arn,
        "name": record.name,
        "startDate": wire_time(record.started_at),
        "stopDate": wire_time(stopped_at),
        "status": record.status,
        "billingDetails": {"billedDurationInMilliseconds": steps * BILLING_STEP_MILLISECONDS, "billedMemoryUsedInMB": BILLED_MEMORY_MB},
    }
    if has_data:
        result.update(input=record.input, inputDetails={"included": True}, outputDetails={"included": True})
        if record.output is not None:
            result["output"] = record.output
    result.update(_optional_members(record, "trace_header", "error", "cause"))
    return result
