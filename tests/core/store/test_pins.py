# SPDX-License-Identifier: Apache-2.0
"""Pins: what living processes use, told apart from what the dead have used, without a clock."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ladle.core.store.pins import blob_path, record_path, snapshot_path
from ladle.core.store.store import Store


def living(store: Store) -> set[str]:
    """Return what living processes hold."""
    with store.database.transaction() as connection:
        return store.pins.living(connection)


def committed(store: Store) -> str:
    """Return a fresh snapshot with its directory."""
    snapshot = store.snapshots.allocate()
    os.mkdir(f"{store.root}/snapshots/{snapshot}")
    store.snapshots.commit(snapshot)
    return snapshot


def test_a_committed_snapshot_is_held_before_any_record_names_it(store: Store) -> None:
    snapshot = committed(store)
    assert living(store) == {snapshot_path(snapshot)}


def test_records_hold_themselves_and_their_snapshots(store: Store, root: str) -> None:
    first, second = committed(store), committed(store)
    record = store.records().add({"layers": [first, second]}, [b"key"], {})
    store.close()
    reader = Store.open(root)
    assert living(reader) == set()
    assert reader.records().lookup([b"key"]) == record
    assert living(reader) == {record_path(record.id), snapshot_path(first), snapshot_path(second)}
    reader.close()


def test_a_record_whose_snapshot_went_meanwhile_is_a_miss(store: Store, root: str) -> None:
    snapshot = committed(store)
    store.records().add({"layers": [snapshot]}, [b"key"], {})
    other = Store.open(root)
    other.snapshots.forget([snapshot])  # its directory is still there
    assert other.records().lookup([b"key"]) is None
    assert other.snapshots.hold([snapshot]) is False
    assert living(other) >= {snapshot_path(snapshot)}  # what `store` held
    other.close()


@pytest.mark.parametrize("name", ["zz", "../x", ""])
def test_snapshots_that_never_were_cannot_be_held(store: Store, name: str) -> None:
    assert store.snapshots.hold([name]) is False
    assert living(store) == set()


def test_a_snapshot_without_directory_cannot_be_held(store: Store) -> None:
    snapshot = committed(store)
    os.rmdir(f"{store.root}/snapshots/{snapshot}")
    assert store.snapshots.hold([snapshot]) is False


def test_blobs_that_are_found_or_made_are_held(store: Store, root: str) -> None:
    digest = store.blobs.put(b"data")
    assert living(store) == {blob_path(digest)}
    store.close()
    reader = Store.open(root)
    assert not reader.blobs.has("sha256:" + "0" * 64)
    assert living(reader) == set()
    assert reader.blobs.has(digest)
    assert living(reader) == {blob_path(digest)}
    reader.close()


def test_files_are_held_by_their_path_if_they_are_there(store: Store) -> None:
    os.makedirs(f"{store.root}/downloads/one")
    assert not store.pins.hold(["downloads/one", "downloads/two"])
    assert living(store) == set()
    assert store.pins.hold(["downloads/one"])
    assert living(store) == {"downloads/one"}


def test_the_killed_hold_nothing(store: Store, spawn: Any) -> None:
    process = spawn("print(store.blobs.put(b'data'), flush=True)\ntime.sleep(60)")
    digest = process.stdout.readline().strip()
    assert living(store) == {blob_path(digest)}
    process.kill()
    process.wait()
    assert living(store) == set()
    assert store.database.all("SELECT * FROM pin") == []


def test_a_forked_child_holds_by_itself(store: Store) -> None:
    digest = store.blobs.put(b"data")
    pid = os.fork()
    if not pid:
        held = store.blobs.has(digest)
        names = {lease for (lease,) in store.database.all("SELECT lease FROM pin")}
        os._exit(0 if held and len(names) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert living(store) == {blob_path(digest)}


def test_what_is_used_again_costs_no_transaction(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, snapshot = store.blobs.put(b"data"), committed(store)
    monkeypatch.setattr(store.database, "transaction", lambda: pytest.fail("a transaction"))
    assert store.blobs.has(digest)
    assert store.snapshots.hold([snapshot])
