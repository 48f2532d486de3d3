# SPDX-License-Identifier: Apache-2.0
"""Outputs against hostile trees and hostile destinations, mirrors, owners, and the work shared by processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers import entries, export, jobs, sharing
from ladle.core.layers.export import export_tree
from ladle.core.layers.selection import parse_selection

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
Look = Callable[[Path], dict[str, tuple[object, ...]]]
RunJob = Callable[..., dict[str, Any]]


def names(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


@pytest.mark.parametrize("mirror", [False, True])
def test_links_planted_in_the_destination(mirror: bool, tree: Tree, tmp_path: Path, look: Look) -> None:
    elsewhere = tree("elsewhere", "d d\nd/keep f 644 0:0 mine\nf f 644 0:0 mine")
    before = look(elsewhere)
    out = tree("out", "a l 777 0:0 ../elsewhere/d\nf l 777 0:0 ../elsewhere/f\nother l 777 0:0 ../elsewhere")
    export_tree(
        str(tree("source", "a d\na/keep f 644 0:0 new\nf f 644 0:0 new\nh h 644 0:0 f")), str(out), mirror=mirror
    )
    assert look(elsewhere) == before
    assert names(out) == ["a", "a/keep", "f", "h", *([] if mirror else ["other"])]
    assert not (out / "a").is_symlink()


@pytest.mark.parametrize("link", ["/", "/etc", "../../../../etc", "loop", "/proc/self/root/etc"])
def test_links_of_a_hostile_tree_lead_nowhere(link: str, tree: Tree, tmp_path: Path) -> None:
    made = tree("source", f"loop l 777 0:0 {link}\ndeep d\ndeep/x f")
    for text in ("/loop/passwd", "/loop/pass*", "/loop/etc/passwd", "/loop/../../etc/passwd"):
        with pytest.raises(BuildError):
            export_tree(str(made), str(tmp_path / "out"), selections=[parse_selection(text)])
    export_tree(str(made), str(tmp_path / "out"))
    assert os.readlink(tmp_path / "out/loop") == link


def test_a_directory_swapped_for_a_link_while_writing(
    tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, out = tree("elsewhere", ""), tmp_path / "out"
    make = os.mkdir

    def swapped(name: Any, *args: Any, dir_fd: int | None = None, **kwargs: Any) -> None:
        make(name, *args, dir_fd=dir_fd, **kwargs)
        if dir_fd is None:
            return
        os.rmdir(name, dir_fd=dir_fd)
        os.symlink(elsewhere, name, dir_fd=dir_fd)

    made = tree("source", "d d\nd/f f")
    out.mkdir()
    monkeypatch.setattr(os, "mkdir", swapped)
    with pytest.raises(BuildError) as caught:
        export_tree(str(made), str(out))
    assert caught.value.code == "LA0630"
    assert os.listdir(elsewhere) == []


def test_a_mirror_removes_everything_else(tree: Tree, tmp_path: Path, look: Look) -> None:
    made = tree("source", "d d 755\nd/a f\ne d\nd/h h 644 0:0 d/a")
    os.utime(made / "d", (5, 5))
    out = tree("out", "old d\nold/deep d 500\nold/deep/x f\nd d\nd/old f\nd/sub d\nd/sub/l l 777 0:0 /\np p\ne f")
    os.utime(out / "d", (5, 5))
    result = export_tree(str(made), str(out), mirror=True)
    assert (result.removed, result.files) == (4, 2)
    assert look(out) == look(made)
    assert (out / "d").stat().st_mtime == 5
    again = export_tree(str(made), str(out), mirror=True)
    assert (again.removed, again.unchanged, again.receipt) == (0, 2, result.receipt)


def test_a_mirror_has_its_directories_in_the_receipt(tree: Tree, tmp_path: Path) -> None:
    out = tmp_path / "out"
    receipt = export_tree(str(tree("source", "d d\nd/a f")), str(out), mirror=True).receipt
    assert {path: len(entry) for path, entry in receipt.items()} == {b"": 6, b"d": 6, b"d/a": 5}
    assert receipt[b"d"][4] == (out / "d").stat().st_ctime_ns


def test_a_mirror_of_a_selection(tree: Tree, tmp_path: Path) -> None:
    out = tree("out", "a d\na/old f\nb f")
    export_tree(
        str(tree("source", "s d\ns/a d\ns/a/x.so f\ns/b f")),
        str(out),
        mirror=True,
        selections=[parse_selection("/s/**/*.so")],
    )
    assert names(out) == ["a", "a/x.so"]


def test_a_mirror_stops_before_what_is_mounted(tree: Tree) -> None:
    made, out, kept = tree("store/snapshots/1", "a f"), tree("out", "old d\nold/mount d"), tree("kept", "mine f")
    script = 'mount --bind "$1" "$2/old/mount" && exec "${@:3}"'
    code = (
        "import sys\nfrom ladle.core.api.errors import BuildError\nfrom ladle.core.layers.export import export_tree\n"
        "try: export_tree(sys.argv[1], sys.argv[2], mirror=True)\nexcept BuildError as e: print(e.message)\n"
    )
    command = [sys.executable, "-c", code, str(made), str(out)]
    done = subprocess.run(
        ["unshare", "-m", "bash", "-ec", script, "-", str(kept), str(out), *command], capture_output=True, text=True
    )
    assert "old/mount: Invalid cross-device link" in done.stdout, done.stderr
    assert names(kept) == ["mine"]


def test_owners(tree: Tree, tmp_path: Path) -> None:
    made = tree("source", "d d 750 3:4\nd/s f 4755 5:6 x\nd/l l 777 7:8 x\nd/p p 4755 9:9\nd/h h 644 0:0 d/s")
    for owner, expected in ((None, {(0, 0)}), ("keep", {(3, 4), (5, 6), (7, 8), (9, 9)}), ((1, 2), {(1, 2)})):
        export_tree(str(made), str(tmp_path / "out"), owner=owner)
        found = {(path.lstat().st_uid, path.lstat().st_gid) for path in (tmp_path / "out").rglob("*")}
        assert found == expected
        assert {(tmp_path / "out/d" / name).stat().st_mode & 0o7777 for name in "sp"} == {0o4755}
        assert export_tree(str(made), str(tmp_path / "out"), owner=owner).unchanged == 4


@pytest.fixture
def large(tmp_path: Path, store: Path) -> Path:
    made = store / "snapshots/1"
    for folder in range(12):
        (made / f"d{folder}/deep").mkdir(parents=True)
        for number in range(60):
            (made / f"d{folder}/deep/f{number}").write_text(f"{folder} {number}")
    (made / "flat").mkdir()
    for number in range(1500):
        (made / f"flat/{number}").touch()
    for number in range(20):
        os.link(made / "d1/deep/f1", made / f"d{number % 12}/h{number}")
        os.symlink("nowhere", made / f"d{number % 12}/l{number}")
    return made


def export_large(run_job: RunJob, out: Path, **args: Any) -> dict[str, Any]:
    ref = {"kind": "layers", "layers": ["1"]}
    return run_job(jobs.export_local, ref=ref, dest=str(out), receipt=f"{out}.receipt", **args)


def test_shared_work_gives_the_same(
    large: Path, tmp_path: Path, run_job: RunJob, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = export_large(run_job, tmp_path / "shared")
    monkeypatch.setattr(export, "WORTH_SHARING", 1 << 30)
    alone = export_large(run_job, tmp_path / "alone")
    assert shared == alone
    assert shared["files"] == 12 * 60 + 1500 + 40
    assert look(tmp_path / "shared") == look(tmp_path / "alone") == look(large)
    monkeypatch.undo()
    (tmp_path / "shared/extra").touch()
    again = export_large(run_job, tmp_path / "shared", mode="delete", src=["/**"])
    assert (again["unchanged"], again["removed"]) == (shared["files"], 1)


def test_errors_of_helpers_arrive(
    large: Path, tmp_path: Path, run_job: RunJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = entries.EntryWriter.write

    def failing(self: Any, path: bytes, *rest: Any) -> bool:
        if path.startswith(b"flat/7"):
            raise OSError(28, "No space left on device")
        return write(self, path, *rest)

    monkeypatch.setattr(entries.EntryWriter, "write", failing)
    with pytest.raises(BuildError, match=r"flat/7.*No space left"):
        export_large(run_job, tmp_path / "out")


def test_helpers_hand_back_results_and_errors() -> None:
    assert sharing._outcome(lambda: {b"a": (1, 2)}) == ("result", {b"a": (1, 2)})

    def broken() -> None:
        raise BuildError("it broke", code="LA0630")

    assert sharing._outcome(broken) == ("error", ("it broke", "LA0630"))
    assert sharing._outcome(lambda: 1 // 0)[1][0].startswith("ZeroDivisionError")


def test_paths_longer_than_the_kernel_takes(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    name = b"n" * 200
    current = os.dup(fd)
    for _ in range(40):
        os.mkdir(name, dir_fd=current)
        deeper = os.open(name, os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = deeper
    path = b"/".join([name] * 40)
    found = entries.open_beneath(fd, path)
    assert os.path.samestat(os.fstat(found), os.fstat(current))
    for open_fd in (fd, found, current):
        os.close(open_fd)
    subprocess.run(["rm", "-rf", str(tmp_path / os.fsdecode(name))], check=True)
