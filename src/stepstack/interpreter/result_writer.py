"""ResultWriter: puts the results of a distributed Map into a bucket, and a manifest beside them.

Called by `distributed_map` when the children have ended. Writes `PREFIX/ID/manifest.json` and one file for each outcome that occurred:
`SUCCEEDED_0.json`, `FAILED_0.json`; `.jsonl` with the OutputType JSONL. Left out: splitting files at 5 GB. Source: the developer guide's
"ResultWriter (Map)".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stepstack.interpreter.context_object import timestamp_text
from stepstack.interpreter.failures import StateFailed, runtime_failure
from stepstack.interpreter.item_reader import call_s3
from stepstack.interpreter.map_run import MapRun
from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure, TaskFailed
from stepstack.interpreter.visit import Visit
from stepstack.json_types import Json, json_text, parse_json
from stepstack.language.resources import TaskResource
from stepstack.language.state_machine import ResultWriter

if TYPE_CHECKING:
    from stepstack.interpreter.execution import Execution

__all__ = ["ResultTarget", "written_results"]


class ResultTarget:
    """A ResultWriter with its parameters evaluated."""

    def __init__(self, visit: Visit, writer: ResultWriter, resource: TaskResource, effective: Payload) -> None:
        self._visit = visit
        self._resource = resource
        self._config = writer.writer_config
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
        for outcome, written in files.items():
            matching = [child for child in children if _outcome(child) == outcome]
            if matching:
                results = [result for child in matching for result in written_results(child, self._config)]
                body = "".join(f"{json_text(result)}\n" for result in results) if self._is_lines else json_text(results)
                key = f"{folder}/{outcome}_0.{'jsonl' if self._is_lines else 'json'}"
                await self._put(key, body)
                written.append({"Key": key, "Size": len(body.encode())})
        manifest: dict[str, Json] = {"DestinationBucket": self._bucket, "MapRunArn": map_run.arn, "ResultFiles": files}
        await self._put(f"{folder}/manifest.json", json_text(manifest))
        return Payload({"MapRunArn": map_run.arn, "ResultWriterDetails": {"Bucket": self._bucket, "Key": f"{folder}/manifest.json"}})

    async def _put(self, key: str, body: str) -> None:
        try:
            await call_s3(self._visit, self._resource, {"Bucket": self._bucket, "Key": key, "Body": body})
        except TaskFailed as failed:
            raise StateFailed(StateFailure("States.ResultWriterFailed", failed.failure.cause)) from failed


def written_results(child: Execution, config: Mapping[str, Json]) -> list[Json]:
    """One child execution as a result file has it, by WriterConfig's Transformation.

    NONE has all about the child, COMPACT its output alone, FLATTEN the items of an output that is an array. What failed is told as by NONE.
    """
    transformation = config.get("Transformation")
    if transformation not in ("COMPACT", "FLATTEN") or child.output is None:
        return [_description(child)]
    output = parse_json(child.output)
    return output if transformation == "FLATTEN" and isinstance(output, list) else [output]


def _description(child: Execution) -> Json:
    members: dict[str, Json] = {
        "ExecutionArn": child.arn,
        "Input": child.input_text,
        "InputDetails": {"Included": True},
        "Name": child.name,
    }
    if child.output is not None:
        members["Output"] = child.output
        members["OutputDetails"] = {"Included": True}
    if child.error is not None:
        members["Error"] = child.error
    if child.cause is not None:
        members["Cause"] = child.cause
    members["StartDate"] = timestamp_text(child.started_at)
    members["StateMachineArn"] = child.state_machine_arn
    members["Status"] = child.status
    if child.stopped_at is not None:
        members["StopDate"] = timestamp_text(child.stopped_at)
    return members


def _outcome(child: Execution) -> str:
    if child.status == "SUCCEEDED":
        return "SUCCEEDED"
    return "PENDING" if child.status == "ABORTED" else "FAILED"
