# SPDX-License-Identifier: Apache-2.0
"""The same jobs inside a user namespace, with many ids and with one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.layers import jobs
from ladle.core.layers.compress import LayerSink
from tests.support.userns import MANY, ONE, USER, InUserNamespace

pytestmark = pytest.mark.root
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


@pytest.fixture
def blob(
    tree: Callable[[str, str], Path], upper_layer: Callable[..., bytes], place: Path
) -> Callable[..., dict[str, Any]]:
    """A layer made as root, as a file that anybody can read; returns the arguments of `apply`."""

    def make(name: str, upper: str, lower: str = "") -> dict[str, Any]:
        source = tree("upper-" + name, upper)
        if (source / "ping").exists():
            os.setxattr(source / "ping", "security.capability", CAPABILITY)
        data = upper_layer(source, tree("lower-" + name, lower) if lower else None)
        path = place / name
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        sink = LayerSink(fd)
        sink.write(data)
        made = sink.close()
        os.close(fd)
        promised = {"media_type": made.media_type, "digest": made.digest, "size": made.size, "diff_id": made.diff_id}
        return {"blob": str(path), **promised}

    return make


BASE = (
    "d d 2755 5:6\nd/su f 4755 0:0 x\nd/l l 777 1000:1000 x\nping f 755 0:0 p\ngone f\nold d\nold/f f\nfifo p 600 3:3"
)
CHANGE = "d d 2755 5:6\nd/new f 640 7:8 new\ngone w\nold o\nold/g f"


def test_what_was_applied_gives_the_same_layers_again(
    as_user: InUserNamespace, blob: Callable[..., dict[str, Any]], place: Path
) -> None:
    layers = [blob("base", BASE), blob("change", CHANGE, BASE)]
    for number, layer in enumerate(layers):
        parents = ["1"][:number]
        applied = as_user(jobs.apply, MANY, parents=parents, snapshot=str(number + 1), **layer)
        assert applied["warnings"] == []
        made = as_user(
            jobs.diff, MANY, parents=parents, snapshot=str(number + 1), compression="gzip", level=None,
            epoch=1_700_000_000, out=str(place / "out"),
        )  # fmt: skip
        assert (made["diff_id"], made["digest"]) == (layer["diff_id"], layer["digest"])
    inside = (place / "store/snapshots/1/d").stat()
    assert (inside.st_uid, inside.st_gid) == (200004, 200005)


def test_one_id_only_leaves_owners_out_and_says_so(
    as_user: InUserNamespace, blob: Callable[..., dict[str, Any]], place: Path
) -> None:
    applied = as_user(jobs.apply, ONE, parents=[], snapshot="1", **blob("base", BASE))
    assert applied["warnings"] == ["3 × owner other than the only mapped user: left out"]
    status = (place / "store/snapshots/1/d/su").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (USER, 0o4755)


@pytest.mark.parametrize("id_map", [ONE, MANY])
def test_exported_files_belong_to_the_user(
    id_map: str, as_user: InUserNamespace, blob: Callable[..., dict[str, Any]], place: Path
) -> None:
    as_user(jobs.apply, id_map, parents=[], snapshot="1", **blob("base", BASE))
    ref = {"kind": "layers", "layers": ["1"]}
    args = {"ref": ref, "dest": str(place / "store/out"), "receipt": str(place / "store/receipt"), "epoch": None}
    assert as_user(jobs.export_local, id_map, **args)["files"] == 6
    assert {path.lstat().st_uid for path in (place / "store/out").rglob("*")} == {USER}
    assert as_user(jobs.export_local, id_map, **args)["unchanged"] == 6


def test_a_difference_of_trees(as_user: InUserNamespace, blob: Callable[..., dict[str, Any]], place: Path) -> None:
    as_user(jobs.apply, MANY, parents=[], snapshot="1", **blob("base", BASE))
    as_user(jobs.apply, MANY, parents=["1"], snapshot="2", **blob("change", CHANGE, BASE))
    lower, upper = ({"kind": "layers", "layers": names} for names in (["1"], ["1", "2"]))
    as_user(jobs.diff_trees, MANY, lower=lower, upper=upper, snapshot="3")
    found = sorted(
        str(path.relative_to(place / "store/snapshots/3")) for path in (place / "store/snapshots/3").rglob("*")
    )
    assert found == ["d", "d/new", "gone", "old", "old/f", "old/g"]
