"""What botocore knows of a service, loaded when it is first needed: operations, parameters, answers, errors.

Called by the catalog and by the runner. Finding a service by the name that Resource ARNs give it reads no model; a model is read once and
kept while it is among the last `MODELS_KEPT` in use. Source: the service models in botocore; AWS's developer guide, "Supported AWS SDK
service integrations".
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepstack.integrations.model_files import read_model, sdk_services
from stepstack.integrations.sdk_names import capitalised, service_prefix, uncapitalised
from stepstack.integrations.shapes import ShapeCompiler, StructureShape

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from botocore.parsers import ResponseParser
    from botocore.serialize import Serializer

__all__ = ["Operation", "ServiceDescription", "describe", "sdk_service"]

MODELS_KEPT = 24


def sdk_service(spelling: str) -> str | None:
    """Botocore's name of the service that an ARN names behind `aws-sdk:`; None where there is no such service."""
    return sdk_services().get(spelling)


@functools.lru_cache(maxsize=MODELS_KEPT)
def describe(service: str) -> ServiceDescription:
    """The service of that name in botocore (`stepfunctions`)."""
    return ServiceDescription(service, read_model(service))


class Operation:
    """One operation of a service, with its parameters and its answer in either spelling."""

    def __init__(self, service: ServiceDescription, name: str, model: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.model = model
        self.errors: tuple[str, ...] = tuple(error["shape"] for error in model.get("errors", ()))
        """Those that its model names."""

    def parameters(self, *, is_sdk: bool) -> StructureShape:
        return self.service.shapes(is_sdk=is_sdk).structure(self.model.get("input", {}).get("shape"))

    def answer(self, *, is_sdk: bool) -> StructureShape:
        return self.service.shapes(is_sdk=is_sdk).structure(self.model.get("output", {}).get("shape"))

    @functools.cached_property
    def answers_bytes(self) -> bool:
        """Whether the body of an answer is one member of it, and bytes."""
        shape = self.service.model["shapes"].get(self.model.get("output", {}).get("shape"), {})
        member = shape.get("members", {}).get(shape.get("payload"))
        return member is not None and self.service.model["shapes"][member["shape"]]["type"] == "blob"

    @functools.cached_property
    def is_event_stream(self) -> bool:
        """Whether it sends or answers one event after the other, which Step Functions does not do."""
        shapes = self.service.model["shapes"]
        names = [self.model.get(side, {}).get("shape") for side in ("input", "output")]
        members = [member for name in names for member in shapes.get(name, {}).get("members", {}).values()]
        return any(shapes[member["shape"]].get("eventstream") for member in members)

    @property
    def is_head(self) -> bool:
        """Whether it is sent as HEAD, whose answer has no body, be it an error's."""
        return bool(self.model.get("http", {}).get("method") == "HEAD")

    @property
    def botocore_model(self) -> OperationModel:
        return self.service.botocore_model.operation_model(self.name)


class ServiceDescription:
    """A service: its names and its operations."""

    def __init__(self, name: str, model: Mapping[str, Any]) -> None:
        self.name = name
        self.model = model
        metadata = model["metadata"]
        self.service_id: str = metadata.get("serviceId", name)
        self.prefix = service_prefix(self.service_id)
        self.signing_name: str = metadata.get("signingName", metadata["endpointPrefix"])
        self._operations: dict[str, Operation] = {}
        self._shapes = (
            ShapeCompiler(model["shapes"], capitalised, takes_json=False),
            ShapeCompiler(model["shapes"], _sdk_member, takes_json=True),
        )

    @functools.cached_property
    def actions(self) -> Mapping[str, str]:
        """Operations by the action that a Resource ARN names: `{"getItem": "GetItem"}`."""
        named = {uncapitalised(name): name for name in self.model["operations"]}
        named.update({name[:1].lower() + name[1:]: name for name in self.model["operations"]})
        return named

    def operation(self, name: str) -> Operation:
        """The operation of that name in the model (`GetItem`); KeyError where there is none."""
        operation = self._operations.get(name)
        if operation is None:
            operation = self._operations[name] = Operation(self, name, self.model["operations"][name])
        return operation

    def shapes(self, *, is_sdk: bool) -> ShapeCompiler:
        return self._shapes[is_sdk]

    @functools.cached_property
    def errors(self) -> Mapping[str, tuple[str, int]]:
        """Every modelled error by its code on the wire, and by its name: the name, and its HTTP status."""
        found = {}
        for name, shape in self.model["shapes"].items():
            if shape.get("exception"):
                error = shape.get("error", {})
                found[error.get("code", name)] = found[name] = (name, error.get("httpStatusCode", 400))
        return found

    @functools.cached_property
    def botocore_model(self) -> Any:
        from botocore.model import ServiceModel

        return ServiceModel(self.model, service_name=self.name)

    @functools.cached_property
    def serializer(self) -> Serializer:
        from botocore.serialize import create_serializer

        return create_serializer(self.botocore_model.resolved_protocol, include_validation=False)

    @functools.cached_property
    def parser(self) -> ResponseParser:
        from botocore.parsers import create_parser

        return create_parser(self.botocore_model.resolved_protocol)


def _sdk_member(name: str) -> str:
    if name == "NULL":
        return "Nul"  # a word of Java cannot be a name
    spelt = capitalised(uncapitalised(name))
    return "EqualsValue" if spelt == "Equals" else spelt  # every object of Java has a method of that name
