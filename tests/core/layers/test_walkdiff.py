# SPDX-License-Identifier: Apache-2.0
"""The difference of two trees by walking both."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.layers.changes import Detail
from ladle.core.layers.tarwriter import TarWriter
from ladle.core.layers.walkdiff import write_tree

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
Layer = Callable[..., bytes]
Listing = Callable[[bytes], list[str]]


def settle(*roots: Path) -> None:
    """Give everything one time, with a fraction of a second."""
    for root in roots:
        for path in root.rglob("*"):
            os.utime(path, ns=(1_600_000_000_000_000_001,) * 2, follow_symlinks=False)


def test_equal_trees_have_no_difference(tree: Tree, walk_layer: Layer) -> None:
    spec = "a d\na/b f 644 0:0 x\na/c h 644 0:0 a/b\nl l 777 0:0 a"
    lower, upper = tree("lower", spec), tree("upper", spec)
    settle(lower, upper)
    assert walk_layer(lower, upper) == bytes(1024)


def test_only_the_top_of_what_was_removed_is_named(tree: Tree, walk_layer: Layer, listing: Listing) -> None:
    lower, upper = tree("lower", "a d\na/b d\na/b/c f\na-z f\nz f"), tree("upper", "z f")
    settle(lower, upper)
    assert listing(walk_layer(lower, upper)) == [".wh.a f", ".wh.a-z f"]


def test_a_directory_that_became_a_file_needs_no_removals(tree: Tree, walk_layer: Layer, listing: Listing) -> None:
    lower, upper = tree("lower", "a d\na/b d\na/b/c f"), tree("upper", "a f")
    assert listing(walk_layer(lower, upper)) == ["a f"]


def test_a_new_link_pulls_in_its_unchanged_names(tree: Tree, walk_layer: Layer, listing: Listing) -> None:
    spec = "d d\nd/a f 644 0:0 x\nd/b h 644 0:0 d/a\ne d\n"
    lower, upper = tree("lower", spec), tree("upper", spec + "e/c h 644 0:0 d/a")
    settle(lower, upper)
    data = walk_layer(lower, upper)
    assert listing(data) == ["e d", "e/c f", "d d", "d/a h", "d/b h"]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert [member.linkname for member in tar if member.islnk()] == ["e/c", "e/c"]


def test_an_unchanged_name_after_a_changed_link_is_a_link(tree: Tree, walk_layer: Layer, listing: Listing) -> None:
    lower = tree("lower", "z f 644 0:0 x")
    upper = tree("upper", "a f 644 0:0 x\nz h 644 0:0 a")
    settle(lower, upper)
    assert listing(walk_layer(lower, upper)) == ["a f", "z h"]


def test_overlay_marks_of_a_lone_layer_are_not_entries(tree: Tree, walk_layer: Layer) -> None:
    assert walk_layer(None, tree("upper", "gone w")) == bytes(1024)


def test_exact_detail_keeps_fractions_and_user_attributes(tree: Tree, walk_layer: Layer) -> None:
    upper = tree("upper", "f f")
    os.setxattr(upper / "f", "user.comment", b"kept")
    os.setxattr(upper / "f", "user.overlay.x", b"not kept")
    settle(upper)
    with tarfile.open(fileobj=io.BytesIO(walk_layer(None, upper, detail=Detail.EXACT))) as tar:
        headers = tar.getmembers()[0].pax_headers
    assert headers == {"mtime": "1600000000.000000001", "SCHILY.xattr.user.comment": "kept"}


def test_a_whole_tree_in_order_without_its_root(tree: Tree, listing: Listing) -> None:
    root = tree("root", "b d\nb/x f\na f 644 0:0 hi\nc h 644 0:0 a\nl l 777 0:0 nowhere")
    os.setxattr(root / "a", "user.comment", b"x")
    pieces: list[bytes] = []
    tar = TarWriter(pieces.append)
    write_tree(str(root), tar, epoch=0)
    tar.close()
    assert listing(b"".join(pieces)) == ["a f", "b d", "b/x f", "c h", "l l"]
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as read:
        assert read.getmembers()[0].pax_headers == {"SCHILY.xattr.user.comment": "x"}
        assert {member.mtime for member in read} == {0}
