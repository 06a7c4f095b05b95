"""Lambda's operations on durable executions over HTTP: checkpoints, state, history, callbacks, listing, stopping.

Called by `lambda_api`, whose table of routes these are part of; calls `durable_executions`. Parameters are checked against botocore's
model. Pausing and resuming executions is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import ServiceError
from stepstack.stacks.embedded.functions.durable_executions import DurableExecutions
from stepstack.stacks.embedded.functions.durable_history import seconds
from stepstack.stacks.embedded.functions.durable_operations import invalid
from stepstack.stacks.embedded.request import ServiceResponse, json_response

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.durable_execution import DurableExecution
    from stepstack.stacks.embedded.functions.lambda_api import Call
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService

__all__ = ["DURABLE_ROUTES"]

Json: TypeAlias = dict[str, Any]
Operation: TypeAlias = "Callable[[LambdaService, Call], ServiceResponse]"

PAGE = 100
LONGEST_PAGE = 1000


def _checkpoint(service: LambdaService, call: Call) -> ServiceResponse:
    sent = _checked("CheckpointDurableExecution", {"DurableExecutionArn": call.path["arn"], **call.parameters()})
    # An execution that nobody knows has no token that could be right.
    execution = _found(service.durable, call.path["arn"], "Invalid checkpoint token")
    return json_response(200, execution.checkpoint(sent["CheckpointToken"], sent.get("Updates") or [], sent.get("ClientToken") or ""))


def _state(service: LambdaService, call: Call) -> ServiceResponse:
    execution = _found(service.durable, call.path["arn"], "Invalid checkpoint token")
    return json_response(200, execution.state(call.query("CheckpointToken") or "", call.query("Marker") or "0", _limit(call)))


def _get(service: LambdaService, call: Call) -> ServiceResponse:
    execution = service.durable.execution(call.path["arn"])
    with_data = call.query("IncludeExecutionData") != "false"
    answer = _summary(execution) | {
        "Version": execution.function.version,
        "ExecutionDataIncluded": with_data,
        "DurableConfig": execution.config,
    }
    if execution.is_running:
        answer["ExpectedExecutionTimeoutTimestamp"] = seconds(execution.started_at) + execution.timeout_seconds
    if with_data:
        data = {"InputPayload": execution.payload, "Result": execution.result, "Error": execution.error}
        answer |= {member: value for member, value in data.items() if value is not None}
    return json_response(200, answer)


def _history(service: LambdaService, call: Call) -> ServiceResponse:
    execution = service.durable.execution(call.path["arn"])
    events = execution.history.events(with_data=call.query("IncludeExecutionData") != "false")
    return _page(call, "Events", events[::-1] if call.query("ReverseOrder") == "true" else events)


def _list(service: LambdaService, call: Call) -> ServiceResponse:
    function = service.function(call.path["name"], call.query("Qualifier"), region=call.region)
    is_qualified = service.is_qualified(call.path["name"], call.query("Qualifier"))
    name, statuses = call.query("DurableExecutionName"), call.queries("Statuses")
    after, before = _moment(call.query("StartedAfter"), 0.0), _moment(call.query("StartedBefore"), float("inf"))
    found = [
        _summary(execution)
        for execution in service.durable.listed(function)
        if (not is_qualified or execution.function.version == function.version)
        and name in {None, execution.name}
        and (not statuses or execution.status in statuses)
        and after < seconds(execution.started_at) < before
    ]
    return _page(call, "DurableExecutions", found[::-1] if call.query("ReverseOrder") == "true" else found)


def _stop(service: LambdaService, call: Call) -> ServiceResponse:
    execution = service.durable.execution(call.path["arn"])
    execution.stop(_error(call))
    return json_response(200, {"StopTimestamp": seconds(execution.ended_at or 0)})


def _delete(service: LambdaService, call: Call) -> ServiceResponse:
    execution = service.durable.execution(call.path["arn"])
    service.durable.delete(execution)
    return json_response(202, {"DeletionRequestTimestamp": datetime.now(timezone.utc).timestamp()})


def _succeed(service: LambdaService, call: Call) -> ServiceResponse:
    execution, operation = service.durable.open_callback(call.path["callback"])
    result = call.request.body.decode("utf-8", "replace")
    execution.end_callback(operation, "SUCCEEDED", result=result or None)
    return json_response(200, {})


def _fail(service: LambdaService, call: Call) -> ServiceResponse:
    execution, operation = service.durable.open_callback(call.path["callback"])
    execution.end_callback(operation, "FAILED", error=_error(call) or {})
    return json_response(200, {})


def _heartbeat(service: LambdaService, call: Call) -> ServiceResponse:
    execution, operation = service.durable.open_callback(call.path["callback"])
    execution.heartbeat(operation)
    return json_response(200, {})


DURABLE_ROUTES: list[tuple[str, str, Operation]] = [
    ("POST", "/durable-executions/{arn}/checkpoint", _checkpoint),
    ("GET", "/durable-executions/{arn}/state", _state),
    ("GET", "/durable-executions/{arn}/history", _history),
    ("GET", "/durable-executions/{arn}", _get),
    ("DELETE", "/durable-executions/{arn}", _delete),
    ("POST", "/durable-executions/{arn}/stop", _stop),
    ("GET", "/functions/{name}/durable-executions", _list),
    ("POST", "/durable-execution-callbacks/{callback}/succeed", _succeed),
    ("POST", "/durable-execution-callbacks/{callback}/fail", _fail),
    ("POST", "/durable-execution-callbacks/{callback}/heartbeat", _heartbeat),
]
"""Method, path and operation."""


def _found(executions: DurableExecutions, arn: str, otherwise: str) -> DurableExecution:
    try:
        return executions.execution(arn)
    except ServiceError as refusal:
        if refusal.error_code == "ResourceNotFoundException":
            raise invalid(otherwise) from refusal
        raise


def _summary(execution: DurableExecution) -> Json:
    summary: Json = {
        "DurableExecutionArn": execution.arn,
        "DurableExecutionName": execution.name,
        "FunctionArn": execution.arn.partition("/")[0],
        "Status": execution.status,
        "StartTimestamp": seconds(execution.started_at),
    }
    if execution.ended_at is not None:
        summary["EndTimestamp"] = seconds(execution.ended_at)
    return summary


def _checked(operation: str, parameters: Json) -> Json:
    """The parameters, once botocore's model has nothing against them."""
    from botocore.validate import ParamValidator

    from stepstack.integrations.service_model import describe

    report = ParamValidator().validate(parameters, describe("lambda").operation(operation).botocore_model.input_shape)
    if report.has_errors():
        raise invalid(report.generate_report())
    return parameters


def _error(call: Call) -> Mapping[str, Any] | None:
    """The error in a request's body, where it has one."""
    if not call.request.body:
        return None
    given = call.parameters()
    return {member: given[member] for member in ("ErrorMessage", "ErrorType", "ErrorData", "StackTrace") if given.get(member)} or None


def _limit(call: Call) -> int:
    text = call.query("MaxItems") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_PAGE:
        raise invalid(f"MaxItems is a number from 0 to {LONGEST_PAGE}, not {text}")
    return int(text) or PAGE


def _page(call: Call, member: str, entries: list[Json]) -> ServiceResponse:
    marker = call.query("Marker") or "0"
    if not marker.isascii() or not marker.isdigit():
        raise invalid("Invalid marker")
    start, limit = int(marker), _limit(call)
    answer: Json = {member: entries[start : start + limit]}
    if start + limit < len(entries):
        answer["NextMarker"] = str(start + limit)
    return json_response(200, answer)


def _moment(text: str | None, otherwise: float) -> float:
    if text is None:
        return otherwise
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"{text} is no timestamp") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
