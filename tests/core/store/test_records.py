# SPDX-License-Identifier: Apache-2.0
"""Records: keys as aliases, the newest first, the unusable dropped, nothing trusted that a power cut may have eaten."""

from __future__ import annotations

import os

import pytest

from ladle.core.store.store import Store


def test_every_key_finds_the_record(store: Store) -> None:
    records = store.records()
    record = records.add({"kind": "layers", "layers": []}, [b"one", b"two"], {"op": {"a": b"\xff"}, "name": "\udcff"})
    assert records.lookup([b"one"]) == records.lookup([b"two"]) == record
    assert records.lookup([b"absent", b"two"]) == record
    assert records.lookup([b"absent"]) is None
    assert records.lookup([]) is None
    assert records.parts(record.id) == {"op": {"a": b"\xff"}, "name": "\udcff"}
    assert records.parts(99) is None


def test_alias_finds_it_too_and_may_be_repeated(store: Store) -> None:
    records = store.records()
    record = records.add({}, [b"one"], {})
    records.alias(record, [b"one", b"two"])
    records.alias(record, [b"one", b"two"])
    assert records.lookup([b"two"]) == record


def test_newest_counts_and_the_next_is_tried(store: Store) -> None:
    gone: set[int] = set()
    records = store.records(lambda result: result["number"] not in gone)
    first = records.add({"number": 1}, [b"key"], {})
    second = records.add({"number": 2}, [b"key"], {})
    assert records.lookup([b"key"]) == second
    gone.add(2)
    assert records.lookup([b"key"]) == first
    assert records.parts(second.id) is None


def test_alias_of_a_dropped_record_finds_nothing(store: Store) -> None:
    records = store.records()
    record = records.add({}, [b"one"], {})
    records.drop(record.id)
    records.alias(record, [b"two"])
    assert records.lookup([b"one", b"two"]) is None


def test_missing_snapshot_drops_the_record(store: Store) -> None:
    records = store.records()
    snapshot = store.snapshots.allocate()
    path = f"{store.root}/snapshots/{snapshot}"
    os.mkdir(path)
    store.snapshots.commit(snapshot)
    record = records.add({"layers": [snapshot]}, [b"key"], {})
    assert records.lookup([b"key"]) == record
    os.rmdir(path)
    assert records.lookup([b"key"]) is None


@pytest.mark.parametrize(("synced", "trusted"), [(False, False), (True, True)])
def test_after_a_reboot_only_what_was_synced_counts(store: Store, root: str, synced: bool, trusted: bool) -> None:
    store.records().add({}, [b"key"], {})
    if synced:
        store.mark_synced()
    rebooted = Store.open(root)
    rebooted._boot = "another boot"
    records = rebooted.records()
    assert (records.lookup([b"key"]) is not None) == trusted
    later = records.add({}, [b"later"], {})
    assert records.lookup([b"later"]) == later
    rebooted.close()


def test_marker_covers_only_what_was_there(store: Store, root: str) -> None:
    records = store.records()
    records.add({}, [b"before"], {})
    store.mark_synced()
    store.mark_synced()
    records.add({}, [b"after"], {})
    rebooted = Store.open(root)
    rebooted._boot = "another boot"
    assert rebooted.records().lookup([b"before"]) is not None
    assert rebooted.records().lookup([b"after"]) is None
    rebooted.close()


def test_touch_is_written_only_when_it_says_something_new(store: Store) -> None:
    record = store.records().add({}, [b"key"], {})

    def used() -> float:
        return float(store.database.one("SELECT used FROM record WHERE id = ?", (record.id,))[0])

    records = store.records()
    records.lookup([b"key"])
    first = used()
    records.touch([record])
    assert used() == first
    with store.database.transaction() as connection:
        connection.execute("UPDATE record SET used = used - 10000")
    records.lookup([b"key"])
    records.touch([record])
    assert used() >= first
