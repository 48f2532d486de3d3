# SPDX-License-Identifier: Apache-2.0
"""Any change of a tree, made into a layer and applied, gives the changed tree again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ladle.core.layers import jobs
from ladle.core.layers.apply import apply_archive
from ladle.core.layers.tarread import TarReader
from ladle.core.worker.job import JobContext

pytestmark = pytest.mark.root
Look = Callable[[Path], dict[str, tuple[object, ...]]]
Step = tuple[str, str, str, int]
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")

names = st.sampled_from(["a", "b", "c", "ü x", "-", "a.b"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)
actions = st.sampled_from(
    ["write", "write", "mkdir", "mkdir", "symlink", "link", "remove", "rename", "chmod", "chown", "fifo", "cap", "swap"]
)
steps = st.lists(st.tuples(actions, paths, paths, st.integers(0, 5)), max_size=14)


def change(root: Path, step: Step) -> None:
    """Make one change if it makes sense here; never outside of the root."""
    action, first, second, number = step
    path, other = root / first, root / second
    for place in (path, other):
        if Path(os.path.realpath(place.parent)) != place.parent or not place.parent.is_dir():
            return
    there = os.path.lexists(path)
    kind = "none" if not there else "link" if path.is_symlink() else "dir" if path.is_dir() else "file"
    if action == "write" and kind in ("none", "file") and not path.is_fifo():
        path.write_bytes(b"content %d " % number * (number * 700 + 1))
    elif action == "mkdir" and kind == "none":
        path.mkdir(mode=(0o755, 0o700, 0o1777)[number % 3])
    elif action == "symlink" and kind == "none":
        path.symlink_to(("target", "a", "/nowhere/b")[number % 3])
    elif action == "link" and kind == "none" and os.path.lexists(other) and (other.is_symlink() or not other.is_dir()):
        os.link(other, path, follow_symlinks=False)
    elif action == "remove" and there:
        remove(path)
    elif action == "rename" and there and kind != "dir" and not os.path.lexists(other):
        path.rename(other)
    elif action == "chmod" and kind in ("dir", "file"):
        path.chmod((0o644, 0o4755, 0o600)[number % 3])
    elif action == "chown" and there:
        os.chown(path, number, number + 1, follow_symlinks=False)
    elif action == "fifo" and kind == "none":
        os.mkfifo(path)
    elif action == "cap" and kind == "file" and not path.is_fifo():
        os.setxattr(path, "security.capability", CAPABILITY)
    elif action == "swap" and there:
        remove(path)
        change(root, (("mkdir", "write", "symlink")[number % 3], first, second, number))


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def age(root: Path) -> None:
    """Give everything an old time of its own: equal times would hide changes, here as in BuildKit."""
    for number, path in enumerate(sorted(root.rglob("*"))):
        os.utime(path, ns=(0, 1_600_000_000_000_000_001 + number * 1_000_000_007), follow_symlinks=False)


@given(before=steps, after=steps)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_walking_differ(
    before: list[Step], after: list[Step], walk_layer: Callable[..., bytes], look: Look
) -> None:
    with tempfile.TemporaryDirectory() as place:
        lower, upper = Path(place, "lower"), Path(place, "upper")
        lower.mkdir()
        for step in before:
            change(lower, step)
        age(lower)
        subprocess.run(["cp", "-a", str(lower), str(upper)], check=True)
        for step in after:
            change(upper, step)
        blocks = iter([walk_layer(lower, upper)])
        apply_archive(TarReader(lambda: next(blocks, b"")), str(lower), layer=True)
        assert look(lower) == look(upper)


def stage(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """A job that makes changes on an overlay, as a RUN step would."""
    staging = ctx.staging(args["parents"])
    for step in args["steps"]:
        change(Path(staging.path), tuple(step))
    if not args["parents"]:
        age(Path(staging.path))
    staging.commit(args["snapshot"])
    return {}


def show(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """A job that describes a tree, without which names share an inode: a layer cannot say that of a lower one."""
    from hashlib import sha256

    tree = Path(ctx.tree({"kind": "layers", "layers": args["layers"]}))
    found: dict[str, Any] = {}
    for path in sorted(tree.rglob("*")):
        status = path.lstat()
        content = ""
        if path.is_symlink():
            content = os.readlink(path)
        elif path.is_file():
            content = sha256(path.read_bytes()).hexdigest() + repr(os.listxattr(path))
        time = 0 if path.is_dir() and not path.is_symlink() else int(status.st_mtime)
        found[str(path.relative_to(tree))] = [status.st_mode, status.st_uid, status.st_gid, time, content]
    return found


def layer_blob(run_job: Callable[..., dict[str, Any]], parents: list[str], snapshot: str, out: Path) -> dict[str, Any]:
    return run_job(
        jobs.diff, parents=parents, snapshot=snapshot, compression="gzip", level=None, epoch=None, out=str(out)
    )


def apply_blob(
    run_job: Callable[..., dict[str, Any]], parents: list[str], snapshot: str, blob: Path, made: dict[str, Any]
) -> None:
    promised = {key: made[key] for key in ("media_type", "digest", "size", "diff_id")}
    run_job(jobs.apply, parents=parents, snapshot=snapshot, blob=str(blob), **promised)


@given(before=steps, after=steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_overlay_layer_by_way_of_its_blob(
    before: list[Step], after: list[Step], run_job: Callable[..., dict[str, Any]], store: Path
) -> None:
    try:
        run_job(stage, parents=[], snapshot="1", steps=before)
        run_job(stage, parents=["1"], snapshot="2", steps=after)
        blob = store / "blob"
        made = layer_blob(run_job, ["1"], "2", blob)
        apply_blob(run_job, ["1"], "3", blob, made)
        assert run_job(show, layers=["1", "3"]) == run_job(show, layers=["1", "2"])
        run_job(
            jobs.diff_trees,
            lower={"kind": "layers", "layers": ["1"]},
            upper={"kind": "layers", "layers": ["1", "2"]},
            snapshot="4",
        )
        assert run_job(show, layers=["1", "4"]) == run_job(show, layers=["1", "2"])
    finally:
        for name in ("1", "2", "3", "4"):
            shutil.rmtree(store / "snapshots" / name, ignore_errors=True)


RICH = """
bin d
bin/su f 4755 0:0 su
bin/ping f 755 0:0 ping
etc d
etc/name\\swith\\sspace f 640 0:42 x
etc/ünïcode f 644 0:0 y
etc/link l 777 0:0 ../bin/su
etc/hard h 644 0:0 bin/ping
tmp d 1777
var d
var/fifo p 600 1:2
"""


@pytest.fixture
def layout(tmp_path: Path) -> Callable[..., Path]:
    """An OCI layout of given layer blobs, made by hand."""

    def make(*layers: tuple[Path, dict[str, Any]]) -> Path:
        place = tmp_path / "layout"
        blobs = place / "blobs/sha256"
        blobs.mkdir(parents=True)

        def put(data: bytes, media_type: str) -> dict[str, Any]:
            digest = hashlib.sha256(data).hexdigest()
            (blobs / digest).write_bytes(data)
            return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

        config = {"architecture": "amd64", "os": "linux", "config": {}}
        config["rootfs"] = {"type": "layers", "diff_ids": [made["diff_id"] for _, made in layers]}
        manifest: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": put(json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [put(blob.read_bytes(), made["media_type"]) for blob, made in layers],
        }
        pointer = put(json.dumps(manifest).encode(), manifest["mediaType"])
        pointer["annotations"] = {"org.opencontainers.image.ref.name": "t"}
        (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [pointer]}))
        (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        return place

    return make


def test_umoci_unpacks_the_same_tree(
    layout: Callable[..., Path],
    run_job: Callable[..., dict[str, Any]],
    store: Path,
    tree: Callable[[str, str], Path],
    tmp_path: Path,
    look: Look,
) -> None:
    tree("store/snapshots/1", RICH)
    os.setxattr(store / "snapshots/1/bin/ping", "security.capability", CAPABILITY)
    tree("store/snapshots/2", "etc o\netc/new f 644 0:0 new\nvar w\nbin d\nbin/su w\nbin/ping f 755 0:0 changed")
    age(store / "snapshots/1")
    made = [layer_blob(run_job, list(below), name, tmp_path / name) for below, name in (("", "1"), ("1", "2"))]
    image = layout((tmp_path / "1", made[0]), (tmp_path / "2", made[1]))
    subprocess.run(
        ["umoci", "unpack", "--image", f"{image}:t", str(tmp_path / "bundle")], check=True, capture_output=True
    )
    ours = tmp_path / "ours"
    run_job(jobs.export_local, ref={"kind": "layers", "layers": ["1", "2"]}, dest=str(ours), receipt=None, epoch=None)
    theirs = look(tmp_path / "bundle/rootfs")
    assert [(path, entry[0], entry[3]) for path, entry in theirs.items()] == [
        (path, entry[0], entry[3]) for path, entry in look(ours).items()
    ]
    apply_blob(run_job, [], "3", tmp_path / "1", made[0])
    unpacked = store / "snapshots/3"
    first = tmp_path / "first"
    shutil.move(tmp_path / "bundle", tmp_path / "old-bundle")
    shutil.rmtree(image)
    image = layout((tmp_path / "1", made[0]))
    subprocess.run(["umoci", "unpack", "--image", f"{image}:t", str(first)], check=True, capture_output=True)
    assert look(first / "rootfs") == look(unpacked)
