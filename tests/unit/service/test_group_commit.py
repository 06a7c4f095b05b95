"""When changes are written: what becomes of those who wait, and of a file that makes trouble."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from stepstack.errors import StorageError
from stepstack.service.group_commit import GroupCommit


@pytest.fixture
def connection(tmp_path):
    made = sqlite3.connect(tmp_path / "db", isolation_level=None, check_same_thread=False)
    for statement in ("PRAGMA journal_mode = WAL", "PRAGMA wal_autocheckpoint = 0", "CREATE TABLE notes (text TEXT)"):
        made.execute(statement)
    yield made
    made.close()


@pytest.fixture
def run(connection, tmp_path):
    """Runs `async def scenario(commits, write)`; `write(text)` is a change, that of `None` one that cannot be written."""

    def write(text):
        if text is None:
            raise OverflowError("too large")
        connection.execute("INSERT INTO notes VALUES (?)", (text,))

    def run(scenario):
        async def main():
            commits = GroupCommit(connection, tmp_path / "db", last=lambda: None, over=lambda: None)
            try:
                return await asyncio.wait_for(scenario(commits, lambda text: lambda: write(text)), 20)
            finally:
                commits.close()

        return asyncio.run(main())

    return run


def test_who_waits_no_more_keeps_nobody_else_waiting(connection, run):
    async def scenario(commits, write):
        commits.note("a", "it", write("a"))
        gone, other = asyncio.ensure_future(commits.committed()), asyncio.ensure_future(commits.committed())
        await asyncio.sleep(0)
        gone.cancel()
        await other
        assert gone.cancelled()
        return connection.execute("SELECT text FROM notes").fetchall()

    assert run(scenario) == [("a",)]


def test_a_change_that_is_left_out_anew_is_told_anew(run):
    async def scenario(commits, write):
        told = []
        for text in (None, "fits", None):
            commits.note("a", "it", write(text))
            try:
                await commits.committed()
            except StorageError as problem:
                told.append(str(problem).partition("db ")[2])
        return told

    assert run(scenario) == ["cannot hold it (OverflowError: too large), which will be missing after a restart"] * 2


def test_a_file_that_cannot_be_folded_is_tried_again_with_the_next_commit_alone(connection, run, monkeypatch):
    monkeypatch.setattr("stepstack.service.group_commit.CHECKPOINT_BYTES", 0)
    attempts = []

    def authorized(action, name, *_):
        if action == sqlite3.SQLITE_PRAGMA and name == "wal_checkpoint":
            attempts.append(name)
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorized)

    async def scenario(commits, write):
        counts = []
        for text in ("a", "b"):
            commits.note(text, "it", write(text))
            await commits.committed()
            while commits._is_due:  # noqa: ASYNC110 - nobody tells when it is at rest
                await asyncio.sleep(0)
            counts.append(len(attempts))
        connection.set_authorizer(lambda *_: sqlite3.SQLITE_OK)  # None takes it back from Python 3.11 on
        return counts, connection.execute("SELECT text FROM notes").fetchall()

    assert run(scenario) == ([1, 2], [("a",), ("b",)])
