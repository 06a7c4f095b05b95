"""Request validators of REST APIs: required parameters, and bodies that have to fit a model.

Compiled by `routes`, asked by `api_gateway` before a request goes on; the models are in `request_models`. Source: "Request validation
for REST APIs in API Gateway" in the developer guide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepstack.errors import UnsupportedFeature
from stepstack.stacks.embedded.apis.api_calls import ApiCall, Json
from stepstack.stacks.embedded.apis.gateway_responses import GatewayFault

__all__ = ["MODELS", "RequestValidation", "validation_of"]

MODELS = "x-stepstack-models"
"""Where a document has the models that are resources of their own, by their names."""

_VALIDATOR = "x-amazon-apigateway-request-validator"


@dataclass(frozen=True, slots=True)
class RequestValidation:
    """What a route demands of a request."""

    required: tuple[tuple[str, str], ...]
    """Pairs of a place (`header`, `query`, `path`) and a name."""
    models: Mapping[str, Any]
    """Validators of bodies, by content type."""

    def check(self, call: ApiCall) -> None:
        """GatewayFault where the request is not as it has to be."""
        missing = [name for place, name in self.required if not _has(call, place, name)]
        if missing:
            raise GatewayFault("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
        content_type = call.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        model = self.models.get(content_type) or self.models.get("$default")
        if model is None:
            return
        try:
            is_valid = model.is_valid(json.loads(call.request.body or b"null"))
        except (ValueError, RecursionError):
            is_valid = False
        if not is_valid:
            raise GatewayFault("BAD_REQUEST_BODY")


def _has(call: ApiCall, place: str, name: str) -> bool:
    """Whether a parameter is there and not blank."""
    if place == "query":
        return any(value.strip() for value in call.queries.get(name, ()))
    value = call.request.headers.get(name.lower()) if place == "header" else call.parameters.get(name)
    return bool(value and value.strip())


def validation_of(where: str, operation: Json, document: Json) -> RequestValidation | None:
    """What an operation's validator demands; None where it has none. `document` has the validators and the models.

    Raises UnsupportedFeature where the validator or a model is not there.
    """
    name = operation.get(_VALIDATOR) or document.get(_VALIDATOR)
    if not name:
        return None
    told = (document.get("x-amazon-apigateway-request-validators") or {}).get(str(name))
    if told is None:
        raise UnsupportedFeature(f"{where} has the request validator {name}, which is not there")
    parameters = operation.get("parameters") or []
    required: tuple[tuple[str, str], ...] = ()
    if _is_true(told.get("validateRequestParameters")):
        required = tuple((one["in"], one["name"]) for one in parameters if _is_true(one.get("required")) and one.get("in") in _PLACES)
    models = {}
    if _is_true(told.get("validateRequestBody")):
        models = {kind: _compiled(where, schema, document) for kind, schema in _schemas(operation)}
    return RequestValidation(required, models)


_PLACES = frozenset({"header", "path", "query"})


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _schemas(operation: Json) -> Iterator[tuple[str, Json]]:
    """The models of an operation's body by content type, in OpenAPI 3 and in Swagger 2."""
    for kind, content in ((operation.get("requestBody") or {}).get("content") or {}).items():
        if content.get("schema"):
            yield kind.lower(), content["schema"]
    for parameter in operation.get("parameters") or ():
        if parameter.get("in") == "body" and parameter.get("schema"):
            yield "application/json", parameter["schema"]


def _compiled(where: str, schema: Json, document: Json) -> Any:
    # It imports jsonschema, which takes a while and which few APIs need.
    from stepstack.stacks.embedded.apis.request_models import compiled_model

    # References such as #/definitions/Order lead into the document.
    whole: Json = {**{name: document[name] for name in ("definitions", "components") if name in document}, **schema}
    try:
        return compiled_model(whole, document.get(MODELS) or {})
    except ValueError as error:
        raise UnsupportedFeature(f"{where} has its body validated by {error}") from None
