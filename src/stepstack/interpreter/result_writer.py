"""ResultWriter: forms the results of a distributed Map, and puts them into a bucket, with a manifest beside them.

Called by `distributed_map` when the children have ended. Writes `PREFIX/ID/manifest.json` and one file for each outcome that occurred:
`SUCCEEDED_0.json`, `FAILED_0.json`; `.jsonl` with the OutputType JSONL. Without a bucket the results are the state's result, an array in
either OutputType. Left out: splitting files at 5 GB; what a Map Run that failed had come to. Source: the developer guide's "ResultWriter
(Map)".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepstack.clock import timestamp_text
from stepstack.interpreter.failures import call_failure, runtime_failure
from stepstack.interpreter.item_reader import call_s3
from stepstack.interpreter.map_run import MapRun
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import TaskFailed
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, json_text, parse_json
from stepstack.language.resources import TaskResource
from stepstack.language.state_machine import ResultWriter

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution

__all__ = ["ResultTarget", "returned_results"]


class ResultTarget:
    """A ResultWriter with its parameters evaluated."""

    def __init__(self, visit: Visit, writer: ResultWriter, resource: TaskResource, effective: Payload) -> None:
        self._visit = visit
        self._resource = resource
        self._transformation = writer.writer_config.get("Transformation", "NONE")
        self._is_lines = writer.writer_config.get("OutputType") == "JSONL"
        parameters = {} if writer.parameters is None else visit.evaluate(writer.parameters, visit.scope(effective.value))
        if not isinstance(parameters, dict) or not isinstance(parameters.get("Bucket"), str):
            raise runtime_failure(visit, f"The Parameters '{json_text(parameters)}' could not be used to write the results.")
        self._bucket: str = parameters["Bucket"]
        self._prefix = str(parameters.get("Prefix") or "")

    async def write(self, map_run: MapRun, children: Sequence[Execution]) -> Payload:
        """Writes the results of `children`; the state's result, which says where they are."""
        run_id = map_run.arn.rpartition(":")[2]
        folder = f"{self._prefix}/{run_id}" if self._prefix else run_id
        files: dict[str, list[Json]] = {"SUCCEEDED": [], "FAILED": [], "PENDING": []}
        for outcome in ("SUCCEEDED", "FAILED"):
            matching = [child for child in children if (child.status == "SUCCEEDED") is (outcome == "SUCCEEDED")]
            if matching:
                results = [result for child in matching for result in _results(child, self._transformation)]
                body = "".join(f"{json_text(result)}\n" for result in results) if self._is_lines else json_text(results)
                key = f"{folder}/{outcome}_0.{'jsonl' if self._is_lines else 'json'}"
                await self._put(key, body)
                files[outcome].append({"Key": key, "Size": len(body.encode())})
        manifest: dict[str, Json] = {"DestinationBucket": self._bucket, "MapRunArn": map_run.arn, "ResultFiles": files}
        await self._put(f"{folder}/manifest.json", json_text(manifest))
        return Payload({"MapRunArn": map_run.arn, "ResultWriterDetails": {"Bucket": self._bucket, "Key": f"{folder}/manifest.json"}})

    async def _put(self, key: str, body: str) -> None:
        try:
            await call_s3(self._visit, self._resource, {"Bucket": self._bucket, "Key": key, "Body": body})
        except TaskFailed as failed:
            raise call_failure(self._visit, failed, "States.ResultWriterFailed") from failed


def returned_results(children: Sequence[Execution], writer: ResultWriter | None) -> Payload:
    """The state's result where the results are not written to a bucket: an array, formed as `writer` says, or of the children's outputs."""
    transformation = "COMPACT" if writer is None else writer.writer_config.get("Transformation", "COMPACT")
    results: list[Payload] = []
    for child in children:
        if transformation == "COMPACT" and child.output is not None:
            results.append(Payload(parse_json(child.output), child.output))
        else:
            results += [Payload(result) for result in _results(child, transformation)]
    return Payload.array(results)


def _results(child: Execution, transformation: Json) -> list[Json]:
    """One child execution among the results.

    NONE has all about the child, COMPACT its output alone, FLATTEN the items of an output that is an array. What failed is told as by NONE.
    """
    if transformation == "NONE" or child.output is None:
        return [_description(child)]
    output = parse_json(child.output)
    return output if transformation == "FLATTEN" and isinstance(output, list) else [output]


def _description(child: Execution) -> Json:
    members: dict[str, Json] = {}
    if child.cause is not None:
        members["Cause"] = child.cause
    if child.error is not None:
        members["Error"] = child.error
    members["ExecutionArn"] = child.arn
    members["Input"] = child.input_text
    members["InputDetails"] = {"Included": True}
    members["Name"] = child.name
    if child.output is not None:
        members["Output"] = child.output
        members["OutputDetails"] = {"Included": True}
    members["RedriveCount"] = child.redrive_count
    if child.status == "SUCCEEDED":
        members["RedriveStatus"] = "NOT_REDRIVABLE"
        members["RedriveStatusReason"] = f"Execution is {child.status} and cannot be redriven"
    else:
        members["RedriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
    members["StartDate"] = timestamp_text(child.started_at)
    members["StateMachineArn"] = child.state_machine_arn
    members["Status"] = child.status
    if child.stopped_at is not None:
        members["StopDate"] = timestamp_text(child.stopped_at)
    return members
