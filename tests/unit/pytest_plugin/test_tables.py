"""Tables that a test makes, and how they are deleted."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from stepstack.pytest_plugin.tables import TableFactory


def test_a_table_that_cannot_be_deleted_keeps_none_of_the_others(stepstack, unique_name, dynamodb):
    factory = TableFactory(stepstack, unique_name)
    names = [factory().name, factory.adopt("not a name"), factory(label="other").name]
    assert set(dynamodb.list_tables()["TableNames"]) >= {names[0], names[2]}

    with pytest.raises(ClientError, match="ValidationException"), factory:
        pass

    assert not set(dynamodb.list_tables()["TableNames"]) & set(names)
