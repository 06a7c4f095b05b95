"""Custom resources of a template: a function is told to create or delete something and answers to a URL of the stack.

`CustomResources` waits for the answers, which functions PUT to `/custom-resource-responses/ID`. Called by `template_resources` and, for the
answers, by `embedded.services`. Source: "Custom resources" in the CloudFormation user guide. Left out: updates, topics as service tokens.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeAlias

from stepstack.clock import Randomness
from stepstack.errors import SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.functions.lambda_service import LambdaService
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse
from stepstack.stacks.embedded.templates.template_intrinsics import value_text

__all__ = ["CustomResources"]

Json: TypeAlias = dict[str, Any]

PATH_PREFIX = "/custom-resource-responses/"
ANSWER_SECONDS = 60.0
"""CloudFormation waits for an hour, which no test does; a resource's ServiceTimeout says otherwise."""


class CustomResources:
    """The answers that a stack waits for."""

    def __init__(self, functions: LambdaService, *, randomness: Randomness | None = None) -> None:
        self._functions = functions
        self._randomness = randomness or Randomness()
        self._waiting: dict[str, asyncio.Future[Json]] = {}

    def is_answer(self, request: ServiceRequest) -> bool:
        """Whether a request is an answer of a function."""
        return request.method == "PUT" and request.path.startswith(PATH_PREFIX)

    async def receive(self, request: ServiceRequest) -> ServiceResponse:
        """Takes an answer in."""
        waiting = self._waiting.pop(request.path[len(PATH_PREFIX) :], None)
        try:
            answer = request.json()
        except ValueError:
            answer = None
        if waiting is None or not isinstance(answer, dict):
            return ServiceResponse(403)
        if not waiting.done():
            waiting.get_loop().call_soon_threadsafe(waiting.set_result, answer)
        return ServiceResponse(200)

    async def ask(self, request_type: str, logical_id: str, properties: Json, *, endpoint_url: str, event: Json) -> Json:
        """What the function answers to a request of `request_type`: Create or Delete. Raises SettingsError where it fails."""
        token = str(properties.get("ServiceToken", ""))
        if ":lambda:" not in token:
            raise UnsupportedFeature(f"the custom resource {logical_id} has the ServiceToken {token!r}; only functions are supported here")
        identifier = self._randomness.uuid()
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[identifier] = waiting
        message = {
            **event,
            "RequestType": request_type,
            "RequestId": identifier,
            "ResponseURL": f"{endpoint_url}{PATH_PREFIX}{identifier}",
            "LogicalResourceId": logical_id,
            "ServiceToken": token,
            "ResourceProperties": _texts(properties),
        }
        seconds = float(properties.get("ServiceTimeout") or ANSWER_SECONDS)
        try:
            await self._functions.invoke(token, json.dumps(message).encode(), invocation_type="Event")
            answer = await asyncio.wait_for(waiting, seconds)
        except asyncio.TimeoutError:
            message_text = f"the custom resource {logical_id} was not answered within {seconds:g} seconds: see the log of {token}"
            raise SettingsError(message_text) from None
        finally:
            self._waiting.pop(identifier, None)
        if answer.get("Status") != "SUCCESS":
            raise SettingsError(f"the custom resource {logical_id} failed: {answer.get('Reason') or 'no reason given'}")
        return answer


def _texts(value: Any) -> Any:
    """A property as CloudFormation sends it: every scalar is text."""
    if isinstance(value, dict):
        return {name: _texts(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_texts(part) for part in value]
    return value_text(value)
