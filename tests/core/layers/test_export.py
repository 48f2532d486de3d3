# SPDX-License-Identifier: Apache-2.0
"""Trees as directories: as they are, once, and with receipts of what was written."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.export import Exported, export_tree

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
Look = Callable[[Path], dict[str, tuple[object, ...]]]
SPEC = """
a d 750
a/f f 640 0:0 content
a/su f 4755 0:0 su
a/h h 644 0:0 a/f
l l 777 0:0 a/f
p p 600
"""


@pytest.fixture
def source(tree: Tree) -> Path:
    made = tree("source", SPEC)
    for number, path in enumerate(sorted(made.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, 1_600_000_000_123_456_789 + number), follow_symlinks=False)
    return made


def export(source: Path, dest: Path) -> Exported:
    return export_tree(str(source), str(dest))


def test_the_tree_arrives_as_it_is(source: Path, tmp_path: Path, look: Look) -> None:
    result = export(source, tmp_path / "new/out")
    assert look(tmp_path / "new/out") == look(source)
    assert (result.files, result.bytes, result.unchanged) == (5, 9, 0)
    assert (tmp_path / "new/out/a").stat().st_mtime_ns == (source / "a").stat().st_mtime_ns
    assert (tmp_path / "new/out/a/f").stat().st_mtime_ns == (source / "a/f").stat().st_mtime_ns


def test_owners_are_the_callers(tree: Tree, tmp_path: Path) -> None:
    export(tree("source", "d d 755 5:6\nd/f f 644 7:8 x\nd/l l 777 9:9 x"), tmp_path / "out")
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in (tmp_path / "out").rglob("*")} == {(0, 0)}


def test_the_second_time_nothing_changes(source: Path, tmp_path: Path, look: Look) -> None:
    out = tmp_path / "out"
    first = export(source, out)
    second = export(source, out)
    assert (second.files, second.unchanged) == (5, 5)
    assert second.receipt == first.receipt


def test_receipts_are_what_the_files_are(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    receipt = export(source, out).receipt
    assert receipt == export(source, out).receipt
    for path, entry in receipt.items():
        status = os.lstat(os.path.join(os.fsencode(out), path))
        assert entry == (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
    assert set(receipt) == {b"a", b"a/f", b"a/su", b"a/h", b"l", b"p"}


def test_the_same_bytes_keep_their_time(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(source, out)
    os.utime(source / "a/su", ns=(0, 1_700_000_000_000_000_000))
    before = (out / "a/su").stat()
    export(source, out)
    after = (out / "a/su").stat()
    assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_ctime_ns,
    )


def test_changed_files_are_replaced_and_others_stay(source: Path, tmp_path: Path, look: Look) -> None:
    out = tmp_path / "out"
    export(source, out)
    (out / "mine").write_text("mine")
    old = (out / "a/su").open("rb")
    (source / "a/su").write_bytes(b"SU")
    (source / "a/f").chmod(0o600)
    result = export(source, out)
    with old:
        assert old.read() == b"su"
    assert (out / "a/su").read_bytes() == b"SU"
    assert (out / "mine").read_text() == "mine"
    (out / "mine").unlink()
    assert look(out) == look(source)
    assert (result.files, result.unchanged) == (5, 2)


@pytest.mark.parametrize("old", ["x d\nx/deep d\nx/deep/f f", "x f 644 0:0 old", "x l 777 0:0 nowhere", "x p"])
@pytest.mark.parametrize(
    "new", ["x d\nx/in f 644 0:0 in", "x f 600 0:0 longer", "x l 777 0:0 there", "x p 640", "w f\nx h 644 0:0 w"]
)
def test_any_kind_takes_the_place_of_any_other(old: str, new: str, tree: Tree, look: Look) -> None:
    out, source = tree("out", old), tree("source", new)
    export(source, out)
    if old.startswith("x d") and new.startswith("x d"):
        shutil.rmtree(out / "x/deep")
    assert look(out) == look(source)


def test_links_in_the_destination_are_not_followed(tree: Tree, tmp_path: Path) -> None:
    elsewhere = tree("elsewhere", "d d\nf f 644 0:0 untouched")
    out = tree("out", "")
    (out / "d").symlink_to(elsewhere / "d")
    (out / "f").symlink_to(elsewhere / "f")
    export(tree("source", "d d 700\nd/x f\nf f 644 0:0 new"), out)
    assert os.listdir(elsewhere / "d") == []
    assert (elsewhere / "f").read_bytes() == b"untouched"
    assert stat.S_ISDIR((out / "d").lstat().st_mode)
    assert (out / "f").read_bytes() == b"new"


def test_a_hard_linked_old_file_is_not_written_through(tree: Tree, tmp_path: Path) -> None:
    out = tree("out", "f f 644 0:0 old\nother h 644 0:0 f")
    export(tree("source", "f f 644 0:0 new"), out)
    assert (out / "other").read_bytes() == b"old"


def test_devices_are_left_out_with_a_warning(tree: Tree, tmp_path: Path) -> None:
    source = tree("source", "f f\ngone w")
    os.mknod(source / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    result = export(source, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["f"]
    assert result.warnings == ["1 × device or socket: left out"]


def test_directories_without_write_permission(tree: Tree, tmp_path: Path, look: Look) -> None:
    source = tree("source", "d d 555\nd/f f 400 0:0 x")
    export(source, tmp_path / "out")
    assert look(tmp_path / "out") == look(source)
    export(source, tmp_path / "out")


def test_times_are_cut_to_the_epoch(tree: Tree, tmp_path: Path) -> None:
    export_tree(str(tree("source", "d d\nd/f f")), str(tmp_path / "out"), epoch=5)
    assert {path.stat().st_mtime for path in (tmp_path / "out").rglob("*")} == {5}


def test_large_files_and_user_attributes(tree: Tree, tmp_path: Path) -> None:
    source = tree("source", "")
    content = os.urandom(300_000)
    (source / "big").write_bytes(content)
    os.setxattr(source / "big", "user.comment", b"kept")
    export(source, tmp_path / "out")
    assert (tmp_path / "out/big").read_bytes() == content
    assert os.getxattr(tmp_path / "out/big", "user.comment") == b"kept"


def test_a_destination_that_is_a_file_is_an_error(tree: Tree, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(BuildError) as caught:
        export(tree("source", "f f"), tmp_path / "out")
    assert caught.value.code == "LA0630"


def test_nothing_temporary_stays_after_an_error(tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tree("out", "f f 644 0:0 old")
    source = tree("source", "f f 644 0:0 new")

    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "utime", broken)
    with pytest.raises(BuildError, match="No space left"):
        export(source, out)
    assert os.listdir(out) == ["f"]
    assert (out / "f").read_bytes() == b"old"
