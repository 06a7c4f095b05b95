"""Lambda functions of this process for an engine that runs elsewhere: in a container, behind its LAMBDA_ENDPOINT.

Behind `Stack.lambda_service` where the backend is one of Docker Compose. The functions run on an embedded stack of their own, which listens
on loopback; containers reach it through a router (`stepstack.stacks.lambda_router`) on the one address of this machine that they know,
from the moment that a test asks for functions. `with_alias` writes into a definition whose functions it means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepstack.json_types import Json, json_text, parse_json

if TYPE_CHECKING:
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService
    from stepstack.stacks.lambda_router import LambdaPlace, RouterMember

__all__ = ["LambdaServer", "with_alias"]

_FUNCTION_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9-_]+")
_UNQUALIFIED = re.compile(rf"{_FUNCTION_ARN.pattern}|[A-Za-z0-9-_]+|(?:\d{{12}}:)?function:[A-Za-z0-9-_]+")
_INVOKES = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:(?:lambda:invoke|aws-sdk:lambda:invoke)(?:\.waitForTaskToken)?")


class LambdaServer:
    """Serves the functions of this process at `url`; to containers from `join` on."""

    def __init__(self, place: LambdaPlace, *, region: str) -> None:
        from stepstack.assembly import Settings, embedded_stack

        self._place = place
        self._member: RouterMember | None = None
        self._embedded = embedded_stack(Settings(scale=1.0, region=region, variables={}))
        self.url = self._embedded.endpoint_url
        services = self._embedded.assembly.services
        assert services is not None  # noqa: S101 - asked for by default
        self.service: LambdaService = services.lambda_service

    def join(self) -> None:
        """Containers reach the functions; StackError where they cannot."""
        from stepstack.stacks.compose import host_for_containers
        from stepstack.stacks.lambda_router import RouterMember

        if self._member is None:
            self._member = RouterMember(self._place, host_for_containers(), self.url)
        self._member.join()

    def close(self) -> None:
        if self._member is not None:
            self._member.leave()
        self._embedded.close()


def with_alias(definition: str, alias: str) -> str:
    """`definition` with `alias` behind the name of every function that it names without one; names that it computes stay."""
    try:
        document = parse_json(definition)
    except ValueError:
        return definition
    aliased = _aliased(document, alias)
    return definition if aliased == document else json_text(aliased)


def _aliased(value: Json, alias: str) -> Json:
    if isinstance(value, list):
        return [_aliased(member, alias) for member in value]
    if not isinstance(value, dict):
        return value
    if value.get("Type") == "Task":
        return _aliased_task(value, alias)
    return {name: _aliased(member, alias) for name, member in value.items()}


def _aliased_task(state: Mapping[str, Any], alias: str) -> dict[str, Json]:
    resource = state.get("Resource")
    if not isinstance(resource, str):
        return dict(state)
    if _FUNCTION_ARN.fullmatch(resource):
        return {**state, "Resource": f"{resource}:{alias}"}
    if not _INVOKES.fullmatch(resource):
        return dict(state)
    changed = dict(state)
    for field in ("Parameters", "Arguments"):
        members = state.get(field)
        name = members.get("FunctionName") if isinstance(members, Mapping) and "Qualifier" not in members else None
        if isinstance(name, str) and _UNQUALIFIED.fullmatch(name):
            changed[field] = {**members, "FunctionName": f"{name}:{alias}"}  # type: ignore[dict-item]
    return changed
