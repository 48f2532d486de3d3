# SPDX-License-Identifier: Apache-2.0
"""Names that begin with `.wh.`: marks of removals in a layer, ordinary files everywhere else."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.changes import Detail
from ladle.core.layers.jobs import diff

Tree = Callable[[str, str], Path]
Layer = Callable[..., bytes]
FILE = {"data": b"x"}
FOLDER = {"type": tarfile.DIRTYPE, "mode": 0o755}


@pytest.mark.parametrize("kind", ["f", "d", "l 777 0:0 x", "p", "h 644 0:0 a/x"])
@pytest.mark.parametrize("name", [".wh.x", ".wh.", ".wh..wh.opq", ".wh..wh.plnk"])
def test_a_file_that_would_remove_another_is_refused(kind: str, name: str, tree: Tree, upper_layer: Layer) -> None:
    upper = tree("upper", f"a d\na/x f\na/{name} {kind}")
    with pytest.raises(BuildError) as caught:
        upper_layer(upper, None)
    assert (caught.value.code, f"cannot hold /a/{name}:" in caught.value.message) == ("LA0604", True)


def test_the_walking_differ_refuses_it_too(tree: Tree, walk_layer: Layer) -> None:
    upper = tree("upper", "a d\na/.wh.x f")
    for detail in (Detail.LAYER, Detail.EXACT):
        with pytest.raises(BuildError, match=r"/a/\.wh\.x"):
            walk_layer(None, upper, detail=detail)


def test_an_archive_for_people_holds_it(tree: Tree, walk_layer: Layer, listing: Callable[[bytes], list[str]]) -> None:
    upper = tree("upper", ".wh.x f\n.wh.d d\n.wh.d/f f")
    assert listing(walk_layer(None, upper, detail=Detail.USER)) == [".wh.d d", ".wh.d/f f", ".wh.x f"]


def test_names_that_only_hold_the_mark_are_ordinary(tree: Tree, upper_layer: Layer) -> None:
    assert b"a.wh.x" in upper_layer(tree("upper", "a.wh.x f\n.whx f\nd d\nd/x.wh. f"), None)


def test_a_removal_of_such_a_name_is_refused_by_nobody(
    tree: Tree, upper_layer: Layer, listing: Callable[[bytes], list[str]]
) -> None:
    lower, upper = tree("lower", "x f"), tree("upper", "x w")
    assert listing(upper_layer(upper, lower)) == [".wh.x f"]


def test_a_refused_layer_leaves_no_blob(run_job: Callable[..., dict[str, Any]], tree: Tree, tmp_path: Path) -> None:
    tree("store/snapshots/1", ".wh.x f")
    out = tmp_path / "out"
    with pytest.raises(BuildError) as caught:
        run_job(diff, snapshot="1", parents=[], compression="gzip", level=None, epoch=None, out=str(out))
    assert (caught.value.code, caught.value.help[:6], out.exists()) == ("LA0604", "rename", False)


@pytest.mark.parametrize("name", [".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.new", "a/.wh..wh.more"])
@pytest.mark.parametrize("shape", [FILE, FOLDER])
def test_marks_that_mean_nothing_leave_nothing(
    name: str, shape: dict[str, Any], archive: Layer, unpack: Callable[..., Any], tree: Tree
) -> None:
    root = tree("root", "a d\na/x f\nx f")
    members = [{"name": name, **shape}]
    if shape is FOLDER and "/" not in name:
        members.append({"name": f"{name}/inside", **FILE})
    unpack(archive(*members), root)
    assert (sorted(os.listdir(root)), os.listdir(root / "a")) == (["a", "x"], ["x"])


def test_hard_links_into_the_place_of_aufs(archive: Layer, unpack: Callable[..., Any], tmp_path: Path) -> None:
    data = archive(
        {"name": ".wh..wh.plnk", **FOLDER},
        {"name": ".wh..wh.plnk/12.34", "mode": 0o640, "data": b"linked"},
        {"name": ".wh..wh.plnk/link", "type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"name": "a", "type": tarfile.LNKTYPE, "linkname": ".wh..wh.plnk/12.34"},
        {"name": "d/b", "type": tarfile.LNKTYPE, "linkname": ".wh..wh.plnk/12.34"},
    )
    unpack(data, tmp_path / "root")
    assert sorted(os.listdir(tmp_path / "root")) == ["a", "d"]
    assert (tmp_path / "root/a").read_bytes() == b"linked"
    assert (tmp_path / "root/a").samefile(tmp_path / "root/d/b")
    assert os.stat(tmp_path / "root/a").st_nlink == 2


def test_plain_archives_hold_them_all(archive: Layer, unpack: Callable[..., Any], tmp_path: Path) -> None:
    names = [".wh.x", ".wh..wh.opq", ".wh..wh.plnk"]
    unpack(archive(*({"name": name, **FILE} for name in names)), tmp_path / "root", layer=False)
    assert sorted(os.listdir(tmp_path / "root")) == sorted(names)
