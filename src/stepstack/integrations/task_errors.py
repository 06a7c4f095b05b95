"""Error Names and causes of tasks whose service refused, as AWS writes them.

Optimized integrations call through version 1 of AWS's SDK for Java, `aws-sdk` ones through version 2: they name errors and word causes
differently. Called by the runner. Source: recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from stepstack.integrations.optimized import OptimizedService
from stepstack.integrations.sdk_names import exception_name
from stepstack.integrations.service_call import Refusal
from stepstack.integrations.service_model import ServiceDescription, describe
from stepstack.interpreter.ports import TaskFailed, TaskFault

__all__ = ["cannot_be_called", "optimized_failure", "sdk_failure", "unreachable"]

WITHOUT_ATTEMPT_COUNT = frozenset({"DynamoDb", "S3", "SecretsManager"})
"""Services whose causes lack " (SDK Attempt Count: 1)", as they were recorded until January 2025.

It is not the service that decides but the version of AWS's SDK: since 2.30 of 2025 every cause has it, and so have the ones recorded last.
"""


def optimized_failure(refusal: Refusal, service: OptimizedService, request_id: str) -> TaskFailed:
    """`DynamoDB.ResourceNotFoundException`, with the cause in the words of the SDK's first version."""
    known = describe(refusal.service).errors.get(refusal.shape)
    name = _first_version_name(known[0]) if known else service.base_exception
    cause = (
        f"{refusal.message} (Service: {service.sdk_name}; Status Code: {refusal.status}; Error Code: {refusal.code}; "
        f"Request ID: {_request_id(refusal.headers, request_id)}; Proxy: null)"
    )
    return TaskFailed(f"{service.error_prefix}.{name}", cause)


def sdk_failure(refusal: Refusal, request_id: str) -> TaskFailed:
    """`DynamoDb.ResourceNotFoundException`, with the cause in the words of the SDK's second version."""
    service = describe(refusal.service)
    known = service.errors.get(refusal.shape)
    name = exception_name(known[0]) if known else f"{service.prefix}Exception"
    details = [
        f"Service: {service.prefix}",
        f"Status Code: {refusal.status}",
        f"Request ID: {_request_id(refusal.headers, request_id)}",
    ]
    if service.name == "s3":
        details.append(f"Extended Request ID: {refusal.headers.get('x-amz-id-2') or request_id}")
    return TaskFailed(f"{service.prefix}.{name}", f"{refusal.message} ({', '.join(details)}){_attempts(service)}")


def unreachable(prefix: str, words: str, service: ServiceDescription | None = None) -> TaskFailed:
    """The SDK's own error: nobody answered. `service` is given for `aws-sdk` tasks."""
    return TaskFailed(f"{prefix}.SdkClientException", words + (_attempts(service) if service else ""))


def cannot_be_called(words: str) -> TaskFault:
    """A mistake of the set-up, which no Catch of States.ALL hides: on AWS the call would be made."""
    return TaskFault(words)


def _attempts(service: ServiceDescription) -> str:
    return "" if service.prefix in WITHOUT_ATTEMPT_COUNT else " (SDK Attempt Count: 1)"


def _first_version_name(shape: str) -> str:
    if shape.endswith("Exception"):
        return shape
    return shape.removesuffix("Fault") + "Exception"


def _request_id(headers: Mapping[str, str], otherwise: str) -> str:
    return headers.get("x-amzn-requestid") or headers.get("x-amz-request-id") or otherwise
