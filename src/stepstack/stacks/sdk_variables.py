"""The variables that AWS's SDKs read: which of a user's own would lead them to an account, and what hides that account.

A shell may name a profile, keys, endpoints and a proxy. Code under test that is to reach a stack on this machine must see none of them: a
table would be made in an account, and a proxy would be asked for 127.0.0.1. A variable that a test sets for the stack is no less a user's:
what a function is to see, its own `environment` says.

Called for the clients and the environment of a stack (`stepstack.testing.stack`, the fixture `stepstack_environment`) and for
functions in this process (`embedded.functions`). Source: the SDKs' reference guide, "Settings reference", and botocore's own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

__all__ = ["NO_ACCOUNT", "SESSION_WITHOUT_ACCOUNT", "leads_elsewhere", "past_proxies"]

NO_ACCOUNT: Mapping[str, str] = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What keeps SDKs from the user's files and from the machine's role."""

SESSION_WITHOUT_ACCOUNT: Mapping[str, tuple[str | None, str | None, str | None, None]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
"""The same for a session of botocore: its `session_vars`."""

_LEADING = frozenset(
    {
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_DEFAULT_PROFILE",
        "AWS_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_SECURITY_TOKEN",
        "AWS_SESSION_TOKEN",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
_LEADING_PREFIXES = ("AWS_CONTAINER_", "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URL")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_NEAR = "127.0.0.1,localhost"


def leads_elsewhere(name: str) -> bool:
    """Whether the variable `name` says where or as whom SDKs call, so that only a stack's own value will do."""
    return name in _LEADING or name.startswith(_LEADING_PREFIXES)


def past_proxies(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with which this machine is reached without the proxy that `variables` name; none where they name none."""
    by_name = {name.lower(): value for name, value in variables.items()}
    if not any(map(by_name.get, _PROXIES)):
        return {}
    # Python asks the small letters first, curl and Go either.
    hosts = ",".join(filter(None, (variables.get("no_proxy") or variables.get("NO_PROXY"), _NEAR)))
    return {"no_proxy": hosts, "NO_PROXY": hosts}
