# SPDX-License-Identifier: Apache-2.0
"""The cache index: records by keys (implements `ladle.core.solver.api.CacheIndex`)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence

from ladle.core.api.records import Key, Record
from ladle.core.store.pins import record_path, snapshot_path
from ladle.core.store.snapshots import are_committed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from ladle.core.api.records import Result
    from ladle.core.store.database import Database
    from ladle.core.store.pins import Pins

_TOUCH_SECONDS = 600
_SELECT = (
    "SELECT record.id, record.result, record.boot, record.used, record.created"
    " FROM key JOIN record ON record.id = key.record WHERE key.key = ? ORDER BY key.record DESC"
)


class Records:
    """Records in the database. `usable` says whether what a result points to is still there (SV-17).

    What is found or made stays, with its snapshots, for as long as this process lives (`ladle.core.store.pins`).
    After a reboot a record counts only if all files were synced to disk after it was written (`Store.mark_synced`).
    """

    def __init__(
        self, database: Database, pins: Pins, boot: Callable[[], str], usable: Callable[[Result], bool]
    ) -> None:
        self._database = database
        self._pins = pins
        self._boot = boot
        self._usable = usable
        self._used: dict[int, float] = {}

    def lookup(self, keys: Sequence[Key], since: float = 0.0) -> Record | None:
        """Return the newest usable record under the first key that has one; drops those that are not usable.

        Records made before `since` are passed over.
        """
        from msgpack import unpackb

        for key in keys:
            for number, packed, boot, used, created in self._database.all(_SELECT, (key,)):
                if created < since:
                    continue
                result = unpackb(packed)
                if self._trusted(number, boot) and self._hold(number, result) and self._usable(result):
                    self._used[number] = used
                    return Record(number, result, created)
                self.drop(number)
        return None

    def _hold(self, number: int, result: Result) -> bool:
        """Keep a record and its snapshots; says whether all of them are still there."""
        layers = _numbers(result)
        paths = [record_path(number), *(snapshot_path(layer) for layer in layers)]

        def there(connection: sqlite3.Connection) -> bool:
            if connection.execute("SELECT 1 FROM record WHERE id = ?", (number,)).fetchone() is None:
                return False
            return are_committed(connection, set(layers.values()), used=time.time())

        return self._pins.hold(paths, there)

    def add(self, result: Result, keys: Sequence[Key], parts: Mapping[str, object]) -> Record:
        """Make a record under some keys. Everything that the result points to must be there by now."""
        from msgpack import packb

        now = time.time()
        row = (packb(dict(result)), packb(parts, unicode_errors="surrogatepass"), self._boot(), now, now)
        with self._database.transaction() as connection:
            insert = "INSERT INTO record(result, parts, boot, created, used) VALUES(?, ?, ?, ?, ?)"
            number = connection.execute(insert, row).lastrowid
            connection.executemany("INSERT OR IGNORE INTO key VALUES(?, ?)", [(key, number) for key in keys])
            self._pins.add(connection, [record_path(number or 0), *map(snapshot_path, _numbers(result))])
        return Record(number or 0, result, now)

    def alias(self, record: Record, keys: Sequence[Key]) -> None:
        """Let further keys find a record; one that has been dropped meanwhile gets none."""
        marks = ", ".join("?" * len(keys))
        select = f"SELECT key FROM key WHERE record = ? AND key IN ({marks})"
        known = {key for (key,) in self._database.all(select, (record.id, *keys))}
        rows = [(key, record.id) for key in keys if key not in known]
        if rows:
            insert = "INSERT OR IGNORE INTO key SELECT ?, id FROM record WHERE id = ?"
            with self._database.transaction() as connection:
                connection.executemany(insert, rows)

    def touch(self, records: Sequence[Record]) -> None:
        """Say that records have been used; written only where that was not said lately: cached builds write nothing."""
        now = time.time()
        late = [(now, each.id) for each in records if now - self._used.get(each.id, now) > _TOUCH_SECONDS]
        if late:
            with self._database.transaction() as connection:
                connection.executemany("UPDATE record SET used = ?, count = count + 1 WHERE id = ?", late)

    def drop(self, record: int) -> None:
        """Forget a record and its keys."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM record WHERE id = ?", (record,))

    def parts(self, record: int) -> Mapping[str, Any] | None:
        """Return what the keys of a record were made from, None if there is no such record."""
        from msgpack import unpackb

        row = self._database.one("SELECT parts FROM record WHERE id = ?", (record,))
        if row is None:
            return None
        parts: Mapping[str, Any] = unpackb(row[0], unicode_errors="surrogatepass")
        return parts

    def alive(self, records: Sequence[int], layers: Sequence[str]) -> bool:
        """Say whether records are still there and trusted, and these snapshots of theirs too; unpacks nothing."""
        for number in records:
            row = self._database.one("SELECT boot FROM record WHERE id = ?", (number,))
            if row is None or not self._trusted(number, row[0]):
                return False
        return self._usable({"kind": "layers", "layers": layers})

    def _trusted(self, number: int, boot: str) -> bool:
        if boot == self._boot():
            return True
        return number <= int(self._database.meta.get("synced", "0"))


def _numbers(result: Result) -> dict[str, int]:
    """Return the snapshots of a result, each with its number."""
    return {str(layer): int(layer, 36) for layer in result.get("layers", ())}


def layers_present(root: str) -> Callable[[Result], bool]:
    """Return a function that says whether every snapshot of a result is there."""

    def present(result: Result) -> bool:
        return all(os.path.lexists(f"{root}/snapshots/{layer}") for layer in result.get("layers", ()))

    return present
