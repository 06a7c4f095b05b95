"""When changes are written: those of a few turns of the loop together, in one transaction.

Made by `stepstack.service.sqlite_journal`. Whoever is to acknowledge something waits until it is written, while the loop goes on with
others: so one transaction serves all clients that ask at the same moment, and an execution that ends at once is written once. The
write-ahead file is folded into the database in a thread, for that waits for the disk. A transaction that fails is tried again; a change
that can never be written (it does not fit into a row) is left out, so that it keeps no other from being written. Both are logged, and
told to those who wait. Left out: what is written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stepstack.errors import StorageError

__all__ = ["GroupCommit"]

CHECKPOINT_BYTES = 4 * 1024 * 1024
"""How large the write-ahead file grows before it is folded into the database."""

RETRY_SECONDS = 1.0
"""How long after a failure it is tried again where nobody asks for anything."""

ROW_ERRORS = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite raises about one row; its other errors are about the file, or the disk."""

logger = logging.getLogger("stepstack.service")


class GroupCommit:
    """The changes that are to be written to the database of `connection`, by what they are about.

    `last` writes what belongs to each transaction; `over` hears that one is over, or a part of it was taken back.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, *, last: Callable[[], None], over: Callable[[], None]) -> None:
        self.changes: dict[Hashable, tuple[str, Callable[[], object]]] = {}
        """What is to be written, in order: what it is about, in words, and what writes it."""
        self.afterwards: list[Callable[[], None]] = []
        """What is to be noted once the transaction has succeeded."""
        self._connection = connection
        self._path = path
        self._wal = path.with_name(f"{path.name}-wal")
        self._last = last
        self._over = over
        self._waiters: list[asyncio.Future[None]] = []
        self._is_due = False
        """Whether a commit will come without being asked for."""
        self._retry: asyncio.TimerHandle | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="stepstack-checkpoint")
        self._left_out: set[Hashable] = set()
        self._told = ""
        self.is_closed = False

    def note(self, key: Hashable, what: str, write: Callable[[], object]) -> None:
        """`write` will be called in the next transaction, in place of what was noted under that key before."""
        if self.is_closed:
            return
        self.changes[key] = (what, write)
        if not self._is_due:
            with contextlib.suppress(RuntimeError):  # no loop runs while a service is made: its first commit has it written
                self._schedule(asyncio.get_running_loop())

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        # Two turns: executions that were started now take their first steps before.
        self._is_due = True
        loop.call_soon(loop.call_soon, self._commit_due)

    @property
    def has_failed(self) -> bool:
        """Whether the last transaction could not be written."""
        return bool(self._told)

    async def committed(self) -> None:
        """Returns once all that was noted is written; raises StorageError where it cannot be."""
        if not self.changes or self.is_closed:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        if not self._is_due:
            self._schedule(loop)
        await waiter

    def close(self) -> None:
        """Writes what was noted, and hears of nothing more."""
        if self.is_closed:
            return
        self._thread.shutdown()
        self._commit()
        self.is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        self._connection.close()

    def _commit_due(self) -> None:
        self._is_due = False
        if self.is_closed:
            return
        has_changes = bool(self.changes)
        self._commit()
        loop = asyncio.get_running_loop()
        if self.changes and self._retry is None:
            self._retry = loop.call_later(RETRY_SECONDS, self._try_again)
        elif has_changes and self._has_to_be_folded():
            # Commits wait until it is done: the connection is busy, and would hold up the loop. Where it fails, the next commit has it
            # tried again.
            self._is_due = True
            loop.run_in_executor(self._thread, self._fold).add_done_callback(lambda _: self._commit_due())

    def _try_again(self) -> None:
        self._retry = None
        if not self._is_due:
            self._commit_due()

    def _commit(self) -> None:
        """Writes everything, and tells those who wait how it went."""
        problem = self._problem() if self.changes else None
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if waiter.done():
                continue
            if problem is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(StorageError(problem))
        if problem is not None and problem != self._told:
            logger.error("%s", problem)
        elif problem is None and self._told:
            logger.warning("%s is written again", self._path)
        # Where a change was left out, the others are written.
        self._told = problem if problem and self.changes else ""

    def _problem(self) -> str | None:
        """Writes all changes; why something could not be written, None where all is."""
        left_out: list[str] = []
        try:
            try:
                self._transaction(self._write_all)
            except sqlite3.Error as error:
                if not isinstance(error, ROW_ERRORS):
                    raise
                self._transaction(lambda: self._write_each(left_out))
            except Exception:  # noqa: BLE001 - told with the change that it comes from
                self._transaction(lambda: self._write_each(left_out))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            return f"{self._path} cannot be written: {error}. Nothing is acknowledged until it can"
        return f"{self._path} cannot hold {'; '.join(left_out)}" if left_out else None

    def _transaction(self, write: Callable[[], None]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            write()
            self._last()
            self._connection.execute("COMMIT")
        except BaseException:
            self.afterwards.clear()
            self._over()
            with contextlib.suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
            raise
        self.changes.clear()
        for note in self.afterwards:
            note()
        self.afterwards.clear()
        self._over()

    def _write_all(self) -> None:
        for _, write in self.changes.values():
            write()
        # Were one of them left out again, that would be news.
        self._left_out.difference_update(self.changes)

    def _write_each(self, left_out: list[str]) -> None:
        """Each change for itself; adds to `left_out` those that cannot be written, with the reason, once for each."""
        for key, (what, write) in self.changes.items():
            noted = len(self.afterwards)
            self._connection.execute("SAVEPOINT one")
            try:
                write()
            except Exception as error:
                if isinstance(error, sqlite3.Error) and not isinstance(error, ROW_ERRORS):
                    raise
                self._connection.execute("ROLLBACK TO one")
                del self.afterwards[noted:]
                self._over()
                if key not in self._left_out:
                    self._left_out.add(key)
                    left_out.append(f"{what} ({type(error).__name__}: {error}), which will be missing after a restart")
            else:
                self._left_out.discard(key)
            self._connection.execute("RELEASE one")

    # ------------------------------------------------------------------------------------------------------------ the write-ahead file

    def _has_to_be_folded(self) -> bool:
        try:
            return self._wal.stat().st_size > CHECKPOINT_BYTES
        except OSError:
            return False

    def _fold(self) -> None:
        """In the thread. Where the disk is full, the write-ahead file grows on until it cannot."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
