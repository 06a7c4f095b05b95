"""The journal: what was acknowledged is there again."""

from __future__ import annotations

import json
import sqlite3

import pytest

from stepstack.errors import SettingsError, StorageError
from stepstack.service import stored_records
from stepstack.service.sqlite_journal import SqliteJournal
from stepstack.service.store import Retention, Store
from stepstack.service.stored_records import unpacked_events

from .conftest import FAIL, PASS

LARGE = json.dumps("x" * 200_000)
EACH = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "P",
    "States": {"P": {"Type": "Pass", "End": True}},
}
DISTRIBUTED = json.dumps({"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": EACH, "End": True}}})


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


def test_an_update_whose_version_is_refused_is_kept_as_it_is_told(make_journaled, reopen, monkeypatch):
    monkeypatch.setattr("stepstack.service.versions.VERSION_LIMIT", 1)
    call = make_journaled()
    arn = call.machine(publish=True)["stateMachineArn"]
    refusal = call.refusal("UpdateStateMachine", stateMachineArn=arn, definition=FAIL, publish=True)
    described = call("DescribeStateMachine", stateMachineArn=arn)
    assert (refusal.error_code, described["definition"]) == ("ServiceQuotaExceededException", FAIL)
    assert reopen(call)("DescribeStateMachine", stateMachineArn=arn) == described


def test_a_map_run_is_kept_with_the_revision_of_its_execution(make_journaled):
    call = make_journaled()
    call.execution(call.machine(definition=DISTRIBUTED)["stateMachineArn"], input="[1, 2]")
    assert rows(call) == {"executions": 3, "events": 3, "map_runs": 1}
    assert call.journal._connection.execute("SELECT count(*) FROM revisions").fetchone()[0] == 1


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


def test_a_history_is_read_once_for_all_its_pages(make_journaled, monkeypatch):
    call = make_journaled()
    execution = call.execution(call.machine()["stateMachineArn"])["executionArn"]
    whole = call("GetExecutionHistory", executionArn=execution)["events"]
    # Another history between: the pages below begin with nothing read.
    call("GetExecutionHistory", executionArn=call.execution(call.machine()["stateMachineArn"])["executionArn"])
    read = []
    monkeypatch.setattr(stored_records, "unpacked_events", lambda piece: read.append(1) or unpacked_events(piece))
    answer = call("GetExecutionHistory", executionArn=execution, maxResults=1)
    events = answer["events"]
    while "nextToken" in answer:
        answer = call("GetExecutionHistory", executionArn=execution, maxResults=1, nextToken=answer["nextToken"])
        events += answer["events"]
    assert events == whole
    assert (len(events), len(read)) == (4, 1)


def test_a_history_that_was_read_before_a_redrive_is_read_anew(make_journaled):
    call = make_journaled()
    arn = call.execution(call.machine(definition=FAIL)["stateMachineArn"])["executionArn"]
    before = call("GetExecutionHistory", executionArn=arn)["events"]
    call("RedriveExecution", executionArn=arn)
    call.run(call.service.execution_ended(arn))
    after = call("GetExecutionHistory", executionArn=arn)["events"]
    assert after[: len(before)] == before
    assert [event["type"] for event in after[len(before) :]] == ["ExecutionRedriven", "ExecutionFailed"]


def test_half_of_a_surrogate_pair_comes_back_and_keeps_nobody_else_out(make_journaled, reopen):
    call = make_journaled()
    # The value is taken out, so that it is written anew.
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"b.$": "$.a"}, "End": True}}})
    machine = call.machine(definition=definition)["stateMachineArn"]
    questions = []
    for text in (r'{"a": "\ud800"}', r'{"a": "\ud83d\ude00"}'):
        arn = call.execution(machine, input=text)["executionArn"]
        questions += [("DescribeExecution", {"executionArn": arn}), ("GetExecutionHistory", {"executionArn": arn})]
    before = [call(operation, **params) for operation, params in questions]
    after = reopen(call)
    assert [after(operation, **params) for operation, params in questions] == before


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


class TestAFullDisk:
    @pytest.fixture
    def full(self):
        """Lets a journal's file not grow any more, or grow again."""

        def full(call, *, is_full=True):
            pages = call.journal._connection.execute("PRAGMA page_count").fetchone()[0]
            call.journal._connection.execute(f"PRAGMA max_page_count = {pages if is_full else 1_000_000}")

        return full

    def test_what_cannot_be_written_is_not_acknowledged(self, make_journaled, full):
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]
        full(call)
        with pytest.raises(StorageError, match=r"database or disk is full\. Nothing is acknowledged until it can"):
            call("StartExecution", stateMachineArn=machine, name="n", input=LARGE)
        with pytest.raises(StorageError):
            call("ListStateMachines")

    def test_nothing_is_called_that_a_restart_would_not_know_of(self, make_caller, tmp_path, full):
        calls = []
        call = make_caller(journal=SqliteJournal(tmp_path), tasks={"T": calls.append})
        resource = "arn:aws:lambda:us-east-1:123456789012:function:t"
        states = {"T": {"Type": "Task", "Resource": resource, "End": True}}
        machine = call.machine(definition=json.dumps({"StartAt": "T", "States": states}))["stateMachineArn"]
        full(call)
        with pytest.raises(StorageError):
            call("StartExecution", stateMachineArn=machine, name="n", input=LARGE)
        arn = machine.replace("stateMachine", "execution") + ":n"
        call.run(call.service.execution_ended(arn))
        full(call, is_full=False)
        described = call("DescribeExecution", executionArn=arn)
        assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
        assert "cannot be written: database or disk is full" in described["cause"]
        assert calls == []

    def test_a_workers_task_waits_until_there_is_room_again(self, make_journaled, full):
        call = make_journaled()
        activity = call("CreateActivity", name="act")["activityArn"]
        states = {"T": {"Type": "Task", "Resource": activity, "End": True}}
        machine = call.machine("act", json.dumps({"StartAt": "T", "States": states}))["stateMachineArn"]
        arn = call("StartExecution", stateMachineArn=machine)["executionArn"]
        other = call.machine()["stateMachineArn"]
        full(call)
        with pytest.raises(StorageError):
            call("StartExecution", stateMachineArn=other, input=LARGE)
        with pytest.raises(StorageError):
            call("GetActivityTask", activityArn=activity)
        full(call, is_full=False)
        token = call("GetActivityTask", activityArn=activity)["taskToken"]
        call("SendTaskSuccess", taskToken=token, output="1")
        call.run(call.service.execution_ended(arn))
        assert call("DescribeExecution", executionArn=arn)["output"] == "1"

    def test_nothing_is_lost_once_there_is_room_again(self, make_journaled, reopen, full):
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]
        kept = call.execution(machine, name="kept")
        full(call)
        with pytest.raises(StorageError):
            call("StartExecution", stateMachineArn=machine, name="n", input=LARGE)
        full(call, is_full=False)
        # The client asks again, as SDKs do where the server fails.
        arn = call("StartExecution", stateMachineArn=call.machine("other")["stateMachineArn"], name="n", input=LARGE)["executionArn"]
        call.run(call.service.execution_ended(arn))
        described = call("DescribeExecution", executionArn=arn)
        after = reopen(call)
        assert after("DescribeExecution", executionArn=arn) == described
        assert after("DescribeExecution", executionArn=kept["executionArn"]) == kept
        assert after("DescribeExecution", executionArn=arn.replace(":other:", ":machine:"))["output"] == LARGE


def rows(call):
    """How many executions, histories (in pieces) and Map Runs the file has."""
    columns = {"executions": "number", "events": "DISTINCT id >> 24", "map_runs": "arn"}
    select = call.journal._connection.execute
    return {table: len(select(f"SELECT {column} FROM {table}").fetchall()) for table, column in columns.items()}  # noqa: S608


def test_rows_of_forgotten_executions_are_deleted(make_journaled):
    call = make_journaled(retention=Retention(count=3))
    machine = call.machine()["stateMachineArn"]
    for _ in range(8):
        call.execution(machine)
    assert rows(call) == {"executions": 3, "events": 3, "map_runs": 0}


def test_map_runs_and_children_of_forgotten_executions_are_deleted(make_journaled):
    call = make_journaled(retention=Retention(count=3))
    machine = call.machine(definition=DISTRIBUTED)["stateMachineArn"]
    for _ in range(4):
        call.execution(machine, input="[1, 2]")
    assert rows(call) == {"executions": 3, "events": 3, "map_runs": 1}


def test_revisions_that_nobody_needs_are_deleted(make_journaled, monkeypatch):
    monkeypatch.setattr("stepstack.service.sqlite_journal.PRUNE_EVERY", 10)
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    for number in range(100):
        call("UpdateStateMachine", stateMachineArn=machine, roleArn=f"arn:aws:iam::123456789012:role/r{number}")
    assert len(call.journal._connection.execute("SELECT id FROM revisions").fetchall()) <= 12


def test_executions_of_an_earlier_state_machine_of_the_name_stay_with_it(make_journaled, reopen):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    old = call.execution(machine, name="old")["executionArn"]
    call("DeleteStateMachine", stateMachineArn=machine)
    call.machine()
    new = call.execution(machine, name="new")["executionArn"]
    after = reopen(call)
    assert [item["executionArn"] for item in after("ListExecutions", stateMachineArn=machine)["executions"]] == [new]
    assert after("DescribeExecution", executionArn=old)["status"] == "SUCCEEDED"
    assert after.execution(machine, name="old")["status"] == "SUCCEEDED"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"the data in .*file cannot be used"):
        SqliteJournal(tmp_path / "file")


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "stepstack.sqlite3") as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = (tmp_path / "stepstack.sqlite3").read_bytes()
    with pytest.raises(SettingsError, match="is a database of something else"):
        SqliteJournal(tmp_path)
    assert (tmp_path / "stepstack.sqlite3").read_bytes() == before


def test_damaged_records_are_told_and_the_file_is_let_go(make_journaled, tmp_path):
    call = make_journaled()
    call.machine()
    call.kill()
    path = tmp_path / "data" / "stepstack.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE state_machines SET record = '{'")
    connection.close()
    for _ in range(2):
        journal = SqliteJournal(tmp_path / "data")
        with pytest.raises(SettingsError, match=r"stepstack.sqlite3 is damaged: JSONDecodeError"):
            journal.restore(Store(Retention()), None)
