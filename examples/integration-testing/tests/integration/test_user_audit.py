"""Each user that is created leaves one line in the audit log."""

from __future__ import annotations

import uuid


def new_user():
    return f"USER#{uuid.uuid4()}"


def test_a_new_user_is_written_into_the_audit_log(system, put_item, eventually):
    user = new_user()
    put_item(user, "PROFILE", Name="Ann")

    expected = {"EventType": "UserCreated", "PK": {"S": user}, "SK": {"S": "PROFILE"}}
    assert eventually(lambda: system.audit_lines(user)) == [expected]


def test_a_change_of_a_user_is_not(system, put_item, eventually):
    user, last = new_user(), new_user()
    put_item(user, "PROFILE", Name="Ann")
    put_item(user, "PROFILE", Name="Anna")
    put_item(last, "PROFILE")

    eventually(lambda: system.audit_lines(last) and system.audit_lines(user))
    assert len(system.audit_lines(user)) == 1


def test_another_new_item_is_not(system, put_item, eventually):
    order, last = f"ORDER#{uuid.uuid4()}", new_user()
    put_item(order, "1")
    put_item(last, "PROFILE")

    eventually(lambda: system.audit_lines(last))
    assert system.audit_lines(order) == []
