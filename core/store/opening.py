# SPDX-License-Identifier: Apache-2.0
"""Opening `ladle.db`: one look where it fits; making it, or setting it aside and making a new one, under a lock."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping

from ladle.core.store import errors
from ladle.core.store.locks import FileFlight
from ladle.core.store.schema import TABLES
from ladle.core.store.snapshots import is_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BUSY_SECONDS = 30.0
_PIECE_SECONDS = 0.2
_PAUSE_SECONDS = 0.005
_ID_GAP = 36**3
_DIRECTORIES = ("blobs/sha256", "snapshots", "cachemounts", "locks", "tmp", "stat", "logs")
_FILES = {"oci-layout": '{"imageLayoutVersion":"1.0.0"}', "index.json": '{"schemaVersion":2,"manifests":[]}'}


class _UnfitError(Exception):
    """The database cannot be used, and not by waiting: `word` is for its new name, the text for people."""

    def __init__(self, word: str, why: str) -> None:
        super().__init__(why)
        self.word = word


def connect(
    root: str, versions: Mapping[str, int], warn: Callable[[str], None]
) -> tuple[sqlite3.Connection, dict[str, str]]:
    """Return a connection to the database of a store and its `meta` table."""
    try:
        found = _look(root, versions)
        if found is not None:
            return found
    except _UnfitError:
        pass
    try:
        make_directories(root)
    except OSError as error:
        raise errors.from_os(root, error) from error
    with FileFlight(root, "database"):
        try:
            found = _look(root, versions)
        except _UnfitError as unfit:
            kept = set_aside(root, unfit.word)
            warn(f"{unfit}: it was set aside as {kept} and the cache starts empty")
            found = None
        return found or _make(root, versions)


def make_directories(root: str) -> None:
    """Make the directories and the files of an empty OCI layout."""
    os.makedirs(root, mode=0o700, exist_ok=True)
    for name in _DIRECTORIES:
        os.makedirs(f"{root}/{name}", mode=0o700, exist_ok=True)
    for name, text in _FILES.items():
        if not os.path.exists(f"{root}/{name}"):
            temporary = f"{root}/tmp/{name}-{os.getpid()}"
            with open(temporary, "w", encoding="ascii") as file:
                file.write(text)
            os.replace(temporary, f"{root}/{name}")


def set_aside(root: str, word: str) -> str:
    """Rename the database so that the next look makes a new one; under the lock. Returns its new name.

    The log goes first: a new database must never meet the log of another one.
    """
    name = f"ladle.db.{word}-{time.time_ns()}"
    for suffix in ("-wal", "-shm", ""):
        try:
            os.rename(f"{root}/ladle.db{suffix}", f"{root}/{name}{suffix}")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise errors.from_os(root, error) from error
    return name


def patiently(root: str, work: Callable[[], Any]) -> Any:
    """Do something with the database, waiting while other processes are in the way; other errors are passed on."""
    deadline = 0.0
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not errors.is_locked(error):
                raise
            deadline = deadline or time.monotonic() + BUSY_SECONDS
            if time.monotonic() > deadline:
                raise errors.store_busy(root, BUSY_SECONDS) from error
            time.sleep(_PAUSE_SECONDS)


def _look(root: str, versions: Mapping[str, int]) -> tuple[sqlite3.Connection, dict[str, str]] | None:
    """Return what `connect` does if the database is there and fits, None if it is not there yet."""
    if not os.path.exists(f"{root}/ladle.db"):
        return None
    connection = None
    try:
        connection = _connect(root)
        select = "SELECT name, value FROM meta"
        meta: dict[str, str] = patiently(root, lambda: dict(connection.execute(select).fetchall()))
        _check(root, meta, versions)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if not isinstance(error, sqlite3.Error):
            raise
        if "no such table" in str(error):
            return None
        if errors.is_damage(error):
            raise _UnfitError("damaged", f"the database of the store {root} is damaged ({error})") from error
        raise errors.from_sqlite(root, error) from error
    return connection, meta


def _check(root: str, meta: Mapping[str, str], versions: Mapping[str, int]) -> None:
    for name, known in versions.items():
        found = meta.get(name, "")
        number = int(found) if found.isdecimal() else 0
        if number > known:
            raise errors.store_newer(root, found, known)
        if number < known:
            raise _UnfitError("old", f"the database of the store {root} was made by an older ladle")


def _connect(root: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{root}/ladle.db", timeout=_PIECE_SECONDS, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    return connection


def _make(root: str, versions: Mapping[str, int]) -> tuple[sqlite3.Connection, dict[str, str]]:
    """Make the tables in a new or empty database; snapshot ids go on well above those that directories have."""
    meta = {name: str(number) for name, number in versions.items()} | {"synced": "0"}
    connection = None
    try:
        connection = _connect(root)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.executemany("INSERT INTO meta VALUES(?, ?)", meta.items())
        used = max((int(name, 36) for name in os.listdir(f"{root}/snapshots") if is_id(name)), default=0)
        if used:
            connection.execute("INSERT INTO sqlite_sequence VALUES('snapshot', ?)", (used + _ID_GAP,))
        connection.execute("COMMIT")
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise errors.from_sqlite(root, error) from error
        raise
    return connection, meta
