"""A real account: only by opt-in."""

from __future__ import annotations

import pytest

from stepstack.errors import SettingsError
from stepstack.stacks.aws import AwsAccount

ALLOWED = {
    "STEPSTACK_AWS": "1",
    "STEPSTACK_AWS_PREFIX": "team-x",
    "AWS_REGION": "eu-west-1",
    "STEPSTACK_AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
}


def test_an_account_comes_from_the_environment():
    assert AwsAccount.from_environment(ALLOWED) == AwsAccount("team-x", "eu-west-1", "arn:aws:iam::1:role/r")


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"STEPSTACK_AWS": ""}, "STEPSTACK_AWS=1"),
        ({"STEPSTACK_AWS": "0"}, "STEPSTACK_AWS=1"),
        ({"STEPSTACK_AWS_PREFIX": ""}, "STEPSTACK_AWS_PREFIX"),
        ({"STEPSTACK_AWS_PREFIX": "a b"}, "STEPSTACK_AWS_PREFIX"),
        ({"STEPSTACK_AWS_PREFIX": "-"}, "STEPSTACK_AWS_PREFIX"),
        ({"AWS_REGION": ""}, "AWS_REGION"),
    ],
)
def test_what_is_missing_is_named(changes, variable):
    with pytest.raises(SettingsError, match=variable):
        AwsAccount.from_environment({**ALLOWED, **changes})


def test_a_state_machine_needs_a_role():
    account = AwsAccount.from_environment({**ALLOWED, "STEPSTACK_AWS_ROLE_ARN": ""})

    with pytest.raises(SettingsError, match="STEPSTACK_AWS_ROLE_ARN"):
        account.required_role_arn()


def test_the_sweep_deletes_what_a_run_left_and_nothing_else(stepstack, state_machine, dynamodb_table):
    account = AwsAccount("sweep", "us-east-1")
    names = [f"sweep-{run}-gw0-test" for run in ("mine00", "other0")]
    definition = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    for name in names:
        state_machine(definition, name=name)
        stepstack.client("dynamodb").create_table(
            TableName=dynamodb_table.adopt(name),
            AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )

    swept = account.sweep("mine00", stepstack.client)

    assert swept == [names[0], names[0]]
    assert names[0] not in stepstack.client("dynamodb").list_tables()["TableNames"]
    assert names[1] in stepstack.client("dynamodb").list_tables()["TableNames"]
