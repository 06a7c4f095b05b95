"""A function as the stack's Lambda keeps it: configuration, versions, aliases, what it has while it is warm; and what Invoke answers.

Made and changed by `lambda_service`; read by whoever invokes functions. Source: botocore's service model of Lambda for the members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepstack.stacks.embedded.functions.lambda_code import Code
from stepstack.stacks.embedded.functions.lambda_limits import durable_config

__all__ = ["DEFAULT_RUNTIME", "LATEST", "SETTABLE", "Function", "InvokeResult", "new_configuration"]

LATEST = "$LATEST"
DEFAULT_RUNTIME = "python3.13"

SETTABLE = (
    "Architectures",
    "DeadLetterConfig",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
)
"""The members of a configuration that CreateFunction and UpdateFunctionConfiguration take as they are."""


@dataclass(frozen=True, slots=True)
class InvokeResult:
    """What Invoke answers: `payload` is the function's JSON text, or its error's where `function_error` is "Unhandled"."""

    status_code: int
    payload: bytes
    function_error: str | None = None
    executed_version: str = LATEST
    log_tail: bytes = b""
    request_id: str = ""
    durable_execution_arn: str | None = None
    """The execution that the invocation has started, where the function is durable."""


@dataclass(slots=True, kw_only=True)
class Function:
    """One version of a function: its configuration and what it keeps while it is warm."""

    name: str
    region: str
    arn: str
    code: Code
    configuration: dict[str, Any]
    """What GetFunctionConfiguration answers of it, in the API's names."""
    tags: dict[str, str] = field(default_factory=dict)
    policy: dict[str, dict[str, Any]] = field(default_factory=dict)
    versions: dict[str, Function] = field(default_factory=dict)
    last_version: int = 0
    """The number of the version that was published last; no other version gets it, though that one be deleted."""
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    invoke_configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    """How asynchronous invocations are handled, by qualifier."""
    variables: dict[str, str] | None = None
    """The environment of the warm function; None where it is cold."""
    log_stream: str = ""

    @property
    def version(self) -> str:
        return str(self.configuration["Version"])

    @property
    def log_group(self) -> str:
        return str(self.configuration["LoggingConfig"]["LogGroup"])

    def qualified(self, qualifier: str) -> Function | None:
        """The version, or the one that an alias names; None where there is neither."""
        alias = self.aliases.get(qualifier)
        if alias is None:
            return self.versions.get(qualifier)
        version = alias["FunctionVersion"]
        return self if version == LATEST else self.versions.get(version)

    def cool_down(self) -> None:
        """The next invocation begins with fresh variables and modules."""
        self.variables = None
        self.code.forget()


def new_configuration(name: str, arn: str, role: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a function that is made with `parameters`, with Lambda's defaults."""
    configuration: dict[str, Any] = {
        "FunctionName": name,
        "FunctionArn": arn,
        "Runtime": DEFAULT_RUNTIME,
        "Role": role,
        "Handler": "",
        "CodeSize": 0,
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "CodeSha256": "",
        "Version": LATEST,
        "TracingConfig": {"Mode": "PassThrough"},
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {},
        "State": "Active",
        "LastUpdateStatus": "Successful",
    }
    configuration |= {key: parameters[key] for key in SETTABLE if parameters.get(key) is not None}
    if "DurableConfig" in configuration:
        configuration["DurableConfig"] = durable_config(configuration["DurableConfig"], {})
    configuration["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"} | configuration["LoggingConfig"]
    return configuration
