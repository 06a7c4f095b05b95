"""Map Runs: list, describe, update; and the registry to which the interpreter reports them and their child executions.

Called by `stepstack.service.service`; `MapRuns` is the `MapRunRegistry` of the interpreter's ports. The interpreter owns a run and its
counters (`stepstack.interpreter.map_run.MapRun`). Standard children can be described and listed like any execution; Express ones can't.
Source: recorded answers of AWS; the API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from stepstack.errors import ServiceError
from stepstack.service.account import Account, Params, Result, resource_not_found, wire_time
from stepstack.service.arns import parse_arn
from stepstack.service.paging import page
from stepstack.service.store import ExecutionRecord

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution
    from stepstack.interpreter.map_run import MapRun

__all__ = ["MapRuns"]


class MapRuns:
    def __init__(self, account: Account) -> None:
        self._account = account

    # -------------------------------------------------------------------------------------------------------------------- the registry

    def opened(self, map_run: object) -> None:
        """A distributed Map begins."""
        run = cast("MapRun", map_run)
        self._account.store.map_runs[run.arn] = run
        parent = self._account.store.executions.get(run.execution.arn)
        if parent is not None:
            parent.map_run_arns.append(run.arn)

    def child_started(self, map_run: object, execution: object) -> None:
        """A child execution of a Map Run begins."""
        run, child = cast("MapRun", map_run), cast("Execution", execution)
        parent = self._account.store.executions.get(run.execution.arn)
        if run.is_express or parent is None:
            return
        record = ExecutionRecord(
            arn=child.arn,
            name=child.name,
            number=self._account.store.next_number(),
            state_machine_arn=run.state_machine_arn,
            state_machine_name=run.state_machine_name,
            type="STANDARD",
            revision=replace(parent.revision, machine=child.machine, definition=child.machine.definition),
            input=child.input_text,
            started_at=child.started_at,
            map_run_arn=run.arn,
            execution=child,
        )
        self._account.store.add_execution(record)
        child.on_end = self._with_record(record, child.on_end)

    def _with_record(self, record: ExecutionRecord, also: Callable[[Execution], None] | None) -> Callable[[Execution], None]:
        """Settles `record` when its execution ends, then tells whom the interpreter tells."""

        def ended(execution: Execution) -> None:
            record.settle()
            self._account.store.finished(record, self._account.now())
            if also is not None:
                also(execution)

        return ended

    # -------------------------------------------------------------------------------------------------------------------- the operations

    def list(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        runs = [self._account.store.map_runs[arn] for arn in record.map_run_arns]
        runs.sort(key=lambda run: (run.started_at, run.arn))
        found, token = page(
            runs,
            lambda run: f"{run.started_at:.6f} {run.arn}",
            scope=f"mapRuns {record.arn}",
            token=params.get("nextToken"),
            size=params.get("maxResults"),
        )
        items = []
        for run in found:
            item: Result = {
                "executionArn": record.arn,
                "mapRunArn": run.arn,
                "stateMachineArn": run.state_machine_arn,
                "startDate": wire_time(run.started_at),
            }
            if run.stopped_at is not None:
                item["stopDate"] = wire_time(run.stopped_at)
            items.append(item)
        return {"mapRuns": items} if token is None else {"mapRuns": items, "nextToken": token}

    def describe(self, params: Params) -> Result:
        run = self._find(params)
        result: Result = {
            "mapRunArn": run.arn,
            "executionArn": run.execution.arn,
            "status": run.status,
            "startDate": wire_time(run.started_at),
            "maxConcurrency": run.max_concurrency,
            "toleratedFailurePercentage": run.tolerated_failure_percentage,
            "toleratedFailureCount": run.tolerated_failure_count,
            "itemCounts": run.items.wire(),
            "executionCounts": run.executions.wire(),
        }
        if run.redrive_count:
            # A recorded Map Run that was never redriven has no count.
            result["redriveCount"] = run.redrive_count
        if run.stopped_at is not None:
            result["stopDate"] = wire_time(run.stopped_at)
        return result

    def update(self, params: Params) -> Result:
        run = self._find(params)
        if run.status != "RUNNING":
            message = f"Map Run {run.arn} has ended with the status {run.status} and cannot be updated"
            raise ServiceError("ValidationException", message, {"reason": "CANNOT_UPDATE_COMPLETED_MAP_RUN"})
        names = ("maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount")
        if all(params.get(name) is None for name in names):
            message = f"At least one of {', '.join(names)} must be specified"
            raise ServiceError("ValidationException", message, {"reason": "MISSING_REQUIRED_PARAMETER"})
        run.update(
            max_concurrency=params.get("maxConcurrency"),
            tolerated_failure_count=params.get("toleratedFailureCount"),
            tolerated_failure_percentage=params.get("toleratedFailurePercentage"),
        )
        return {}

    def _find(self, params: Params) -> MapRun:
        arn = parse_arn(params["mapRunArn"], "mapRun").text
        run = self._account.store.map_runs.get(arn)
        if run is None:
            raise resource_not_found(arn)
        return run
