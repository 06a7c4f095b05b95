"""One API: its routes, stages, keys and what it says of errors and of other origins.

Made by `template_apis` (APIs) and `template_functions` (function URLs), asked by `api_gateway`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from stepstack.stacks.embedded.apis.api_calls import Json
from stepstack.stacks.embedded.apis.cross_origin import CrossOrigin
from stepstack.stacks.embedded.apis.gateway_responses import GatewayResponse, gateway_response
from stepstack.stacks.embedded.apis.request_validation import MODELS
from stepstack.stacks.embedded.apis.routes import Guard, Route, guards_of, route_of, routes_of

__all__ = ["Api", "UsagePlan"]


@dataclass(slots=True)
class UsagePlan:
    """Which stages the keys of a plan open."""

    stages: frozenset[tuple[str, str]]
    """Pairs of an API's id and a stage."""
    keys: set[str] = field(default_factory=set)
    """The keys' values."""


class Api:
    """An API, made from an OpenAPI document with API Gateway's extensions, and from routes that are added."""

    def __init__(
        self, identifier: str, document: Json, *, is_rest: bool, binary_types: tuple[str, ...] = (), region: str = "us-east-1"
    ) -> None:
        self.identifier = identifier
        self.is_rest = is_rest
        self.region = region
        self.is_url = False
        """Whether it is a function's URL."""
        self.key_source = str(document.get("x-amazon-apigateway-api-key-source") or "HEADER").upper()
        """HEADER, or AUTHORIZER, which tells a caller's key."""
        self.stages: dict[str, Mapping[str, str]] = {}
        """The stages' variables, by the stages' names."""
        self.models: dict[str, Json] = {"Empty": {}, "Error": {"type": "object"}}
        """The schemas of models, by their names; every API has these two."""
        self.document: Json = {"x-amazon-apigateway-request-validators": {}, **document, MODELS: self.models}
        """What its routes were made from; request validators and models of their own are added to it."""
        self.binary_types = tuple(binary_types) + tuple(document.get("x-amazon-apigateway-binary-media-types") or ())
        self.guards: dict[str, Guard] = guards_of(document, is_rest=is_rest)
        """By the names of security schemes, and by the ids of authorizers."""
        self.routes = sorted(routes_of(document, self.guards, is_rest=is_rest), key=Route.rank)
        self.integrations: dict[str, Json] = {}
        """An HTTP API's, by their ids, as OpenAPI documents have them."""
        described = document.get("x-amazon-apigateway-gateway-responses") or {}
        self.gateway_responses: dict[str, GatewayResponse] = {kind: gateway_response(told) for kind, told in described.items()}
        cors = document.get("x-amazon-apigateway-cors")
        self.cross_origin: CrossOrigin | None = CrossOrigin.of(cors) if cors else None
        self.root = f"{identifier}-root"
        self._paths = {self.root: "/"}
        """A REST API's, by the ids of their resources."""

    def add_path(self, parent: str, part: str) -> str:
        """The id of a new resource below another."""
        identifier = f"{self.identifier}-{len(self._paths)}"
        self._paths[identifier] = f"{self._paths[parent].rstrip('/')}/{part}"
        return identifier

    def add_route(self, place: str, method: str, operation: Json) -> None:
        """Takes a method in; `place` is a path or a resource's id. UnsupportedFeature where its operation is not supported."""
        route = route_of(self._paths.get(place, place), method, operation, self.guards, is_rest=self.is_rest, document=self.document)
        self.routes = sorted([*self.routes, route], key=Route.rank)

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The route for a request and its path parameters."""
        for route in self.routes:
            found = route.pattern.fullmatch(path)
            if found is not None and route.method in {method, "ANY"}:
                return route, dict(zip(route.names, map(unquote, found.groups()), strict=True))
        return None
