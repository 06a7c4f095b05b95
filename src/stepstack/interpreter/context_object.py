"""The Context Object, `$$` and `$states.context`: what a state may know about its execution.

Made by an execution (`Execution` and `StateMachine`) and by each visit of a state (`State`, `Task`, `Map`). Source: the developer guide's
"Accessing execution data from the Context object", recorded executions.
"""

from __future__ import annotations

from stepstack.clock import timestamp_text
from stepstack.json_types import Json, JsonObject

__all__ = ["execution_members"]


def execution_members(
    *,
    execution_arn: str,
    execution_input: Json,
    execution_name: str,
    role_arn: str,
    started_at: float,
    redrive_count: int | None,
    redriven_at: float | None,
    state_machine_arn: str,
    state_machine_name: str,
    is_express: bool = False,
) -> dict[str, Json]:
    """The members that all states of an execution share. Express executions, which nobody can redrive, tell a count, too; TestState's,
    whose `redrive_count` is None, tell none. Express executions, TestState's among them, have the members in another order.
    """
    named: JsonObject = {"Name": execution_name, "RoleArn": role_arn}
    started: JsonObject = {"StartTime": timestamp_text(started_at)}
    execution: dict[str, Json] = {
        "Id": execution_arn,
        "Input": execution_input,
        **({**named, **started} if is_express else {**started, **named}),
    }
    if redrive_count is not None:
        execution["RedriveCount"] = redrive_count
    if redriven_at is not None:
        execution["RedriveTime"] = timestamp_text(redriven_at)
    state_machine: JsonObject = {"Id": state_machine_arn, "Name": state_machine_name}
    return {"Execution": execution, "StateMachine": state_machine}
