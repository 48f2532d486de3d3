# SPDX-License-Identifier: Apache-2.0
"""Layers as compressed blobs: digests, determinism, and what other programs make of them."""

from __future__ import annotations

import gzip
import hashlib
import os
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.layers.compress import BLOCK, GZIP, UNCOMPRESSED, ZSTD, LayerDigests, LayerSink

CONTENT = random.Random(7).randbytes(BLOCK) + b"layer " * 400_000


def compressed(
    path: Path, pieces: Iterable[bytes], kind: str, level: int | None = None, threads: int = 0
) -> LayerDigests:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        sink = LayerSink(fd, kind, level, threads=threads)
        for piece in pieces:
            sink.write(piece)
        return sink.close()
    finally:
        os.close(fd)


def cut(size: int) -> list[bytes]:
    return [CONTENT[at : at + size] for at in range(0, len(CONTENT), size)]


@pytest.mark.parametrize(
    ("kind", "level"), [(GZIP, None), (GZIP, 0), (GZIP, 9), (ZSTD, None), (ZSTD, 1), (UNCOMPRESSED, None)]
)
def test_both_digests_are_those_of_the_bytes(kind: str, level: int | None, tmp_path: Path) -> None:
    digests = compressed(tmp_path / "blob", cut(100_000), kind, level)
    blob = (tmp_path / "blob").read_bytes()
    assert digests.digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert digests.diff_id == "sha256:" + hashlib.sha256(CONTENT).hexdigest()
    assert (digests.size, digests.uncompressed_size) == (len(blob), len(CONTENT))


@pytest.mark.parametrize("kind", [GZIP, ZSTD])
def test_bytes_depend_on_neither_write_sizes_nor_threads(kind: str, tmp_path: Path) -> None:
    digests = {
        compressed(tmp_path / "blob", cut(size), kind, threads=threads).digest
        for size in (10_240, 700_001, BLOCK, 3 * BLOCK)
        for threads in (1, 3)
    }
    assert len(digests) == 1


def test_gzip_is_gzip_without_a_time(tmp_path: Path) -> None:
    for level in (None, 1, 9):
        digests = compressed(tmp_path / "blob", cut(BLOCK), GZIP, level)
        blob = (tmp_path / "blob").read_bytes()
        assert gzip.decompress(blob) == CONTENT
        assert blob[4:8] == bytes(4)
        assert digests.media_type == "application/vnd.oci.image.layer.v1.tar+gzip"


def test_zstd_is_zstd(tmp_path: Path) -> None:
    import zstandard

    digests = compressed(tmp_path / "blob", cut(BLOCK), ZSTD)
    with (tmp_path / "blob").open("rb") as file:
        assert zstandard.ZstdDecompressor().stream_reader(file).read() == CONTENT
    assert digests.media_type == "application/vnd.oci.image.layer.v1.tar+zstd"


def test_the_gzip_tool_reads_it(tmp_path: Path) -> None:
    compressed(tmp_path / "blob.gz", cut(BLOCK), GZIP)
    assert subprocess.run(["gzip", "-dc", str(tmp_path / "blob.gz")], capture_output=True, check=True).stdout == CONTENT


def test_higher_gzip_levels_are_smaller(tmp_path: Path) -> None:
    sizes = [compressed(tmp_path / "blob", cut(BLOCK), GZIP, level).size for level in (0, 1, 4, 9)]
    assert sizes == sorted(sizes, reverse=True)


def test_nothing_is_a_valid_stream(tmp_path: Path) -> None:
    compressed(tmp_path / "blob", [], GZIP)
    assert gzip.decompress((tmp_path / "blob").read_bytes()) == b""


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        compressed(tmp_path / "blob", [], "lzma")
    assert caught.value.code == "LA0620"


def test_an_error_of_the_disk_reaches_the_writer(tmp_path: Path) -> None:
    read_only = os.open(tmp_path, os.O_RDONLY)
    try:
        sink = LayerSink(read_only, ZSTD)
        for piece in cut(BLOCK)[:1]:
            sink.write(piece)
        with pytest.raises(OSError, match="Bad file descriptor"):
            sink.close()
        sink.abandon()
    finally:
        os.close(read_only)
