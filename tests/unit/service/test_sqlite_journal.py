"""The journal: what was acknowledged is there again."""

from __future__ import annotations

import sqlite3

import pytest

from stepstack.errors import SettingsError
from stepstack.service.sqlite_journal import SqliteJournal

from .conftest import FAIL, PASS


def test_a_state_machine_comes_back_with_versions_aliases_and_tags(make_journaled, reopen):
    call = make_journaled()
    created = call.machine(publish=True, tags=[{"key": "a", "value": "b"}])
    arn, version = created["stateMachineArn"], created["stateMachineVersionArn"]
    call("UpdateStateMachine", stateMachineArn=arn, definition=FAIL)
    routing = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = call("CreateStateMachineAlias", name="live", routingConfiguration=routing)["stateMachineAliasArn"]
    questions = [
        ("DescribeStateMachine", {"stateMachineArn": arn}),
        ("DescribeStateMachine", {"stateMachineArn": version}),
        ("DescribeStateMachineAlias", {"stateMachineAliasArn": alias}),
        ("ListTagsForResource", {"resourceArn": arn}),
        ("ListStateMachineVersions", {"stateMachineArn": arn}),
    ]
    before = [call(operation, **params) for operation, params in questions]
    after = reopen(call)
    assert [after(operation, **params) for operation, params in questions] == before
    assert after.machine(definition=FAIL)["stateMachineArn"] == arn


def test_a_finished_execution_comes_back_whole(make_journaled, reopen):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    described = call.execution(machine, name="first", input='{"a":"\u00e9"}')
    history = call("GetExecutionHistory", executionArn=described["executionArn"])
    after = reopen(call)
    assert after("DescribeExecution", executionArn=described["executionArn"]) == described
    assert after("GetExecutionHistory", executionArn=described["executionArn"]) == history
    assert len(after("ListExecutions", stateMachineArn=machine)["executions"]) == 1
    assert after.refusal("StartExecution", stateMachineArn=machine, name="first").error_code == "ExecutionAlreadyExists"


def test_what_was_deleted_or_reset_stays_away(make_journaled, reopen):
    call = make_journaled()
    kept = call.machine("kept")["stateMachineArn"]
    call("DeleteStateMachine", stateMachineArn=call.machine("gone")["stateMachineArn"])
    activity = call("CreateActivity", name="act")["activityArn"]
    after = reopen(call)
    assert [machine["stateMachineArn"] for machine in after("ListStateMachines")["stateMachines"]] == [kept]
    assert after("DescribeActivity", activityArn=activity)["name"] == "act"
    after.run(after.service.reset())
    last = reopen(after)
    assert last("ListStateMachines") == {"stateMachines": []}


def test_new_executions_are_listed_before_those_that_came_back(make_journaled, reopen):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    old = call.execution(machine)["executionArn"]
    after = reopen(call)
    new = after.execution(machine)["executionArn"]
    assert [item["executionArn"] for item in after("ListExecutions", stateMachineArn=machine)["executions"]] == [new, old]


def test_a_second_service_on_the_same_folder_is_refused(make_journaled, tmp_path):
    make_journaled().machine()
    with pytest.raises(SettingsError, match="is another stepstack using it"):
        SqliteJournal(tmp_path / "data")


def test_data_of_another_format_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "stepstack.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SettingsError, match="format 99"):
        SqliteJournal(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "stepstack.sqlite3").write_text("nonsense" * 1000)
    with pytest.raises(SettingsError, match="cannot be used"):
        SqliteJournal(tmp_path)


def test_an_unchanged_definition_is_parsed_once_for_all_that_share_it(make_journaled, reopen):
    call = make_journaled()
    arn = call.machine(definition=PASS)["stateMachineArn"]
    call.execution(arn)
    after = reopen(call)
    machine = after.service.store.state_machines[arn].revision.machine
    assert {id(record.revision.machine) for record in after.service.store.executions.values()} == {id(machine)}
