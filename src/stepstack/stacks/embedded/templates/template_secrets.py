"""Parameters, secrets and keys of a template: moto's Parameter Store, Secrets Manager and KMS.

Called by `template_resources`, which lists the types. Left out: rotation (a schedule is accepted and rotates nothing).
"""

from __future__ import annotations

import json
from typing import Any

from stepstack.stacks.embedded.templates.template_intrinsics import value_text
from stepstack.stacks.embedded.templates.template_workshop import Json, Made, ResourceType, Workshop, names

__all__ = ["SECRETS"]

_GENERATED = names("GenerateStringKey SecretStringTemplate")
"""What tells where a generated password goes; all else is GetRandomPassword's."""


async def _parameter(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    name = str(properties.get("Name") or workshop.name(logical_id))
    value = properties.get("Value")
    text = ",".join(map(value_text, value)) if isinstance(value, list) else value_text(value)
    kind = str(properties.get("Type") or "String")
    await workshop.call("ssm", "PutParameter", {"Name": name, "Type": kind, "Value": text, "Overwrite": False})
    return Made(name, {"Type": kind, "Value": text}, lambda: workshop.call("ssm", "DeleteParameter", {"Name": name}))


async def _secret(workshop: Workshop, logical_id: str, properties: Json) -> Made:
    parameters: Json = {"Name": str(properties.get("Name") or workshop.name(logical_id))}
    if properties.get("Description"):
        parameters["Description"] = str(properties["Description"])
    if "GenerateSecretString" in properties:
        parameters["SecretString"] = await _generated(workshop, properties["GenerateSecretString"] or {})
    elif "SecretString" in properties:
        parameters["SecretString"] = value_text(properties["SecretString"])
    arn = str((await workshop.call("secretsmanager", "CreateSecret", parameters))["ARN"])
    gone = {"SecretId": arn, "ForceDeleteWithoutRecovery": True}
    return Made(arn, {"Id": arn}, lambda: workshop.call("secretsmanager", "DeleteSecret", gone))


async def _generated(workshop: Workshop, asked: Json) -> str:
    wanted = {name: _typed(value) for name, value in asked.items() if name not in _GENERATED}
    password = str((await workshop.call("secretsmanager", "GetRandomPassword", wanted))["RandomPassword"])
    if "GenerateStringKey" not in asked:
        return password
    return json.dumps({**json.loads(asked.get("SecretStringTemplate") or "{}"), asked["GenerateStringKey"]: password})


def _typed(value: Any) -> Any:
    """A number or a boolean that a template may have as text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else {"true": True, "false": False}.get(text.lower(), value)


async def _key(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    asked: Json = {name: properties[name] for name in ("Description", "KeySpec", "KeyUsage") if name in properties}
    key = (await workshop.call("kms", "CreateKey", asked))["KeyMetadata"]
    gone = {"KeyId": key["KeyId"], "PendingWindowInDays": 7}
    attributes = {"Arn": key["Arn"], "KeyId": key["KeyId"]}
    return Made(str(key["KeyId"]), attributes, lambda: workshop.call("kms", "ScheduleKeyDeletion", gone))


async def _alias(workshop: Workshop, _logical_id: str, properties: Json) -> Made:
    name = str(properties["AliasName"])
    await workshop.call("kms", "CreateAlias", {"AliasName": name, "TargetKeyId": str(properties["TargetKeyId"])})
    return Made(name, {}, lambda: workshop.call("kms", "DeleteAlias", {"AliasName": name}))


SECRETS = {
    "AWS::KMS::Alias": ResourceType(_alias, names("AliasName TargetKeyId")),
    "AWS::KMS::Key": ResourceType(
        _key,
        names("Description KeySpec KeyUsage"),
        names(
            "BypassPolicyLockoutSafetyCheck EnableKeyRotation Enabled KeyPolicy MultiRegion PendingWindowInDays RotationPeriodInDays Tags"
        ),
    ),
    "AWS::SecretsManager::Secret": ResourceType(
        _secret, names("Description GenerateSecretString Name SecretString"), names("KmsKeyId ReplicaRegions Tags Type")
    ),
    "AWS::SSM::Parameter": ResourceType(
        _parameter, names("Name Type Value"), names("AllowedPattern DataType Description Policies Tags Tier")
    ),
}
