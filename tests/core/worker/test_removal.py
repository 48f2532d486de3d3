# SPDX-License-Identifier: Apache-2.0
"""Removing trees: deep, odd, linked, absent."""

from __future__ import annotations

import os
from pathlib import Path

from ladle.core.worker.removal import remove_tree


def test_files_links_and_directories_go_and_what_links_name_stays(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("x")
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    (top / "a/link").symlink_to(tmp_path / "kept")
    (top / "a/b/up").symlink_to("../..")
    os.mkfifo(top / "pipe")
    os.link(tmp_path / "kept/file", top / "hard")
    (top / os.fsdecode(b"odd\xff\n")).write_text("")
    remove_tree(str(top))
    assert sorted(os.listdir(tmp_path)) == ["kept"]
    assert (tmp_path / "kept/file").read_text() == "x"


def test_two_thousand_nested_directories_with_long_names(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(2000):
        name = "d" * 200
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    remove_tree(top.as_posix().encode())
    assert not top.exists()


def test_an_absent_tree_is_fine(tmp_path: Path) -> None:
    remove_tree(str(tmp_path / "absent"))
    assert os.listdir(tmp_path) == []
