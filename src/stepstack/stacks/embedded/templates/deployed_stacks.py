"""CloudFormation's answers about the applications that were deployed from templates: what a test asks to find a URL or a table.

`DeployedStacks` answers DescribeStacks, DescribeStackResources, DescribeStackResource and ListStackResources for the stacks that it has, by
name or id; every other request goes on to moto. Filled by `template_application`, asked by `embedded.services`. Source:
CloudFormation's API reference. Left out: stack events, templates, changes of any kind, pages (an answer holds everything).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias
from xml.etree import ElementTree as ET

from stepstack.errors import SettingsError
from stepstack.stacks.embedded.request import ServiceRequest, ServiceResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from stepstack.stacks.embedded.templates.template_application import Application

__all__ = ["DeployedStacks"]

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"

Value: TypeAlias = "str | list[Value] | dict[str, Value]"


class DeployedStacks:
    """The applications of one embedded stack, by the names of their stacks."""

    def __init__(self) -> None:
        self._applications: dict[str, Application] = {}
        self._exports: dict[str, tuple[Application, str]] = {}
        """Who exports what, by the exports' names."""

    def add(self, application: Application) -> None:
        """Takes an application in; SettingsError where its name is taken."""
        if application.name in self._applications:
            raise SettingsError(f"a stack with the name {application.name} is deployed already")
        self._applications[application.name] = application

    def remove(self, application: Application) -> None:
        """Forgets an application."""
        if self._applications.get(application.name) is application:
            del self._applications[application.name]
        self._exports = {name: export for name, export in self._exports.items() if export[0] is not application}

    def export(self, application: Application, name: str, value: str) -> None:
        """Takes an export in; SettingsError where another stack exports something by that name."""
        owner = self._exports.get(name)
        if owner is not None:
            raise SettingsError(f"the stack {owner[0].name} exports {name} already")
        self._exports[name] = (application, value)

    def exported(self, name: str) -> str:
        """What a stack exports by a name; SettingsError where none does."""
        if name not in self._exports:
            raise SettingsError(f"the template imports {name}, which no deployed stack exports: deploy that stack first")
        return self._exports[name][1]

    def clear(self) -> None:
        """Forgets all."""
        self._applications.clear()
        self._exports.clear()

    def answer(self, request: ServiceRequest) -> Awaitable[ServiceResponse] | None:
        """The answer to a request to CloudFormation; None where it is about nothing in here."""
        form = request.form()
        found = self._found(form.get("StackName", ""))
        if not found:
            return None
        result = _result(form, found)
        return None if result is None else _answered(_response(form["Action"], result))

    def _found(self, name: str) -> list[Application]:
        if not name:
            return list(self._applications.values())
        return [application for application in self._applications.values() if name in {application.name, application.stack_id}]


async def _answered(response: ServiceResponse) -> ServiceResponse:
    # The services' answers are awaited; this one needs no waiting.
    await asyncio.sleep(0)
    return response


def _result(form: dict[str, str], found: list[Application]) -> dict[str, Value] | None:
    action, logical_id = form.get("Action"), form.get("LogicalResourceId")
    if action == "DescribeStacks":
        return {"Stacks": [_stack(application) for application in found]}
    if "StackName" not in form:
        return None
    resources = [resource for resource in _resources(found[0]) if logical_id in {None, resource["LogicalResourceId"]}]
    if action == "DescribeStackResources":
        return {"StackResources": [{**resource, "Timestamp": found[0].created_at, **_names(found[0])} for resource in resources]}
    if action == "DescribeStackResource" and resources:
        return {"StackResourceDetail": {**resources[0], "LastUpdatedTimestamp": found[0].created_at, **_names(found[0])}}
    if action == "ListStackResources":
        return {"StackResourceSummaries": [{**resource, "LastUpdatedTimestamp": found[0].created_at} for resource in resources]}
    return None


def _names(application: Application) -> dict[str, Value]:
    return {"StackName": application.name, "StackId": application.stack_id}


def _stack(application: Application) -> Value:
    return {
        **_names(application),
        "CreationTime": application.created_at,
        "StackStatus": "CREATE_COMPLETE",
        "DisableRollback": "false",
        "Outputs": [{"OutputKey": name, "OutputValue": value} for name, value in application.outputs.items()],
    }


def _resources(application: Application) -> Iterator[dict[str, Value]]:
    for logical_id, physical_id in application.physical_ids.items():
        yield {
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": physical_id,
            "ResourceType": application.types[logical_id],
            "ResourceStatus": "CREATE_COMPLETE",
        }


def _response(action: str, result: dict[str, Value]) -> ServiceResponse:
    root = ET.Element(f"{action}Response", {"xmlns": NAMESPACE})
    _write(ET.SubElement(root, f"{action}Result"), result)
    ET.SubElement(ET.SubElement(root, "ResponseMetadata"), "RequestId").text = "stepstack"
    return ServiceResponse(200, {"Content-Type": "text/xml"}, ET.tostring(root, encoding="utf-8"))


def _write(element: ET.Element, value: Value) -> None:
    if isinstance(value, str):
        element.text = value
    elif isinstance(value, list):
        for part in value:
            _write(ET.SubElement(element, "member"), part)
    else:
        for name, part in value.items():
            _write(ET.SubElement(element, name), part)
