"""The context object that a Lambda handler gets as its second argument.

Made by `lambda_runtime`. Source: AWS's page on the Python context object and the attributes of AWS's own runtime
interface client; as there, the memory limit is text.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

__all__ = ["LambdaContext"]

_CLIENT = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class LambdaContext:
    """What a handler knows of its function and its invocation."""

    def __init__(
        self,
        *,
        function_name: str,
        function_version: str,
        invoked_function_arn: str,
        memory_limit_in_mb: int,
        aws_request_id: str,
        log_group_name: str,
        log_stream_name: str,
        timeout_seconds: float,
        client_context: Mapping[str, Any] | None = None,
    ) -> None:
        self.function_name = function_name
        self.function_version = function_version
        self.invoked_function_arn = invoked_function_arn
        self.memory_limit_in_mb = str(memory_limit_in_mb)
        self.aws_request_id = aws_request_id
        self.log_group_name = log_group_name
        self.log_stream_name = log_stream_name
        self.tenant_id: str | None = None
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = _client_context(client_context)
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function times out; never below 0."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Writes to the function's log."""
        print(message, end="")  # noqa: T201 - the function's own output

    def __repr__(self) -> str:
        shown = json.dumps({name: value for name, value in vars(self).items() if isinstance(value, str)})
        return f"LambdaContext({shown})"


def _client_context(sent: Mapping[str, Any] | None) -> SimpleNamespace | None:
    if sent is None:
        return None
    client = sent.get("client")
    named = SimpleNamespace(**{name: client.get(name) for name in _CLIENT}) if isinstance(client, Mapping) else None
    return SimpleNamespace(custom=sent.get("custom"), env=sent.get("env"), client=named)
