"""What Lambda refuses of a function's code, configuration and payload, and what stepstack does not run.

Called by `lambda_service`. Source: Lambda's quotas and the API reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stepstack.errors import ServiceError
from stepstack.language.json_scanner import JsonSyntaxError, check_json
from stepstack.stacks.embedded.functions.lambda_code import FolderCode, code_of_zip

__all__ = ["MAXIMUM_TIMEOUT_SECONDS", "check_configuration", "check_payload", "durable_config", "unzipped"]

MAXIMUM_TIMEOUT_SECONDS = 900
ZIP_LIMIT_BYTES = 52_428_800
REQUEST_LIMIT_BYTES = 6_291_456
EVENT_LIMIT_BYTES = 1_048_576

_DURABLE = (("ExecutionTimeout", 86_400, 31_622_400), ("RetentionPeriodInDays", 14, 90))
"""Members of DurableConfig: name, default, largest value."""

_TOKEN = re.compile(r"Unrecognized token '(.*?)'")
_COLUMN = re.compile(r"column: (\d+)\]$")


def unzipped(archive: bytes) -> FolderCode:
    """The code in a zip file; ServiceError where it is too large or none."""
    if len(archive) > ZIP_LIMIT_BYTES:
        raise ServiceError("RequestEntityTooLargeException", f"Zipped size must be smaller than {ZIP_LIMIT_BYTES} bytes")
    return code_of_zip(archive)


def check_configuration(parameters: Mapping[str, Any]) -> None:
    """Raises ServiceError for a configuration that Lambda refuses or that is not supported here."""
    if parameters.get("PackageType", "Zip") != "Zip":
        raise _invalid("stepstack runs functions in zip files: container images are not supported")
    runtime = str(parameters.get("Runtime") or "")
    if not runtime.startswith("python"):
        raise _invalid(f"stepstack runs Python functions: the runtime {runtime or 'without a name'} is not supported")
    if parameters.get("Layers"):
        raise _invalid("stepstack runs functions without layers: put their modules into the zip file or install them beside stepstack")
    timeout = parameters.get("Timeout", 3)
    if not isinstance(timeout, int) or not 1 <= timeout <= MAXIMUM_TIMEOUT_SECONDS:
        raise _invalid(f"Timeout is a number of seconds from 1 to {MAXIMUM_TIMEOUT_SECONDS}, not {timeout}")
    if not parameters.get("Handler"):
        raise _invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
    variables = (parameters.get("Environment") or {}).get("Variables") or {}
    if sum(len(name) + len(value) for name, value in variables.items()) > 4096:
        trouble = "the environment variables you have provided exceeded the 4KB limit."
        raise _invalid(f"Lambda was unable to configure your environment variables because {trouble}")


def durable_config(given: Mapping[str, Any], current: Mapping[str, int] | None) -> dict[str, int]:
    """The DurableConfig of a function after a change of the `current` one, with Lambda's defaults.

    Raises ServiceError where it is out of Lambda's bounds or not supported, or where the function (`current` is None) is no durable one.
    """
    if current is None:
        raise _invalid("You cannot update DurableConfig of a function that was created without it.")
    if given.get("KMSKeyArn"):
        raise _invalid("stepstack keeps the data of durable executions in memory: DurableConfig.KMSKeyArn is not supported")
    config = {}
    for name, default, longest in _DURABLE:
        text = str(given.get(name, current.get(name, default)))
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= longest:
            raise _invalid(f"DurableConfig.{name} is a number from 1 to {longest}, not {text}")
        config[name] = int(text)
    return config


def check_payload(payload: bytes, invocation_type: str) -> None:
    """Raises ServiceError for a payload that is too large or no JSON."""
    limit = EVENT_LIMIT_BYTES if invocation_type == "Event" else REQUEST_LIMIT_BYTES
    if len(payload) > limit:
        raise ServiceError("RequestTooLargeException", f"{len(payload)} byte payload is too large for the invocation (limit {limit} bytes)")
    try:
        json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        problem = _json_problem(payload.decode("utf-8", "replace")) or error
        message = f"Could not parse request body into json: Could not parse payload into json: {problem}"
        raise ServiceError("InvalidRequestContentException", message, {"Type": "User"}) from None


def _json_problem(text: str) -> str | None:
    """Why a payload is no JSON, in the words of the reader that Lambda has in common with Step Functions."""
    try:
        check_json(text)
    except JsonSyntaxError as mistake:
        message, place = (words.replace("[Source: (String)", "[Source: (byte[])") for words in (mistake.message, mistake.place))
        token = _TOKEN.match(message)
        if token is not None and not text.endswith(token[1]):
            # Of bytes, it has read one behind the token.
            place = _COLUMN.sub(lambda column: f"column: {int(column[1]) + 1}]", place)
        return f"{message}\n at {place}"
    return None


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message, {"Type": "User"})
