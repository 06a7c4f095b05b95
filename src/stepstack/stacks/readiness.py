"""A service is ready when it answers as itself, not when its port opens.

Called by whatever brings a stack up or looks whether one is there. It speaks plain HTTP, so that asking costs no SDK. What a service
answers: any of Step Functions' emulators answers ListStateMachines, any DynamoDB answers ListTables; the request needs to be
signed only in looks.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from stepstack.clock import Deadline
from stepstack.errors import StackError

__all__ = ["PROBES", "Probe", "problem_of", "wait_until_ready"]

_CREDENTIAL = "stepstack/20260101/us-east-1/{service}/aws4_request"
_AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={_CREDENTIAL}, SignedHeaders=host;x-amz-date;x-amz-target, Signature=0"


@dataclass(frozen=True, slots=True)
class Probe:
    """One harmless request: its target, its content type, and the member that a true answer has."""

    service: str
    target: str
    content_type: str
    member: str


PROBES: Mapping[str, Probe] = {
    "stepfunctions": Probe("states", "AWSStepFunctions.ListStateMachines", "application/x-amz-json-1.0", "stateMachines"),
    "dynamodb": Probe("dynamodb", "DynamoDB_20120810.ListTables", "application/x-amz-json-1.0", "TableNames"),
}


def problem_of(service: str, url: str, *, timeout_seconds: float = 2.0) -> str | None:
    """Why `service` does not answer at `url`, in words; None where it does."""
    probe = PROBES[service]
    if not url.startswith(("http://", "https://")):
        return f"{url!r} is no http or https URL"
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        url,
        data=b"{}",
        method="POST",
        headers={
            "Content-Type": probe.content_type,
            "X-Amz-Target": probe.target,
            "X-Amz-Date": "20260101T000000Z",
            "Authorization": _AUTHORIZATION.format(service=probe.service),
        },
    )
    try:
        # A proxy that the environment names is not asked: these services are near.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout_seconds) as response:
            answer = json.loads(response.read())
    except urllib.error.HTTPError as error:
        with error:
            return f"it answers HTTP {error.code}: {error.read(300).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error) or type(error).__name__
    if not isinstance(answer, dict) or probe.member not in answer:
        return f"something else answers there: {json.dumps(answer)[:300]}"
    return None


def wait_until_ready(service: str, url: str, deadline: Deadline) -> None:
    """Returns when `service` answers at `url`; raises StackError with the last problem when `deadline` has passed."""
    pause = 0.02
    while True:
        problem = problem_of(service, url, timeout_seconds=max(0.1, min(5.0, deadline.remaining())))
        if problem is None:
            return
        if deadline.has_passed():
            raise StackError(f"{service} did not answer at {url} within {deadline.seconds:g} s: {problem}")
        deadline.pause(pause)
        pause = min(pause * 1.5, 1.0)
