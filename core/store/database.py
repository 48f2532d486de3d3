# SPDX-License-Identifier: Apache-2.0
"""`ladle.db` in use: selects, short transactions, and every failure an error for people.

One connection serves all threads, under a lock: what is done under it takes microseconds. Waiting for other processes
is done here, not in SQLite, in short pieces, so that Ctrl-C is heard.
"""

from __future__ import annotations

import os
import sqlite3
from _thread import RLock
from collections.abc import Callable, Mapping, Sequence

from ladle.core.store import errors
from ladle.core.store.locks import FileFlight
from ladle.core.store.opening import connect, patiently, set_aside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any


class Database:
    """The database of one store."""

    def __init__(self, root: str, versions: Mapping[str, int], warn: Callable[[str], None]) -> None:
        self._root = root
        self._versions = versions
        self._warn = warn
        self._deserted: list[sqlite3.Connection] = []
        self.lock = RLock()
        self._pid = os.getpid()
        self._connection, self.meta = connect(root, versions, warn)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of this process. A forked child gets its own and never closes its parent's."""
        if self._pid != os.getpid():
            self._deserted.append(self._connection)
            self._connection, self.meta = connect(self._root, self._versions, self._warn)
            self.lock = RLock()
            self._pid = os.getpid()
        return self._connection

    def one(self, sql: str, values: Sequence[object] = ()) -> Any:
        """Return the first row of a select, None without any."""
        rows = self.all(sql, values)
        return rows[0] if rows else None

    def all(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        """Return the rows of a select."""
        connection = self.connection
        with self.lock:
            rows: list[Any] = self.attempt(lambda: connection.execute(sql, values).fetchall())
            return rows

    def transaction(self) -> Transaction:
        """Return a context that is the only writer: gives the connection, commits at its end, rolls back on errors."""
        return Transaction(self)

    def attempt(self, work: Callable[[], Any]) -> Any:
        """Do something, waiting for other processes; raises `BuildError` for what goes wrong."""
        try:
            return patiently(self._root, work)
        except sqlite3.Error as error:
            raise self.failure(error) from error

    def failure(self, error: sqlite3.Error) -> Exception:
        """Return the error for people; a damaged database is set aside at once, so that the next run starts anew."""
        if not errors.is_damage(error):
            return errors.from_sqlite(self._root, error)
        with FileFlight(self._root, "database"):
            set_aside(self._root, "damaged")
        return errors.store_damaged(self._root, str(error))

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            if self._pid == os.getpid():
                self._connection.close()


class Transaction:
    """See `Database.transaction`. Not to be nested."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._connection = database.connection

    def __enter__(self) -> sqlite3.Connection:
        self._database.lock.acquire()
        try:
            self._database.attempt(lambda: self._connection.execute("BEGIN IMMEDIATE"))
        except BaseException:
            if self._connection.in_transaction:  # Ctrl-C came right after it began
                self._roll_back()
            self._database.lock.release()
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._database.attempt(lambda: self._connection.execute("COMMIT"))
        finally:
            if self._connection.in_transaction:
                self._roll_back()
            self._database.lock.release()
        if isinstance(error, sqlite3.Error):
            raise self._database.failure(error) from error

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite has rolled back by itself, as it does on a full disk
