"""CORS of HTTP APIs and function URLs: preflight requests are answered, and other answers tell who may read them.

Called by `api_gateway`. Source: "Configure CORS for HTTP APIs" in the API Gateway developer guide and "Cross-origin resource sharing"
of function URLs in the Lambda developer guide. A REST API answers preflights by methods of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

__all__ = ["CrossOrigin"]


@dataclass(frozen=True, slots=True)
class CrossOrigin:
    """A CORS configuration, its members as headers carry them."""

    origins: tuple[str, ...]
    methods: str
    headers: str
    exposed: str
    maximum_age: str
    has_credentials: bool

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> CrossOrigin:
        """As a template or an OpenAPI document describes it, in either's spelling."""
        members = {name[0].lower() + name[1:]: value for name, value in described.items()}

        def joined(*names: str) -> str:
            value = next((members[name] for name in names if members.get(name)), ())
            return value if isinstance(value, str) else ",".join(map(str, value))

        return cls(
            tuple(part.strip() for part in joined("allowOrigins").split(",") if part.strip()),
            joined("allowMethods"),
            joined("allowHeaders"),
            joined("exposeHeaders"),
            str(members.get("maxAge") or ""),
            str(members.get("allowCredentials", "")).lower() == "true",
        )

    def preflight(self, request: ServiceRequest) -> ServiceResponse | None:
        """The answer to a preflight request; None where the request is none."""
        if request.method != "OPTIONS" or "origin" not in request.headers or "access-control-request-method" not in request.headers:
            return None
        allowed = self._allowed(request)
        if not allowed:
            return ServiceResponse(204)
        told = {
            "Access-Control-Allow-Methods": self.methods,
            "Access-Control-Allow-Headers": self.headers,
            "Access-Control-Max-Age": self.maximum_age,
        }
        return ServiceResponse(204, {**allowed, **{name: value for name, value in told.items() if value}})

    def told(self, request: ServiceRequest, response: ServiceResponse) -> ServiceResponse:
        """An answer with what its reader may know of CORS: what the function says of it counts for nothing beside a configuration."""
        allowed = self._allowed(request)
        if allowed and self.exposed:
            allowed |= {"Access-Control-Expose-Headers": self.exposed}
        kept = {name: value for name, value in response.headers.items() if not name.lower().startswith("access-control-")}
        return replace(response, headers={**kept, **allowed})

    def _allowed(self, request: ServiceRequest) -> dict[str, str]:
        origin = request.headers.get("origin")
        if origin is None or not any(_covers(pattern, origin) for pattern in self.origins):
            return {}
        allowed = {"Access-Control-Allow-Origin": "*" if "*" in self.origins and not self.has_credentials else origin}
        return allowed | ({"Access-Control-Allow-Credentials": "true"} if self.has_credentials else {})


def _covers(pattern: str, origin: str) -> bool:
    """`*`, `https://*`, or an origin."""
    return pattern in {"*", origin} or (pattern.endswith("://*") and origin.startswith(pattern[:-1]))
