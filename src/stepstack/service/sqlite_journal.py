"""A journal in a folder: what the service acknowledged outlives it, also when it is killed.

Made by `stepstack.assembly` for `--data DIR`. One SQLite file in write-ahead mode. Changes are collected and written together
(`stepstack.service.group_commit`): the operating system has them before an operation is answered. Each change says how something stands
now, so a transaction that fails (a full disk) is simply made again later. Histories are written in compressed pieces, as
they grow, and read again when they are asked for. How records look as JSON is in `stepstack.service.stored_records`. Left out: Express
executions, which nothing tells of, and the other services' data (moto keeps its in memory).
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import zlib
from collections.abc import Callable
from pathlib import Path

from stepstack.errors import DefinitionError, SettingsError, StorageError
from stepstack.history import HistoryEvent
from stepstack.interpreter.task_tokens import REMEMBERED_CLOSED_TOKENS, KeptTask, PendingTask, TokenKeeper
from stepstack.language.resources import ResourceCatalog
from stepstack.service import stored_records as stored
from stepstack.service.group_commit import GroupCommit
from stepstack.service.journal import Journal, RestoredTask
from stepstack.service.store import ActivityRecord, ExecutionRecord, MapRunRecord, Revision, StateMachineRecord, Store

__all__ = ["SqliteJournal"]

FILE_NAME = "stepstack.sqlite3"
FORMAT = 3
"""The stored format. 2: the first that is read. 3: Express children of Map Runs that had not succeeded."""
OLDEST_FORMAT = 2

EVENT_BITS = 24
"""A piece of a history has the execution's number and, in the last bits of its id, the number of the event before it."""
PRUNE_EVERY = 1000
"""After so many closed tokens, or new revisions, those that nobody needs are deleted."""
EVENTS_IN_A_PIECE = 1000

SCHEMA = """
CREATE TABLE IF NOT EXISTS revisions (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state_machines (arn TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activities (arn TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (number INTEGER PRIMARY KEY, revision INTEGER NOT NULL, record TEXT NOT NULL, standing TEXT);
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, piece BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS map_runs (arn BLOB PRIMARY KEY, parent INTEGER NOT NULL, revision INTEGER NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS map_runs_of_parents ON map_runs (parent);
CREATE TABLE IF NOT EXISTS tasks (token TEXT PRIMARY KEY, execution INTEGER NOT NULL, record TEXT NOT NULL, is_closed INTEGER NOT NULL);
"""
TABLES = ("revisions", "state_machines", "activities", "executions", "events", "map_runs", "tasks")

UNUSED_REVISIONS = """DELETE FROM revisions WHERE id NOT IN (SELECT revision FROM executions) AND id NOT IN (SELECT revision FROM map_runs)
AND id NOT IN (SELECT value FROM state_machines, json_each(state_machines.record, '$.revisions'))"""
OLD_TOKENS = """DELETE FROM tasks WHERE is_closed AND rowid <=
(SELECT rowid FROM tasks WHERE is_closed ORDER BY rowid DESC LIMIT 1 OFFSET ?)"""


class SqliteJournal(Journal):
    """The journal in `folder`, which is made where it is missing; raises SettingsError where it cannot be used."""

    is_lasting = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._new_revisions: dict[Revision, int] = {}
        self._tasks: dict[str, stored.Task] = {}
        """Task tokens that are open, or were closed since the last commit."""
        self._store: Store | None = None
        self._last_read: tuple[int, int | None, list[HistoryEvent]] | None = None
        """The history that was read last, with its execution's number and how many events there were: it is asked for page by page."""
        self._closed_tokens = 0
        """Those that were written since old ones were deleted."""
        self._unpruned_revisions = 0
        try:
            # Inputs and outputs are nobody else's business.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=1, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"the data in {folder} cannot be used: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            if "locked" in str(error):
                message = f"the data in {folder} is in use by another process: end the stepstack that uses it, or name another folder"
                raise SettingsError(message) from error
            raise SettingsError(f"the data in {folder} cannot be used: {error}") from error
        except SettingsError:
            self._connection.close()
            raise
        self._commits = GroupCommit(self._connection, self._path, last=self._prune, over=self._new_revisions.clear)
        self._changes = self._commits.changes

    def _prepare(self) -> None:
        # Exclusive: a second service on the same folder is refused at once, instead of the two undoing each other's work.
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if found and not OLDEST_FORMAT <= found <= FORMAT:
            which = "a newer" if found > FORMAT else "an older"
            advice = "It is left as it is: name another folder, or start the stepstack that wrote it"
            message = f"{self._path} was written by {which} stepstack: it has the format {found}, and this one reads {FORMAT}"
            raise SettingsError(f"{message}. {advice}")
        if found == 0 and self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise SettingsError(f"{self._path} is a database of something else")
        # The write-ahead file is folded into the database by GroupCommit, in a thread.
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "wal_autocheckpoint = 0"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.split(";\n"):
            self._connection.execute(statement)
        self._connection.execute(f"PRAGMA user_version = {FORMAT}")
        self._connection.execute("COMMIT")

    # ------------------------------------------------------------------------------------------------------------------------ changes

    def state_machine(self, record: StateMachineRecord) -> None:
        self._commits.note(record.arn, record.arn, functools.partial(self._write_state_machine, record))

    def state_machine_deleted(self, record: StateMachineRecord) -> None:
        self._delete("state_machines", record.arn)

    def activity(self, record: ActivityRecord) -> None:
        self._commits.note(record.arn, record.arn, functools.partial(self._write_activity, record))

    def activity_deleted(self, arn: str) -> None:
        self._delete("activities", arn)

    def _delete(self, table: str, arn: str) -> None:
        statement = f"DELETE FROM {table} WHERE arn = ?"  # noqa: S608 - a name of ours
        self._commits.note(arn, arn, functools.partial(self._connection.execute, statement, (arn,)))

    def execution(self, record: ExecutionRecord) -> None:
        if record.number not in self._changes:
            self._commits.note(record.number, record.arn, functools.partial(self._write_execution, record))

    def execution_forgotten(self, record: ExecutionRecord) -> None:
        self._commits.note(record.number, record.arn, functools.partial(self._delete_execution, record))

    def listener(self, record: ExecutionRecord) -> Callable[[HistoryEvent], None] | None:
        number, changes = record.number, self._changes

        def hear(_: HistoryEvent) -> None:
            if number not in changes:
                self.execution(record)

        return hear

    def map_run(self, record: MapRunRecord) -> None:
        if record.arn not in self._changes:
            self._commits.note(record.arn, record.arn, functools.partial(self._write_map_run, record))

    @property
    def token_keeper(self) -> TokenKeeper | None:
        return self

    def task_opened(self, task: PendingTask) -> None:
        record = None if self._store is None else self._store.executions.get(task.execution_arn)
        number = 0 if record is None else record.number
        self._tasks[task.token] = stored.Task(task.token, number, task.entered_event_id)
        self._note_task(task.token)

    def task_taken(self, token: str, worker: str | None) -> None:
        task = self._tasks.get(token)
        if task is not None:
            task.is_taken, task.worker = True, worker
            self._note_task(token)

    def task_returned(self, token: str) -> None:
        task = self._tasks.get(token)
        if task is not None:
            task.is_taken, task.worker = False, None
            self._note_task(token)

    def task_answered(self, task: PendingTask) -> None:
        kept = self._tasks.get(task.token)
        if kept is not None:
            kept.answer = task.answer.result()
            self._note_task(task.token)

    def task_alive(self, task: PendingTask) -> None:
        kept = self._tasks.get(task.token)
        if kept is not None:
            kept.heartbeat_at = task.heartbeat_at
            self._note_task(task.token)

    def task_closed(self, token: str) -> None:
        kept = self._tasks.get(token)
        if kept is not None:
            kept.is_closed, kept.answer = True, None
            self._note_task(token)

    def _note_task(self, token: str) -> None:
        self._commits.note(token, "a task token", functools.partial(self._write_task, token))

    # ------------------------------------------------------------------------------------------------------------------------ writing

    async def ready(self) -> None:
        if self._commits.has_failed:
            await self._commits.committed()

    async def committed(self) -> None:
        await self._commits.committed()

    def _prune(self) -> None:
        if self._closed_tokens >= PRUNE_EVERY:
            self._connection.execute(OLD_TOKENS, (REMEMBERED_CLOSED_TOKENS,))
            self._commits.afterwards.append(functools.partial(setattr, self, "_closed_tokens", 0))
        if self._unpruned_revisions >= PRUNE_EVERY:
            self._connection.execute(UNUSED_REVISIONS)
            self._commits.afterwards.append(functools.partial(setattr, self, "_unpruned_revisions", 0))

    def _write_state_machine(self, record: StateMachineRecord) -> None:
        text = stored.text_of(stored.state_machine_json(record, self._revision_id))
        self._connection.execute("INSERT OR REPLACE INTO state_machines VALUES (?, ?)", (record.arn, text))

    def _write_activity(self, record: ActivityRecord) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO activities VALUES (?, ?)", (record.arn, stored.text_of(stored.activity_json(record)))
        )

    def _write_execution(self, record: ExecutionRecord) -> None:
        is_ended = record.execution is None
        events = record.final_events if record.execution is None else record.execution.history.events
        kept = record.kept_events or 0
        # One that has recorded nothing but its start has it made anew.
        count = len(events) if is_ended or len(events) > 1 else kept
        standing = stored.text_of(stored.standing_json(record, count)) if is_ended or record.redrive_count else None
        if record.kept_events is None:
            row = (record.number, self._revision_id(record.revision), stored.text_of(stored.execution_json(record)), standing)
            self._connection.execute("INSERT INTO executions VALUES (?, ?, ?, ?)", row)
        elif standing is not None:
            self._connection.execute("UPDATE executions SET standing = ? WHERE number = ?", (standing, record.number))
        for first in range(kept, count, EVENTS_IN_A_PIECE):
            piece = stored.packed_events(events[first : min(first + EVENTS_IN_A_PIECE, count)])
            self._connection.execute("INSERT INTO events VALUES (?, ?)", (record.number << EVENT_BITS | first, piece))
        self._commits.afterwards.append(functools.partial(self._execution_written, record, count, is_ended=is_ended))

    def _execution_written(self, record: ExecutionRecord, count: int, *, is_ended: bool) -> None:
        record.kept_events = count
        if is_ended:
            # From now on the history is read from the file.
            record.final_events = []
            record.stored_events = self._events

    def _delete_execution(self, record: ExecutionRecord) -> None:
        number = record.number
        self._connection.execute("DELETE FROM executions WHERE number = ?", (number,))
        self._connection.execute("DELETE FROM events WHERE id >= ? AND id < ?", (number << EVENT_BITS, (number + 1) << EVENT_BITS))
        if record.map_run_arns:
            self._connection.execute("DELETE FROM map_runs WHERE parent = ?", (number,))

    def _write_map_run(self, record: MapRunRecord) -> None:
        if self._store is None or record.arn not in self._store.map_runs:
            return
        record.refresh()
        # A label may hold what no text of a database may.
        arn = record.arn.encode("utf-8", "surrogatepass")
        row = (arn, record.parent.number, self._revision_id(record.revision), stored.text_of(stored.map_run_json(record)))
        self._connection.execute("INSERT INTO map_runs VALUES (?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE SET record = excluded.record", row)

    def _write_task(self, token: str) -> None:
        task = self._tasks[token]
        self._connection.execute(
            "INSERT INTO tasks VALUES (?, ?, ?, ?) "
            "ON CONFLICT (token) DO UPDATE SET record = excluded.record, is_closed = excluded.is_closed",
            (token, task.execution, stored.text_of(stored.task_json(task)), int(task.is_closed)),
        )
        if task.is_closed:
            self._commits.afterwards.append(functools.partial(self._task_written, token))

    def _task_written(self, token: str) -> None:
        self._tasks.pop(token, None)
        self._closed_tokens += 1

    def _revision_id(self, revision: Revision) -> int:
        number = revision.stored_as or self._new_revisions.get(revision)
        if number is None:
            cursor = self._connection.execute(
                "INSERT INTO revisions (record) VALUES (?)", (stored.text_of(stored.revision_json(revision)),)
            )
            number = self._new_revisions[revision] = int(cursor.lastrowid or 0)
            self._commits.afterwards.append(functools.partial(self._revision_written, revision, number))
        return number

    def _revision_written(self, revision: Revision, number: int) -> None:
        revision.stored_as = number
        self._unpruned_revisions += 1

    def clear(self) -> None:
        self._changes.clear()
        self._tasks.clear()
        self._last_read = None
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise StorageError(f"{self._path} cannot be written: {error}") from error

    def close(self) -> None:
        self._commits.close()

    # ------------------------------------------------------------------------------------------------------------------------ reading

    def restore(self, store: Store, catalog: ResourceCatalog | None) -> None:
        self._store = store
        try:
            self._restore(store, stored.Revisions(catalog))
        except BaseException as error:
            self._changes.clear()
            self._commits.close()
            if isinstance(error, DefinitionError):
                raise SettingsError(f"{self._path} holds a definition that is no longer accepted: {error}") from error
            if isinstance(error, (sqlite3.Error, LookupError, TypeError, ValueError, AttributeError)):
                raise SettingsError(f"{self._path} is damaged: {type(error).__name__}: {error}") from error
            raise

    def _restore(self, store: Store, revisions: stored.Revisions) -> None:
        select = self._connection.execute
        for number, text in select("SELECT id, record FROM revisions"):
            revisions.add(number, text)
        for arn, text in select("SELECT arn, record FROM state_machines"):
            store.state_machines[arn] = stored.state_machine(arn, text, revisions)
            store.number_taken(store.state_machines[arn].number)
        for arn, text in select("SELECT arn, record FROM activities"):
            store.activities[arn] = stored.activity(arn, text)
        by_number: dict[int, ExecutionRecord] = {}
        for number, revision, text, standing in select("SELECT number, revision, record, standing FROM executions ORDER BY number"):
            record = by_number[number] = stored.execution(number, revisions.of(revision), text, standing)
            record.stored_events = self._events
            if standing is None:
                record.kept_events = len(self._read_events(record))
            store.restore_execution(record)
        for key, parent, revision, text in select("SELECT arn, parent, revision, record FROM map_runs ORDER BY rowid"):
            if parent in by_number:
                arn = key.decode("utf-8", "surrogatepass")
                run = store.map_runs[arn] = stored.map_run(arn, by_number[parent], revisions.of(revision), text)
                store.number_taken(max((child.number for child in run.express_children.values()), default=0))
                by_number[parent].map_run_arns.append(arn)
        select(UNUSED_REVISIONS)
        self._restore_finished(store, by_number)

    def _restore_finished(self, store: Store, by_number: dict[int, ExecutionRecord]) -> None:
        """Retention counts what has ended, in the order in which it ended."""
        ended = [record for record in by_number.values() if record.final_status != "RUNNING"]
        ended.sort(key=lambda record: record.stopped_at or 0)
        for record in ended:
            for forgotten in store.finished(record, record.stopped_at or 0):
                self.execution_forgotten(forgotten)

    def restored_tasks(self) -> list[RestoredTask]:
        arns = {record.number: record.arn for record in self._store.executions.values()} if self._store is not None else {}
        result = []
        for token, number, text, is_closed in self._connection.execute(
            "SELECT token, execution, record, is_closed FROM tasks ORDER BY rowid"
        ):
            task = stored.task(token, number, text)
            if not is_closed:
                self._tasks[token] = task
            kept = KeptTask(token, arns.get(number, ""), task.entered_event_id, task.answer, task.heartbeat_at)
            result.append(RestoredTask(kept, is_closed=bool(is_closed), is_taken=task.is_taken, worker=task.worker))
        return result

    def _events(self, record: ExecutionRecord) -> list[HistoryEvent]:
        if self._last_read is None or self._last_read[:2] != (record.number, record.kept_events):
            self._last_read = (record.number, record.kept_events, self._read_events(record))
        return self._last_read[2]

    def _read_events(self, record: ExecutionRecord) -> list[HistoryEvent]:
        first, last = record.number << EVENT_BITS, (record.number + 1) << EVENT_BITS
        try:
            pieces = self._connection.execute("SELECT piece FROM events WHERE id >= ? AND id < ? ORDER BY id", (first, last)).fetchall()
            return [event for (piece,) in pieces for event in stored.unpacked_events(piece)]
        except (sqlite3.Error, zlib.error, ValueError) as error:
            raise StorageError(f"{self._path} is damaged: the history of {record.arn} cannot be read: {error}") from error
