"""Given endpoints: services that somebody else runs, named by URL.

Called by `stepstack.testing.Stack` and by the plugin's settings. `SERVICE=URL` words come from options and settings; a URL has a
scheme, a host and no path. Services have boto3's names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from stepstack.errors import SettingsError, StackError
from stepstack.stacks.readiness import PROBES, problem_of

__all__ = ["parse_endpoints", "require_ready", "usual_endpoint"]

USUAL_PORTS: Mapping[str, tuple[tuple[str, ...], int]] = {
    "stepfunctions": (("STEPFUNCTIONS_PORT",), 8083),
    "stepstack": (("STEPSTACK_PORT", "STEPFUNCTIONS_PORT"), 8083),
    "dynamodb": (("DYNAMODB_PORT",), 8000),
    "dynalite": (("DYNALITE_PORT",), 4567),
}
"""The environment variables and the default of the port of each service on this machine, as the compose file has them."""


def parse_endpoints(words: Iterable[str]) -> dict[str, str]:
    """`["dynamodb=http://localhost:8000"]` as a dict; SettingsError where a word is malformed or a service is named twice."""
    endpoints: dict[str, str] = {}
    for word in words:
        service, separator, url = word.partition("=")
        service, url = service.strip(), url.strip().rstrip("/")
        if not separator or not re.fullmatch(r"[a-z][a-z0-9-]*", service):
            raise SettingsError(f"an endpoint is written SERVICE=URL, as in dynamodb=http://127.0.0.1:8000; this is {word!r}")
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
            raise SettingsError(f"the endpoint of {service} must be a URL such as http://127.0.0.1:8000; this is {url!r}")
        if service in endpoints:
            raise SettingsError(f"the endpoint of {service} is given twice: {endpoints[service]} and {url}")
        endpoints[service] = url
    return endpoints


def usual_endpoint(name: str, environment: Mapping[str, str] | None = None) -> str:
    """Where a service of the compose file answers on this machine: `http://127.0.0.1:8083`. `name` is a key of USUAL_PORTS."""
    variables, port = USUAL_PORTS[name]
    values = os.environ if environment is None else environment
    return f"http://127.0.0.1:{next(filter(None, map(values.get, variables)), port)}"


def require_ready(endpoints: Mapping[str, str]) -> None:
    """StackError that names every service of `endpoints` that does not answer. Services without a known probe are taken on trust."""
    problems = {service: problem_of(service, url) for service, url in endpoints.items() if service in PROBES}
    missing = [f"{service} does not answer at {endpoints[service]} ({problem})" for service, problem in problems.items() if problem]
    if missing:
        raise StackError("; ".join(missing))
