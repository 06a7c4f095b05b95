"""Tables for a test, a module or a session: made, awaited, deleted.

Behind the fixtures `dynamodb_table`, `module_dynamodb_table` and `session_dynamodb_table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepstack.stacks.names import UniqueNames
    from stepstack.testing.stack import Stack

__all__ = ["TableFactory"]


class TableFactory:
    """Call it for a table; what it made or adopted is deleted when its scope ends."""

    def __init__(self, stack: Stack, unique_name: UniqueNames) -> None:
        self._stack = stack
        self._unique_name = unique_name
        self._names: list[str] = []

    def __call__(
        self,
        schema: Mapping[str, Any] | None = None,
        *,
        label: str = "table",
        partition_key: str = "Id",
        sort_key: str | None = None,
        items: list[Mapping[str, Any]] | None = None,
    ) -> Any:
        """A boto3 Table that is active; its `.name` is unique.

        Keys are written `Id` or, for another type than string, `Id:N`. `schema` takes CreateTable's members instead or besides (indexes,
        streams); TableName in it is the label of the name. `items` are put in.
        """
        arguments = {**_keys(partition_key, sort_key), "BillingMode": "PAY_PER_REQUEST", **(schema or {})}
        if "ProvisionedThroughput" in arguments:
            arguments["BillingMode"] = "PROVISIONED"
        name = self._unique_name(arguments.pop("TableName", label))
        resource = self._stack.resource("dynamodb")
        self._names.append(name)
        resource.create_table(TableName=name, **arguments)
        self._await(name)
        table = resource.Table(name)
        if items:
            with table.batch_writer() as batch:
                for item in items:
                    batch.put_item(Item=item)
        return table

    def adopt(self, name: str) -> str:
        """`name`, of a table that the test itself or its state machine makes: it is deleted when the scope ends."""
        self._names.append(name)
        return name

    def wait_until_active(self, name: str) -> Any:
        """The boto3 Table `name`, once it is active."""
        self._await(name)
        return self._stack.resource("dynamodb").Table(name)

    def _await(self, name: str) -> None:
        # The first look is at once, and the only one wherever tables are made at once.
        waiter = self._stack.client("dynamodb").get_waiter("table_exists")
        waiter.wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})

    def __enter__(self) -> TableFactory:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        names, self._names = self._names, []
        # A table that cannot be deleted keeps none of the others.
        with ExitStack() as deletions:
            for name in names:
                deletions.callback(self._delete, name)

    def _delete(self, name: str) -> None:
        client = self._stack.client("dynamodb")
        with suppress(client.exceptions.ResourceNotFoundException):
            client.delete_table(TableName=name)


def _keys(partition_key: str, sort_key: str | None) -> dict[str, Any]:
    keys = [(partition_key, "HASH"), *([(sort_key, "RANGE")] if sort_key else [])]
    definitions, schema = [], []
    for written, role in keys:
        name, _, attribute_type = written.partition(":")
        definitions.append({"AttributeName": name, "AttributeType": attribute_type or "S"})
        schema.append({"AttributeName": name, "KeyType": role})
    return {"AttributeDefinitions": definitions, "KeySchema": schema}
