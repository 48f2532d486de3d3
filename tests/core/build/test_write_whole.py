# SPDX-License-Identifier: Apache-2.0
"""Small outputs: whole or not there, and never in the place of a device."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.build.outcome import write_whole


def test_a_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"before")
    write_whole(str(tmp_path / "f"), b"after")
    assert (tmp_path / "f").read_bytes() == b"after"
    assert os.listdir(tmp_path) == ["f"]


def test_a_device_is_written_to_and_stays() -> None:
    write_whole("/dev/null", b"gone")
    assert Path("/dev/null").is_char_device()


def test_a_link_to_a_device_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/dev/null")
    write_whole(str(tmp_path / "link"), b"gone")
    assert (tmp_path / "link").readlink() == Path("/dev/null")
    assert Path("/dev/null").is_char_device()


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("target")
    write_whole(str(tmp_path / "link"), b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"1"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_whole(str(tmp_path / "pipe"), b"through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot write"):
        write_whole(str(tmp_path), b"1")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot write"):
        write_whole(str(tmp_path / "no" / "f"), b"1")
    assert os.listdir(tmp_path) == []
