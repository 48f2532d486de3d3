# SPDX-License-Identifier: Apache-2.0
"""Tar archives as they are written, header by header."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladle.core.api.errors import BuildError
from ladle.core.layers import tarwriter
from ladle.core.layers.tarwriter import DIRECTORY, HARDLINK, REGULAR, SYMLINK, TarWriter, pax_record


class Recorder:
    """A tar writer and what it wrote."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.tar = TarWriter(self.pieces.append)

    def bytes(self) -> bytes:
        self.tar.close()
        return b"".join(self.pieces)

    def members(self) -> list[tarfile.TarInfo]:
        with tarfile.open(fileobj=io.BytesIO(self.bytes())) as tar:
            return tar.getmembers()


@pytest.fixture
def out() -> Recorder:
    return Recorder()


def test_an_empty_archive_is_two_zero_blocks(out: Recorder) -> None:
    assert out.bytes() == bytes(1024)


def test_a_plain_entry_takes_one_header(out: Recorder) -> None:
    out.tar.add(b"etc/", DIRECTORY, 0o755, 1, 2, 1_700_000_000)
    data = out.bytes()
    assert len(data) == 512 + 1024
    assert data[:100].rstrip(b"\0") == b"etc/"
    assert data[100:148] == b"0000755\x000000001\x000000002\x0000000000000\x0014524770400\0"
    assert data[156:157] + data[257:265] == b"5ustar\x0000"
    assert data[265:329] == bytes(64)
    assert data[329:345] == b"0000000\x000000000\0"
    assert int(data[148:154], 8) == sum(data[:148] + b" " * 8 + data[156:512])
    assert data[154:156] == b"\0 "


def test_a_long_name_gets_an_extended_header_named_after_it(out: Recorder) -> None:
    name = b"d" * 60 + b"/" + b"f" * 60
    out.tar.add(name, REGULAR, 0o644, 0, 0, 0)
    data = out.bytes()
    assert data[:100] == (b"d" * 60 + b"/PaxHeaders.0/" + b"f" * 60)[:100]
    assert data[156:157] == b"x"
    assert data[329:345] == bytes(16)
    assert data[512:1024].rstrip(b"\0") == b"131 path=" + name + b"\n"
    assert data[1024:1124] == name[:100]


def test_a_cut_directory_name_does_not_end_in_a_slash(out: Recorder) -> None:
    name = b"a" * 99 + b"/b/"
    out.tar.add(name, DIRECTORY, 0o755, 0, 0, 0)
    data = out.bytes()
    assert data[1024:1124] == b"a" * 99 + b"\0"
    assert [member.name for member in out.members()] == [name.rstrip(b"/").decode()]


def test_names_outside_of_ascii_lose_those_bytes_in_the_fixed_header(out: Recorder) -> None:
    out.tar.add("grüße/ж".encode(), SYMLINK, 0o777, 0, 0, 0, link="ziel-é".encode())
    data = out.bytes()
    assert data[:100].rstrip(b"\0") == b"gre/PaxHeaders.0"
    assert data[512:1024].rstrip(b"\0") == "20 linkpath=ziel-é\n19 path=grüße/ж\n".encode()
    assert data[1024:1124].rstrip(b"\0") == b"gre/"
    assert data[1181:1281].rstrip(b"\0") == b"ziel-"


def test_numbers_that_do_not_fit_become_records(out: Recorder) -> None:
    out.tar.add(b"f", REGULAR, 0o644, 1 << 21, 3_000_000, -5, size=0)
    data = out.bytes()
    assert data[512:1024].rstrip(b"\0") == b"15 gid=3000000\n12 mtime=-5\n15 uid=2097152\n"
    assert data[1124:1172] == b"0000644\x000000000\x000000000\x0000000000000\x0000000000000\0"
    (member,) = out.members()
    assert (member.uid, member.gid, member.mtime) == (1 << 21, 3_000_000, -5)


def test_a_whiteout_with_a_long_path_is_split_as_ustar(out: Recorder) -> None:
    out.tar.whiteout(b"d" * 90 + b"/" + b"e" * 40 + b"/.wh.x")
    data = out.bytes()
    assert len(data) == 512 + 1024
    assert data[345:500].rstrip(b"\0") == b"d" * 90 + b"/" + b"e" * 40
    assert data[:100].rstrip(b"\0") == b".wh.x"


def test_a_whiteout_that_cannot_be_split_gets_a_record(out: Recorder) -> None:
    name = b"d/" + b"e" * 120
    out.tar.whiteout(name)
    (member,) = out.members()
    assert (member.name, member.mode, member.mtime) == (name.decode(), 0, 0)
    assert out.tar.entries == 1


def test_the_size_of_a_record_counts_itself() -> None:
    assert pax_record(b"k", b"v" * 93) == b"99 k=" + b"v" * 93 + b"\n"
    assert pax_record(b"k", b"v" * 94) == b"101 k=" + b"v" * 94 + b"\n"


@given(st.binary(min_size=1, max_size=1100))
def test_a_record_is_as_long_as_it_says(value: bytes) -> None:
    record = pax_record(b"path", value)
    assert int(record.split(b" ")[0]) == len(record)


name_parts = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(st.lists(name_parts, min_size=1, max_size=6), st.integers(0, 1 << 24), st.integers(0, 1 << 35))
def test_python_reads_back_what_was_written(parts: list[str], uid: int, mtime: int) -> None:
    name = "/".join(part if part not in (".", "..") else "dot" for part in parts)
    out = Recorder()
    out.tar.add(name.encode(), HARDLINK, 0o644, uid, uid // 2, mtime, link=b"target")
    with tarfile.open(fileobj=io.BytesIO(out.bytes()), encoding="utf-8") as tar:
        (member,) = tar.getmembers()
    assert (member.name, member.uid, member.gid, member.mtime) == (name, uid, uid // 2, mtime)


def test_content_is_padded_and_handed_on_in_large_pieces(out: Recorder, tmp_path: Path) -> None:
    path = tmp_path / "big"
    content = os.urandom(3 * tarwriter.BLOCK + 77)
    path.write_bytes(content)
    fd = os.open(path, os.O_RDONLY)
    try:
        out.tar.add_file(b"big", path.stat(), 5, fd)
    finally:
        os.close(fd)
    data = out.bytes()
    assert data[512 : 512 + len(content)] == content
    assert len(data) % 512 == 0
    assert min(len(piece) for piece in out.pieces[:-1]) >= tarwriter.BLOCK


def test_a_file_that_shrinks_meanwhile_is_an_error(out: Recorder, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100)
    status = path.stat()
    path.write_bytes(b"x" * 10)
    fd = os.open(path, os.O_RDONLY)
    try:
        with pytest.raises(BuildError) as caught:
            out.tar.add_file(b"log", status, 0, fd)
    finally:
        os.close(fd)
    assert caught.value.code == "LA0601"


def test_attributes_beyond_the_limit_are_an_error(out: Recorder) -> None:
    with pytest.raises(BuildError) as caught:
        out.tar.add(b"f", REGULAR, 0, 0, 0, 0, pax={b"SCHILY.xattr.user.x": bytes(tarwriter.PAX_LIMIT)})
    assert caught.value.code == "LA0602"
