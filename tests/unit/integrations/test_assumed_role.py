import asyncio
import datetime as dt

import pytest

from stepstack.integrations import endpoints as endpoints_module
from stepstack.integrations.endpoints import Endpoints
from stepstack.integrations.integrations import Integrations

ROLE = "arn:aws:iam::210987654321:role/other"


def assumed(expires):
    moment = (dt.datetime.now(dt.timezone.utc) + expires).strftime("%Y-%m-%dT%H:%M:%SZ")
    members = {"AccessKeyId": "ROLEKEY", "SecretAccessKey": "s", "SessionToken": "T", "Expiration": moment}
    keys = "".join(f"<{name}>{value}</{name}>" for name, value in members.items())
    return f"<AssumeRoleResponse><AssumeRoleResult><Credentials>{keys}</Credentials></AssumeRoleResult></AssumeRoleResponse>".encode()


@pytest.fixture
def requests_to_aws(local_server, task_call, monkeypatch):
    """Makes two calls in a role, where AWS is a local server; what it was asked."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OWNKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    def make(expires, **settings):
        def answer(request):
            return (200, assumed(expires)) if b"AssumeRole" in request.body else (200, {})

        async def scenario():
            async with local_server(answer) as server:
                monkeypatch.setattr(endpoints_module, "aws_url", lambda _service, region: (server.url, region))
                given = {"default_url": server.url} if settings.get("is_local") else {"allow_aws": True}
                integrations = Integrations(Endpoints(**given))
                for _ in range(2):
                    call = task_call("aws-sdk:dynamodb:getItem", {"TableName": "t", "Key": {}}, credentials={"RoleArn": ROLE})
                    await integrations.request(call)
                await integrations.close()
                return [request.headers["authorization"].split("Credential=")[1].split("/")[0] for request in server.requests]

        return asyncio.run(scenario())

    return make


def test_a_role_is_assumed_once_and_its_keys_are_used(requests_to_aws):
    assert requests_to_aws(dt.timedelta(hours=1)) == ["OWNKEY", "ROLEKEY", "ROLEKEY"]


def test_keys_that_are_about_to_expire_are_renewed(requests_to_aws):
    assert requests_to_aws(dt.timedelta(minutes=1)) == ["OWNKEY", "ROLEKEY", "OWNKEY", "ROLEKEY"]


def test_local_services_are_called_with_the_stacks_own_keys(requests_to_aws):
    assert requests_to_aws(dt.timedelta(hours=1), is_local=True) == ["test", "test"]
