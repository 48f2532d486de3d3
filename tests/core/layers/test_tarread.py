# SPDX-License-Identifier: Apache-2.0
"""Tar archives as they are read: every format that is about, and every way to be malformed."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.tarread import Entry, TarReader, parse_records

Archive = Callable[..., bytes]


def read_all(data: bytes, piece: int = 1 << 20) -> list[tuple[Entry, bytes]]:
    blocks = iter([data[at : at + piece] for at in range(0, len(data), piece)])
    reader = TarReader(lambda: next(blocks, b""))
    found = []
    while (entry := reader.next()) is not None:
        found.append((entry, b"".join(bytes(view) for view in reader.pieces())))
    return found


MEMBERS: list[dict[str, Any]] = [
    {"name": "dir", "type": tarfile.DIRTYPE, "mode": 0o1777, "uid": 5, "gid": 6},
    {"name": "dir/file", "data": b"hello", "mtime": 1_600_000_000, "mode": 0o4755},
    {"name": "dir/" + "n" * 200, "data": b"x" * 513},
    {"name": "p/" * 120 + "f", "data": b"deep"},
    {"name": "link", "type": tarfile.SYMTYPE, "linkname": "t" * 150},
    {"name": "hard", "type": tarfile.LNKTYPE, "linkname": "dir/file"},
    {"name": "null", "type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3},
    {"name": "fifo", "type": tarfile.FIFOTYPE},
    {"name": "big-owner", "data": b"", "uid": 1 << 21, "gid": 1 << 22},
]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("piece", [511, 1 << 20])
def test_what_python_writes_is_read(format: int, piece: int, archive: Archive) -> None:
    data = archive(*MEMBERS, format=format)
    found = read_all(data, piece)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for (entry, content), info in zip(found, tar, strict=True):
            assert entry.name.rstrip(b"/").decode() == info.name
            assert (entry.kind, entry.link.decode()) == (info.type, info.linkname)
            assert (entry.mode, entry.uid, entry.gid) == (info.mode, info.uid, info.gid)
            assert entry.mtime_ns == int(info.mtime) * 1_000_000_000
            assert (entry.major, entry.minor) == (info.devmajor, info.devminor)
            if info.isreg():
                source = tar.extractfile(info)
                assert source is not None
                assert content == source.read()


def test_the_ustar_prefix_is_used(archive: Archive) -> None:
    name = "p/" * 70 + "f"
    ((entry, content),) = read_all(archive({"name": name, "data": b"1"}, format=tarfile.USTAR_FORMAT))
    assert (entry.name.decode(), content) == (name, b"1")


def test_extended_headers_carry_times_and_attributes(archive: Archive) -> None:
    headers = {"mtime": "1600000000.25", "SCHILY.xattr.user.k": "v", "size": ""}
    ((entry, _),) = read_all(archive({"name": "f", "data": b"", "pax_headers": headers}))
    assert entry.mtime_ns == 1_600_000_000_250_000_000
    assert entry.xattrs == {"user.k": b"v"}


def test_global_headers_are_passed_over() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", pax_headers={"comment": "commit"}) as tar:
        tar.addfile(tarfile.TarInfo("f"))
    assert [entry.name for entry, _ in read_all(buffer.getvalue())] == [b"f"]


@pytest.mark.parametrize("form", ["gnu", "posix:0.0", "posix:0.1", "posix:1.0"])
def test_sparse_files_in_each_form(form: str, tmp_path: Path, unpack: Callable[..., object]) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        for at in range(40):
            file.seek(at * 262_144 + 4096 * (at % 3))
            file.write(b"%04d" % at * 1024)
        file.truncate(20 << 20)
    style, _, version = form.partition(":")
    command = ["tar", "-C", str(tmp_path), "-cS", f"--format={style}"]
    command += [f"--sparse-version={version}"] if version else []
    packed = subprocess.run([*command, "sparse"], capture_output=True, check=True).stdout
    assert len(packed) < 1 << 20
    ((entry, _),) = read_all(packed)
    assert (entry.name, entry.size) == (b"sparse", 20 << 20)
    out = tmp_path / "out"
    unpack(packed, out, piece=1000)
    assert (out / "sparse").read_bytes() == path.read_bytes()
    assert (out / "sparse").stat().st_blocks * 512 < 2 << 20


def test_an_archive_may_lack_its_end(archive: Archive) -> None:
    data = archive({"name": "f", "data": b"x"})
    assert [entry.name for entry, _ in read_all(data[:1024])] == [b"f"]


def test_random_bytes_are_no_archive() -> None:
    with pytest.raises(BuildError, match="not a tar archive"):
        read_all(os.urandom(4096))


@pytest.mark.parametrize(
    "body",
    [b"5 a=b\n", b"x a=b\n", b"6 a=bc", b"99 a=b\n", b"6 =bc\n", b"5 abc\n", b"-6 a=b\n", b"0 a=b\n"],
)
def test_malformed_records_are_refused(body: bytes) -> None:
    with pytest.raises(BuildError) as caught:
        parse_records(body)
    assert caught.value.code == "LA0610"


def test_records_may_hold_newlines_and_equals() -> None:
    assert parse_records(b"12 a=b\nc=d\n\n") == [(b"a", b"b\nc=d\n")]
