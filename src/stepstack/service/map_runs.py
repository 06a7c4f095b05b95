"""Map Runs: list, describe, update; and the registry to which the interpreter reports them and their child executions.

Called by `stepstack.service.service`; `MapRuns` is the `MapRunRegistry` of the interpreter's ports. The interpreter owns a run and its
counters (`stepstack.interpreter.map_run.MapRun`). Standard children can be described and listed like any execution; Express ones can't.
Source: recorded answers of AWS; the API reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from stepstack.errors import ServiceError
from stepstack.interpreter.map_run import EndedChild, EndedMapRun
from stepstack.service.account import Account, Params, Result, resource_not_found, wire_time
from stepstack.service.arns import parse_arn
from stepstack.service.paging import listed
from stepstack.service.store import ExecutionRecord, MapRunRecord

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution, ExecutionStatus
    from stepstack.interpreter.map_run import MapRun

__all__ = ["MapRuns"]


class MapRuns:
    def __init__(self, account: Account) -> None:
        self._account = account

    # -------------------------------------------------------------------------------------------------------------------- the registry

    def opened(self, map_run: object) -> None:
        """A distributed Map begins."""
        run = cast("MapRun", map_run)
        parent = self._account.store.executions.get(run.execution.arn)
        if parent is None:
            return
        record = MapRunRecord(
            arn=run.arn,
            parent=parent,
            state_machine_arn=run.state_machine_arn,
            state_machine_name=run.state_machine_name,
            revision=parent.revision,
            started_at=run.started_at,
            executions=run.executions,
            items=run.items,
            run=run,
        )
        self._account.store.map_runs[run.arn] = record
        parent.map_run_arns.append(run.arn)
        run.on_end = lambda: self._changed(record)
        self._changed(record)

    def _changed(self, record: MapRunRecord) -> None:
        record.refresh()
        if record.status == "SUCCEEDED":
            record.express_children.clear()
        self._account.journal.map_run(record)

    def child_started(self, map_run: object, execution: object, item_count: int) -> None:
        """A child execution of a Map Run begins, with so many of its items."""
        run, child = cast("MapRun", map_run), cast("Execution", execution)
        map_run_record = self._account.store.map_runs.get(run.arn)
        if map_run_record is None:
            return
        self._account.journal.map_run(map_run_record)
        record = _child_record(run, child, map_run_record, self._account.store.next_number(), item_count)
        if run.is_express:
            map_run_record.express_children[record.arn] = record
        else:
            map_run_record.started += 1
            self._account.store.add_execution(record)
            self._account.journal.execution(record)
            child.history.listener = self._account.journal.listener(record)
        child.on_end = self._with_record(record, map_run_record, child.on_end)

    def ended(self, map_run_arn: str) -> EndedMapRun | None:
        """The Map Run, where all its children have ended and are still known."""
        run = self._account.store.map_runs.get(map_run_arn)
        if run is None:
            return None
        children = list(run.express_children.values())
        is_express = bool(children)
        if not is_express:
            children = [record for record in self._account.store.executions.values() if record.map_run_arn == map_run_arn]
            if not children or len(children) != run.started:
                return None
        if any(record.status == "RUNNING" for record in children):
            return None
        return EndedMapRun(
            arn=run.arn,
            state_machine_arn=run.state_machine_arn,
            state_machine_name=run.state_machine_name,
            is_express=is_express,
            started_at=run.started_at,
            max_concurrency=run.max_concurrency,
            tolerated_failure_count=run.tolerated_failure_count,
            tolerated_failure_percentage=run.tolerated_failure_percentage,
            redrive_count=run.redrive_count,
            execution_count=run.executions.total,
            children=map(_ended_child, sorted(children, key=lambda record: record.number)),
        )

    def redriven(self, map_run: object) -> None:
        """A Map Run goes on."""
        run = cast("MapRun", map_run)
        record = self._account.store.map_runs[run.arn]
        record.run, record.executions, record.items = run, run.executions, run.items
        run.on_end = lambda: self._changed(record)
        self._changed(record)

    def child_redriven(self, map_run: object, execution: object) -> None:
        """A child execution of a Map Run goes on."""
        run, child = cast("MapRun", map_run), cast("Execution", execution)
        record = self._account.store.executions[child.arn]
        record.take_up(child)
        self._account.journal.execution(record)
        child.history.listener = self._account.journal.listener(record)
        child.on_end = self._with_record(record, self._account.store.map_runs[run.arn], child.on_end)

    def child_restarted(self, map_run: object, former_arn: str, execution: object) -> None:
        """A new Express execution begins in the place of the one that had not succeeded."""
        run, child = cast("MapRun", map_run), cast("Execution", execution)
        map_run_record = self._account.store.map_runs[run.arn]
        former = map_run_record.express_children.pop(former_arn)
        record = _child_record(run, child, map_run_record, former.number, former.item_count or 1)
        map_run_record.express_children[record.arn] = record
        child.on_end = self._with_record(record, map_run_record, child.on_end)

    def _with_record(
        self, record: ExecutionRecord, map_run: MapRunRecord, also: Callable[[Execution], None] | None
    ) -> Callable[[Execution], None]:
        """Settles `record` when its execution ends, then tells whom the interpreter tells."""

        def ended(execution: Execution) -> None:
            if record.type == "EXPRESS":
                record.settle()
                record.final_events = []
            else:
                self._account.ended(record)
            if also is not None:
                also(execution)
            self._account.journal.map_run(map_run)

        return ended

    # -------------------------------------------------------------------------------------------------------------------- the operations

    def list(self, params: Params) -> Result:
        record = self._account.find_execution(params["executionArn"])
        runs = [self._account.store.map_runs[arn] for arn in record.map_run_arns]
        runs.sort(key=lambda run: (run.started_at, run.arn))

        def told(run: MapRunRecord) -> Result:
            item: Result = {
                "executionArn": record.arn,
                "mapRunArn": run.arn,
                "stateMachineArn": run.state_machine_arn,
                "startDate": wire_time(run.started_at),
            }
            if run.stopped_at is not None:
                item["stopDate"] = wire_time(run.stopped_at)
            return item

        return listed("mapRuns", runs, lambda run: f"{run.started_at:.6f} {run.arn}", told, params, scope=f"mapRuns {record.arn}")

    def describe(self, params: Params) -> Result:
        run = self._find(params)
        result: Result = {
            "mapRunArn": run.arn,
            "executionArn": run.parent.arn,
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
        if run.redriven_at is not None:
            result["redriveDate"] = wire_time(run.redriven_at)
        if run.stopped_at is not None:
            result["stopDate"] = wire_time(run.stopped_at)
        return result

    def update(self, params: Params) -> Result:
        run = self._find(params)
        if run.run is None:
            message = f"Map Run {run.arn} has ended with the status {run.status} and cannot be updated"
            raise ServiceError("ValidationException", message, {"reason": "CANNOT_UPDATE_COMPLETED_MAP_RUN"})
        names = ("maxConcurrency", "toleratedFailurePercentage", "toleratedFailureCount")
        if all(params.get(name) is None for name in names):
            message = f"At least one of {', '.join(names)} must be specified"
            raise ServiceError("ValidationException", message, {"reason": "MISSING_REQUIRED_PARAMETER"})
        run.run.update(
            max_concurrency=params.get("maxConcurrency"),
            tolerated_failure_count=params.get("toleratedFailureCount"),
            tolerated_failure_percentage=params.get("toleratedFailurePercentage"),
        )
        self._changed(run)
        return {}

    def _find(self, params: Params) -> MapRunRecord:
        arn = parse_arn(params["mapRunArn"], "mapRun").text
        run = self._account.store.map_runs.get(arn)
        if run is None:
            raise resource_not_found(arn)
        run.refresh()
        return run


def _child_record(run: MapRun, child: Execution, map_run: MapRunRecord, number: int, item_count: int) -> ExecutionRecord:
    """The record of a child that begins; children are ordered by `number`."""
    return ExecutionRecord(
        arn=child.arn,
        name=child.name,
        number=number,
        state_machine_arn=run.state_machine_arn,
        state_machine_name=run.state_machine_name,
        type="EXPRESS" if run.is_express else "STANDARD",
        revision=map_run.revision,
        input=child.input_text,
        started_at=child.started_at,
        map_run_arn=run.arn,
        item_count=item_count,
        execution=child,
    )


def _ended_child(record: ExecutionRecord) -> EndedChild:
    return EndedChild(
        arn=record.arn,
        name=record.name,
        input_text=record.input,
        status=cast("ExecutionStatus", record.status),
        output=record.output,
        started_at=record.started_at,
        stopped_at=record.stopped_at,
        redrive_count=record.redrive_count,
        redriven_at=record.redriven_at,
        events=lambda: record.events,
    )
