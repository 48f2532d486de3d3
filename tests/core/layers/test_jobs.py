# SPDX-License-Identifier: Apache-2.0
"""The jobs of layers in the worker: what they answer, and that a failed one leaves nothing."""

from __future__ import annotations

import hashlib
import io
import marshal
import os
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.layers import jobs

pytestmark = pytest.mark.root
RunJob = Callable[..., dict[str, Any]]
Tree = Callable[[str, str], Path]
EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def diff(run_job: RunJob, out: Path, parents: list[str], snapshot: str, **more: Any) -> dict[str, Any]:
    args = {"compression": "gzip", "level": None, "epoch": None, **more}
    return run_job(jobs.diff, parents=parents, snapshot=snapshot, out=str(out), **args)


def layers(*names: str) -> dict[str, Any]:
    return {"kind": "layers", "layers": list(names)}


@pytest.mark.parametrize("compression", ["gzip", "zstd", "uncompressed"])
def test_diff_writes_a_blob_and_tells_what_it_is(compression: str, run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "d d\nd/f f 644 0:0 x")
    made = diff(run_job, tmp_path / "blob", [], "1", compression=compression)
    blob = (tmp_path / "blob").read_bytes()
    assert made["digest"] == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert (made["size"], made["entries"]) == (len(blob), 2)
    assert made["uncompressed_size"] == 512 * 5
    assert made["media_type"].startswith("application/vnd.oci.image.layer.v1.tar")
    again = diff(run_job, tmp_path / "blob2", [], "1", compression=compression)
    assert again == made


def test_an_empty_snapshot_is_the_empty_layer(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "f f")
    tree("store/snapshots/2", "")
    made = diff(run_job, tmp_path / "blob", ["1"], "2")
    assert (made["diff_id"], made["entries"]) == (EMPTY, 0)


def test_a_failed_diff_leaves_no_file(run_job: RunJob, tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        diff(run_job, tmp_path / "blob", [], "404")
    assert caught.value.code == "LA0633"
    assert not (tmp_path / "blob").exists()


@pytest.fixture
def blob(run_job: RunJob, tree: Tree, tmp_path: Path) -> dict[str, Any]:
    tree("store/snapshots/1", "d d\nd/f f 644 3:4 content\nl l 777 0:0 d")
    made = diff(run_job, tmp_path / "blob", [], "1")
    return {"blob": str(tmp_path / "blob"), **{key: made[key] for key in ("media_type", "digest", "size", "diff_id")}}


def test_apply_checks_and_commits(
    run_job: RunJob, blob: dict[str, Any], store: Path, look: Callable[[Path], object]
) -> None:
    result = run_job(jobs.apply, parents=[], snapshot="2", **blob)
    assert result == {"diff_id": blob["diff_id"], "size": 7, "warnings": []}
    assert look(store / "snapshots/2") == look(store / "snapshots/1")
    unknown = run_job(jobs.apply, parents=["1"], snapshot="3", **{**blob, "diff_id": None})
    assert unknown["diff_id"] == blob["diff_id"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"digest": EMPTY}, "LA0623"),
        ({"diff_id": EMPTY}, "LA0623"),
        ({"size": 5}, "LA0622"),
        ({"blob": "/nonexistent"}, "LA0632"),
        ({"media_type": "application/json"}, "LA0620"),
    ],
)
def test_apply_commits_nothing_that_is_not_what_was_promised(
    change: dict[str, Any], code: str, run_job: RunJob, blob: dict[str, Any], store: Path
) -> None:
    with pytest.raises(BuildError) as caught:
        run_job(jobs.apply, parents=[], snapshot="2", **{**blob, **change})
    assert caught.value.code == code
    assert [name for name in os.listdir(store / "snapshots") if name != ".new"] == ["1"]
    assert not os.path.exists(store / "snapshots/.new") or os.listdir(store / "snapshots/.new") == []


def test_bytes_after_the_archive_count_for_the_digests(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "f f")
    diff(run_job, tmp_path / "blob", [], "1", compression="uncompressed")
    padded = (tmp_path / "blob").read_bytes() + bytes(10_240)
    (tmp_path / "blob").write_bytes(padded)
    digest = "sha256:" + hashlib.sha256(padded).hexdigest()
    result = run_job(
        jobs.apply, parents=[], snapshot="2", blob=str(tmp_path / "blob"), media_type="", digest=digest,
        size=len(padded), diff_id=digest,
    )  # fmt: skip
    assert result["diff_id"] == digest


def test_apply_over_parents_removes_what_the_layer_removes(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "d d\nd/a f\nd/b f\nr f")
    tree("store/snapshots/2", "d o\nd/c f\nr w")
    made = diff(run_job, tmp_path / "blob", ["1"], "2")
    promised = {key: made[key] for key in ("media_type", "digest", "size", "diff_id")}
    run_job(jobs.apply, parents=["1"], snapshot="3", blob=str(tmp_path / "blob"), **promised)
    run_job(jobs.export_local, ref=layers("1", "3"), dest=str(tmp_path / "out"), receipt=None, epoch=None)
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")) == ["d", "d/c"]
    again = diff(run_job, tmp_path / "blob3", ["1"], "3")
    with tarfile.open(tmp_path / "blob3") as tar:
        assert tar.getnames() == ["d", "d/.wh.a", "d/.wh.b", "d/c", ".wh.r"]
    assert again["entries"] == made["entries"]


def test_diff_trees_gives_a_layer_for_any_pair(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "d d\nd/a f 644 0:0 a\nkept f")
    tree("store/snapshots/2", "d w\nnew f 644 5:5 n")
    os.setxattr(tmp_path / "store/snapshots/2/new", "user.comment", b"kept")
    run_job(jobs.diff_trees, lower=layers("1"), upper=layers("1", "2"), snapshot="3")
    run_job(jobs.diff_trees, lower=None, upper=layers("1", "2"), snapshot="4")
    assert sorted(os.listdir(tmp_path / "store/snapshots/3")) == ["d", "new"]
    assert sorted(os.listdir(tmp_path / "store/snapshots/4")) == ["kept", "new"]
    made, origin = (os.stat(tmp_path / f"store/snapshots/{name}/new") for name in ("3", "2"))
    assert (made.st_mtime_ns, made.st_uid) == (origin.st_mtime_ns, 5)
    assert os.getxattr(tmp_path / "store/snapshots/3/new", "user.comment") == b"kept"


def test_diff_trees_needs_layers_below(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "f f")
    with pytest.raises(InternalError):
        run_job(jobs.diff_trees, lower={"kind": "host", "path": "/usr"}, upper=layers("1"), snapshot="2")


def test_export_local_writes_the_tree_and_a_receipt(run_job: RunJob, tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", "d d\nd/a f 644 0:0 a")
    tree("store/snapshots/2", "d d\nd/b f 644 0:0 bb")
    args = {"ref": layers("1", "2"), "dest": str(tmp_path / "out"), "receipt": str(tmp_path / "receipt"), "epoch": None}
    result = run_job(jobs.export_local, mode="copy", **args)
    assert result == {"files": 2, "bytes": 3, "unchanged": 0, "removed": 0, "warnings": []}
    receipt = marshal.loads((tmp_path / "receipt").read_bytes())
    assert sorted(receipt) == [b"d", b"d/a", b"d/b"]
    assert receipt[b"d/b"][1] == 2
    assert run_job(jobs.export_local, mode="copy", **args)["unchanged"] == 2


def test_export_tar_streams_the_whole_tree(run_job: RunJob, tree: Tree) -> None:
    tree("store/snapshots/1", "d d\nd/a f 644 3:4 a\nz f")
    tree("store/snapshots/2", "z w\nl l 777 0:0 d")
    read_end, write_end = os.pipe()
    chunks: list[bytes] = []

    def drain() -> None:
        with open(read_end, "rb") as file:
            chunks.append(file.read())

    thread = threading.Thread(target=drain)
    thread.start()
    result = run_job(jobs.export_tar, (write_end,), ref=layers("1", "2"), fd=0, epoch=None)
    os.close(write_end)
    thread.join()
    with tarfile.open(fileobj=io.BytesIO(chunks[0])) as tar:
        assert [(info.name, info.uid) for info in tar] == [("d", 0), ("d/a", 3), ("l", 0)]
    assert result == {"entries": 3, "size": len(chunks[0])}


def test_export_tar_to_nobody_is_a_plain_error(run_job: RunJob, tree: Tree) -> None:
    tree("store/snapshots/1", "f f")
    read_end, write_end = os.pipe()
    os.close(read_end)
    with pytest.raises(BuildError) as caught:
        run_job(jobs.export_tar, (write_end,), ref=layers("1"), fd=0, epoch=None)
    os.close(write_end)
    assert caught.value.code == "LA0631"
