"""State machines of a template, their versions and aliases, and activities.

Called by `template_resources`, which lists the types. Left out: gradual deployments of aliases: all traffic goes to the new version at
once.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from stepstack.errors import UnsupportedFeature
from stepstack.language.source_map import YamlProblem, read_yaml
from stepstack.stacks.embedded.templates.template import LOCAL_BUCKET, local_path
from stepstack.stacks.embedded.templates.template_intrinsics import value_text
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["STATE_MACHINES"]

INITIAL_REVISION = "INITIAL"
"""What CloudFormation and the API call the revision of a state machine that was never updated."""


async def _state_machine(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("StateMachineName") or workshop.name(logical_id, 80))
    text = _definition(workshop, logical_id, properties)
    for key, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{key}}}", value_text(value))
    if "DefinitionS3Location" in properties:
        text = _as_json(text)
    parameters: Json = {
        "name": name,
        "definition": text,
        "roleArn": properties.get("RoleArn") or f"arn:aws:iam::{workshop.account_id}:role/{name}",
        "type": properties.get("StateMachineType", "STANDARD"),
    }
    for member in ("EncryptionConfiguration", "LoggingConfiguration", "TracingConfiguration"):
        if properties.get(member):
            parameters[_lowered(member)] = _of_the_api(properties[member])
    if properties.get("Tags"):
        parameters["tags"] = _tags(properties["Tags"])
    arn = str((await workshop.step_functions("CreateStateMachine", parameters))["stateMachineArn"])
    attributes = {"Arn": arn, "Name": name, "StateMachineRevisionId": INITIAL_REVISION}
    return Made(arn, attributes, lambda: workshop.step_functions("DeleteStateMachine", {"stateMachineArn": arn}))


def _definition(workshop: Workshop, logical_id: str, properties: Json) -> str:
    if "DefinitionString" in properties:
        return str(properties["DefinitionString"])
    if "Definition" in properties:
        return json.dumps(properties["Definition"])
    location = properties.get("DefinitionS3Location") or {}
    if location.get("Bucket") == LOCAL_BUCKET:
        return local_path(workshop.folder, location.get("Key"), what=f"the definition of {logical_id}").read_text(encoding="utf-8")
    raise UnsupportedFeature(f"the resource {logical_id} has no definition in the template or in a file beside it")


def _as_json(text: str) -> str:
    """The text of a file, in which substitutions were made: JSON as it is, YAML as JSON. What is neither is refused as a definition."""
    try:
        json.loads(text)
    except ValueError:
        with suppress(YamlProblem):
            return read_yaml(text)[0]
    return text


def _lowered(name: str) -> str:
    return name[0].lower() + name[1:]


def _of_the_api(value: Any) -> Any:
    """A property with the names that the API gives its members; CloudFormation may have booleans and numbers as text."""
    if isinstance(value, dict):
        return {_lowered(name): _of_the_api(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_of_the_api(part) for part in value]
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _tags(tags: Any) -> list[Json]:
    pairs = tags.items() if isinstance(tags, dict) else [(tag["Key"], tag["Value"]) for tag in tags]
    # CloudFormation's own tags, and SAM's, are none of the API's.
    return [{"key": str(key), "value": value_text(value)} for key, value in pairs if not str(key).startswith("aws:")]


async def _version(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    parameters = {"stateMachineArn": str(properties["StateMachineArn"])}
    if properties.get("Description"):
        parameters["description"] = str(properties["Description"])
    if properties.get("StateMachineRevisionId"):
        parameters["revisionId"] = str(properties["StateMachineRevisionId"])
    arn = str((await workshop.step_functions("PublishStateMachineVersion", parameters))["stateMachineVersionArn"])
    delete = {"stateMachineVersionArn": arn}
    return Made(arn, {"Arn": arn}, lambda: workshop.step_functions("DeleteStateMachineVersion", delete))


async def _alias(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    preference = properties.get("DeploymentPreference") or {}
    routes = properties.get("RoutingConfiguration") or [{"StateMachineVersionArn": preference.get("StateMachineVersionArn"), "Weight": 100}]
    if not routes[0].get("StateMachineVersionArn"):
        raise UnsupportedFeature(f"the resource {logical_id} has neither a RoutingConfiguration nor a DeploymentPreference with a version")
    routing = [
        {"stateMachineVersionArn": str(route["StateMachineVersionArn"]), "weight": int(route.get("Weight", 100))} for route in routes
    ]
    parameters: Json = {"name": str(properties.get("Name") or workshop.name(logical_id, 80)), "routingConfiguration": routing}
    if properties.get("Description"):
        parameters["description"] = str(properties["Description"])
    arn = str((await workshop.step_functions("CreateStateMachineAlias", parameters))["stateMachineAliasArn"])
    delete = {"stateMachineAliasArn": arn}
    return Made(arn, {"Arn": arn}, lambda: workshop.step_functions("DeleteStateMachineAlias", delete))


async def _activity(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or workshop.name(logical_id, 80))
    parameters: Json = {"name": name}
    if properties.get("EncryptionConfiguration"):
        parameters["encryptionConfiguration"] = _of_the_api(properties["EncryptionConfiguration"])
    if properties.get("Tags"):
        parameters["tags"] = _tags(properties["Tags"])
    arn = str((await workshop.step_functions("CreateActivity", parameters))["activityArn"])
    return Made(arn, {"Arn": arn, "Name": name}, lambda: workshop.step_functions("DeleteActivity", {"activityArn": arn}))


STATE_MACHINES = {
    "AWS::StepFunctions::Activity": ResourceType(_activity, names("EncryptionConfiguration Name Tags")),
    "AWS::StepFunctions::StateMachine": ResourceType(
        _state_machine,
        names(
            "Definition DefinitionS3Location DefinitionString DefinitionSubstitutions EncryptionConfiguration LoggingConfiguration "
            "RoleArn StateMachineName StateMachineType Tags TracingConfiguration"
        ),
    ),
    "AWS::StepFunctions::StateMachineAlias": ResourceType(_alias, names("DeploymentPreference Description Name RoutingConfiguration")),
    "AWS::StepFunctions::StateMachineVersion": ResourceType(_version, names("Description StateMachineArn StateMachineRevisionId")),
}
