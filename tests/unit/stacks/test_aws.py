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
