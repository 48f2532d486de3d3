# SPDX-License-Identifier: Apache-2.0
"""Blobs: under their digest or not at all."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.store.store import Store

DIGEST = "sha256:" + sha256(b"data").hexdigest()


def test_put_and_read(store: Store) -> None:
    assert not store.blobs.has(DIGEST)
    assert store.blobs.put(b"data") == DIGEST == store.blobs.put(b"data")
    assert store.blobs.has(DIGEST)
    assert store.blobs.read(DIGEST) == b"data"
    assert store.blobs.path(DIGEST) == f"{store.root}/blobs/{DIGEST.replace(':', '/')}"
    assert os.listdir(f"{store.root}/tmp") == []


def test_adopt_moves_a_finished_file(store: Store) -> None:
    path = store.blobs.temporary()
    assert path != store.blobs.temporary()
    Path(path).write_bytes(b"data")
    store.blobs.adopt(path, DIGEST)
    assert store.blobs.read(DIGEST) == b"data"
    assert not os.path.exists(path)
    assert os.stat(store.blobs.path(DIGEST)).st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "digest", ["", "sha256:", "sha256:../../etc/passwd", "md5:" + "0" * 64, "sha256:" + "0" * 63, "sha256:" + "G" * 64]
)
def test_malformed_digest_is_refused(store: Store, digest: str) -> None:
    with pytest.raises(BuildError, match="is not a digest"):
        store.blobs.path(digest)


def test_absent_large_and_damaged_are_errors_for_people(store: Store) -> None:
    with pytest.raises(BuildError, match="does not have the blob"):
        store.blobs.read(DIGEST)
    store.blobs.put(b"data")
    with pytest.raises(BuildError, match="more than the limit"):
        store.blobs.read(DIGEST, limit=3)
    Path(store.blobs.path(DIGEST)).write_bytes(b"dato")
    with pytest.raises(BuildError, match="is damaged"):
        store.blobs.read(DIGEST)
    assert not os.path.exists(store.blobs.path(DIGEST))


@pytest.mark.parametrize("change", [b"", b"dat", b"dato", b"data and more"])
def test_a_blob_that_was_changed_is_not_there(store: Store, change: bytes) -> None:
    store.blobs.put(b"data")
    Path(store.blobs.path(DIGEST)).write_bytes(change)
    assert not store.blobs.has(DIGEST)
    assert not os.path.exists(store.blobs.path(DIGEST))
    assert store.blobs.put(b"data") == DIGEST
    assert store.blobs.read(DIGEST) == b"data"


def test_a_blob_without_its_seal_is_read_through_once(store: Store) -> None:
    store.blobs.put(b"data")
    sealed = os.stat(store.blobs.path(DIGEST)).st_mtime_ns
    os.utime(store.blobs.path(DIGEST))
    assert store.blobs.has(DIGEST)
    assert os.stat(store.blobs.path(DIGEST)).st_mtime_ns == sealed


def test_decay_is_found_by_examining(store: Store) -> None:
    store.blobs.put(b"data")
    path = Path(store.blobs.path(DIGEST))
    before = path.stat().st_mtime_ns
    path.write_bytes(b"dato")
    os.utime(path, ns=(before, before))
    assert store.blobs.has(DIGEST)
    assert not store.blobs.examine(DIGEST)
    assert not store.blobs.examine(DIGEST)
    assert not store.blobs.has(DIGEST)


def test_temporary_files_of_the_dead_are_swept(store: Store, spawn: Any) -> None:
    mine = store.blobs.temporary()
    Path(mine).write_bytes(b"")
    os.mkdir(f"{store.root}/tmp/staging")
    process = spawn("path = store.blobs.temporary()\nopen(path, 'w').close()\nos.kill(os.getpid(), 9)")
    process.wait()
    assert len(os.listdir(f"{store.root}/tmp")) == 3
    store.sweep_list()
    assert sorted(os.listdir(f"{store.root}/tmp")) == sorted([os.path.basename(mine), "staging"])
