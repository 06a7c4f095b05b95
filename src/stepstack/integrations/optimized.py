"""What an optimized integration is: a service as Step Functions names it, an action, and the job that `.sync` follows.

The integrations themselves are rows of the table in `optimized_actions.py`. What an action takes and answers stands in botocore's model of
its operation; here stands what Step Functions makes of it. Names of members are the API's.
Source: AWS's developer guide, "Integrating optimized services", and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stepstack.language.resources import IntegrationPattern

__all__ = ["Job", "OptimizedAction", "OptimizedService", "Source"]

Source: TypeAlias = str | tuple[str]
"""Where an argument comes from: `<jobId` from what starting the job answered, `>cluster` from the request; `("<jobId",)` is a list."""


@dataclass(frozen=True, slots=True)
class OptimizedService:
    """A service as Resource ARNs and Error Names call it."""

    name: str
    api: str
    """Botocore's name."""
    error_prefix: str = ""
    sdk_name: str = ""
    """The service in causes: `(Service: AmazonDynamoDBv2; ...)`."""
    base_exception: str = ""
    """The Error Name, behind the prefix, of errors that the service's model does not name."""
    has_metadata: bool = True
    """Whether answers carry SdkHttpMetadata and SdkResponseMetadata."""


@dataclass(frozen=True, slots=True)
class Job:
    """How `.sync` follows a job to its end."""

    describe: str
    """The operation that is polled."""
    arguments: Mapping[str, Source]
    status: str
    """Where the job's status stands in the description: `jobs.0.status`."""
    succeeded: frozenset[str]
    failed: frozenset[str] = frozenset()
    answer: str = ""
    """What of the description the task answers; all of it where this is empty."""
    answer_name: str = ""
    """The member under which it is answered; none where this is empty."""
    gone_is_success: bool = False
    """Whether the job is done once the description is refused as not found."""
    stop: str = ""
    """The operation that stops the job when the execution is stopped; none where this is empty."""
    stop_arguments: Mapping[str, Source] | None = None


@dataclass(frozen=True, slots=True)
class OptimizedAction:
    service: OptimizedService
    action: str
    operation: str
    patterns: tuple[IntegrationPattern, ...] = (IntegrationPattern.REQUEST_RESPONSE,)
    required: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    """Where these are not those of the operation."""
    json_parameters: tuple[str, ...] = ()
    """Parameters that take any JSON, sent as its text."""
    json_answers: tuple[str, ...] = ()
    """Members of the answer that are JSON text, answered as JSON."""
    job: Job | None = None
    refused: tuple[str, ...] = ()
    """Parameters that AWS takes and stepstack does not."""
