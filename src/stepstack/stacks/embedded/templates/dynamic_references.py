"""Values that a template leaves to Parameter Store and Secrets Manager: dynamic references, and parameters that name one of the store.

`{{resolve:ssm:NAME}}`, `{{resolve:ssm-secure:NAME}}` and `{{resolve:secretsmanager:ID:SecretString:KEY}}` in properties, and template
parameters of type `AWS::SSM::Parameter::Value<...>`. Called by `template_application`. Source: "Dynamic references" in the
CloudFormation user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from stepstack.errors import ServiceError, SettingsError
from stepstack.stacks.embedded.templates.template_workshop import Json, Workshop

__all__ = ["resolved", "stored_parameters"]

_REFERENCE = re.compile(r"\{\{resolve:(?P<service>ssm|ssm-secure|secretsmanager):(?P<rest>[^{}]+)\}\}")


async def resolved(workshop: Workshop, value: Any) -> Any:
    """`value` with its dynamic references replaced. Raises SettingsError where nothing is there by a name."""
    if isinstance(value, str):
        return value if "{{resolve:" not in value else await _text(workshop, value)
    if isinstance(value, list):
        return [await resolved(workshop, part) for part in value]
    if isinstance(value, dict):
        return {name: await resolved(workshop, part) for name, part in value.items()}
    return value


async def _text(workshop: Workshop, text: str) -> str:
    pieces = []
    position = 0
    for found in _REFERENCE.finditer(text):
        pieces.append(text[position : found.start()])
        position = found.end()
        try:
            secret = found["service"] == "secretsmanager"
            pieces.append(await (_secret if secret else _parameter)(workshop, found["rest"]))
        except ServiceError as error:
            raise SettingsError(f"the template refers to {found[0]}: {error.message or error.error_code}") from error
    return "".join([*pieces, text[position:]])


async def _parameter(workshop: Workshop, name: str) -> str:
    answer = await workshop.call("ssm", "GetParameter", {"Name": name, "WithDecryption": True})
    return str(answer["Parameter"]["Value"])


async def _secret(workshop: Workshop, rest: str) -> str:
    # A secret's ARN has colons of its own.
    is_arn = rest.startswith("arn:")
    parts = rest.split(":")
    identifier, told = (":".join(parts[:7]), parts[7:]) if is_arn else (parts[0], parts[1:])
    _, key, stage, version = [*told, "", "", "", ""][:4]
    asked: Json = {"SecretId": identifier}
    asked |= {"VersionStage": stage} if stage else {}
    asked |= {"VersionId": version} if version else {}
    text = str((await workshop.call("secretsmanager", "GetSecretValue", asked))["SecretString"])
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"the secret {identifier} has no member {key}") from None


async def stored_parameters(workshop: Workshop, names: Mapping[str, str], *, lists: Collection[str] = ()) -> Json:
    """The values of template parameters that name one of the store, as lists for those in `lists`; what nobody has stored is left out."""
    found = {parameter: await _stored(workshop, name) for parameter, name in names.items()}
    return {
        parameter: [part.strip() for part in value.split(",")] if parameter in lists else value
        for parameter, value in found.items()
        if value is not None
    }


async def _stored(workshop: Workshop, name: str) -> str | None:
    try:
        return await _parameter(workshop, name)
    except ServiceError:
        return None
