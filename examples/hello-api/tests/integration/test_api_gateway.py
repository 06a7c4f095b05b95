"""The API as a whole, over HTTP: here on the embedded stack, and unchanged on AWS (`--stepstack-backend aws`)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import urllib3
from boto3.dynamodb.conditions import Key


@dataclass
class HelloApi:
    """The deployed API, its table, and ids that no other test has."""

    url: str
    table: object
    postfix: str

    def id(self, name: str) -> str:
        return f"{name}-{self.postfix}"

    def get(self, identifier: str) -> tuple[int, str]:
        with urllib3.PoolManager() as connections:
            answer = connections.request("GET", self.url.replace("{id}", quote(identifier, safe="")), timeout=30)
            return answer.status, answer.data.decode()

    def items(self, identifier: str) -> list[dict]:
        return self.table.query(KeyConditionExpression=Key("PK").eq(identifier), ConsistentRead=True)["Items"]

    def history(self, identifier: str) -> list[str]:
        return [item["data"] for item in self.items(identifier) if item["SK"].startswith("TS#")]


@pytest.fixture
def api(application, dynamodb_resource):
    """Seeds names for this test's ids, and afterwards deletes them and what was kept of the test's hellos."""
    outputs = application("../../template.yaml").outputs
    made = HelloApi(outputs["HelloPersonApi"], dynamodb_resource.Table(outputs["DynamoDBTableName"]), uuid.uuid4().hex)
    seeded = {"ann": "Ann", "zoe": "Zoë", "with space": "Bo"}
    with made.table.batch_writer() as batch:
        for name, data in seeded.items():
            batch.put_item(Item={"PK": made.id(name), "SK": "NAME#", "data": data})
    yield made
    with made.table.batch_writer() as batch:
        for name in [*seeded, "nobody"]:
            for item in made.items(made.id(name)):
                batch.delete_item(Key={"PK": item["PK"], "SK": item["SK"]})


@pytest.mark.parametrize(
    ("name", "message"),
    [("ann", "Hello Ann!"), ("zoe", "Hello Zoë!"), ("with space", "Hello Bo!")],
    ids=["ascii", "umlaut", "id with a space"],
)
def test_an_id_with_a_name_is_greeted_by_it(api, name, message):
    assert api.get(api.id(name)) == (200, message)


def test_every_hello_is_kept(api):
    api.get(api.id("ann"))
    assert api.history(api.id("ann")) == ["Hello Ann!"]

    api.get(api.id("ann"))
    assert api.history(api.id("ann")) == ["Hello Ann!", "Hello Ann!"]


def test_an_id_without_a_name_is_answered_404_and_that_is_kept_too(api):
    message = f"NOTFOUND: Name Not Found for ID {api.id('nobody')}"

    assert api.get(api.id("nobody")) == (404, message)
    assert api.history(api.id("nobody")) == [message]


def test_what_is_said_to_one_id_is_not_kept_under_another(api):
    api.get(api.id("ann"))

    assert api.history(api.id("zoe")) == []
