"""Whoever has an account, files, endpoints and a proxy in the shell: nothing of a stack on this machine goes there."""

from __future__ import annotations

import json
import os

import pytest

from stepstack.stacks.sdk_variables import leads_elsewhere, past_proxies
from stepstack.testing import LambdaFunctions, Stack

NOBODY = "http://127.0.0.1:9"
"""Nothing listens there."""

SHELLS = {
    "profile": {"AWS_PROFILE": "work"},
    "missing profile": {"AWS_PROFILE": "gone"},
    "old profile": {"AWS_DEFAULT_PROFILE": "gone"},
    "keys": {"AWS_ACCESS_KEY_ID": "AKIAUSER", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "of the user"},
    "role": {"AWS_ROLE_ARN": "arn:aws:iam::999999999999:role/user", "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere/token"},
    "region": {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-west-3"},
    "endpoints": {"AWS_ENDPOINT_URL": NOBODY, "AWS_ENDPOINT_URL_DYNAMODB": NOBODY, "AWS_ENDPOINT_URL_SFN": NOBODY},
    "no endpoints": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "fips": {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "proxy": {"HTTP_PROXY": NOBODY, "HTTPS_PROXY": NOBODY, "ALL_PROXY": NOBODY},
    "small proxy": {"http_proxy": NOBODY, "https_proxy": NOBODY, "no_proxy": "example.com"},
}

CONFIG = f"""
[profile work]
region = eu-west-2
endpoint_url = {NOBODY}
use_fips_endpoint = true
s3 =
    addressing_style = virtual
"""
CREDENTIALS = """
[work]
aws_access_key_id = AKIAUSER
aws_secret_access_key = secret
"""


@pytest.fixture(params=SHELLS)
def shell(request, monkeypatch, tmp_path):
    """The variables of a user's shell, and files beside it."""
    for name, text in {"AWS_CONFIG_FILE": CONFIG, "AWS_SHARED_CREDENTIALS_FILE": CREDENTIALS}.items():
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(name, str(tmp_path / name))
    for name, value in SHELLS[request.param].items():
        monkeypatch.setenv(name, value)


def caller_and_tables(session):
    """Who boto3's own clients are, and which tables they see."""
    keys = session.get_credentials().get_frozen_credentials()
    return keys.access_key, keys.token, session.region_name, session.client("dynamodb").list_tables()["TableNames"]


def test_the_clients_of_a_stack_are_nobody_s(shell):
    with Stack.embedded() as stack:
        client = stack.client("dynamodb")
        assert client.list_tables()["TableNames"] == []
        assert client._request_signer._credentials.access_key == "stepstack"
        assert stack.client("s3").list_buckets()["Buckets"] == []
        assert stack.client("stepfunctions").list_state_machines()["stateMachines"] == []


def test_code_under_test_reaches_the_stack(shell, request, unique_name):
    import boto3

    request.getfixturevalue("stepstack_environment")
    table = request.getfixturevalue("dynamodb_table")().name
    access_key, token, region, tables = caller_and_tables(boto3.session.Session())
    assert (access_key, token, region) == ("stepstack", None, "us-east-1")
    assert table in tables


def test_a_function_reaches_the_stack(shell, lambda_functions, dynamodb_table, state_machine):
    def look(_event, _context):
        import boto3

        return caller_and_tables(boto3.session.Session())

    table = dynamodb_table().name
    arn = lambda_functions(look=look)["look"]
    states = {"Look": {"Type": "Task", "Resource": arn, "End": True}}
    access_key, token, region, tables = state_machine({"StartAt": "Look", "States": states}).run({}).succeeded().output
    assert (access_key, token, region) == ("test", None, "us-east-1")
    assert table in tables


def test_a_function_may_be_given_what_the_shell_may_not_say(lambda_functions, state_machine, monkeypatch):
    def look(_event, _context):
        os.environ["AWS_SESSION_TOKEN"] = "of the function"  # noqa: S105
        return [os.environ.get(name) for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "ELSEWHERE")]

    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "ELSEWHERE"):
        monkeypatch.setenv(name, "the shell's")
    arn = lambda_functions(look=look, environment={"AWS_ENDPOINT_URL_S3": "its own"})["look"]
    states = {"Look": {"Type": "Task", "Resource": arn, "End": True}}
    output = state_machine({"StartAt": "Look", "States": states}).run({}).succeeded().output
    assert output == [None, "its own", "of the function", "the shell's"]


def test_a_function_is_told_of_a_service_of_somebody_else_s(answering):
    url = answering((200, b'{"TableNames": []}'))
    with Stack.embedded(endpoints={"dynamodb": url}) as stack, LambdaFunctions(stack) as functions:
        functions(look=lambda _event, _context: os.environ["AWS_ENDPOINT_URL_DYNAMODB"])
        answer = stack.client("lambda").invoke(FunctionName="look")
        assert json.load(answer["Payload"]) == url


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SAM_STACK_NAME", "AWS_LAMBDA_FUNCTION_NAME", "PATH"])
def test_what_leads_nowhere_stays(name):
    assert not leads_elsewhere(name)


def test_no_proxy_no_exception():
    assert past_proxies({"PATH": "/bin", "HTTP_PROXY": ""}) == {}


@pytest.mark.parametrize(
    ("variables", "hosts"),
    [
        ({"https_proxy": NOBODY}, "127.0.0.1,localhost"),
        ({"HTTP_PROXY": NOBODY, "NO_PROXY": "example.com"}, "example.com,127.0.0.1,localhost"),
        ({"ALL_PROXY": NOBODY, "NO_PROXY": "unread", "no_proxy": "example.com"}, "example.com,127.0.0.1,localhost"),
    ],
    ids=["no exceptions", "exceptions", "small letters come first"],
)
def test_exceptions_of_a_proxy_are_added_to(variables, hosts):
    assert past_proxies(variables) == {"no_proxy": hosts, "NO_PROXY": hosts}
