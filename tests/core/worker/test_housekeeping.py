# SPDX-License-Identifier: Apache-2.0
"""Removing snapshots, sweeping up after the dead, disk usage, sync, probing."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker.client import Worker
from ladle.core.worker.job import lock_directory

pytestmark = pytest.mark.root


def _snapshot(store: Path, name: str, **files: bytes) -> Path:
    path = store / "snapshots" / name
    path.mkdir()
    for file, data in files.items():
        (path / file).write_bytes(data)
    return path


def test_removed_snapshots_are_gone_and_absent_ones_are_no_error(worker: Worker, store: Path) -> None:
    _snapshot(store, "1", a=b"x")
    (_snapshot(store, "2") / "deep/er").mkdir(parents=True)
    _snapshot(store, "3")
    assert worker.run_sync("remove", {"snapshots": ["1", "2", "absent"]}) == {"removed": ["1", "2"]}
    assert sorted(os.listdir(store / "snapshots")) == [".new", "3"]
    assert os.listdir(store / "snapshots/.new") == []


def test_sweeping_spares_what_a_living_job_holds(worker: Worker, store: Path) -> None:
    worker.run_sync("echo", {})
    new = store / "snapshots/.new"
    (new / "dead/s1/u/file").mkdir(parents=True)
    (new / "alive/s1/u").mkdir(parents=True)
    lock = lock_directory(str(new / "alive"))
    assert worker.run_sync("sweep", {}) == {"swept": 1}
    assert not (new / "dead").exists()
    assert (new / "alive/s1/u").is_dir()
    os.close(lock)
    assert worker.run_sync("sweep", {}) == {"swept": 1}


def test_a_starting_worker_sweeps(worker: Worker, store: Path) -> None:
    (store / "snapshots/.new/dead/s1").mkdir(parents=True)
    worker.run_sync("echo", {})
    end = time.monotonic() + 5
    while os.listdir(store / "snapshots/.new") and time.monotonic() < end:
        time.sleep(0.01)
    assert os.listdir(store / "snapshots/.new") == []


def test_usage_counts_each_inode_once_where_it_is_met_first(worker: Worker, store: Path) -> None:
    first = _snapshot(store, "1", big=b"x" * 100_000, small=b"y")
    second = _snapshot(store, "2", own=b"z" * 50_000)
    os.link(first / "big", second / "big")
    usage = worker.run_sync("measure", {"paths": ["snapshots/1", "snapshots/2", "snapshots/absent"]})["usage"]
    assert sorted(usage) == ["snapshots/1", "snapshots/2"]
    assert [inodes for _, inodes in usage.values()] == [3, 2]
    assert usage["snapshots/1"][0] >= 100_000
    assert 50_000 <= usage["snapshots/2"][0] < 100_000


def test_sync_answers(worker: Worker) -> None:
    assert worker.run_sync("sync", {}) == {}


def test_the_probe_says_what_this_worker_is(worker: Worker) -> None:
    answer = worker.run_sync("probe", {})
    assert (answer["rootless"], answer["single_uid"]) == (False, False)
    assert answer["snapshotter"] == "overlay"
    assert answer["kernel"] == os.uname().release


def test_the_probe_of_a_store_on_an_overlay_says_to_move_it(
    tmp_path: Path, options: dict[str, object], environment: dict[str, str]
) -> None:
    """A snapshotter that stands for a kernel's refusal: the error reaches us whole."""
    options["snapshotter"] = "ladle_test_jobs:Refusing"
    with (
        Worker(str(tmp_path), options=options, python=[sys.executable], environment=environment) as worker,
        pytest.raises(BuildError, match="overlayfs does not work on this store") as caught,
    ):
        worker.run_sync("probe", {})
    assert caught.value.code == "WK0010"
