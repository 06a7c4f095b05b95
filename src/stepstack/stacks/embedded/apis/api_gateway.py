"""API Gateway: REST APIs, HTTP APIs and function URLs, served over real HTTP.

An API answers below `/execute-api/API-ID/` of the stack's endpoint, and under the host name `API-ID.execute-api...`; a function URL
below `/lambda-url/URL-ID/`, and under `URL-ID.lambda-url...`. A request finds its stage and route, passes the route's authorizer and
its API key, and goes to the route's integration. Called by `embedded.services` (requests) and `template_apis` (definitions). Source:
the API Gateway developer guide. Left out: WebSocket APIs, custom domain names, throttling and quotas, caching.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from urllib.parse import unquote

from stepstack.clock import Randomness
from stepstack.stacks.embedded.apis.api import Api, UsagePlan
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Backends, Json
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault, rendered
from stepstack.stacks.embedded.apis.response_parts import sendable
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse, json_response

__all__ = ["ApiGateway"]

AUTHORIZER_SECONDS = 30.0

_PATH = re.compile(r"/(?:execute-api|lambda-url)/(?P<api>[^/]*)(?P<rest>/.*)?", re.DOTALL)
_HOST = re.compile(r"(?P<api>[a-z0-9]+)\.(?:execute-api|lambda-url)\..+")


class ApiGateway:
    """The APIs of one stack."""

    def __init__(self, backends: Backends, *, randomness: Randomness | None = None) -> None:
        self.apis: dict[str, Api] = {}
        self.keys: dict[str, str] = {}
        """The values of the keys that are enabled, by the keys' ids."""
        self.plans: dict[str, UsagePlan] = {}
        self._backends = backends
        self._randomness = randomness or Randomness()

    def new_identifier(self) -> str:
        """Ten letters and digits."""
        return self._randomness.uuid().replace("-", "")[:10]

    @staticmethod
    def found(request: ServiceRequest) -> tuple[str, str] | None:
        """The id of the API that a request is for and the path behind it; None where it is for none."""
        path = _PATH.fullmatch(request.path)
        if path is not None:
            return path["api"], path["rest"] or "/"
        host = _HOST.fullmatch(request.headers.get("host", ""))
        return (host["api"], request.path) if host else None

    async def handle(self, identifier: str, path: str, request: ServiceRequest) -> ServiceResponse:
        """The answer of an API to one HTTP request."""
        api = self.apis.get(identifier)
        if api is None:
            return _forbidden()
        if api.cross_origin is None:
            return await self._answered(api, path, request)
        return api.cross_origin.preflight(request) or api.cross_origin.told(request, await self._answered(api, path, request))

    async def _answered(self, api: Api, path: str, request: ServiceRequest) -> ServiceResponse:
        stage, path = _stage_and_path(api, path)
        if stage is None and api.is_rest:
            # What an API says of errors is its stages'.
            return _forbidden()
        found = api.route(request.method, path) if stage is not None else None
        request_id = self._randomness.uuid()
        if stage is None or found is None:
            return self._failed(api, GatewayFault("MISSING_AUTHENTICATION_TOKEN"), stage, {"requestId": request_id})
        call = ApiCall(api, found[0], stage, path, found[1], request, self._backends.account_id, request_id)
        try:
            authorizer = await self._authorized(call)
            self._check_key(call, authorizer)
            if found[0].validation is not None:
                found[0].validation.check(call)
            answer = found[0].integration.answer(call, self._backends, authorizer)
            return sendable(await asyncio.wait_for(answer, found[0].timeout_seconds))
        except asyncio.TimeoutError:
            return self._failed(api, GatewayFault("INTEGRATION_TIMEOUT"), call.stage, call.context(), call)
        except GatewayFault as fault:
            return self._failed(api, fault, call.stage, call.context(), call)

    async def _authorized(self, call: ApiCall) -> Json | None:
        """What the route's authorizer tells of the caller; None where the route has none."""
        if call.route.requires_signature and "aws4-hmac-sha256" not in call.request.headers.get("authorization", "").lower():
            # Signatures are not checked, but there has to be one.
            raise GatewayFault("MISSING_AUTHENTICATION_TOKEN" if call.api.is_rest else "ACCESS_DENIED")
        if call.route.authorizer is None:
            return None
        try:
            return await asyncio.wait_for(call.route.authorizer.authorize(call, self._backends), AUTHORIZER_SECONDS)
        except asyncio.TimeoutError:
            raise GatewayFault("AUTHORIZER_CONFIGURATION_ERROR") from None

    def _check_key(self, call: ApiCall, authorizer: Json | None) -> None:
        if not call.route.requires_key or not call.api.is_rest:
            # HTTP APIs have no keys: what asks for one is without effect on AWS, too.
            return
        is_told = call.api.key_source == "AUTHORIZER"
        key = (authorizer or {}).get("usageIdentifierKey") if is_told else call.request.headers.get("x-api-key")
        place = (call.api.identifier, call.stage)
        if not key or not any(key in plan.keys and place in plan.stages for plan in self.plans.values()):
            raise GatewayFault("INVALID_API_KEY")

    @staticmethod
    def _failed(api: Api, fault: GatewayFault, stage: str | None, context: Json, call: ApiCall | None = None) -> ServiceResponse:
        variables = api.stages.get(stage or "", {})
        own = api.gateway_responses
        response = rendered(fault, is_rest=api.is_rest, customised=own, context=context, stage_variables=variables, call=call)
        # The functions of HTTP APIs and of URLs fail with the same words and different statuses.
        return replace(response, status=502) if api.is_url and fault.kind == "PROXY_FAILURE" else response


def _forbidden() -> ServiceResponse:
    return json_response(403, {"message": "Forbidden"}, headers={"x-amzn-ErrorType": "ForbiddenException"})


def _stage_and_path(api: Api, path: str) -> tuple[str | None, str]:
    stage, _, rest = path.lstrip("/").partition("/")
    if unquote(stage) in api.stages and stage != "$default":
        return unquote(stage), "/" + rest
    return ("$default", path) if "$default" in api.stages else (None, path)
