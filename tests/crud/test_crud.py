"""The CRUD workflow of `state-machine.json`: the seven scenarios, on whatever backend is chosen, each on a table of its own.

Each test asserts how the execution ended, which way the Choice sent it, and what then stands in the table.
"""

from __future__ import annotations

import pytest

ROUTES = {
    "Init": "DynamoDB Init",
    "Create": "DynamoDB Create",
    "Read": "DynamoDB Read",
    "Update": "DynamoDB Update",
    "Delete": "DynamoDB Delete",
}


@pytest.fixture
def crud(state_machine):
    """The state machine of the repository's root."""
    return state_machine("state-machine.json", label="crud")


@pytest.fixture
def table(dynamodb_table):
    """An empty table of the shape that Init makes."""
    return dynamodb_table(partition_key="Id", label="crud")


@pytest.fixture
def stored(dynamodb):
    """What stands in a table under an Id, read by the DynamoDB client; None for nothing."""

    def read(table_name, item_id):
        return dynamodb.get_item(TableName=table_name, Key={"Id": {"S": item_id}}, ConsistentRead=True).get("Item")

    return read


def the_way_of(operation):
    return ["Choose Operation", ROUTES[operation]]


class TestInit:
    def test_makes_the_table(self, crud, dynamodb, dynamodb_table, unique_name):
        name = dynamodb_table.adopt(unique_name("made-by-init"))

        execution = crud.run({"TableName": name, "Operation": "Init"})

        execution.succeeded().visited(the_way_of("Init"))
        assert execution.output["TableDescription"]["TableName"] == name
        assert dynamodb.describe_table(TableName=name)["Table"]["KeySchema"] == [{"AttributeName": "Id", "KeyType": "HASH"}]

    def test_is_content_with_a_table_that_is_there(self, crud, table, dynamodb):
        dynamodb.put_item(TableName=table.name, Item={"Id": {"S": "1"}})

        execution = crud.run({"TableName": table.name, "Operation": "Init"})

        execution.succeeded().visited([*the_way_of("Init"), "Table Exists"])
        assert dynamodb.scan(TableName=table.name)["Items"] == [{"Id": {"S": "1"}}]


class TestCreate:
    def test_stores_the_item(self, crud, table, stored):
        execution = crud.run({"TableName": table.name, "Operation": "Create", "ItemId": "125", "ItemName": "RobinOriginal"})

        execution.succeeded().visited(the_way_of("Create"))
        assert execution.output["SdkHttpMetadata"]["HttpStatusCode"] == 200
        assert stored(table.name, "125") == {"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}}

    def test_retries_a_dynamodb_exception_and_then_fails_with_it(self, crud, unique_name):
        execution = crud.run({"TableName": unique_name("nowhere"), "Operation": "Create", "ItemId": "1", "ItemName": "Nobody"})

        execution.failed(error="DynamoDB.ResourceNotFoundException").visited(the_way_of("Create"))
        create = execution.state("DynamoDB Create")
        assert create.attempts == 3
        assert [failure.error for failure in create.failures] == ["DynamoDB.ResourceNotFoundException"] * 3


class TestRead:
    def test_returns_the_item(self, crud, table, dynamodb):
        item = {"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}}
        dynamodb.put_item(TableName=table.name, Item=item)

        execution = crud.run({"TableName": table.name, "Operation": "Read", "ItemId": "125"})

        execution.succeeded().visited(the_way_of("Read"))
        assert execution.output["Item"] == item

    def test_returns_no_item_where_there_is_none(self, crud, table):
        execution = crud.run({"TableName": table.name, "Operation": "Read", "ItemId": "nobody"})

        assert "Item" not in execution.succeeded().output


class TestUpdate:
    def test_changes_name_and_age(self, crud, table, dynamodb, stored):
        dynamodb.put_item(TableName=table.name, Item={"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}})

        execution = crud.run({"TableName": table.name, "Operation": "Update", "ItemId": "125", "ItemName": "RobinNew", "ItemAge": "56"})

        changed = {"Id": {"S": "125"}, "Name": {"S": "RobinNew"}, "Age": {"N": "56"}}
        execution.succeeded().visited(the_way_of("Update"))
        assert execution.output["Attributes"] == changed
        assert stored(table.name, "125") == changed


class TestDelete:
    def test_removes_the_item(self, crud, table, dynamodb, stored):
        item = {"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}}
        dynamodb.put_item(TableName=table.name, Item=item)

        execution = crud.run({"TableName": table.name, "Operation": "Delete", "ItemId": "125"})

        execution.succeeded().visited(the_way_of("Delete"))
        assert execution.output["Attributes"] == item
        assert stored(table.name, "125") is None

    def test_is_content_with_an_item_that_is_not_there(self, crud, table):
        crud.run({"TableName": table.name, "Operation": "Delete", "ItemId": "nobody"}).succeeded()


class TestCompleteWorkflow:
    def test_init_create_read_update_read_delete(self, crud, dynamodb_table, unique_name, stored):
        name = dynamodb_table.adopt(unique_name("workflow"))

        def run(operation, **fields):
            return crud.run({"TableName": name, "Operation": operation, **fields}).succeeded().visited(the_way_of(operation)).output

        run("Init")
        dynamodb_table.wait_until_active(name)
        run("Create", ItemId="125", ItemName="RobinOriginal")
        assert run("Read", ItemId="125")["Item"] == {"Id": {"S": "125"}, "Name": {"S": "RobinOriginal"}}
        run("Update", ItemId="125", ItemName="RobinNew", ItemAge="56")
        assert run("Read", ItemId="125")["Item"] == {"Id": {"S": "125"}, "Name": {"S": "RobinNew"}, "Age": {"N": "56"}}
        run("Delete", ItemId="125")
        assert stored(name, "125") is None


class TestChoice:
    @pytest.mark.parametrize("operation", ["Create", "Read", "Update", "Delete", "Init"])
    def test_sends_each_operation_its_way(self, crud, table, operation):
        execution = crud.run({"TableName": table.name, "Operation": operation, "ItemId": "1", "ItemName": "Robin", "ItemAge": "56"})

        assert execution.succeeded().states[:2] == the_way_of(operation)

    @pytest.mark.parametrize(
        "event",
        [{"Operation": "Drop"}, {"Operation": "create"}, {"Operation": None}, {"Operation": 1}, {}],
        ids=["unknown", "wrong case", "null", "number", "missing"],
    )
    def test_ends_anything_else_in_a_clear_failure(self, crud, event):
        execution = crud.run({"TableName": "none", **event})

        execution.failed(error="UnknownOperation", cause="Init, Create, Read, Update and Delete")
        assert execution.states == ["Choose Operation", "Unknown Operation"]
