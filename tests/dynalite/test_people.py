"""The people with middle initials: a DynamoDB query, tested without a state machine, on whatever backend is chosen."""

from __future__ import annotations

import pytest
from boto3.dynamodb.conditions import Attr, Key

JOHN = {"PK": "Person", "SK": "123456", "first_name": "John", "middle_initial": "R", "last_name": "Franey"}
BILBO = {"PK": "Person", "SK": "234567", "first_name": "Bilbo", "last_name": "Baggins"}


def find_people_with_middle_initials(table):
    """The code under test: everybody of `table` who has a middle initial, by key."""
    people = []
    query = {"KeyConditionExpression": Key("PK").eq("Person"), "FilterExpression": Attr("middle_initial").exists()}
    while True:
        page = table.query(**query)
        people.extend(page["Items"])
        if "LastEvaluatedKey" not in page:
            return people
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@pytest.fixture
def people_table(dynamodb_table):
    return dynamodb_table(partition_key="PK", sort_key="SK", label="people", items=[JOHN, BILBO])


def test_finds_people_with_middle_initials(people_table):
    people = find_people_with_middle_initials(people_table)

    assert [person["middle_initial"] for person in people] == ["R"]


def test_leaves_out_what_is_no_person(people_table):
    people_table.put_item(Item={**JOHN, "PK": "Pet", "first_name": "Rex"})

    assert [person["first_name"] for person in find_people_with_middle_initials(people_table)] == ["John"]


def test_finds_nobody_in_an_empty_table(dynamodb_table):
    table = dynamodb_table(partition_key="PK", sort_key="SK", label="empty")

    assert find_people_with_middle_initials(table) == []
