# SPDX-License-Identifier: Apache-2.0
"""Looking a store over: is everything that its database promises there and whole? Nothing is changed or repaired.

What a killed build leaves for the next one to sweep (leased snapshots, temporary files, a database without tables) is
no finding. Other processes may use the store meanwhile: names are listed before the rows are read, or after, whichever
cannot mislead.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from ladle.core.store.opening import patiently
from ladle.core.store.schema import SCHEMA
from ladle.core.store.snapshots import base36

_BLOCK = 1 << 20


def check(root: str) -> list[str]:
    """Return what is wrong with the store at `root`, a line each; nothing for a sound one."""
    root = os.path.abspath(root)
    if not os.path.exists(f"{root}/ladle.db"):
        return [f"there is no store: {root}/ladle.db does not exist"]
    findings: list[str] = []
    directories = _directories(root)
    try:
        with closing(_connect(root)) as connection:
            connection.execute("BEGIN")
            if connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() != (0,):
                findings += _database(connection)
                if not findings:
                    findings += _snapshots(root, connection, directories)
                    findings += _references(connection)
    except sqlite3.Error as error:
        findings.append(f"the database cannot be read: {error}")
    return [*findings, *_layout(root), *_blobs(root)]


def _connect(root: str) -> sqlite3.Connection:
    address = f"file:{quote(os.fsencode(root))}/ladle.db?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        patiently(root, lambda: connection.execute("SELECT count(*) FROM sqlite_schema").fetchone())
    except BaseException:
        connection.close()
        raise
    return connection


def _layout(root: str) -> Iterator[str]:
    """Say what keeps `root` from being an OCI layout."""
    for name in ("oci-layout", "index.json"):
        try:
            with open(f"{root}/{name}", "rb") as file:
                json.load(file)
        except (OSError, ValueError) as error:
            yield f"{name} cannot be read: {error}"


def _database(connection: sqlite3.Connection) -> Iterator[str]:
    for (text,) in connection.execute("PRAGMA integrity_check(20)"):
        if text != "ok":
            yield f"the database is damaged: {text}"
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield f"the database is damaged: row {row} of {table} refers to a {parent} that is not there"
    found = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if found.get("schema") != str(SCHEMA):
        yield f"the database has schema {found.get('schema')}, this ladle knows {SCHEMA}"


def _directories(root: str) -> set[str]:
    try:
        return {name for name in os.listdir(f"{root}/snapshots") if not name.startswith(".")}
    except OSError:
        return set()


def _snapshots(root: str, connection: sqlite3.Connection, directories: set[str]) -> Iterator[str]:
    """Compare rows and directories. A row is older than its directory, and committed only after it."""
    rows = {base36(number): lease for number, lease in connection.execute("SELECT id, lease FROM snapshot")}
    for name in sorted(directories - rows.keys()):
        yield f"the directory snapshots/{name} belongs to no snapshot"
    for name, lease in rows.items():
        if not lease and not os.path.isdir(f"{root}/snapshots/{name}"):
            yield f"the directory of the snapshot {name} is missing"


def _references(connection: sqlite3.Connection) -> Iterator[str]:
    """Say which records, chains and blobs of layers point to what is not there."""
    committed = {base36(number) for (number,) in connection.execute("SELECT id FROM snapshot WHERE lease = ''")}
    for number, packed in connection.execute("SELECT id, result FROM record"):
        for layer in _unpacked(packed).get("layers", ()):
            if layer not in committed:
                yield f"the record {number} needs the snapshot {layer}, which is not there"
    for chain, value in connection.execute("SELECT key, value FROM fact WHERE kind = 'chain'"):
        if bytes(value).decode(errors="replace") not in committed:
            yield f"the chain {chain} needs the snapshot {bytes(value)!r}, which is not there"
    keyless = "SELECT id FROM record WHERE id NOT IN (SELECT record FROM key)"
    for (number,) in connection.execute(keyless):
        yield f"the record {number} has no key"


def _unpacked(packed: bytes) -> dict[str, Any]:
    from msgpack import UnpackException, unpackb

    try:
        found = unpackb(packed)
    except (ValueError, UnpackException):
        found = None
    return found if isinstance(found, dict) else {"layers": ["?"]}


def _blobs(root: str) -> Iterator[str]:
    """Say which blobs are not what their names promise."""
    from hashlib import sha256

    folder = f"{root}/blobs/sha256"
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        yield f"blobs cannot be listed: {error}"
        return
    for name in names:
        digest = sha256()
        try:
            with open(f"{folder}/{name}", "rb", buffering=0) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"the blob {name} cannot be read: {error}"
            continue
        if digest.hexdigest() != name:
            yield f"the blob {name} is damaged: its digest is {digest.hexdigest()}"
