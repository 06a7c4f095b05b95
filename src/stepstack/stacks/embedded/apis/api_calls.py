"""A request that has found its route: what authorizers, integrations and events are made from.

Made by `api_gateway`, read by its neighbours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl, unquote

from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

if TYPE_CHECKING:
    from stepstack.stacks.embedded.apis.api import Api
    from stepstack.stacks.embedded.apis.routes import Route
    from stepstack.stacks.embedded.functions.lambda_service import LambdaService

__all__ = ["ApiCall", "Backends", "Json", "member_at"]

Json: TypeAlias = dict[str, Any]


def member_at(value: Any, path: str) -> Any:
    """What `identity.sourceIp` names in nested objects; None where there is nothing."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True, slots=True)
class Backends:
    """What stands behind APIs."""

    functions: LambdaService
    handle: Callable[[ServiceRequest], Awaitable[ServiceResponse]]
    """Answers a request to any service of the stack but Step Functions."""
    step_functions: Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    """`await step_functions("StartExecution", parameters)`"""
    account_id: str
    region: str


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One request to a route of an API."""

    api: Api
    route: Route
    stage: str
    path: str
    """Behind the stage, as sent."""
    parameters: Mapping[str, str]
    """Those of the path."""
    request: ServiceRequest
    account_id: str
    request_id: str
    now: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    @property
    def stage_variables(self) -> Mapping[str, str]:
        return self.api.stages.get(self.stage, {})

    @property
    def queries(self) -> dict[str, list[str]]:
        """The query's parameters, all values of each."""
        found: dict[str, list[str]] = {}
        for name, value in parse_qsl(self.request.query, keep_blank_values=True):
            found.setdefault(name, []).append(value)
        return found

    @property
    def headers(self) -> dict[str, str]:
        """The headers as REST APIs hand them on: `X-Api-Version`."""
        return {"-".join(part.capitalize() for part in name.split("-")): value for name, value in self.request.headers.items()}

    @property
    def method_arn(self) -> str:
        """What policies allow or deny: `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH`."""
        region = self.api.region
        place = f"{self.api.identifier}/{self.stage}/{self.request.method}/{unquote(self.path).lstrip('/')}"
        return f"arn:aws:execute-api:{region}:{self.account_id}:{place}"

    def context(self, authorizer: Mapping[str, Any] | None = None) -> Json:
        """The requestContext of payload format 1.0, which is `$context` of mapping templates, too."""
        request = self.request
        context: Json = {
            "accountId": self.account_id,
            "apiId": self.api.identifier,
            "domainName": request.headers.get("host", ""),
            "domainPrefix": self.api.identifier,
            "extendedRequestId": self.request_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": "127.0.0.1", "userAgent": request.headers.get("user-agent"), "user": None, "userArn": None},
            "path": f"/{self.stage}{self.path}" if self.stage != "$default" else self.path,
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestTime": self.now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "requestTimeEpoch": int(self.now.timestamp() * 1000),
            "resourceId": "resource",
            "resourcePath": self.route.path,
            "stage": self.stage,
        }
        if self.route.requires_key:
            context["identity"] |= {"apiKey": request.headers.get("x-api-key")}
        return context if authorizer is None else {**context, "authorizer": dict(authorizer)}
