"""The journal: what was acknowledged is there again."""

from __future__ import annotations

import asyncio
import json
import os
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
    with pytest.raises(SettingsError, match="in use by another process: end the stepstack that uses it, or name another folder"):
        SqliteJournal(tmp_path / "data")


def test_data_of_another_format_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "stepstack.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "stepstack.sqlite3").read_bytes()
    advice = r"has the format 99, and this one reads 3\. It is left as it is: name another folder, or start the stepstack that wrote it"
    with pytest.raises(SettingsError, match=advice):
        SqliteJournal(tmp_path)
    assert (tmp_path / "stepstack.sqlite3").read_bytes() == before


def test_data_of_the_format_before_is_read_and_from_then_on_of_this_one(make_journaled, tmp_path):
    call = make_journaled()
    machine = call.machine()
    call.kill()
    path = tmp_path / "data" / "stepstack.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    after = make_journaled()
    assert after("DescribeStateMachine", stateMachineArn=machine["stateMachineArn"])["name"] == "machine"
    assert after.journal._connection.execute("PRAGMA user_version").fetchone() == (3,)


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

    def test_it_is_tried_again_where_nobody_asks_and_told_in_the_log(self, make_journaled, reopen, full, monkeypatch, caplog):
        monkeypatch.setattr("stepstack.service.group_commit.RETRY_SECONDS", 0.01)
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]
        full(call)
        with pytest.raises(StorageError):
            call("StartExecution", stateMachineArn=machine, name="n", input=LARGE)
        full(call, is_full=False)

        async def written():
            for _ in range(2000):
                if not call.journal._changes:
                    return
                await asyncio.sleep(0.005)

        call.run(written())
        assert [record.getMessage().partition("sqlite3 ")[2] for record in caplog.records] == [
            "cannot be written: database or disk is full. Nothing is acknowledged until it can",
            "is written again",
        ]
        arn = machine.replace("stateMachine", "execution") + ":n"
        assert reopen(call)("DescribeExecution", executionArn=arn)["status"] == "SUCCEEDED"

    def test_nothing_is_begun_while_nothing_can_be_kept(self, make_journaled, full):
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]
        full(call)
        for name in ("first", "second", "third"):
            with pytest.raises(StorageError):
                call("StartExecution", stateMachineArn=machine, name=name, input=LARGE)
        full(call, is_full=False)
        listed = call("ListExecutions", stateMachineArn=machine)["executions"]
        assert [execution["name"] for execution in listed] == ["first"]


class TestAChangeThatFitsIntoNoRow:
    @pytest.fixture
    def unfit(self, monkeypatch):
        """Executions whose input is `"unfit"` cannot be written."""
        written = stored_records.execution_json

        def execution_json(record):
            if record.input == '"unfit"':
                raise OverflowError("too large")
            return written(record)

        monkeypatch.setattr(stored_records, "execution_json", execution_json)

    @pytest.mark.usefixtures("unfit")
    def test_it_is_told_and_keeps_no_other_from_being_written(self, make_journaled, reopen, caplog):
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]

        async def start(name, text):
            return await call.service.call("StartExecution", {"stateMachineArn": machine, "name": name, "input": text})

        async def together():
            return await asyncio.gather(start("one", "1"), start("two", '"unfit"'), start("three", "3"), return_exceptions=True)

        assert [type(answer) for answer in call.run(together())] == [StorageError] * 3
        described = call.execution(machine, name="four")
        after = reopen(call)
        listed = after("ListExecutions", stateMachineArn=machine)["executions"]
        assert sorted(execution["name"] for execution in listed) == ["four", "one", "three"]
        assert after("DescribeExecution", executionArn=described["executionArn"]) == described
        [told] = [record.getMessage() for record in caplog.records]
        arn = machine.replace("stateMachine", "execution") + ":two"
        assert told.endswith(f"cannot hold {arn} (OverflowError: too large), which will be missing after a restart")

    @pytest.mark.usefixtures("unfit")
    def test_the_revision_that_it_had_brought_is_written_with_the_next(self, make_journaled, reopen):
        call = make_journaled()
        machine = call.machine()["stateMachineArn"]

        async def both():
            update = call.service.call("UpdateStateMachine", {"stateMachineArn": machine, "definition": FAIL})
            start = call.service.call("StartExecution", {"stateMachineArn": machine, "input": '"unfit"'})
            return await asyncio.gather(start, update, return_exceptions=True)

        call.run(both())
        assert reopen(call)("DescribeStateMachine", stateMachineArn=machine)["definition"] == FAIL


def test_a_reset_answers_those_who_wait_and_leaves_nothing(make_journaled, reopen):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]

    async def both():
        starting = asyncio.ensure_future(call.service.call("StartExecution", {"stateMachineArn": machine}))
        await asyncio.sleep(0)
        await call.service.reset()
        return await starting

    assert call.run(both())["executionArn"]
    assert reopen(call)("ListStateMachines") == {"stateMachines": []}


def test_what_many_change_at_once_is_written_in_one_transaction(make_journaled):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    statements = []
    call.journal._connection.set_trace_callback(statements.append)

    async def together():
        await asyncio.gather(*(call.service.call("StartExecution", {"stateMachineArn": machine}) for _ in range(20)))

    call.run(together())
    assert statements.count("COMMIT") == 1
    # Each has ended by then, and is written once.
    assert sum(statement.startswith("INSERT INTO executions") for statement in statements) == 20
    assert not any(statement.startswith("UPDATE") for statement in statements)


def test_the_write_ahead_file_is_folded_while_others_are_served(make_journaled, reopen, tmp_path):
    call = make_journaled()
    machine = call.machine()["stateMachineArn"]
    for number in range(30):
        # What does not compress.
        call("StartExecution", stateMachineArn=machine, name=str(number), input=json.dumps(os.urandom(60_000).hex()))

    async def folded():
        while (tmp_path / "data" / "stepstack.sqlite3-wal").stat().st_size > 4 * 1024 * 1024:
            await call.service.call("ListStateMachines", {})

    call.run(folded())
    assert (tmp_path / "data" / "stepstack.sqlite3").stat().st_size > 1024 * 1024
    assert len(reopen(call)("ListExecutions", stateMachineArn=machine)["executions"]) == 30


def test_a_long_history_is_written_in_pieces_and_comes_back_whole(make_journaled, reopen, monkeypatch):
    monkeypatch.setattr("stepstack.service.sqlite_journal.EVENTS_IN_A_PIECE", 3)
    call = make_journaled()
    states = {str(n): {"Type": "Pass", "Next": str(n + 1)} for n in range(4)} | {"4": {"Type": "Succeed"}}
    arn = call.execution(call.machine(definition=json.dumps({"StartAt": "0", "States": states}))["stateMachineArn"])["executionArn"]
    before = call("GetExecutionHistory", executionArn=arn)["events"]
    assert call.journal._connection.execute("SELECT count(*) FROM events").fetchone() == (4,)
    assert reopen(call)("GetExecutionHistory", executionArn=arn)["events"] == before


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


def test_the_type_of_a_revision_comes_back(make_journaled, reopen):
    call = make_journaled()
    arn = call.machine(type="EXPRESS", publish=True)["stateMachineArn"]
    record = reopen(call).service.store.state_machines[arn]
    assert (record.type, record.revision.type) == ("EXPRESS", "EXPRESS")
