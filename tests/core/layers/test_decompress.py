# SPDX-License-Identifier: Apache-2.0
"""Blobs as they come: each kind told by its bytes, checked, and refused where it is damaged."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from ladle.core.api.errors import BuildError
from ladle.core.layers.decompress import BLOCK, BlobReader, check_media_type, compression_of

CONTENT = random.Random(5).randbytes(300_000) + b"text " * 500_000
KINDS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "uncompressed": bytes,
}
PACKED = {kind: pack(CONTENT) for kind, pack in KINDS.items()}


@pytest.fixture
def blob(tmp_path: Path) -> Iterator[Callable[..., BlobReader]]:
    opened: list[tuple[BlobReader, int]] = []

    def make(data: bytes, **options: object) -> BlobReader:
        path = tmp_path / "blob"
        path.write_bytes(data)
        fd = os.open(path, os.O_RDONLY)
        reader = BlobReader(fd, **options)  # type: ignore[arg-type]
        opened.append((reader, fd))
        return reader

    yield make
    for reader, fd in opened:
        reader.close()
        os.close(fd)
    assert not [thread for thread in threading.enumerate() if thread.name == "layer-read"]


def everything(reader: BlobReader) -> bytes:
    return b"".join(iter(reader.read_block, b""))


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_by_its_bytes_and_checked(kind: str, blob: Callable[..., BlobReader]) -> None:
    packed = PACKED[kind]
    reader = blob(packed, size=len(packed), digest=sha256(packed), diff_id=sha256(CONTENT))
    assert everything(reader) == CONTENT
    assert reader.finish() == sha256(CONTENT)
    assert reader.compression == kind == compression_of(packed)


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bz2", "xz"])
def test_streams_one_after_another(kind: str, blob: Callable[..., BlobReader]) -> None:
    packed = PACKED[kind] + KINDS[kind](b"more")
    assert everything(blob(packed)) == CONTENT + b"more"


@pytest.mark.parametrize("kind", ["gzip", "bz2", "xz"])
def test_zero_padding_at_the_end_is_fine(kind: str, blob: Callable[..., BlobReader]) -> None:
    assert everything(blob(PACKED[kind] + bytes(BLOCK))) == CONTENT


@pytest.mark.parametrize("kind", ["gzip", "zstd", "bz2", "xz"])
@pytest.mark.parametrize("damage", ["cut", "garbage", "flipped"])
def test_damage_is_an_error(kind: str, damage: str, blob: Callable[..., BlobReader]) -> None:
    packed = PACKED[kind]
    middle = len(packed) // 2
    damaged = {
        "cut": packed[:-20],
        "garbage": packed + b"garbage that is no stream",
        "flipped": packed[:middle] + bytes(64) + packed[middle + 64 :],
    }[damage]
    if kind == "zstd" and damage == "flipped":
        damaged = packed[:4] + b"\xff" * 16 + packed[20:]
    with pytest.raises(BuildError) as caught:
        everything(blob(damaged))
    assert caught.value.code == "LA0621"


def test_promises_are_checked_over_the_whole_stream(blob: Callable[..., BlobReader]) -> None:
    packed = PACKED["gzip"]
    for promise, code in (
        ({"size": len(packed) + 1}, "LA0622"),
        ({"size": len(packed) - 1}, "LA0622"),
        ({"digest": sha256(b"")}, "LA0623"),
        ({"diff_id": sha256(b"")}, "LA0623"),
    ):
        with pytest.raises(BuildError) as caught:
            blob(packed, **promise).finish()
        assert caught.value.code == code


@pytest.mark.parametrize("kind", ["gzip", "zstd", "xz"])
def test_pieces_stay_small_whatever_the_ratio(kind: str, blob: Callable[..., BlobReader]) -> None:
    reader = blob(KINDS[kind](bytes(64 * BLOCK)))
    sizes = [len(piece) for piece in iter(reader.read_block, b"")]
    assert sum(sizes) == 64 * BLOCK
    assert max(sizes) <= 64 * BLOCK if kind == "zstd" else max(sizes) <= BLOCK


def test_a_reader_can_be_closed_in_the_middle(blob: Callable[..., BlobReader]) -> None:
    reader = blob(gzip.compress(bytes(64 * BLOCK)))
    assert reader.read_block()
    reader.close()


def test_progress_counts_compressed_bytes(blob: Callable[..., BlobReader]) -> None:
    seen: list[int] = []
    packed = PACKED["gzip"]
    blob(packed, progress=seen.append).finish()
    assert seen == sorted(seen)
    assert seen[-1] == len(packed)


def test_media_types_of_layers_pass_and_others_do_not() -> None:
    for good in (
        "application/vnd.oci.image.layer.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "",
    ):
        check_media_type(good)
    for bad in ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"):
        with pytest.raises(BuildError) as caught:
            check_media_type(bad)
        assert caught.value.code == "LA0620"
