# SPDX-License-Identifier: Apache-2.0
"""Small persistent facts by kind and key (implements `ladle.core.api.services.Facts`)."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.store.database import Database


class Facts:
    """Facts in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, kind: str, key: str) -> bytes | None:
        """Return the value, or None."""
        row = self._database.one("SELECT value FROM fact WHERE kind = ? AND key = ?", (kind, key))
        return None if row is None else bytes(row[0])

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Store a value, replacing an earlier one."""
        with self._database.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO fact VALUES(?, ?, ?, ?)", (kind, key, value, time.time()))
