# SPDX-License-Identifier: Apache-2.0
"""What counts as a change, and how it is written: the rules one by one (whole layers: test_golden_layers.py)."""

from __future__ import annotations

import io
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker.removal import remove_tree

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
Layer = Callable[..., bytes]
Listing = Callable[[bytes], list[str]]
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


def same_times(*paths: Path, ns: int = 1_600_000_000_000_000_000) -> None:
    for path in paths:
        os.utime(path, ns=(ns, ns), follow_symlinks=False)


def test_a_copy_up_without_change_disappears(tree: Tree, upper_layer: Layer) -> None:
    lower, upper = (tree(name, "d d\nd/f f 644 0:0 x") for name in ("lower", "upper"))
    same_times(lower / "d/f", upper / "d/f")
    assert upper_layer(upper, lower) == bytes(1024)


def test_equal_whole_seconds_are_not_trusted(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    lower, upper = tree("lower", "f f 644 0:0 old"), tree("upper", "f f 644 0:0 new")
    same_times(lower / "f", upper / "f")
    assert listing(upper_layer(upper, lower)) == ["f f"]


def test_equal_fractions_of_a_second_are_trusted(tree: Tree, upper_layer: Layer) -> None:
    lower, upper = tree("lower", "f f 644 0:0 old"), tree("upper", "f f 644 0:0 new")
    same_times(lower / "f", upper / "f", ns=1_600_000_000_000_000_001)
    assert upper_layer(upper, lower) == bytes(1024)


@pytest.mark.parametrize("change", ["f f 600 0:0 x", "f f 644 1:0 x", "f f 644 0:1 x", "f f 644 0:0 xy", "f p", "f d"])
def test_each_difference_counts(change: str, tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    lower, upper = tree("lower", "f f 644 0:0 x"), tree("upper", change)
    same_times(lower / "f", upper / "f")
    assert listing(upper_layer(upper, lower)) == [f"f {change.split()[1]}"]


def test_a_symlink_with_another_target_counts(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    lower, upper = tree("lower", "a l 777 0:0 xx\nb l 777 0:0 yy"), tree("upper", "a l 777 0:0 xx\nb l 777 0:0 zz")
    same_times(lower / "a", upper / "a", lower / "b", upper / "b")
    assert listing(upper_layer(upper, lower)) == ["b l"]


def test_the_time_of_a_directory_does_not_count(tree: Tree, upper_layer: Layer) -> None:
    lower, upper = tree("lower", "d d"), tree("upper", "d d")
    same_times(lower / "d")
    assert upper_layer(upper, lower) == bytes(1024)


def test_parents_come_before_a_change_deep_inside(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    spec = "a d\na/b d\na/b/c d"
    lower, upper = tree("lower", spec), tree("upper", spec + "\na/b/c/new f")
    assert listing(upper_layer(upper, lower)) == ["a d", "a/b d", "a/b/c d", "a/b/c/new f"]


def test_a_removal_of_what_was_not_there_says_nothing(tree: Tree, upper_layer: Layer) -> None:
    assert upper_layer(tree("upper", "gone w"), tree("lower", "other f")) == bytes(1024)


def test_an_opaque_directory_over_nothing_is_a_new_one(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    upper = tree("upper", "d o\nd/f f")
    assert listing(upper_layer(upper, tree("lower", "x f"))) == ["d d", "d/f f"]


@pytest.mark.parametrize("flavour", ["trusted", "user"])
def test_an_opaque_directory_removes_name_by_name(
    flavour: str, tree: Tree, upper_layer: Layer, listing: Listing
) -> None:
    lower = tree("lower", "d d\nd/a f\nd/k d\nd/k/in f\nd/k/stay f 644 0:0 s\nd/z f")
    upper = tree("upper", "d d\nd/k d\nd/k/stay f 644 0:0 s\nd/m f")
    os.setxattr(upper / "d", f"{flavour}.overlay.opaque", b"y")
    same_times(lower / "d/k/stay", upper / "d/k/stay")
    assert listing(upper_layer(upper, lower)) == [
        "d d", "d/.wh.a f", "d/k d", "d/k/.wh.in f", "d/m f", "d/.wh.z f"
    ]  # fmt: skip


def test_overlay_attributes_and_user_attributes_are_not_layer_content(tree: Tree, upper_layer: Layer) -> None:
    upper = tree("upper", "f f")
    os.setxattr(upper / "f", "user.comment", b"x")
    os.setxattr(upper / "f", "user.overlay.origin", b"x")
    os.setxattr(upper / "f", "trusted.overlay.origin", b"x")
    with tarfile.open(fileobj=io.BytesIO(upper_layer(upper, None))) as tar:
        assert tar.getmembers()[0].pax_headers == {}


def test_a_capability_is_kept_and_its_change_counts(tree: Tree, upper_layer: Layer) -> None:
    lower, upper = tree("lower", "ping f"), tree("upper", "ping f")
    same_times(lower / "ping", upper / "ping")
    assert upper_layer(upper, lower) == bytes(1024)
    os.setxattr(upper / "ping", "security.capability", CAPABILITY)
    data = upper_layer(upper, lower)
    record = b"SCHILY.xattr.security.capability=" + CAPABILITY + b"\n"
    assert record in data
    assert data[: len("PaxHeaders.0/ping")] == b"PaxHeaders.0/ping"


def test_a_redirected_directory_is_refused(tree: Tree, upper_layer: Layer) -> None:
    upper = tree("upper", "d d")
    os.setxattr(upper / "d", "trusted.overlay.redirect", b"/old")
    with pytest.raises(BuildError) as caught:
        upper_layer(upper, None)
    assert caught.value.code == "LA0603"


def test_sockets_are_left_out_and_devices_kept(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    upper = tree("upper", "f p")
    os.mknod(upper / "null", 0o20666, os.makedev(1, 3))
    here = os.open(upper, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/sock")
    os.close(here)
    data = upper_layer(upper, None)
    assert listing(data) == ["f p", "null c"]
    assert data[512 + 329 : 512 + 345] == b"0000001\x000000003\0"


def test_later_names_of_an_inode_are_links_even_for_symlinks(tree: Tree, upper_layer: Layer, listing: Listing) -> None:
    upper = tree("upper", "a l 777 0:0 t\nd d")
    os.link(upper / "a", upper / "d/b", follow_symlinks=False)
    assert listing(upper_layer(upper, None)) == ["a l", "d d", "d/b h"]


def test_times_are_cut_to_seconds_and_to_the_epoch(tree: Tree, upper_layer: Layer) -> None:
    upper = tree("upper", "late f\nold f")
    same_times(upper / "old", ns=1_600_000_000_999_999_999)
    with tarfile.open(fileobj=io.BytesIO(upper_layer(upper, None))) as tar:
        assert [member.mtime for member in tar] == [1_700_000_000, 1_600_000_000]


def test_names_sort_as_bytes(tree: Tree, upper_layer: Layer, tmp_path: Path) -> None:
    upper = tree("upper", "")
    names = [b"a", b"a-b", b"Z", b"\xff", "é".encode(), b"a b", b"line\nbreak"]
    for name in names:
        (Path(os.fsdecode(os.fsencode(upper) + b"/" + name))).write_bytes(b"")
    with tarfile.open(fileobj=io.BytesIO(upper_layer(upper, None)), errors="surrogateescape") as tar:
        assert [os.fsencode(member.name) for member in tar] == sorted(names)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Path]:
    """A thousand directories inside each other, which pytest itself could not remove."""
    top = tmp_path / "upper"
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("directory", dir_fd=fd)
        deeper = os.open("directory", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    yield top
    remove_tree(str(top))


def test_a_thousand_directories_inside_each_other(deep: Path, upper_layer: Layer, listing: Listing) -> None:
    assert upper_layer(deep, deep) == bytes(1024)
    assert len(listing(upper_layer(deep, None))) == 1000
