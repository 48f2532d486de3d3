# SPDX-License-Identifier: Apache-2.0
"""What is known of layer directories (implements `ladle.core.api.services.Snapshots`). The worker makes them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence

from ladle.core.api.errors import InternalError
from ladle.core.store.locks import Lease, is_alive
from ladle.core.store.pins import snapshot_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from ladle.core.store.database import Database
    from ladle.core.store.pins import Pins

_LONGEST = 12
"""The digits of the largest integer that SQLite holds, less one."""
_COMMIT = "UPDATE snapshot SET lease = '', diff_id = ?, base = ?, used = ?, size = ?, inodes = ? WHERE id = ?"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Snapshots:
    """Layer directories by short id. One that is being made is held by a lease of its process until it is committed."""

    def __init__(self, root: str, database: Database, lease: Lease, pins: Pins) -> None:
        self._root = root
        self._database = database
        self._lease = lease
        self._pins = pins
        self._measured: dict[str, tuple[int, int]] = {}

    def allocate(self) -> str:
        """Return a fresh id, leased to this process until committed or the process dies."""
        row = (self._lease.name, time.time())
        with self._database.transaction() as connection:
            number = connection.execute("INSERT INTO snapshot(lease, created) VALUES(?, ?)", row).lastrowid
        return base36(number or 0)

    def commit(self, snapshot: str, *, diff_id: str = "", base: bool = False) -> None:
        """Say that the worker has renamed the directory into place; `base`: it came from an image as it is.

        It stays for as long as this process lives, and then until a collection takes it.
        """
        size, inodes = self._measured.pop(snapshot, (-1, -1))
        with self._database.transaction() as connection:
            row = (diff_id, base, time.time(), size, inodes, int(snapshot, 36))
            count = connection.execute(_COMMIT, row).rowcount
            self._pins.add(connection, [snapshot_path(snapshot)])
        if count != 1:
            raise InternalError(f"the snapshot {snapshot} was never allocated")

    def measured(self, snapshot: str, size: int, inodes: int) -> None:
        """Say what the directory of a snapshot that is about to be committed takes on the disk."""
        self._measured[snapshot] = (size, inodes)

    def hold(self, snapshots: Sequence[str]) -> bool:
        """Keep committed snapshots until this process ends; says whether all of them are there."""
        paths = [snapshot_path(snapshot) for snapshot in snapshots]
        numbers = {int(snapshot, 36) for snapshot in snapshots if is_id(snapshot)}
        if len(numbers) < len(set(snapshots)):
            return False
        if not self._pins.hold(paths, lambda connection: self._committed(connection, numbers)):
            return False
        return all(os.path.isdir(f"{self._root}/{path}") for path in paths)

    @staticmethod
    def _committed(connection: sqlite3.Connection, numbers: set[int]) -> bool:
        return are_committed(connection, numbers, used=time.time())

    def is_base(self, snapshot: str) -> bool:
        """Say whether the layer came from an image as it is (its timestamps are never rewritten)."""
        row = self._database.one("SELECT base FROM snapshot WHERE id = ?", (int(snapshot, 36),))
        return row is not None and bool(row[0])

    def diff_id(self, snapshot: str) -> str:
        """Return the diff id that the layer was committed with, '' without one."""
        row = self._database.one("SELECT diff_id FROM snapshot WHERE id = ?", (int(snapshot, 36),))
        return "" if row is None else str(row[0])

    def maker(self, snapshot: str) -> str:
        """Return the name of the step that made a layer, "" if none is known. Slow: for messages only."""
        from msgpack import unpackb

        for packed, parts in self._database.all("SELECT result, parts FROM record ORDER BY id"):
            if unpackb(packed).get("layers", [])[-1:] == [snapshot]:
                return str(unpackb(parts, unicode_errors="surrogatepass").get("name", ""))
        return ""

    def blob(self, snapshot: str, variant: str) -> Mapping[str, Any] | None:
        """Return the layer as a blob in a variant, None if not made yet."""
        from msgpack import unpackb

        select = "SELECT descriptor FROM layer_blob WHERE snapshot = ? AND variant = ?"
        row = self._database.one(select, (int(snapshot, 36), variant))
        if row is None:
            return None
        descriptor: Mapping[str, Any] = unpackb(row[0])
        return descriptor

    def set_blob(self, snapshot: str, variant: str, descriptor: Mapping[str, Any]) -> None:
        """Remember a layer's blob."""
        from msgpack import packb

        row = (int(snapshot, 36), variant, packb(dict(descriptor)))
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO layer_blob VALUES(?, ?, ?)", row)

    def orphans(self) -> list[str]:
        """Return the ids whose owner died before committing, directories without a row, and rows without a directory.

        The directories are listed first: a row is always older than its directory, so one without a row has lost it.
        A row that is committed is looked up alone, as its directory may be younger than the list.
        """
        names = {name for name in os.listdir(f"{self._root}/snapshots") if is_id(name)}
        rows = {base36(number): lease for number, lease in self._database.all("SELECT id, lease FROM snapshot")}
        alive = {lease: is_alive(self._root, lease) for lease in set(rows.values()) if lease}
        dead = {snapshot for snapshot, lease in rows.items() if lease and not alive[lease]}
        lost = {snapshot for snapshot, lease in rows.items() if not lease and snapshot not in names}
        lost = {snapshot for snapshot in lost if not os.path.lexists(f"{self._root}/snapshots/{snapshot}")}
        return sorted(dead | (names - rows.keys()) | lost)

    def forget(self, snapshots: Iterable[str]) -> None:
        """Forget snapshots whose directories have been removed."""
        rows = [(int(snapshot, 36),) for snapshot in snapshots if is_id(snapshot)]
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM snapshot WHERE id = ?", rows)


def are_committed(connection: sqlite3.Connection, numbers: set[int], *, used: float) -> bool:
    """Say whether snapshots are there, and if so that they are used now; in a transaction that is going on."""
    update = "UPDATE snapshot SET used = ? WHERE id = ? AND lease = ''"
    return all(connection.execute(update, (used, number)).rowcount for number in sorted(numbers))


def is_id(name: str) -> bool:
    """Say whether a name can be a snapshot's id."""
    return name.isascii() and name.isalnum() and len(name) <= _LONGEST


def base36(number: int) -> str:
    """Return a number in base 36."""
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits
