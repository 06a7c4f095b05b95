"""The handler alone, on moto's DynamoDB: called with events of API Gateway, looked after in the table."""

from __future__ import annotations

import importlib.util
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture
def table(monkeypatch):
    """A table as the template describes it, with two names in it. Its definition is in one place."""
    for name, value in {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "mock", "AWS_SECRET_ACCESS_KEY": "mock"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    properties = yaml_parse((PROJECT / "template.yaml").read_text())["Resources"]["DynamoDBTable"]["Properties"]
    with mock_aws():
        made = boto3.resource("dynamodb").create_table(TableName=f"hello-{uuid.uuid4()}", **properties)
        monkeypatch.setenv("DYNAMODB_TABLE_NAME", made.name)
        made.put_item(Item={"PK": "unit-1", "SK": "NAME#", "data": "Ann"})
        made.put_item(Item={"PK": "unit-2", "SK": "NAME#", "data": "Zoë"})
        yield made
        made.delete()


@pytest.fixture
def app(table):
    """The handler's module, loaded anew: a client that it keeps is this test's."""
    spec = importlib.util.spec_from_file_location("hello_app", PROJECT / "src" / "app.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hello(app, identifier):
    answer = app.lambda_handler({"httpMethod": "GET", "pathParameters": {"id": identifier}}, None)
    return answer["statusCode"], answer["body"]


def history(table, identifier):
    return table.query(KeyConditionExpression=Key("PK").eq(identifier) & Key("SK").begins_with("TS#"))["Items"]


@pytest.mark.parametrize(("identifier", "message"), [("unit-1", "Hello Ann!"), ("unit-2", "Hello Zoë!")], ids=["ascii", "umlaut"])
def test_an_id_with_a_name_is_greeted_by_it(app, identifier, message):
    assert hello(app, identifier) == (200, message)


def test_a_hello_is_kept_with_the_time_at_which_it_was_said(app, table):
    hello(app, "unit-1")

    [item] = history(table, "unit-1")
    assert item["data"] == "Hello Ann!"
    said = datetime.fromisoformat(item["SK"].removeprefix("TS#"))
    assert abs(datetime.now(timezone.utc) - said) < timedelta(minutes=1)


def test_an_id_without_a_name_is_answered_404_and_that_is_kept_too(app, table):
    message = "NOTFOUND: Name Not Found for ID unit-404"

    assert hello(app, "unit-404") == (404, message)
    assert [item["data"] for item in history(table, "unit-404")] == [message]


def test_what_was_said_to_an_id_is_no_name(app, table):
    table.put_item(Item={"PK": "unit-3", "SK": "TS#2026-01-01T00:00:00+00:00", "data": "Hello nobody!"})

    assert hello(app, "unit-3")[0] == 404
