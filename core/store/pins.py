# SPDX-License-Identifier: Apache-2.0
"""What living processes use of the store, which no collection may remove: paths below the root, each with a lease.

A pin counts for as long as the lease of its process is held, so that what is killed pins nothing; no clock is asked.
Whether a thing is there is looked at in the transaction that pins it, and the collector looks for pins in the
transaction that takes things away: between the two, nothing can go.
"""

from __future__ import annotations

import os

from ladle.core.store.locks import Lease, is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from ladle.core.store.database import Database

_INSERT = "INSERT OR IGNORE INTO pin VALUES(?, ?)"


class Pins:
    """The pins of one process, and the question what all of them hold."""

    def __init__(self, root: str, database: Database, lease: Lease) -> None:
        self._root = root
        self._database = database
        self._lease = lease
        self._owner = ""
        self._held: set[str] = set()

    def hold(self, paths: Sequence[str], there: Callable[[sqlite3.Connection], bool] | None = None) -> bool:
        """Keep paths until this process ends, if all are `there` (default: they exist); says whether they are.

        `there` is not asked for what this process holds already.
        """
        wanted = self._missing(paths)
        if not wanted:
            return True
        with self._database.transaction() as connection:
            if not (self._exist(wanted) if there is None else there(connection)):
                return False
            self.add(connection, wanted)
        return True

    def add(self, connection: sqlite3.Connection, paths: Iterable[str]) -> None:
        """Keep paths, in a transaction that is going on."""
        owner = self._lease.name
        wanted = self._missing(paths)
        connection.executemany(_INSERT, [(path, owner) for path in wanted])
        self._held.update(wanted)

    def _missing(self, paths: Iterable[str]) -> list[str]:
        """Return those that this process does not hold yet. A forked child holds nothing of its parent's."""
        owner = self._lease.name
        if self._owner != owner:
            self._owner, self._held = owner, set()
        return [path for path in paths if path not in self._held]

    def _exist(self, paths: Iterable[str]) -> bool:
        return all(os.path.lexists(f"{self._root}/{path}") for path in paths)

    def living(self, connection: sqlite3.Connection) -> set[str]:
        """Return all paths that living processes hold, in a transaction that is going on; forgets those of the dead."""
        leases = [lease for (lease,) in connection.execute("SELECT DISTINCT lease FROM pin").fetchall()]
        dead = [(lease,) for lease in leases if not is_alive(self._root, lease)]
        connection.executemany("DELETE FROM pin WHERE lease = ?", dead)
        return {path for (path,) in connection.execute("SELECT DISTINCT path FROM pin")}

    def end(self) -> None:
        """Let go of everything that this process holds."""
        if self._held and self._owner == self._lease.taken:
            with self._database.transaction() as connection:
                connection.execute("DELETE FROM pin WHERE lease = ?", (self._owner,))
            self._held = set()


def record_path(number: int) -> str:
    """Return how pins name a record."""
    return f"records/{number}"


def snapshot_path(snapshot: str) -> str:
    """Return how pins name a snapshot."""
    return f"snapshots/{snapshot}"


def blob_path(digest: str) -> str:
    """Return how pins name a blob."""
    return f"blobs/sha256/{digest[7:]}"
