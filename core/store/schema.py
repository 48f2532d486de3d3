# SPDX-License-Identifier: Apache-2.0
"""The tables of `ladle.db`. Raise `SCHEMA` when they change: an older database is set aside, a newer one refused.

`record`: what the cache holds; `boot` is the boot id of the machine when it was written. `key`: aliases of records; a
key may have several, the newest counts. `snapshot`: layer directories; `lease` names the lock file of the process
making it, '' once it is committed. `layer_blob`: snapshots as blobs, by variant. `fact`: small values by kind and key.
"""

from __future__ import annotations

SCHEMA = 1

TABLES = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    result BLOB NOT NULL,
    parts BLOB NOT NULL,
    boot TEXT NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL
);
CREATE TABLE key(
    key BLOB NOT NULL,
    record INTEGER NOT NULL REFERENCES record(id) ON DELETE CASCADE,
    PRIMARY KEY(key, record)
) WITHOUT ROWID;
CREATE INDEX key_record ON key(record);
CREATE TABLE snapshot(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lease TEXT NOT NULL,
    diff_id TEXT NOT NULL DEFAULT '',
    base INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL
);
CREATE TABLE layer_blob(
    snapshot INTEGER NOT NULL REFERENCES snapshot(id) ON DELETE CASCADE,
    variant TEXT NOT NULL,
    descriptor BLOB NOT NULL,
    PRIMARY KEY(snapshot, variant)
) WITHOUT ROWID;
CREATE TABLE fact(
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY(kind, key)
) WITHOUT ROWID;
"""
