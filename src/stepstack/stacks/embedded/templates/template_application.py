"""An application deployed from its template into the embedded stack, as CloudFormation would deploy it.

`deploy` makes the resources in the order in which they need each other, and undoes what it has made where one fails. Called by
`stepstack up --template` and the plugin's fixture; calls `template`, `template_intrinsics` and `template_resources`. Left out: updates
of an application, rollback triggers, drift.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from stepstack.clock import Randomness
from stepstack.errors import ServiceError, SettingsError, UnsupportedFeature
from stepstack.stacks.embedded.templates.dynamic_references import resolved, stored_parameters
from stepstack.stacks.embedded.templates.template import LOCAL_BUCKET, Template, load_template
from stepstack.stacks.embedded.templates.template_assets import asset_path
from stepstack.stacks.embedded.templates.template_intrinsics import Intrinsics, needed_resources, pseudo_parameters, value_text
from stepstack.stacks.embedded.templates.template_resources import resource_type
from stepstack.stacks.embedded.templates.template_workshop import Made, StepFunctions, Workshop

if TYPE_CHECKING:
    from stepstack.stacks.embedded.services import EmbeddedServices
    from stepstack.stacks.embedded.templates.deployed_stacks import DeployedStacks

__all__ = ["Application", "deploy"]

Json: TypeAlias = dict[str, Any]

_log = logging.getLogger("stepstack.embedded")

_GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist")
"""In the code of a service's error."""

_CODE = ("Code", "Content", "DefinitionS3Location")
"""The properties that name a place in S3."""

_API_URL = re.compile(r"https?://([a-z0-9]{10})\.execute-api\.[a-z0-9-]+\.amazonaws\.com")


class Application:
    """What a template has become; `outputs` are by their names, `physical_ids` by the resources' logical ids."""

    def __init__(self, name: str, stack_id: str, stacks: DeployedStacks) -> None:
        self.name = name
        self.stack_id = stack_id
        self.created_at = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.outputs: dict[str, str] = {}
        self.physical_ids: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self._stacks = stacks
        self._made: dict[str, Made] = {}

    def reference(self, name: str) -> Any:
        """What Ref gives."""
        return self._made[name].reference

    def attribute(self, name: str, attribute: str) -> Any:
        """What Fn::GetAtt gives; KeyError where there is no such attribute."""
        return self._made[name].attributes[attribute]

    def add(self, logical_id: str, type_name: str, made: Made) -> None:
        """Takes a resource in."""
        self._made[logical_id] = made
        self.physical_ids[logical_id] = made.reference
        self.types[logical_id] = type_name

    async def delete(self) -> None:
        """Deletes the resources, the last made first. All are tried; the first failure is raised.

        What is gone already is as good as deleted, as for CloudFormation.
        """
        self._stacks.remove(self)
        failure: Exception | None = None
        for logical_id in reversed(list(self._made)):
            made = self._made.pop(logical_id)
            try:
                if made.delete is not None:
                    await made.delete()
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are tried
                if not (isinstance(error, ServiceError) and _GONE.search(error.error_code)):
                    failure = failure or error
        if failure is not None:
            raise failure


async def deploy(
    path: Path | str,
    services: EmbeddedServices,
    step_functions: StepFunctions,
    *,
    name: str = "stack",
    parameters: Mapping[str, str] | None = None,
    randomness: Randomness | None = None,
    outer: tuple[Path, ...] = (),
) -> Application:
    """Deploys the template at `path`; runs on the stack's loop.

    `step_functions(operation, parameters)` makes the state machines; `outer` are the templates that a nested one is in, and its own.
    Raises SettingsError where the template is wrong, UnsupportedFeature where it has what is not supported, and ServiceError where a
    service refuses a resource.
    """
    # Reading a SAM template takes seconds, in which the stack answers others.
    template = await asyncio.to_thread(load_template, Path(path), parameters, region=services.region)
    suffix = (randomness or Randomness()).uuid().replace("-", "")[:12].upper()
    workshop = Workshop(services, step_functions, template.folder, name, suffix, outer=outer or (template.path,))
    template = await _with_stored_parameters(template, workshop)
    application = Application(name, workshop.arn("cloudformation", f"stack/{name}/{suffix}"), services.deployed_stacks)
    intrinsics = _intrinsics(template, workshop, application)
    wanted = {
        logical_id: resource
        for logical_id, resource in template.resources.items()
        if "Condition" not in resource or intrinsics.condition(resource["Condition"])
    }
    _check_types(wanted)
    services.deployed_stacks.add(application)
    try:
        for logical_id in _in_order(wanted):
            made = await _make(workshop, intrinsics, logical_id, wanted[logical_id])
            application.add(logical_id, str(wanted[logical_id]["Type"]), made)
        for output, described in template.outputs.items():
            if "Condition" not in described or intrinsics.condition(described["Condition"]):
                value = await resolved(workshop, intrinsics.evaluate(described.get("Value")))
                application.outputs[output] = _local(value_text(value), services.endpoint_url)
                if described.get("Export"):
                    services.deployed_stacks.export(application, str(intrinsics.evaluate(described["Export"]["Name"])), value_text(value))
    except BaseException:
        await _undo(application)
        raise
    return application


async def _undo(application: Application) -> None:
    """Deletes what a deployment had made before it failed; what cannot be deleted must not hide why it failed."""
    try:
        await application.delete()
    except Exception as fault:  # noqa: BLE001 - whatever it is, the deployment's own failure is raised
        _log.error("what the stack %s had made is not all deleted: %s", application.name, fault)


async def _with_stored_parameters(template: Template, workshop: Workshop) -> Template:
    """The template with the values that Parameter Store has for its parameters. Raises SettingsError where one is used that it lacks."""
    if not template.stored:
        return template
    values = await stored_parameters(workshop, template.stored, lists=template.stored_lists)
    missing = {name: stored for name, stored in template.stored.items() if name not in values}
    used = next(needed_resources([*template.resources.values(), *template.outputs.values()], missing), None)
    if used is not None:
        raise SettingsError(f"the parameter {used} is what Parameter Store has by the name {missing[used]}, and nobody has stored that")
    return replace(template, parameters={**template.parameters, **values})


def _intrinsics(template: Template, workshop: Workshop, application: Application) -> Intrinsics:
    return Intrinsics(
        pseudo_parameters=pseudo_parameters(
            region=workshop.region,
            account_id=workshop.account_id,
            stack_name=workshop.stack_name,
            stack_id=application.stack_id,
        ),
        parameters=template.parameters,
        mappings=template.mappings,
        conditions=template.conditions,
        resources=application,
        exported=workshop.services.deployed_stacks.exported,
    )


def _check_types(resources: Mapping[str, Json]) -> None:
    """All that is not supported is told at once, before anything is made."""
    troubles = []
    for logical_id, resource in resources.items():
        type_name = str(resource.get("Type"))
        kind = resource_type(type_name)
        if kind is None:
            troubles.append(f"the resource {logical_id} has the type {type_name}, which is not supported here")
            continue
        try:
            kind.check(logical_id, type_name, resource.get("Properties") or {})
        except UnsupportedFeature as error:
            troubles.append(str(error))
    if troubles:
        raise UnsupportedFeature("; ".join(troubles))


async def _make(workshop: Workshop, intrinsics: Intrinsics, logical_id: str, resource: Json) -> Made:
    properties = await resolved(workshop, intrinsics.evaluate(resource.get("Properties") or {}))
    asset = (resource.get("Metadata") or {}).get("aws:asset:path")
    for name, location in [(name, properties[name]) for name in _CODE if isinstance(properties.get(name), dict)]:
        # `cdk synth` puts the code beside the template.
        beside = asset or asset_path(workshop.folder, str(location.get("S3Key") or location.get("Key") or ""))
        if beside and location.get("S3Bucket", location.get("Bucket")) != LOCAL_BUCKET:
            properties[name] = {"S3Bucket": LOCAL_BUCKET, "S3Key": beside, "Bucket": LOCAL_BUCKET, "Key": beside}
    kind = resource_type(resource["Type"])
    assert kind is not None  # noqa: S101 - checked before anything is made
    try:
        return await kind.make(workshop, logical_id, properties)
    except ServiceError as error:
        told = f"the resource {logical_id} ({resource['Type']}) is refused: {error.message}"
        raise ServiceError(error.error_code, told, error.members) from error
    except KeyError as missing:
        raise SettingsError(f"the resource {logical_id} ({resource['Type']}) lacks {missing}, or names what is not there") from missing


def _in_order(resources: Mapping[str, Json]) -> Iterator[str]:
    """The logical ids, each behind those that it needs."""
    done: set[str] = set()
    under_way: list[str] = []

    def visit(logical_id: str) -> Iterator[str]:
        if logical_id in done:
            return
        if logical_id in under_way:
            raise SettingsError(f"the template's resources need each other in a circle: {' -> '.join([*under_way, logical_id])}")
        under_way.append(logical_id)
        resource = resources[logical_id]
        explicit = resource.get("DependsOn") or []
        explicit = [explicit] if isinstance(explicit, str) else explicit
        for needed in [*needed_resources(resource.get("Properties"), resources), *(name for name in explicit if name in resources)]:
            if needed != logical_id:
                yield from visit(needed)
        under_way.pop()
        done.add(logical_id)
        yield logical_id

    for logical_id in resources:
        yield from visit(logical_id)


def _local(value: str, endpoint_url: str) -> str:
    """An output that names an API's host on AWS names the API here."""
    return _API_URL.sub(lambda found: f"{endpoint_url}/execute-api/{found[1]}", value)
