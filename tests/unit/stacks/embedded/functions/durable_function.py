"""A durable function's side of the protocol, as far as tests need it: AWS's SDK wants a newer Python than stepstack does."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

Update = dict[str, Any]


class Suspended(Exception):
    """The function can do nothing before something outside of it has happened."""


class Failed(Exception):
    """An operation has failed, or is to fail."""


class Replay:
    """One invocation. `update` reports; `step`, `wait` and the rest answer from what was reported before, or begin."""

    def __init__(self, event: dict[str, Any], client: Any) -> None:
        self.arn = event["DurableExecutionArn"]
        self.token = event["CheckpointToken"]
        self.event = event
        self._client = client
        state = event["InitialExecutionState"]
        self.operations = {operation["Id"]: operation for operation in state["Operations"]}
        marker = state["NextMarker"]
        while marker:
            page = client.get_durable_execution_state(DurableExecutionArn=self.arn, CheckpointToken=self.token, Marker=marker)
            self._take(page["Operations"])
            marker = page.get("NextMarker")

    @property
    def input(self) -> Any:
        return json.loads(self.operations[self.arn.rpartition("/")[2]]["ExecutionDetails"]["InputPayload"])

    def update(self, *updates: Update, **more: Any) -> None:
        answer = self._client.checkpoint_durable_execution(
            DurableExecutionArn=self.arn, CheckpointToken=self.token, Updates=list(updates), **more
        )
        self.token = answer.get("CheckpointToken")
        self._take(answer["NewExecutionState"]["Operations"])

    def step(self, name: str, work: Callable[[], Any], *, retry_seconds: int = 0) -> Any:
        known = self.operations.get(name)
        if known is not None and known["Status"] in {"SUCCEEDED", "FAILED"}:
            return self._outcome(known, "StepDetails")
        if known is not None and known["Status"] == "PENDING":
            raise Suspended
        common = {"Id": name, "Type": "STEP", "Name": name}
        try:
            result = work()
        except Failed as error:
            failure = {"Error": {"ErrorMessage": str(error), "ErrorType": "Failed"}}
            if not retry_seconds:
                self.update({**common, "Action": "START"}, {**common, "Action": "FAIL", **failure})
                raise
            options = {"StepOptions": {"NextAttemptDelaySeconds": retry_seconds}}
            self.update({**common, "Action": "START"}, {**common, "Action": "RETRY", **failure, **options})
            raise Suspended from error
        self.update({**common, "Action": "START"}, {**common, "Action": "SUCCEED", "Payload": json.dumps(result)})
        return result

    def wait(self, name: str, seconds: int) -> None:
        self.awaited({"Id": name, "Type": "WAIT", "WaitOptions": {"WaitSeconds": seconds}}, "WaitDetails")

    def callback(self, name: str, **options: int) -> Any:
        return self.awaited({"Id": name, "Type": "CALLBACK", "CallbackOptions": options}, "CallbackDetails")

    def invoke(self, name: str, function: str, payload: Any) -> Any:
        chained = {"Payload": json.dumps(payload), "ChainedInvokeOptions": {"FunctionName": function}}
        return self.awaited({"Id": name, "Type": "CHAINED_INVOKE", **chained}, "ChainedInvokeDetails")

    def awaited(self, start: Update, details: str) -> Any:
        if start["Id"] not in self.operations:
            self.update({**start, "Name": start["Id"], "Action": "START"})
        operation = self.operations[start["Id"]]
        if operation["Status"] == "STARTED":
            raise Suspended
        return self._outcome(operation, details)

    def _take(self, operations: list[dict[str, Any]]) -> None:
        self.operations.update({operation["Id"]: operation for operation in operations})

    @staticmethod
    def _outcome(operation: dict[str, Any], details: str) -> Any:
        content = operation.get(details, {})
        if operation["Status"] != "SUCCEEDED":
            error = content.get("Error") or {}
            raise Failed(f"{operation['Status']} {error.get('ErrorType')}: {error.get('ErrorMessage')}")
        return json.loads(content["Result"]) if content.get("Result") else None


def durable_handler(body: Callable[[Replay], Any], client: Any) -> Callable[[Any, Any], Any]:
    """A Lambda handler that runs `body` durably."""

    @wraps(body)
    def handler(event: Any, _context: Any) -> Any:
        replay = Replay(event, client)
        try:
            return {"Status": "SUCCEEDED", "Result": json.dumps(body(replay))}
        except Suspended:
            return {"Status": "PENDING"}
        except Failed as error:
            return {"Status": "FAILED", "Error": {"ErrorMessage": str(error), "ErrorType": "Failed"}}

    return handler
