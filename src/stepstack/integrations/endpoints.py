"""Where services are reached: a URL, a function in this process, an HTTP application in this process, or AWS itself.

Called by the runner, and made by `stepstack.assembly` or by the tests' own code. In this order, the first that there is:

1. a URL given for the service: in the settings, in Step Functions Local's variable (`DYNAMODB_ENDPOINT`, `SAGE_MAKER_ENDPOINT`, ...) or in
   botocore's (`AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SFN`, ...);
2. a function in this process: our own Step Functions and Lambda;
3. the HTTP application in this process that stands for all other services (moto);
4. the URL for all services, `AWS_ENDPOINT_URL`;
5. AWS, only where it is allowed: `STEPSTACK_ALLOW_AWS=1`, or `allow_aws` in the settings.

Without any of these a task fails with a cause that names the variables. With a URL of one's own no rules of AWS's endpoints apply.
Sources: Step Functions Local's configuration page; the SDKs' guide, "Service-specific endpoints".
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from stepstack.errors import SettingsError
from stepstack.integrations.credentials import Credentials, aws_credentials, local_credentials
from stepstack.integrations.model_files import sdk_name, sdk_services

if TYPE_CHECKING:
    from stepstack.clock import Timeline

__all__ = ["Endpoint", "EndpointMissing", "Endpoints", "HttpApplication", "InProcessService", "StepFunctionsInProcess"]

ALLOW_AWS = "STEPSTACK_ALLOW_AWS"

STEP_FUNCTIONS_LOCAL_VARIABLES: Mapping[str, str] = {
    "batch": "BATCH_ENDPOINT",
    "dynamodb": "DYNAMODB_ENDPOINT",
    "ecs": "ECS_ENDPOINT",
    "events": "EVENTS_ENDPOINT",
    "glue": "GLUE_ENDPOINT",
    "lambda": "LAMBDA_ENDPOINT",
    "sagemaker": "SAGE_MAKER_ENDPOINT",
    "sns": "SNS_ENDPOINT",
    "sqs": "SQS_ENDPOINT",
    "stepfunctions": "STEP_FUNCTIONS_ENDPOINT",
}
"""Step Functions Local's own variables, by botocore's names of the services."""


class InProcessService(Protocol):
    """A service in this process; parameters and answers are named as in botocore's model. Raises `ServiceError`."""

    def __call__(self, service: str, operation: str, params: Mapping[str, Any], /) -> Awaitable[Mapping[str, Any]]: ...


class StepFunctionsInProcess(Protocol):
    """Our own Step Functions, for nested executions and `aws-sdk:sfn` tasks.

    `timeline` is the parent's: an execution that its parent awaits shares its time.
    """

    async def call(self, operation: str, params: Mapping[str, Any], *, timeline: Timeline | None = None) -> Mapping[str, Any]: ...

    async def execution_ended(self, execution_arn: str) -> None:
        """Returns once the execution is over."""
        ...


class HttpApplication(Protocol):
    """An HTTP server in this process, called without a socket; answers status, headers and body.

    Requests are not signed: `service` (as it is in signatures) and `region` say whom they are for.
    """

    def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, /, *, service: str, region: str
    ) -> Awaitable[tuple[int, Mapping[str, str], bytes]]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one service is called over HTTP."""

    url: str
    credentials: Credentials
    region: str
    application: HttpApplication | None = None
    is_aws: bool = False


class EndpointMissing(Exception):
    """Nothing says where the service is; the text says what to set."""


@dataclass
class Endpoints:
    """The endpoints of one engine. `urls` is by botocore's names of services (`stepfunctions`, `events`)."""

    region: str = "us-east-1"
    urls: Mapping[str, str] = field(default_factory=dict)
    default_url: str | None = None
    step_functions: StepFunctionsInProcess | None = None
    in_process: Mapping[str, InProcessService] = field(default_factory=dict)
    """By botocore's names of services, `lambda` above all."""
    application: HttpApplication | None = None
    application_url: str = "http://127.0.0.1"
    """What requests to `application` bear as their origin."""
    connections: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """For `http:invoke`: headers by the ARN or the name of an EventBridge connection."""
    allow_aws: bool = False
    credentials: Credentials = field(default_factory=lambda: local_credentials({}))
    """For everything that is not AWS."""

    @classmethod
    def from_environment(cls, variables: Mapping[str, str], **given: Any) -> Endpoints:
        """The endpoints that `variables` name; `given` are further fields, and `urls` given there come before those of variables."""
        urls = {**_urls(variables), **given.pop("urls", {})}
        settings = {
            "region": variables.get("AWS_DEFAULT_REGION") or variables.get("AWS_REGION") or "us-east-1",
            "default_url": _url(variables, "AWS_ENDPOINT_URL") if not _ignores_urls(variables) else None,
            "allow_aws": variables.get(ALLOW_AWS, "").lower() in {"1", "true", "yes"},
            "credentials": local_credentials(variables),
        }
        return cls(urls=urls, **{**settings, **given})

    def own_step_functions(self) -> StepFunctionsInProcess | None:
        """Our own Step Functions, unless a URL is given for the service."""
        return None if "stepfunctions" in self.urls else self.step_functions

    def function(self, service: str) -> InProcessService | None:
        """The service in this process, unless a URL is given for it."""
        return None if service in self.urls else self.in_process.get(service)

    async def endpoint(self, service: str, *, region: str | None = None) -> Endpoint:
        """Where `service` is called over HTTP. Raises EndpointMissing."""
        region = region or self.region
        url = self.urls.get(service)
        if url is None and self.application is not None:
            return Endpoint(self.application_url, self.credentials, region, self.application)
        url = url or self.default_url
        if url is not None:
            return Endpoint(url.rstrip("/"), self.credentials, region)
        if not self.allow_aws:
            names = " or ".join(variables_for(service))
            raise EndpointMissing(
                f"No endpoint is known for the service '{service}': set {names} or AWS_ENDPOINT_URL to its URL, "
                f"or {ALLOW_AWS}=1 to call AWS itself"
            )
        credentials = await aws_credentials()
        if credentials is None:
            raise EndpointMissing(f"{ALLOW_AWS} allows calls to AWS, but no credentials were found for them")
        url, signed_region = aws_url(service, region)
        return Endpoint(url, credentials, signed_region, is_aws=True)


def variables_for(service: str) -> list[str]:
    """The variables that may hold the URL of `service`."""
    names = [STEP_FUNCTIONS_LOCAL_VARIABLES[service]] if service in STEP_FUNCTIONS_LOCAL_VARIABLES else []
    return [*names, _botocore_variable(service)]


def _botocore_variable(service: str) -> str:
    from botocore.utils import CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES

    words: str = CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES.get(service, service)
    return "AWS_ENDPOINT_URL_" + words.upper().replace("-", "_")


def _urls(variables: Mapping[str, str]) -> dict[str, str]:
    urls = {}
    if not _ignores_urls(variables):
        urls.update(_botocore_urls(variables))
    for service, name in STEP_FUNCTIONS_LOCAL_VARIABLES.items():
        url = _url(variables, name)
        if url:
            urls[service] = url
    return urls


def _botocore_urls(variables: Mapping[str, str]) -> dict[str, str]:
    urls = {}
    for name in variables:
        url = _url(variables, name) if name.startswith("AWS_ENDPOINT_URL_") else None
        if url:
            words = name.removeprefix("AWS_ENDPOINT_URL_").lower().replace("_", "-")
            urls[sdk_services().get(sdk_name(words), words)] = url
    return urls


def _ignores_urls(variables: Mapping[str, str]) -> bool:
    return variables.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"


def _url(variables: Mapping[str, str], name: str) -> str | None:
    url = variables.get(name, "").strip()
    if not url:
        return None
    if not url.lower().startswith(("http://", "https://")):
        raise SettingsError(f"{name} is {url!r}: a URL that begins with http:// or https:// is needed")
    return url.rstrip("/")


@functools.lru_cache(maxsize=256)
def aws_url(service: str, region: str) -> tuple[str, str]:
    """AWS's own endpoint, and the region that requests to it are signed for, from botocore's table of them."""
    from botocore.loaders import create_loader
    from botocore.regions import EndpointResolver

    from stepstack.integrations.service_model import describe

    prefix = describe(service).model["metadata"]["endpointPrefix"]
    found = EndpointResolver(create_loader().load_data("endpoints")).construct_endpoint(prefix, region)
    if not found:
        return f"https://{prefix}.{region}.amazonaws.com", region
    return f"https://{found['hostname']}", found.get("credentialScope", {}).get("region", region)
