"""The fixture `application`: what a SAM or CloudFormation template describes, deployed for one test.

    def test_hello(application):
        url = application("template.yaml").outputs["HelloUrl"]

    def test_an_order(application):
        application("template.yaml").state_machine("Order").run({"pieces": 2}).succeeded()

On the embedded stack the template is deployed now, with everything in it, and taken down when the test ends. On AWS nothing is deployed:
`application` finds what `sam deploy` has made, by the stack's name in AWS_SAM_STACK_NAME. Imports only pytest and the standard library,
because every pytest run loads it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stepstack.pytest_plugin.run import RUN
from stepstack.pytest_plugin.task_fixtures import MACHINES, SETTINGS, made_or_failed

if TYPE_CHECKING:
    from stepstack.stacks.names import UniqueNames
    from stepstack.testing.stack import Stack
    from stepstack.testing.state_machines import StateMachineHandle

__all__ = ["STACK_NAME_VARIABLE", "DeployedApplication", "application", "found_application"]

STACK_NAME_VARIABLE = "AWS_SAM_STACK_NAME"
"""Names the deployed stack on AWS."""
DELETE_SECONDS = 120.0
NAME_LIMIT = 32
"""A bucket's name has 63 characters for it, the logical id and a suffix."""


@dataclass(frozen=True, slots=True)
class DeployedApplication:
    """What a template has become: `outputs` by their names, `physical_ids` by the resources' logical ids."""

    name: str
    outputs: Mapping[str, str]
    physical_ids: Mapping[str, str]
    path: Path | None = None
    """The template; None where what is deployed was found."""
    handle: Callable[[DeployedApplication, str], StateMachineHandle] | None = field(default=None, repr=False)

    def state_machine(self, logical_id: str | None = None) -> StateMachineHandle:
        """The state machine with that logical id, the only one where none is given, to run as those of the fixture `state_machine`."""
        __tracebackhide__ = True
        from stepstack.errors import SettingsError

        # The ARNs of versions and aliases have one part more.
        found = [name for name, physical_id in self.physical_ids.items() if re.search(":stateMachine:[^:]+$", physical_id)]
        if logical_id is None and len(found) == 1:
            [logical_id] = found
        if logical_id not in found or self.handle is None:
            wanted = f"no state machine {logical_id!r}" if logical_id else f"{len(found)} state machines, and none is chosen"
            raise SettingsError(f"the application {self.name} has {wanted}; it has {', '.join(found) or 'none'}")
        return self.handle(self, logical_id)


@pytest.fixture
def application(request: pytest.FixtureRequest, stepstack: Stack, unique_name: UniqueNames) -> Iterator[Callable[..., DeployedApplication]]:
    """Deploys templates: `application("template.yaml", parameters={...})` has `.outputs`, `.physical_ids`, `.state_machine(...)`.

    The path is relative to the test's folder, then to pytest's root, then to the current folder. What was deployed is deleted when the
    test ends; on AWS, the deployed stack named by AWS_SAM_STACK_NAME is used as it is, and its parameters are those of its deployment.
    """
    folders = (Path(request.node.path).parent, request.config.rootpath)
    run, item = request.config.stash[RUN], request.node

    def handle(made: DeployedApplication, logical_id: str) -> StateMachineHandle:
        machine = _state_machine(stepstack, made, logical_id, item.stash[SETTINGS].timeout)
        run.machines[machine.arn] = machine
        deployed.callback(run.machines.pop, machine.arn, None)
        item.stash.setdefault(MACHINES, []).append(machine)
        return machine

    with ExitStack() as deployed:

        def make(template: str | Path, *, parameters: Mapping[str, str] | None = None) -> DeployedApplication:
            if stepstack.backend == "aws":
                return replace(made_or_failed(lambda: found_application(stepstack)), handle=handle)
            name = unique_name("app", limit=NAME_LIMIT).replace("_", "-")
            made, delete = made_or_failed(lambda: _deployed(stepstack, name, template, folders, parameters or {}))
            deployed.callback(delete)
            return replace(made, handle=handle)

        yield make


def _deployed(
    stack: Stack, name: str, template: str | Path, folders: tuple[Path, ...], parameters: Mapping[str, str]
) -> tuple[DeployedApplication, Callable[[], None]]:
    """The application and how to delete it."""
    from stepstack.errors import StackError
    from stepstack.testing.files import find_file

    if stack.embedded_stack is None or stack.embedded_stack.assembly.services is None:
        raise StackError(f"the backend {stack.backend} has no place for applications: templates are deployed on embedded, and found on aws")
    embedded = stack.embedded_stack
    path = find_file(template, folders)
    made = embedded.deploy(path, name=name, parameters=parameters)
    return DeployedApplication(name, dict(made.outputs), dict(made.physical_ids), path), lambda: embedded.run(made.delete(), DELETE_SECONDS)


def _state_machine(stack: Stack, application: DeployedApplication, logical_id: str, run_seconds: float) -> StateMachineHandle:
    """The deployed state machine; what reports call it is its definition's file, where the template names one."""
    from stepstack.errors import StepstackError
    from stepstack.testing.state_machines import StateMachineHandle
    from stepstack.testing.templates import Template

    arn = application.physical_ids[logical_id]
    told = stack.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
    machine = StateMachineHandle(stack, arn, definition=told["definition"], type=told["type"], run_seconds=run_seconds)
    machine.label = logical_id
    machine.path, machine.logical_id = application.path, logical_id
    if application.path is not None:
        with suppress(StepstackError):  # what only deploying resolves
            own_file = Template(application.path).state_machine(logical_id).path
            if own_file is not None:
                machine.path, machine.logical_id = own_file, None
    return machine


def found_application(stack: Stack) -> DeployedApplication:
    """What is deployed already, as CloudFormation tells it, by the stack's name in AWS_SAM_STACK_NAME."""
    from stepstack.errors import SettingsError

    name = os.environ.get(STACK_NAME_VARIABLE)
    if not name:
        raise SettingsError(f"on AWS an application is deployed by `sam deploy`: say the stack's name in {STACK_NAME_VARIABLE}")
    cloudformation = stack.client("cloudformation")
    try:
        [description] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        message = error.response["Error"].get("Message")
        raise SettingsError(f"{STACK_NAME_VARIABLE} is {name!r}, and CloudFormation in {stack.region} says: {message}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    ids = {entry["LogicalResourceId"]: entry["PhysicalResourceId"] for page in pages for entry in page["StackResourceSummaries"]}
    return DeployedApplication(name, outputs, ids)
