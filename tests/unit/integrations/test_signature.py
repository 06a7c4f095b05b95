import datetime as dt

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from stepstack.integrations.credentials import Credentials
from stepstack.integrations.signature import JsonSigner


@pytest.mark.parametrize("token", [None, "a-session-token"], ids=["long-term keys", "session keys"])
def test_signs_as_botocore_does(token, monkeypatch):
    keys = ("AKIAEXAMPLE", "a/secret+key", token)
    body = b'{"TableName":"t"}'
    headers = dict(
        JsonSigner("dynamodb", "eu-central-1").headers(
            "127.0.0.1:8000", "DynamoDB_20120810.GetItem", "application/x-amz-json-1.0", body, Credentials(*keys)
        )
    )
    moment = dt.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.timezone.utc)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment)
    sent = {"X-Amz-Target": "DynamoDB_20120810.GetItem", "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest(method="POST", url="http://127.0.0.1:8000/", data=body, headers=sent)
    botocore.auth.SigV4Auth(BotocoreCredentials(*keys), "dynamodb", "eu-central-1").add_auth(request)
    assert headers["authorization"] == request.headers["Authorization"]


def test_another_key_is_not_signed_with_the_kept_one():
    signer = JsonSigner("dynamodb", "us-east-1")
    made = [dict(signer.headers("h", "t", "c", b"", Credentials("key", secret)))["authorization"] for secret in ("one", "two", "one")]
    assert made[0] != made[1]
    assert made[0].partition("Signature=")[0] == made[2].partition("Signature=")[0]


def test_secrets_do_not_show():
    assert "hidden" not in repr(Credentials("key", "hidden", "hidden too"))
