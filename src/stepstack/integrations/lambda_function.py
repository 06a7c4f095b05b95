"""Lambda functions: `lambda:invoke` and Tasks whose resource is a function's own ARN.

Called by the runner. The payload goes in as JSON, or as it is where it is text already; what the function returns is JSON again. A function
that fails gives the Error Name of its error's type, and its payload as the cause. Source: AWS's developer guide, "Invoke an AWS Lambda
function", and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepstack.clock import Timeline, awaiting
from stepstack.integrations.service_call import Reply, ServiceCaller
from stepstack.interpreter.ports import TaskFailed
from stepstack.json_types import Json, json_text, parse_json

__all__ = ["LambdaFunctions", "invocation_answer"]


class LambdaFunctions:
    """Invokes functions. Raises TaskFailed where a function fails, and what `ServiceCaller.call` raises where Lambda refuses."""

    def __init__(self, caller: ServiceCaller) -> None:
        self._caller = caller

    async def invoke(self, params: Mapping[str, Any], timeline: Timeline) -> Reply:
        """Lambda's reply to Invoke; `params` are the API's. A failing function's cause is its error as compact JSON.

        A durable function of this stack shares the `timeline` of the execution that awaits it.
        """
        reply = await self._reply(params, timeline)
        if reply.content.get("FunctionError"):
            raise _function_failure(reply.content["Payload"], is_compact=True)
        return reply

    async def result(self, function_arn: str, payload: Json, timeline: Timeline, *, region: str | None = None) -> Json:
        """What the function returns, for a Task that names it as its resource. A failing function's cause is its error as it came."""
        reply = await self._reply({"FunctionName": function_arn, "Payload": json_text(payload).encode()}, timeline, region=region)
        if reply.content.get("FunctionError"):
            raise _function_failure(reply.content["Payload"], is_compact=False)
        return _returned(reply.content["Payload"])

    async def _reply(self, params: Mapping[str, Any], timeline: Timeline, *, region: str | None = None) -> Reply:
        with awaiting(timeline):
            reply = await self._caller.call("lambda", "Invoke", params, region=region)
        content = dict(reply.content)
        payload: Any = content.get("Payload")
        if hasattr(payload, "read"):
            payload = payload.read()
        content["Payload"] = payload.encode() if isinstance(payload, str) else payload or b""
        return Reply(content, reply.status, reply.headers, reply.is_aws)


def invocation_answer(reply: Reply) -> dict[str, Json]:
    """What `lambda:invoke` answers, without the SDK's metadata."""
    content = reply.content
    answer: dict[str, Json] = {name: content[name] for name in ("ExecutedVersion", "LogResult") if content.get(name)}
    if content.get("Payload"):
        answer["Payload"] = _returned(content["Payload"])
    answer["StatusCode"] = content.get("StatusCode", reply.status)
    return answer


def _returned(payload: bytes) -> Json:
    if not payload:
        return None
    text = payload.decode("utf-8", "replace")
    try:
        return parse_json(text)
    except ValueError:
        return text


def _function_failure(payload: bytes, *, is_compact: bool) -> TaskFailed:
    text = payload.decode("utf-8", "replace")
    try:
        error = parse_json(text)
    except ValueError:
        error = None
    name = error.get("errorType") if isinstance(error, Mapping) else None
    if isinstance(name, str) and name:
        return TaskFailed(name, json_text(error) if is_compact else text)
    cause = f"The cause could not be determined because Lambda did not return an error type. Returned payload: {text}"
    return TaskFailed("Lambda.Unknown", cause)
