# SPDX-License-Identifier: Apache-2.0
"""Snapshots: ids, leases, what is remembered of a layer, and what the dead leave behind."""

from __future__ import annotations

import os
from typing import Any

import pytest

from ladle.core.api.errors import InternalError
from ladle.core.store.snapshots import base36
from ladle.core.store.store import Store


def test_ids_are_short_and_never_given_twice(store: Store) -> None:
    ids = [store.snapshots.allocate() for _ in range(40)]
    assert (ids[0], ids[9], ids[35]) == ("1", "a", "10")
    store.snapshots.forget(ids)
    assert store.snapshots.allocate() not in ids


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (35, "z"), (36, "10"), (36**3, "1000")])
def test_base36(number: int, text: str) -> None:
    assert base36(number) == text


def test_what_is_known_of_a_layer(store: Store) -> None:
    first, second = store.snapshots.allocate(), store.snapshots.allocate()
    store.snapshots.commit(first, diff_id="sha256:aa", base=True)
    store.snapshots.commit(second)
    assert [store.snapshots.is_base(each) for each in (first, second, "zz")] == [True, False, False]
    assert [store.snapshots.diff_id(each) for each in (first, second, "zz")] == ["sha256:aa", "", ""]


def test_blobs_are_kept_by_variant(store: Store) -> None:
    snapshot = store.snapshots.allocate()
    descriptor = {"digest": "sha256:x", "size": 3, "media_type": "m", "diff_id": "sha256:y"}
    assert store.snapshots.blob(snapshot, "gzip") is None
    store.snapshots.set_blob(snapshot, "gzip", descriptor)
    store.snapshots.set_blob(snapshot, "gzip", {**descriptor, "size": 4})
    assert store.snapshots.blob(snapshot, "gzip") == {**descriptor, "size": 4}
    assert store.snapshots.blob(snapshot, "zstd:3") is None


def test_the_step_that_made_a_layer(store: Store) -> None:
    records = store.records()
    records.add({"kind": "layers", "layers": ["1"]}, [b"a"], {"name": "RUN one"})
    records.add({"kind": "layers", "layers": ["1", "2"]}, [b"b"], {"name": "RUN two"})
    records.add({"kind": "layers", "layers": []}, [b"c"], {"name": "nothing"})
    assert [store.snapshots.maker(each) for each in ("1", "2", "3")] == ["RUN one", "RUN two", ""]


def test_commit_of_what_was_never_allocated_is_a_bug(store: Store) -> None:
    with pytest.raises(InternalError, match="never allocated"):
        store.snapshots.commit("zz")


def test_living_owner_keeps_its_snapshots(store: Store, root: str) -> None:
    snapshot = store.snapshots.allocate()
    os.mkdir(f"{root}/snapshots/{snapshot}")
    other = Store.open(root)
    assert other.sweep_list() == []
    other.close()


def test_dead_owner_leaves_orphans_but_what_it_committed_stays(store: Store, spawn: Any) -> None:
    code = "a, b = store.snapshots.allocate(), store.snapshots.allocate()\nstore.snapshots.commit(a)\n"
    process = spawn(code + "store.blobs.temporary()\nprint(a, b, flush=True)\ntime.sleep(60)")
    committed, pending = process.stdout.readline().split()
    os.mkdir(f"{store.root}/snapshots/{committed}")
    os.mkdir(f"{store.root}/snapshots/{pending}")
    assert store.sweep_list() == []
    process.kill()
    process.wait()
    assert store.sweep_list() == [pending]
    os.rmdir(f"{store.root}/snapshots/{pending}")
    store.swept([pending])
    assert store.sweep_list() == []
    assert [name for name in os.listdir(f"{store.root}/locks") if name.startswith("lease-")] == []


def test_directory_that_no_row_knows_is_an_orphan(store: Store) -> None:
    os.mkdir(f"{store.root}/snapshots/zzz")
    os.mkdir(f"{store.root}/snapshots/odd.name")
    assert store.sweep_list() == ["zzz"]
    store.swept(["odd.name", "zzz"])
