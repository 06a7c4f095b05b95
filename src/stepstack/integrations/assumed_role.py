"""Calls to AWS in the role that a Task's `Credentials` field names.

Made by the runner, for tasks with that field, where calls to AWS are allowed. Local services know no roles: calls to them are made with the
stack's own keys. Source: AWS's developer guide, "Accessing resources in other AWS accounts".
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt

from stepstack.clock import Randomness
from stepstack.integrations.credentials import Credentials
from stepstack.integrations.endpoints import Endpoint, Endpoints
from stepstack.integrations.http_client import HttpClient
from stepstack.integrations.service_call import ServiceCaller

__all__ = ["RoleCaller"]

RENEWED_BEFORE = dt.timedelta(minutes=5)


class RoleCaller(ServiceCaller):
    """A `ServiceCaller` that signs what goes to AWS with keys of a role."""

    def __init__(self, role_arn: str, endpoints: Endpoints, http: HttpClient, randomness: Randomness) -> None:
        super().__init__(endpoints, http, randomness)
        self._role_arn = role_arn
        self._own = ServiceCaller(endpoints, http, randomness)
        self._keys: tuple[Credentials, dt.datetime] | None = None
        self._turn = asyncio.Lock()

    async def endpoint(self, service: str, *, region: str | None = None) -> Endpoint:
        found = await super().endpoint(service, region=region)
        return dataclasses.replace(found, credentials=await self._credentials()) if found.is_aws else found

    async def _credentials(self) -> Credentials:
        async with self._turn:
            # Keys expire in the time of the world, whatever the clock of the executions says.
            if self._keys is None or self._keys[1] - RENEWED_BEFORE < dt.datetime.now(dt.timezone.utc):
                params = {"RoleArn": self._role_arn, "RoleSessionName": "stepstack"}
                keys = (await self._own.call("sts", "AssumeRole", params)).content["Credentials"]
                self._keys = (Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]), keys["Expiration"])
            return self._keys[0]
