# SPDX-License-Identifier: Apache-2.0
"""The scan: what is selected, what its digest depends on, and when a file is read again."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.content import entry as entry_module
from ladle.core.content.scan import Scan, load_table, scan

MakeTree = Callable[[Mapping[str, str | None]], str]

SOURCES: dict[str, str | None] = {
    "top.txt": "top",
    "src/one.txt": "1",
    "src/two.md": "2",
    "src/deep/three.txt": "3",
    "src/deep/four.md": "4",
    "src/deep/er/five.txt": "5",
}


def names(found: Scan) -> set[str]:
    return {os.fsdecode(path) for path in found.entries}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files read, in order."""
    done: list[str] = []
    real = entry_module._read_file

    def record(path: bytes, *rest: object) -> object:
        done.append(os.path.basename(os.fsdecode(path)))
        return real(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(entry_module, "_read_file", record)
    return done


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Move the scan's clock forward."""
    offset = [0.0]
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + int(offset[0] * 1e9))

    def move(seconds: float) -> None:
        offset[0] += seconds

    return move


def test_everything_without_filters(make_tree: MakeTree) -> None:
    found = scan(make_tree({**SOURCES, "empty": None, "ln": "-> nowhere"}))
    assert names(found) == {*SOURCES, "src", "src/deep", "src/deep/er", "empty", "ln"}
    assert found.link(b"ln") == b"nowhere"
    assert found.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        (["*", "!src/**/*.txt"], {"src", "src/deep", "src/deep/er", "src/deep/er/five.txt", "src/deep/three.txt",
                                  "src/one.txt"}),
        (["src", "!src/deep", "src/deep/*.md"], {"top.txt", "src", "src/deep", "src/deep/er", "src/deep/er/five.txt",
                                                 "src/deep/three.txt"}),
        (["**/*.md", "src/deep/er"], {"top.txt", "src", "src/one.txt", "src/deep", "src/deep/three.txt"}),
        (["*"], set()),
    ],
)  # fmt: skip
def test_ignore_rules(make_tree: MakeTree, exclude: list[str], expected: set[str]) -> None:
    assert names(scan(make_tree(SOURCES), exclude=exclude)) == expected


def test_include_patterns_bring_their_parents(make_tree: MakeTree) -> None:
    root = make_tree(SOURCES)
    assert names(scan(root, include=["src/deep/er"])) == {"src", "src/deep", "src/deep/er", "src/deep/er/five.txt"}
    assert names(scan(root, include=["**/*.md"], exclude=["src/two.md"])) == {"src", "src/deep", "src/deep/four.md"}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["ln"], {"ln", "real"}),
        (["d/x"], {"d", "real.d", "real.d/x"}),
        (["abs"], {"abs", "real.d", "real.d/x", "real.d/y"}),
        (["l*"], {"ln", "real", "loop"}),
        (["loop"], {"loop"}),
        (["missing"], set()),
        (["../real"], {"real"}),
        (["real.d/../ln"], {"ln", "real"}),
        (["."], {"ln", "real", "d", "real.d", "real.d/x", "real.d/y", "abs", "loop"}),
    ],
)
def test_follow_paths(make_tree: MakeTree, paths: list[str], expected: set[str]) -> None:
    tree: dict[str, str | None] = {"ln": "-> real", "real": "r", "d": "-> real.d", "abs": "-> /real.d"}
    root = make_tree({**tree, "real.d/x": "x", "real.d/y": "y", "loop": "-> loop"})
    assert names(scan(root, follow_paths=paths)) == expected


def test_an_unchanged_tree_is_not_read_again(
    make_tree: MakeTree, tmp_path: Path, reads: list[str], later: Callable[[float], None]
) -> None:
    root, cache = make_tree(SOURCES), os.fspath(tmp_path / "cache")
    later(10)
    first = scan(root, cache_dir=cache)
    assert len(reads) == len(SOURCES)
    reads.clear()
    again = scan(root, cache_dir=cache)
    assert reads == []
    assert (again.digest, again.entries) == (first.digest, first.entries)
    Path(root, "src/two.md").write_text("changed")
    assert scan(root, cache_dir=cache).digest != first.digest
    assert reads == ["two.md"]


def test_other_filters_of_the_same_root_start_from_what_is_known(
    make_tree: MakeTree, tmp_path: Path, reads: list[str], later: Callable[[float], None]
) -> None:
    root, cache = make_tree(SOURCES), os.fspath(tmp_path / "cache")
    later(10)
    scan(root, cache_dir=cache)
    reads.clear()
    filtered = scan(root, exclude=["src"], cache_dir=cache)
    assert reads == []
    assert filtered.digest == scan(root, exclude=["src"]).digest


def test_a_file_as_new_as_the_scan_is_distrusted_until_it_is_old(
    make_tree: MakeTree, tmp_path: Path, reads: list[str], later: Callable[[float], None]
) -> None:
    root, cache = make_tree({"a": "1"}), os.fspath(tmp_path / "cache")
    scan(root, cache_dir=cache)
    reads.clear()
    scan(root, cache_dir=cache)
    assert reads == ["a"]
    later(10)
    scan(root, cache_dir=cache)
    assert reads == ["a", "a"]
    scan(root, cache_dir=cache)
    assert reads == ["a", "a"]


def test_the_stored_scan_is_written_only_when_it_changes(
    make_tree: MakeTree, tmp_path: Path, later: Callable[[float], None]
) -> None:
    root, cache = make_tree(SOURCES), tmp_path / "cache"
    later(10)
    scan(root, cache_dir=os.fspath(cache))
    (stored,) = cache.iterdir()
    inode = stored.stat().st_ino
    scan(root, cache_dir=os.fspath(cache))
    assert stored.stat().st_ino == inode
    os.utime(Path(root, "top.txt"), ns=(1, 1))
    scan(root, cache_dir=os.fspath(cache))
    assert stored.stat().st_ino != inode
    assert list(cache.iterdir()) == [stored]


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"ladle-scan-1\n00000000\nrubbish"])
def test_a_damaged_store_is_only_a_slow_scan(make_tree: MakeTree, tmp_path: Path, damage: bytes) -> None:
    root, cache = make_tree(SOURCES), tmp_path / "cache"
    digest = scan(root, cache_dir=os.fspath(cache)).digest
    (stored,) = cache.iterdir()
    stored.write_bytes(damage)
    assert scan(root, cache_dir=os.fspath(cache)).digest == digest


def test_the_table_of_a_scan_outlives_later_scans(make_tree: MakeTree, tmp_path: Path) -> None:
    root, cache = make_tree(SOURCES), os.fspath(tmp_path / "cache")
    first = scan(root, cache_dir=cache)
    path = first.table_path
    Path(root, "top.txt").write_text("other")
    second = scan(root, cache_dir=cache)
    assert second.table_path != path
    assert load_table(path).entries == first.entries
    assert load_table(path).tree_digest(b"src") == first.tree_digest(b"src")
    with pytest.raises(InternalError, match="damaged"):
        load_table(os.path.join(root, "top.txt"))
    with pytest.raises(InternalError, match="without a cache"):
        scan(root).table_path  # noqa: B018


def test_what_the_digest_depends_on(make_tree: MakeTree) -> None:
    root = Path(make_tree(SOURCES))
    digest = scan(os.fspath(root)).digest
    os.utime(root / "top.txt", ns=(1, 1))
    os.utime(root / "src", ns=(1, 1))
    os.chown(root / "top.txt", 12, 34)
    root.chmod(0o700)
    assert scan(os.fspath(root)).digest == digest
    seen = {digest}
    (root / "top.txt").chmod(0o4755)
    seen.add(scan(os.fspath(root)).digest)
    (root / "src/deep").chmod(0o711)
    seen.add(scan(os.fspath(root)).digest)
    os.setxattr(root / "top.txt", "user.note", b"x")
    seen.add(scan(os.fspath(root)).digest)
    (root / "top.txt").rename(root / "top2.txt")
    seen.add(scan(os.fspath(root)).digest)
    (root / "new").mkdir()
    seen.add(scan(os.fspath(root)).digest)
    assert len(seen) == 6


def test_odd_entries(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.link(_write(tmp_path / "a", "x"), tmp_path / "b")
    (tmp_path / os.fsdecode(b"no-\xff-text")).write_text("y")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(tmp_path / "socket"))
    found = scan(os.fspath(tmp_path), exclude=["b?"])
    assert set(found.entries) == {b"fifo", b"a", b"b", b"no-\xff-text"}
    assert found.own_digest(b"a") == found.own_digest(b"b")


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_very_deep_directories(tmp_path: Path) -> None:
    home = os.getcwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1200):
            os.mkdir("directory")
            os.chdir("directory")
        Path("bottom").write_text("here")
    finally:
        os.chdir(home)
    found = scan(os.fspath(tmp_path))
    assert len(found.entries) == 1201
    assert max(found.entries, key=len).endswith(b"/directory/bottom")
    scan(os.fspath(tmp_path), exclude=["**/nothing"])
    from ladle.core.worker.removal import remove_tree

    remove_tree(os.fspath(tmp_path / "directory"))


def test_errors_name_the_path(make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_tree({"d/gone": "x"})
    with pytest.raises(BuildError, match="not a directory") as caught:
        scan(os.path.join(root, "d/gone"))
    assert caught.value.code == "LA0304"
    with pytest.raises(BuildError, match=r"cannot open the directory .*/none"):
        scan(os.path.join(root, "none"))
    with pytest.raises(BuildError, match="invalid pattern '\\['"):
        scan(root, exclude=["["])

    def vanish(path: bytes, *rest: object) -> None:
        raise FileNotFoundError(2, "gone", path)

    monkeypatch.setattr(entry_module, "_read_file", vanish)
    with pytest.raises(BuildError, match="tree/d/gone vanished") as caught:
        scan(root)
    assert caught.value.code == "LA0302"


def test_a_file_that_keeps_changing(make_tree: MakeTree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_tree({"log": "x"})
    monkeypatch.setattr(entry_module, "_read_file", lambda *_: None)
    with pytest.raises(BuildError, match="log keeps changing") as caught:
        scan(root)
    assert caught.value.code == "LA0302"
