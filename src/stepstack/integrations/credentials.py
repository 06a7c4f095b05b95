"""The keys with which calls are signed.

Called by the endpoints. Local services need some key (DynamoDB Local tells databases apart by it), not a true one. Keys for AWS itself are
looked up by botocore, in its own order, only once a call to AWS is really made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Credentials", "aws_credentials", "local_credentials"]


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def local_credentials(variables: Mapping[str, str]) -> Credentials:
    """The keys in `variables` as every SDK names them, or ones that every local service takes."""
    access_key = variables.get("AWS_ACCESS_KEY_ID")
    secret_key = variables.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        return Credentials(access_key, secret_key, variables.get("AWS_SESSION_TOKEN") or None)
    return Credentials("test", "test")


async def aws_credentials() -> Credentials | None:
    """The keys that botocore finds in its usual places; None where there are none.

    Some of these places are files and services of the machine, so botocore looks in a thread.
    """
    return await asyncio.to_thread(_find_credentials)


def _find_credentials() -> Credentials | None:
    import botocore.session

    found = botocore.session.get_session().get_credentials()
    if found is None:
        return None
    frozen = found.get_frozen_credentials()
    return Credentials(frozen.access_key, frozen.secret_key, frozen.token)
