"""Step Functions for callers in this process: their parameters are checked as those of requests are, without HTTP.

Made by `stepstack.assembly` for nested executions, for `aws-sdk:sfn` tasks and for the events of the embedded services. The front for HTTP
checks its own requests, so that nothing is checked twice; the service itself trusts its callers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepstack.clock import Timeline

if TYPE_CHECKING:
    from stepstack.service import StepFunctionsService

__all__ = ["StepFunctionsInProcess"]


class StepFunctionsInProcess:
    """`service`, for callers that it need not trust."""

    def __init__(self, service: StepFunctionsService) -> None:
        self._service = service

    async def call(self, operation: str, params: Mapping[str, Any], *, timeline: Timeline | None = None) -> dict[str, Any]:
        """What the operation answers; raises ServiceError, ValidationException too."""
        from stepstack.api.service_model import known_operation

        return await self._service.call(operation, known_operation(operation).check(params), timeline=timeline)

    async def execution_ended(self, execution_arn: str) -> None:
        """Returns once the execution is over; at once where there is none of that ARN."""
        await self._service.execution_ended(execution_arn)
