"""Where the resources of a template are made: what a maker may use, and what it gives back.

Called by the makers of resources (`template_resources`, `template_functions`, `template_events`) and `template_application`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.errors import ServiceError, UnsupportedFeature
from stepstack.stacks.embedded.request import call_operation, error_code_of

if TYPE_CHECKING:
    from stepstack.stacks.embedded.services import EmbeddedServices

__all__ = ["Json", "Made", "ResourceType", "StepFunctions", "Workshop", "names", "undone"]

Json: TypeAlias = dict[str, Any]
StepFunctions: TypeAlias = "Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]"


@dataclass(slots=True)
class Made:
    """A resource that is there."""

    reference: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    delete: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where resources are made."""

    services: EmbeddedServices
    step_functions: StepFunctions
    folder: Path
    stack_name: str
    suffix: str
    layers: dict[str, Path] = field(default_factory=dict)
    """The folders of the template's layers, by the layers' ARNs."""
    outer: tuple[Path, ...] = ()
    """The templates of the stacks that this one is nested in, and its own."""

    @property
    def region(self) -> str:
        return self.services.region

    @property
    def account_id(self) -> str:
        return self.services.account_id

    def name(self, logical_id: str, longest: int = 64) -> str:
        """A name for a resource that has none in the template, as CloudFormation makes them."""
        return f"{self.stack_name}-{logical_id}"[: longest - len(self.suffix) - 1] + f"-{self.suffix}"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    async def call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> Json:
        """One operation of the embedded services."""
        return await call_operation(self.services.handle, service, operation, parameters, self.region)

    async def rest(self, service: str, method: str, path: str, body: bytes = b"") -> bytes:
        """One request to an embedded service that speaks REST; ServiceError where it refuses."""
        return await self.send(service, method, path, {}, body)

    async def send(self, service: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
        """One request to an embedded service, with headers of its own; ServiceError where it refuses."""
        url = f"http://stack{path}"
        status, received, answer = await self.services.transport(method, url, headers, body, service=service, region=self.region)
        if status >= 300:
            told = answer.decode("utf-8", "replace")[:500]
            raise ServiceError(error_code_of(status, received, answer), f"{method} {path} failed with status {status}: {told}")
        return answer


Maker: TypeAlias = "Callable[[Workshop, str, Json], Awaitable[Made]]"


@dataclass(frozen=True, slots=True)
class ResourceType:
    """How resources of a type are made; `ignored` properties have no effect here."""

    make: Maker
    properties: frozenset[str]
    ignored: frozenset[str] = frozenset()

    def check(self, logical_id: str, type_name: str, properties: Json) -> None:
        """Raises UnsupportedFeature for a property that is neither used nor known to have no effect."""
        unknown = sorted(properties.keys() - self.properties - self.ignored)
        if unknown and "*" not in self.ignored:
            raise UnsupportedFeature(f"the resource {logical_id} ({type_name}) has the property {unknown[0]}, which is not supported here")


@asynccontextmanager
async def undone(delete: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """What is done to a resource in the body belongs to it: where that fails, the resource is deleted."""
    try:
        yield
    except BaseException:
        await delete()
        raise


def names(text: str) -> frozenset[str]:
    """The names in a text, for the properties of a resource's type."""
    return frozenset(text.split())
