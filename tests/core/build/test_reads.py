# SPDX-License-Identifier: Apache-2.0
"""What a compile read, and whether it would read the same again."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest

from ladle.core.build.reads import MAX_FILE_BYTES, Read, file_read, read_bounded, unchanged


def never(read: Read) -> str:
    raise AssertionError(f"nothing but tags and the machine is resolved: {read}")


def test_a_files_bytes_or_none(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\x00\xff")
    (tmp_path / "link").symlink_to("f")
    os.mkfifo(tmp_path / "fifo")
    assert read_bounded(str(tmp_path / "f")) == b"\x00\xff"
    assert read_bounded(str(tmp_path / "link")) == b"\x00\xff"
    for nothing in ("absent", "f/below", "fifo", "."):
        assert read_bounded(str(tmp_path / nothing)) is None


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES)
    assert len(read_bounded(str(tmp_path / "large")) or b"") == MAX_FILE_BYTES
    with (tmp_path / "large").open("ab") as file:
        file.write(b"1")
    with pytest.raises(OSError, match="larger than"):
        read_bounded(str(tmp_path / "large"))


def test_a_read_names_the_bytes(tmp_path: Path) -> None:
    assert file_read("/f", b"1") == ("file", "/f", sha256(b"1").hexdigest())
    assert file_read("/f", None) == ("file", "/f", "")
    assert file_read("/f", b"") != file_read("/f", None)


def test_files_that_changed_appeared_or_went(tmp_path: Path) -> None:
    path = tmp_path / "f"
    absent = file_read(str(path), None)
    assert unchanged([absent], never)
    path.write_bytes(b"")
    empty = file_read(str(path), b"")
    assert unchanged([empty], never)
    assert not unchanged([absent], never)
    path.write_bytes(b"1")
    assert not unchanged([empty], never)
    path.unlink()
    assert not unchanged([empty], never)


def test_a_read_from_the_store_may_be_a_list(tmp_path: Path) -> None:
    assert unchanged([list(file_read(str(tmp_path / "no"), None))], never)  # type: ignore[list-item]


def test_an_unreadable_file_has_changed(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert not unchanged([("file", str(tmp_path / "large"), "")], never)


def test_tags_and_the_machine_are_resolved_now() -> None:
    tag: Read = ("tag", "x", "linux/amd64", "docker.io", "library/x", "latest", "", "sha256:1")
    host: Read = ("host", "h1")
    now = {"tag": "sha256:1", "host": "h1"}
    asked: list[str] = []

    def resolve(read: Read) -> str:
        asked.append(read[0])
        return now[read[0]]

    assert unchanged([tag, host], resolve)
    assert asked == ["tag", "host"]
    now["host"] = "h2"
    assert not unchanged([tag, host], resolve)
    now["tag"] = ""
    asked.clear()
    assert not unchanged([tag, host], resolve)
    assert asked == ["tag"]
