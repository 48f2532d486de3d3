# SPDX-License-Identifier: Apache-2.0
"""Exported files appear whole or not at all: watched while they are written, killed, and without O_TMPFILE."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.layers import entries, placing
from ladle.core.layers.export import export_tree

pytestmark = pytest.mark.root
Tree = Callable[[str, str], Path]
Look = Callable[[Path], dict[str, tuple[object, ...]]]
NAMES = ("new", "old")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "d").mkdir(parents=True)
    for name in NAMES:
        (made / "d" / name).write_bytes(b"new" * 10_000_000)
    return made


@pytest.mark.parametrize("unnamed", [True, False])
def test_killed_while_writing(source: Path, tmp_path: Path, unnamed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not unnamed:
        monkeypatch.setattr(entries, "open_unnamed", lambda *_: -1)
    dest = tmp_path / "dest"
    (dest / "d").mkdir(parents=True)
    (dest / "d" / "old").write_bytes(b"old")
    whole = {"old": {3, 30_000_000}, "new": {30_000_000}}
    for number in range(12):
        child = os.fork()
        if child == 0:
            export_tree(str(source), str(dest))
            os._exit(0)
        time.sleep(0.002 * number)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for entry in os.scandir(dest / "d"):
            assert entry.name.startswith(".ladle-") or entry.stat().st_size in whole[entry.name]
            assert not (unnamed and entry.name.startswith(".ladle-") and entry.stat().st_size != 30_000_000)
    export_tree(str(source), str(dest))
    assert all((dest / "d" / name).read_bytes() == (source / "d" / name).read_bytes() for name in NAMES)


def test_without_unnamed_files(tree: Tree, tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "open_unnamed", lambda *_: -1)
    made = tree("source", "a f 640 0:0 content\nd d 755\nd/s f 4755 0:0 s\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").mkdir()
    first = export_tree(str(made), str(tmp_path / "out"))
    assert look(tmp_path / "out") == look(made)
    assert export_tree(str(made), str(tmp_path / "out")).receipt == first.receipt


def test_a_file_system_without_unnamed_files() -> None:
    fd = os.open("/proc", os.O_RDONLY)
    try:
        assert placing.open_unnamed(fd, 0o644) == -1
    finally:
        os.close(fd)


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    folder = os.open(tmp_path, os.O_RDONLY)
    fd = placing.open_unnamed(folder, 0o644)
    try:
        with pytest.raises(FileExistsError):
            placing.give_name(fd, b"taken", folder)
        placing.give_name(fd, b"free", folder)
    finally:
        os.close(fd)
        os.close(folder)
    assert sorted(os.listdir(tmp_path)) == ["free", "taken"]
