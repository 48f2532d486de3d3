# SPDX-License-Identifier: Apache-2.0
"""The tables of `ladle.db`. Raise `SCHEMA` when they change: an older database is set aside, a newer one refused.

`record`: what the cache holds; `boot` is the boot id of the machine when it was written. `key`: aliases of records; a
key may have several, the newest counts. `snapshot`: layer directories; `lease` names the lock file of the process
making it, '' once it is committed; `size` and `inodes` are what its directory takes on the disk, -1 unmeasured.
`layer_blob`: snapshots as blobs, by variant. `fact`: small values by kind and key. `pin`: what living processes use
(`ladle.core.store.pins`). `cache_mount`: the directories of cache mounts as they were when last measured.
"""

from __future__ import annotations

SCHEMA = 2

TABLES = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE record(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    result BLOB NOT NULL,
    parts BLOB NOT NULL,
    boot TEXT NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL,
    count INTEGER NOT NULL DEFAULT 0
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
    created REAL NOT NULL,
    used REAL NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT -1,
    inodes INTEGER NOT NULL DEFAULT -1
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
    made REAL NOT NULL DEFAULT 0,
    PRIMARY KEY(kind, key)
) WITHOUT ROWID;
CREATE TABLE pin(
    path TEXT NOT NULL,
    lease TEXT NOT NULL,
    PRIMARY KEY(path, lease)
) WITHOUT ROWID;
CREATE INDEX pin_lease ON pin(lease);
CREATE TABLE cache_mount(
    name TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    inodes INTEGER NOT NULL,
    measured REAL NOT NULL
) WITHOUT ROWID;
"""
