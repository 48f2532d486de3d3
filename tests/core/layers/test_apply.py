# SPDX-License-Identifier: Apache-2.0
"""Archives unpacked: metadata, whiteouts, what replaces what. Hostile ones: test_hostile.py."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.apply import Applied, is_archive, normal_name, unpack_file

pytestmark = pytest.mark.root
Archive = Callable[..., bytes]
Unpack = Callable[..., Applied]
Tree = Callable[[str, str], Path]
Look = Callable[[Path], dict[str, tuple[object, ...]]]
DIR: dict[str, Any] = {"type": tarfile.DIRTYPE, "mode": 0o755}


def member(name: str, data: bytes | None = b"", **fields: Any) -> dict[str, Any]:
    return {"name": name, "mtime": 1_600_000_000, **({} if data is None else {"data": data}), **fields}


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> dict[str, Any]:
    return member(name, None, type=kind, linkname=target)


def test_metadata_is_set(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    root = tmp_path / "root"
    unpack(
        archive(
            member("d", None, type=tarfile.DIRTYPE, mode=0o2751, uid=1, gid=2),
            member("d/su", b"x", mode=0o4755, uid=3, gid=4),
            link("d/l", "nowhere") | {"uid": 5, "gid": 6},
            member("d/p", None, type=tarfile.FIFOTYPE, mode=0o600),
            member("d/null", None, type=tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
            member("d/h", None, type=tarfile.LNKTYPE, linkname="d/su"),
        ),
        root,
    )
    found = {path.name: path.lstat() for path in [root / "d", *(root / "d").iterdir()]}
    assert (found["d"].st_mode, found["d"].st_uid, found["d"].st_gid) == (stat.S_IFDIR | 0o2751, 1, 2)
    assert (found["su"].st_mode, found["su"].st_uid, found["su"].st_gid) == (stat.S_IFREG | 0o4755, 3, 4)
    assert (found["l"].st_uid, found["l"].st_gid) == (5, 6)
    assert found["p"].st_mode == stat.S_IFIFO | 0o600
    assert (found["null"].st_mode, found["null"].st_rdev) == (stat.S_IFCHR | 0o666, os.makedev(1, 3))
    assert found["h"].st_ino == found["su"].st_ino
    assert {status.st_mtime for status in found.values()} == {1_600_000_000}


def test_attributes_that_belong_to_the_machine_are_left_out(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    keys = ["user.kept", "trusted.x", "user.overlay.opaque", "security.selinux", "system.posix_acl_access"]
    headers = {f"SCHILY.xattr.{key}": "v" for key in keys}
    applied = unpack(archive(member("f", pax_headers=headers)), tmp_path / "root")
    assert os.listxattr(tmp_path / "root/f") == ["user.kept"]
    assert len(applied.warnings) == 4


def test_missing_parents_are_made_and_existing_ones_keep_their_time(
    archive: Archive, unpack: Unpack, tree: Tree
) -> None:
    root = tree("root", "etc d 700 7:8")
    os.utime(root / "etc", ns=(5, 5))
    unpack(archive(member("etc/dnf/conf.d/x")), root)
    assert (root / "etc").stat().st_mtime_ns == 5
    assert stat.S_IMODE((root / "etc").stat().st_mode) == 0o700
    made = (root / "etc/dnf").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_uid, made.st_mtime) == (0o755, 0, 1_600_000_000)


def test_times_survive_two_names_of_one_directory(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "usr d\nusr/lib d\nlib l 777 0:0 usr/lib")
    os.utime(root / "usr/lib", ns=(5, 5))
    unpack(archive(member("usr/lib/a"), member("lib/b"), member("usr/lib/c")), root)
    assert (root / "usr/lib").stat().st_mtime_ns == 5


def test_a_directory_over_a_directory_merges(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "d d 700\nd/kept f")
    unpack(archive(member("d/", None, **{**DIR, "mode": 0o750, "uid": 9})), root)
    assert (stat.S_IMODE((root / "d").stat().st_mode), (root / "d").stat().st_uid) == (0o750, 9)
    assert (root / "d/kept").exists()


@pytest.mark.parametrize("old", ["x d\nx/deep d\nx/deep/f f", "x f 644 0:0 old", "x l 777 0:0 other", "x p"])
@pytest.mark.parametrize("new", ["file", "symlink", "fifo", "hard link", "directory"])
def test_anything_else_replaces(old: str, new: str, archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", old + "\nother f 644 0:0 untouched")
    made = {
        "file": member("x", b"new"),
        "symlink": link("x", "new"),
        "fifo": member("x", None, type=tarfile.FIFOTYPE),
        "hard link": link("x", "other", tarfile.LNKTYPE),
        "directory": member("x", None, **DIR),
    }[new]
    unpack(archive(made), root)
    kind = stat.S_IFMT((root / "x").lstat().st_mode)
    assert (
        kind
        == {
            "file": stat.S_IFREG,
            "symlink": stat.S_IFLNK,
            "fifo": stat.S_IFIFO,
            "hard link": stat.S_IFREG,
            "directory": stat.S_IFDIR,
        }[new]
    )
    assert (root / "other").read_bytes() == b"untouched"
    if kind == stat.S_IFDIR:
        assert (root / "x/deep").exists() == old.startswith("x d")


def test_the_later_of_two_entries_stays(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    unpack(archive(member("f", b"1"), member("f", b"2"), link("f2", "a"), link("f2", "b")), tmp_path / "root")
    assert (tmp_path / "root/f").read_bytes() == b"2"
    assert os.readlink(tmp_path / "root/f2") == "b"


def test_a_hard_link_to_itself_changes_nothing(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    unpack(archive(member("f", b"1"), link("f", "f", tarfile.LNKTYPE)), tmp_path / "root")
    assert (tmp_path / "root/f").read_bytes() == b"1"


def test_a_hard_link_through_an_absolute_link_of_the_tree(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "run d\nvar d\nvar/run l 777 0:0 /run\nrun/a f 644 0:0 here")
    unpack(archive(link("b", "var/run/a", tarfile.LNKTYPE), member("var/run/c", b"c")), root)
    assert (root / "b").read_bytes() == b"here"
    assert (root / "run/c").read_bytes() == b"c"


def test_parents_are_made_through_dangling_links_of_the_tree(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "var d\nvar/run l 777 0:0 /run/inner")
    unpack(archive(member("var/run/x/f", b"c")), root)
    assert (root / "run/inner/x/f").read_bytes() == b"c"


def test_a_whiteout_removes_and_an_absent_name_is_fine(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "d d\nd/gone d\nd/gone/x f\nd/stays f")
    os.utime(root / "d", ns=(5, 5))
    unpack(archive(member("d/.wh.gone"), member("d/.wh.absent"), member("no/such/.wh.dir")), root)
    assert os.listdir(root / "d") == ["stays"]
    assert os.listdir(root) == ["d"]
    assert (root / "d").stat().st_mtime_ns == 5


@pytest.mark.parametrize("first", [True, False])
def test_an_opaque_mark_spares_its_own_layer(first: bool, archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "d d\nd/old f\nd/sub d\nd/sub/old f\nd/both f 644 0:0 old")
    mark = [member("d/.wh..wh..opq")]
    own = [member("d/new"), member("d/sub/new"), member("d/both", b"new")]
    unpack(archive(member("d", None, **DIR), *(mark + own if first else own + mark)), root)
    assert sorted(os.listdir(root / "d")) == ["both", "new", "sub"]
    assert os.listdir(root / "d/sub") == ["new"]
    assert (root / "d/both").read_bytes() == b"new"


def test_an_opaque_root(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "a d\na/b f\nc f")
    unpack(archive(member("new"), member(".wh..wh..opq")), root)
    assert os.listdir(root) == ["new"]


def test_a_whiteout_does_not_remove_its_own_layers_entry(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "d d\nd/old f")
    unpack(archive(member("d", None, **DIR), member("d/new"), member(".wh.d")), root)
    assert os.listdir(root / "d") == ["new"]


def test_plain_archives_have_no_whiteouts(archive: Archive, unpack: Unpack, tree: Tree) -> None:
    root = tree("root", "kept f")
    unpack(archive(member(".wh.kept", b"text"), member(".wh..wh..opq", b"text")), root, layer=False)
    assert sorted(os.listdir(root)) == [".wh..wh..opq", ".wh.kept", "kept"]


def test_devices_are_left_out_when_rootless(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    device = member("dev/null", None, type=tarfile.CHRTYPE, devmajor=1, devminor=3)
    applied = unpack(archive(device, member("dev/p", None, type=tarfile.FIFOTYPE)), tmp_path / "root", rootless=True)
    assert os.listdir(tmp_path / "root/dev") == ["p"]
    assert applied.warnings == ["1 × device, which needs root: left out"]


def test_runs_of_zeros_become_holes(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    content = bytes(3 << 20) + b"middle" + bytes(2 << 20) + b"end"
    unpack(archive(member("f", content)), tmp_path / "root")
    assert (tmp_path / "root/f").read_bytes() == content
    assert (tmp_path / "root/f").stat().st_blocks * 512 < 1 << 20


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (b"./a/./b//c/", b"a/b/c"),
        (b"/abs", b"abs"),
        (b"./", b""),
        (b"a/.hidden", b"a/.hidden"),
        (b"a..b/c.", b"a..b/c."),
    ],
)
def test_names_are_made_plain(name: bytes, path: bytes) -> None:
    assert normal_name(name) == path


def test_names_that_are_not_utf8(archive: Archive, unpack: Unpack, tmp_path: Path) -> None:
    data = archive({"name": "caf\udce9\nx", "data": b"1"}, format=tarfile.GNU_FORMAT)
    unpack(data, tmp_path / "root")
    assert os.listdir(os.fsencode(tmp_path / "root")) == [b"caf\xe9\nx"]


def test_a_file_is_known_as_an_archive_and_unpacked(archive: Archive, tmp_path: Path) -> None:
    import bz2
    import gzip

    data = archive(member("a/f", b"content"))
    for packed, known in (
        (data, True),
        (gzip.compress(data), True),
        (bz2.compress(data), True),
        (b"just text", False),
        (gzip.compress(b"just text"), False),
        (b"", False),
        (os.urandom(2048), False),
    ):
        path = tmp_path / "file"
        path.write_bytes(packed)
        with path.open("rb") as file:
            assert is_archive(file.fileno()) == known
            if known:
                (tmp_path / "out").mkdir(exist_ok=True)
                assert unpack_file(file.fileno(), str(tmp_path / "out")).bytes == 7
                assert (tmp_path / "out/a/f").read_bytes() == b"content"


def test_an_owner_that_is_not_mapped_is_told(
    archive: Archive, unpack: Unpack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fchown", refuse)
    applied = unpack(archive(member("f", b"x", uid=5)), tmp_path / "root", single_uid=True)
    assert applied.warnings == ["1 × owner other than the only mapped user: left out"]
    with pytest.raises(BuildError) as caught:
        unpack(archive(member("f", b"x", uid=5)), tmp_path / "root")
    assert caught.value.code == "LA0615"


def test_set_id_bits_of_fifos_outlive_the_owner(archive: Callable[..., bytes], unpack: Unpack, tmp_path: Path) -> None:
    unpack(archive({"name": "p", "type": tarfile.FIFOTYPE, "mode": 0o6755, "uid": 3, "gid": 4}), tmp_path / "root")
    status = (tmp_path / "root/p").lstat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o6755, 3, 4)
