# SPDX-License-Identifier: Apache-2.0
"""Archives of a few KB that would become gigabytes: each ends at a stated limit, before disk or memory are full."""

from __future__ import annotations

import bz2
import gzip
import os
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from ladle.core.api.errors import BuildError
from ladle.core.layers import decompress
from ladle.core.layers.apply import Applied, Limits, apply_archive
from ladle.core.layers.decompress import BlobReader
from ladle.core.layers.places import Places
from ladle.core.layers.tarread import TarReader

Archive = Callable[..., bytes]
MIB = 1 << 20
PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def header(name: str, size: int, **records: str) -> bytes:
    """Return the header of a file that says it is `size` bytes long, without any of them."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.pax_headers = records
    return info.tobuf(tarfile.PAX_FORMAT)


def sparse(name: str, size: int) -> bytes:
    """Return an entry that is one hole of `size` bytes."""
    return header(name, 0, **{"GNU.sparse.map": "", "GNU.sparse.size": str(size)})


def unpack_blob(data: bytes, place: Path, **limits: Any) -> Applied:
    """Unpack a compressed archive as a layer."""
    (place / "root").mkdir(exist_ok=True)
    (place / "blob").write_bytes(data)
    with (place / "blob").open("rb") as file, BlobReader(file.fileno()) as blob:
        applied = apply_archive(TarReader(blob.read_block), str(place / "root"), layer=True, limits=Limits(**limits))
        blob.finish()
        return applied


def used(place: Path) -> int:
    """Return how much of the disk a tree takes."""
    return sum(os.stat(path).st_blocks * 512 for path in (place / "root").rglob("*"))


@pytest.mark.parametrize("kind", PACK)
def test_a_file_of_zeros_ends_at_its_header(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The free space counts before the first byte is written, though zeros become a hole."""
    data = PACK[kind](header("zeros", 4 * MIB) + bytes(4 * MIB) + bytes(1024))
    assert len(data) < 10_000
    monkeypatch.setattr(Places, "free", lambda self: 4 * MIB - 1)
    with pytest.raises(BuildError) as caught:
        unpack_blob(data, tmp_path)
    assert (caught.value.code, os.listdir(tmp_path / "root")) == ("LA0613", [])
    monkeypatch.setattr(Places, "free", lambda self: 4 * MIB)
    assert unpack_blob(data, tmp_path).bytes == 4 * MIB
    assert used(tmp_path) < MIB


def test_many_files_of_zeros_end_at_the_sum(tmp_path: Path) -> None:
    one = 16 * MIB
    data = gzip.compress(b"".join(header(f"f{number}", one) + bytes(one) for number in range(4)))
    assert len(data) < 70_000
    with pytest.raises(BuildError) as caught:
        unpack_blob(data, tmp_path, bytes=3 * one)
    assert (caught.value.code, "f3" in caught.value.message) == ("LA0612", True)
    assert used(tmp_path) < MIB


def test_holes_have_a_size(tmp_path: Path) -> None:
    """A header of a KB makes a file of any size, and whoever reads it later reads all of it."""
    data = sparse("a", 1 << 35) + sparse("b", 1 << 35)
    with pytest.raises(BuildError) as caught:
        unpack_blob(data + sparse("c", 1) + bytes(1024), tmp_path)
    assert caught.value.code in ("LA0612", "LA0613")
    for limit in (9, 10):
        small = sparse("a", 5) + sparse("b", 5) + bytes(1024)
        if limit == 10:
            assert unpack_blob(small, tmp_path, holes=limit).bytes == 10
        else:
            with pytest.raises(BuildError, match="holes of sparse files 10 is over the limit of 9") as caught:
                unpack_blob(small, tmp_path, holes=limit)
            assert caught.value.code == "LA0612"


def test_an_exabyte_of_holes_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        unpack_blob(sparse("a", 1 << 59) + bytes(1024), tmp_path)
    assert (caught.value.code, os.listdir(tmp_path / "root")) == ("LA0612", [])


@pytest.mark.parametrize("kind", PACK)
def test_what_data_becomes_has_a_size(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is no entry at all, such as padding at the end, and what no header told of."""
    size = 8 * MIB
    data = PACK[kind](bytes(size))
    monkeypatch.setattr(decompress, "MAX_RATIO", 2)
    for allowed, code in ((size, ""), (size - 1, "LA0612")):
        monkeypatch.setattr(decompress, "MAX_UNRATED", allowed)
        if not code:
            unpack_blob(data, tmp_path)
            continue
        with pytest.raises(BuildError) as caught:
            unpack_blob(data, tmp_path)
        assert caught.value.code == code
    monkeypatch.setattr(decompress, "MAX_RATIO", size // len(data) + 1)
    unpack_blob(data, tmp_path)


def test_memory_does_not_follow_the_size(tmp_path: Path) -> None:
    """A gzip of 200 KB that is 200 MiB of zeros is unpacked in the memory of a few blocks."""
    size = 200 * MIB
    data = gzip.compress(header("zeros", size), mtime=0) + gzip.compress(bytes(MIB), mtime=0) * 200
    tracemalloc.start()
    try:
        unpack_blob(data + gzip.compress(bytes(1024)), tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 32 * MIB
    finally:
        tracemalloc.stop()
    assert (tmp_path / "root/zeros").stat().st_size == size
    assert used(tmp_path) < MIB
