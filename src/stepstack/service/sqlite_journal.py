"""A journal in a folder: what the service acknowledged outlives it, also when it is killed.

Made by `stepstack.assembly` for `--data DIR`. One SQLite file in write-ahead mode; each change is one transaction, handed to the operating
system before the operation is answered. A finished execution is kept whole, its history compressed and read again when it is asked for.
An execution that ran when the service ended comes back as aborted, and says why. Left out: Map Runs with their children, open tasks of
activities, and the other services' data (moto keeps its in memory).
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from stepstack.errors import DefinitionError, SettingsError
from stepstack.history import HistoryEvent
from stepstack.json_types import json_text, parse_json
from stepstack.language import parse
from stepstack.language.resources import ResourceCatalog
from stepstack.service.journal import INTERRUPTED, Journal
from stepstack.service.store import ActivityRecord, AliasRecord, ExecutionRecord, Revision, StateMachineRecord, Store, VersionRecord

__all__ = ["SqliteJournal"]

FILE_NAME = "stepstack.sqlite3"
FORMAT = 1
"""The stored format. 1: the first."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS state_machines (arn TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activities (arn TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS executions (arn TEXT PRIMARY KEY, number INTEGER NOT NULL, record TEXT NOT NULL, outcome TEXT, events BLOB);
"""

EXECUTION_FIELDS = (
    "name",
    "state_machine_arn",
    "state_machine_name",
    "input",
    "started_at",
    "version_arn",
    "alias_arn",
    "trace_header",
    "test_case",
    "redrive_count",
    "redriven_at",
)
OUTCOME_FIELDS = ("final_status", "output", "error", "cause", "stopped_at")


class SqliteJournal(Journal):
    """The journal in `folder`, which is made where it is missing; raises SettingsError where it cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=1, isolation_level=None, check_same_thread=False)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"the data in {folder} cannot be used: {error} (is another stepstack using it?)") from error

    def _prepare(self) -> None:
        # Exclusive: a second service on the same folder is refused at once, instead of the two undoing each other's work.
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        stored = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if stored not in {0, FORMAT}:
            raise SettingsError(f"{self._path} has the format {stored}; this stepstack reads format {FORMAT}")
        self._connection.executescript(SCHEMA)
        self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    # ------------------------------------------------------------------------------------------------------------------------ writing

    def state_machine(self, record: StateMachineRecord) -> None:
        text = json_text(_state_machine_json(record))
        self._connection.execute("INSERT OR REPLACE INTO state_machines VALUES (?, ?)", (record.arn, text))

    def state_machine_deleted(self, record: StateMachineRecord) -> None:
        self._connection.execute("DELETE FROM state_machines WHERE arn = ?", (record.arn,))

    def activity(self, record: ActivityRecord) -> None:
        text = json_text({"name": record.name, "created_at": record.created_at, "encryption": record.encryption, "tags": record.tags})
        self._connection.execute("INSERT OR REPLACE INTO activities VALUES (?, ?)", (record.arn, text))

    def activity_deleted(self, arn: str) -> None:
        self._connection.execute("DELETE FROM activities WHERE arn = ?", (arn,))

    def execution_started(self, record: ExecutionRecord) -> None:
        value = {name: getattr(record, name) for name in EXECUTION_FIELDS}
        value["revision"] = _revision_json(record.revision)
        row = (record.arn, record.number, json_text(value))
        self._connection.execute("INSERT OR REPLACE INTO executions (arn, number, record) VALUES (?, ?, ?)", row)

    def execution_finished(self, record: ExecutionRecord) -> None:
        outcome = json_text({name: getattr(record, name) for name in OUTCOME_FIELDS})
        events = zlib.compress(json_text([list(event) for event in record.final_events]).encode("utf-8", "surrogatepass"), 1)
        self._connection.execute("UPDATE executions SET outcome = ?, events = ? WHERE arn = ?", (outcome, events, record.arn))
        if record.redrivable is None:
            # From now on the history is read from the file.
            record.final_events = []
            record.stored_events = self._events

    def execution_forgotten(self, record: ExecutionRecord) -> None:
        self._connection.execute("DELETE FROM executions WHERE arn = ? AND number = ?", (record.arn, record.number))

    def clear(self) -> None:
        self._connection.executescript("DELETE FROM state_machines; DELETE FROM activities; DELETE FROM executions;")

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------------------------------------------------------------------------------ reading

    def restore(self, store: Store, catalog: ResourceCatalog | None, now: float) -> None:
        """Fills `store` with what the journal has; executions that ran are aborted."""
        machines: dict[tuple[str, str], Any] = {}
        for arn, text in self._connection.execute("SELECT arn, record FROM state_machines"):
            store.state_machines[arn] = self._state_machine(arn, _object(text), catalog, machines)
        for arn, text in self._connection.execute("SELECT arn, record FROM activities"):
            value = _object(text)
            store.activities[arn] = ActivityRecord(arn, value["name"], value["created_at"], value["encryption"], value["tags"])
        for record in list(self._executions(catalog, machines)):
            store.restore_execution(record)
            if record.final_status == "RUNNING":
                self._abort(record, now)
            for forgotten in store.finished(record, now):
                self.execution_forgotten(forgotten)

    def _executions(self, catalog: ResourceCatalog | None, machines: dict[tuple[str, str], Any]) -> Iterator[ExecutionRecord]:
        for arn, number, text, outcome in self._connection.execute("SELECT arn, number, record, outcome FROM executions ORDER BY number"):
            value = _object(text)
            revision = self._revision(value.pop("revision"), "STANDARD", catalog, machines)
            record = ExecutionRecord(arn=arn, number=number, type="STANDARD", revision=revision, **value)
            if outcome is not None:
                for name, item in _object(outcome).items():
                    setattr(record, name, item)
                record.stored_events = self._events
            yield record

    def _abort(self, record: ExecutionRecord, now: float) -> None:
        """An execution that ran when the service ended: what it had done is not known."""
        record.final_status, record.cause, record.stopped_at = "ABORTED", INTERRUPTED, now
        started = {"input": record.input, "inputDetails": {"truncated": False}, "roleArn": record.revision.role_arn}
        record.final_events = [
            HistoryEvent(1, 0, record.started_at, "ExecutionStarted", "executionStartedEventDetails", started),
            HistoryEvent(2, 0, now, "ExecutionAborted", "executionAbortedEventDetails", {"cause": INTERRUPTED}),
        ]
        self.execution_finished(record)

    def _events(self, record: ExecutionRecord) -> list[HistoryEvent]:
        row = self._connection.execute("SELECT events FROM executions WHERE arn = ?", (record.arn,)).fetchone()
        if row is None or row[0] is None:
            return []
        events = cast("list[list[Any]]", parse_json(zlib.decompress(row[0]).decode("utf-8", "surrogatepass")))
        return [HistoryEvent(*event) for event in events]

    def _state_machine(
        self, arn: str, value: dict[str, Any], catalog: ResourceCatalog | None, machines: dict[tuple[str, str], Any]
    ) -> StateMachineRecord:
        revisions = [self._revision(revision, value["type"], catalog, machines) for revision in value["revisions"]]
        record = StateMachineRecord(arn, value["name"], value["type"], value["created_at"], revisions[0], value["tags"])
        record.last_version = value["last_version"]
        for version in value["versions"]:
            number = version["number"]
            revision = revisions[version["revision"]]
            record.versions[number] = VersionRecord(f"{arn}:{number}", number, revision, version["description"], version["created_at"])
        for alias in value["aliases"]:
            routing = tuple((version_arn, weight) for version_arn, weight in alias.pop("routing"))
            record.aliases[alias["name"]] = AliasRecord(arn=f"{arn}:{alias['name']}", routing=routing, **alias)
        return record

    def _revision(
        self, value: dict[str, Any], machine_type: str, catalog: ResourceCatalog | None, machines: dict[tuple[str, str], Any]
    ) -> Revision:
        key = (value["definition"], machine_type)
        if key not in machines:
            try:
                machines[key] = parse(value["definition"], catalog=catalog, machine_type=machine_type)
            except DefinitionError as error:
                raise SettingsError(f"{self._path} holds a definition that is no longer accepted: {error}") from error
        return Revision(machine=machines[key], **value)


def _object(text: str) -> dict[str, Any]:
    return cast("dict[str, Any]", parse_json(text))


def _revision_json(revision: Revision) -> dict[str, Any]:
    return {
        "definition": revision.definition,
        "role_arn": revision.role_arn,
        "logging": revision.logging,
        "tracing": revision.tracing,
        "encryption": revision.encryption,
        "revision_id": revision.revision_id,
        "updated_at": revision.updated_at,
    }


def _state_machine_json(record: StateMachineRecord) -> Mapping[str, Any]:
    """The record, its current revision first; versions name theirs by position."""
    revisions = [record.revision]
    versions = []
    for version in record.versions.values():
        position = next((index for index, revision in enumerate(revisions) if revision is version.revision), len(revisions))
        if position == len(revisions):
            revisions.append(version.revision)
        described = {"number": version.number, "revision": position, "description": version.description, "created_at": version.created_at}
        versions.append(described)
    return {
        "name": record.name,
        "type": record.type,
        "created_at": record.created_at,
        "tags": record.tags,
        "last_version": record.last_version,
        "revisions": [_revision_json(revision) for revision in revisions],
        "versions": versions,
        "aliases": [
            {
                "name": alias.name,
                "description": alias.description,
                "routing": [list(pair) for pair in alias.routing],
                "created_at": alias.created_at,
                "updated_at": alias.updated_at,
            }
            for alias in record.aliases.values()
        ],
    }
