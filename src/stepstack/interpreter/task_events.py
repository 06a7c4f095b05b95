"""The history events of one attempt of a Task: which types and details, for a service, a function or an activity.

Called by the Task state. Source: recorded histories, botocore's service model.
"""

from __future__ import annotations

from typing import Any

from stepstack.interpreter.payload import Payload
from stepstack.interpreter.ports import StateFailure
from stepstack.interpreter.visit import NOT_TRUNCATED, Visit
from stepstack.json_types import JsonObject
from stepstack.language.resources import IntegrationPattern, ResourceKind, TaskResource

__all__ = ["TaskEvents"]

_PREFIXES = {ResourceKind.SERVICE: "Task", ResourceKind.LAMBDA_FUNCTION: "LambdaFunction", ResourceKind.ACTIVITY: "Activity"}


class TaskEvents:
    """Records the events of the attempts that `visit` makes at `resource`."""

    def __init__(self, visit: Visit, resource: TaskResource) -> None:
        self._branch = visit.branch
        self._resource = resource
        self._prefix = _PREFIXES[resource.kind]
        self._is_service = resource.kind is ResourceKind.SERVICE
        self._is_submitting = False

    @property
    def size_subject(self) -> str:
        """What AWS says has returned too large a result."""
        return self._resource.service if self._is_service else self._resource.arn

    def scheduled(self, parameters: Payload, *, timeout: int | None, heartbeat: int | None, credentials: JsonObject | None) -> None:
        environment = self._branch.execution.environment
        if self._is_service:
            details = self._service_details(region=self._resource.region or environment.region, parameters=parameters.text)
        else:
            details = {"resource": self._resource.arn, "input": parameters.text, "inputDetails": NOT_TRUNCATED}
        if timeout is not None:
            details["timeoutInSeconds"] = timeout
        if heartbeat is not None:
            details["heartbeatInSeconds"] = heartbeat
        if credentials is not None:
            details["taskCredentials"] = {"roleArn": credentials.get("RoleArn")}
        self._branch.record(f"{self._prefix}Scheduled", details)

    def started(self, worker_name: str | None = None) -> None:
        details: dict[str, Any] | None = self._service_details() if self._is_service else None
        if self._resource.kind is ResourceKind.ACTIVITY:
            details = {} if worker_name is None else {"workerName": worker_name}
        self._branch.record(f"{self._prefix}Started", details)

    def submitting(self) -> None:
        """A failure from now on is that of the request which begins the work, not of the work."""
        self._is_submitting = True

    def submitted(self, answer: Payload) -> None:
        """A service that is not done when it answers: `.sync` and `.waitForTaskToken`."""
        self._is_submitting = False
        if self._is_service and self._resource.pattern is not IntegrationPattern.REQUEST_RESPONSE:
            self._branch.record("TaskSubmitted", self._service_details(output=answer.text, outputDetails=NOT_TRUNCATED))

    def succeeded(self, result: Payload) -> None:
        details = {"output": result.text, "outputDetails": NOT_TRUNCATED}
        self._branch.record(f"{self._prefix}Succeeded", self._service_details(**details) if self._is_service else details)

    def failed(self, failure: StateFailure) -> None:
        self._end("SubmitFailed" if self._is_submitting else "Failed", failure)

    def timed_out(self, failure: StateFailure) -> None:
        self._end("TimedOut", failure)

    def _end(self, how: str, failure: StateFailure) -> None:
        details = failure.event_details
        self._branch.record(f"{self._prefix}{how}", self._service_details(**details) if self._is_service else details)

    def _service_details(self, **more: Any) -> dict[str, Any]:
        return {"resourceType": self._resource.event_resource_type, "resource": self._resource.event_resource, **more}
