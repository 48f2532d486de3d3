# SPDX-License-Identifier: Apache-2.0
"""What a check finds, and what it does not mind."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.store.check import check
from ladle.core.store.store import Store


@pytest.fixture
def filled(store: Store) -> Store:
    """Return a store with a committed snapshot, a record and a blob, and with what a killed build leaves."""
    snapshot = store.snapshots.allocate()
    os.mkdir(f"{store.root}/snapshots/{snapshot}")
    store.snapshots.commit(snapshot)
    store.records().add({"kind": "layers", "layers": [snapshot]}, [b"key"], {})
    store.facts.put("chain", "sha256:chain", snapshot.encode())
    store.blobs.put(b"data")
    os.mkdir(f"{store.root}/snapshots/{store.snapshots.allocate()}")
    store.snapshots.allocate()
    Path(store.blobs.temporary()).touch()
    return store


def execute(store: Store, statement: str) -> None:
    connection = sqlite3.connect(f"{store.root}/ladle.db")
    with connection:
        connection.execute(statement)
    connection.close()


def only_blob(store: Store) -> Path:
    return next(Path(store.root, "blobs/sha256").iterdir())


def test_a_sound_store(filled: Store) -> None:
    before = sorted(os.listdir(filled.root))
    assert check(filled.root) == []
    assert sorted(os.listdir(filled.root)) == before


def test_no_store(tmp_path: Path) -> None:
    assert "there is no store" in check(str(tmp_path))[0]
    assert os.listdir(tmp_path) == []


def test_a_store_that_was_never_finished(filled: Store) -> None:
    filled.close()
    for name in ("ladle.db", "ladle.db-wal", "ladle.db-shm"):
        Path(filled.root, name).unlink(missing_ok=True)
    Path(filled.root, "ladle.db").touch()
    assert check(filled.root) == []


MISTAKES: dict[str, tuple[Callable[[Store], object], str]] = {
    "blob": (lambda store: only_blob(store).write_bytes(b"dato"), "is damaged: its digest is"),
    "blob name": (lambda store: only_blob(store).rename(only_blob(store).with_name("x")), "the blob x is damaged"),
    "directory": (
        lambda store: shutil.rmtree(f"{store.root}/snapshots/1"),
        "the directory of the snapshot 1 is missing",
    ),
    "stranger": (lambda store: os.mkdir(f"{store.root}/snapshots/zz"), "snapshots/zz belongs to no snapshot"),
    "row": (lambda store: execute(store, "DELETE FROM snapshot WHERE id = 1"), "record 1 needs the snapshot 1"),
    "chain": (lambda store: store.facts.put("chain", "c", b"9"), "the chain c needs the snapshot"),
    "keys": (lambda store: execute(store, "DELETE FROM key"), "the record 1 has no key"),
    "orphan key": (lambda store: execute(store, "INSERT INTO key VALUES(x'00', 77)"), "refers to a record"),
    "result": (lambda store: execute(store, "UPDATE record SET result = x'c1'"), "record 1 needs the snapshot ?"),
    "schema": (lambda store: execute(store, "UPDATE meta SET value = '77' WHERE name = 'schema'"), "has schema 77"),
    "layout": (lambda store: Path(store.root, "index.json").write_text("{"), "index.json cannot be read"),
    "database": (lambda store: Path(store.root, "ladle.db").write_bytes(b"x" * 9000), "cannot be read"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_is_found(filled: Store, name: str) -> None:
    if name == "database":
        filled.close()
    harm, words = MISTAKES[name]
    harm(filled)
    assert any(words in finding for finding in check(filled.root)), check(filled.root)
