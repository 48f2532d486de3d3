# SPDX-License-Identifier: Apache-2.0
"""Compressing a layer while it is written: one pass, two digests.

The compressed bytes depend on the content, the kind and the level alone: input is cut anew into blocks of one
MiB (igzip's threaded writer and zstd's workers would otherwise let the sizes of writes show), and the number of
threads makes no difference.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import Any, Protocol

from ladle.core.layers.errors import unknown_compression
from ladle.llb.values import dataclass

BLOCK = 1 << 20
GZIP, ZSTD, UNCOMPRESSED = "gzip", "zstd", "uncompressed"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
OCI_MEDIA_TYPES = {UNCOMPRESSED: _OCI_LAYER, GZIP: _OCI_LAYER + "+gzip", ZSTD: _OCI_LAYER + "+zstd"}
DOCKER_MEDIA_TYPES = {UNCOMPRESSED: _DOCKER_LAYER, GZIP: _DOCKER_LAYER + ".gzip", ZSTD: _DOCKER_LAYER + ".zstd"}
_ZSTD_LEVEL = 3
_MAX_THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerDigests:
    """What is known of a written layer. Digests are `sha256:HEX`."""

    diff_id: str
    digest: str
    size: int
    uncompressed_size: int
    media_type: str


class _Output:
    """The file at the end: counts, hashes, writes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.hash: hashlib._Hash | None = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        if self.hash is not None:
            self.hash.update(data)
        self.size += len(data)
        write_all(self._fd, data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


class _Stage(Protocol):
    def write(self, data: bytes, /) -> Any: ...

    def close(self) -> Any: ...


class _Plain:
    def __init__(self, output: _Output) -> None:
        self._output = output
        self._output.hash = None  # the digest is the diff id

    def write(self, data: bytes) -> None:
        self._output.write(data)

    def close(self) -> None:
        """Nothing is held back."""


class _Objects:
    """A `compressobj` of zlib's or zstandard's kind."""

    def __init__(self, compressor: Any, output: _Output) -> None:
        self._compressor = compressor
        self._output = output

    def write(self, data: bytes) -> None:
        piece = self._compressor.compress(data)
        if piece:
            self._output.write(piece)

    def close(self) -> None:
        self._output.write(self._compressor.flush())


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write everything, however often the kernel takes only a part."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(view):
            written += os.write(fd, view[written:])


def _threads() -> int:
    return min(len(os.sched_getaffinity(0)), _MAX_THREADS)


def _gzip_stage(output: _Output, level: int | None, threads: int) -> _Stage:
    """ISA-L up to level 6 (its four levels), zlib's slow and small ones above."""
    if level is not None and level > 6:
        return _Objects(zlib.compressobj(min(level, 9), zlib.DEFLATED, 31), output)
    from isal import igzip_threaded

    isal_level = 3 if level is None or level > 3 else (0, 1, 2, 2)[max(level, 0)]
    stage: _Stage = igzip_threaded.open(  # type: ignore[no-untyped-call]
        output, "wb", compresslevel=isal_level, threads=max(threads, 1), block_size=BLOCK
    )
    return stage


def _zstd_stage(output: _Output, level: int | None, threads: int) -> _Stage:
    import zstandard

    chosen = _ZSTD_LEVEL if level is None else max(1, min(level, 22))
    compressor = zstandard.ZstdCompressor(
        level=chosen, threads=max(threads, 1), write_checksum=True, write_content_size=False
    )
    return _Objects(compressor.compressobj(), output)


class LayerSink:
    """Takes an uncompressed tar by `write`, puts the compressed blob into `fd`; `close` tells the digests.

    `level` follows gzip's (0 to 9) or zstd's (1 to 22) own scale; None is the default of the kind.
    """

    def __init__(self, fd: int, compression: str = GZIP, level: int | None = None, *, threads: int = 0) -> None:
        self._output = _Output(fd)
        self._hash = hashlib.sha256()
        self._size = 0
        self._rest = b""
        self._compression = compression
        count = threads or _threads()
        if compression == GZIP:
            self._stage = _gzip_stage(self._output, level, count)
        elif compression == ZSTD:
            self._stage = _zstd_stage(self._output, level, count)
        elif compression == UNCOMPRESSED:
            self._stage = _Plain(self._output)
        else:
            raise unknown_compression(compression)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the tar."""
        self._hash.update(data)
        self._size += len(data)
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % BLOCK
        if whole == BLOCK == len(data):
            self._stage.write(data)
        else:
            for at in range(0, whole, BLOCK):
                self._stage.write(data[at : at + BLOCK])
        self._rest = data[whole:]

    def close(self) -> LayerDigests:
        """Finish the blob and return what it is."""
        if self._rest:
            self._stage.write(self._rest)
            self._rest = b""
        self._stage.close()
        return LayerDigests(
            diff_id="sha256:" + self._hash.hexdigest(),
            digest="sha256:" + (self._output.hash or self._hash).hexdigest(),
            size=self._output.size,
            uncompressed_size=self._size,
            media_type=OCI_MEDIA_TYPES[self._compression],
        )

    def abandon(self) -> None:
        """Stop the threads after an error elsewhere; what was written is of no use."""
        try:
            self._stage.close()
        except Exception:
            # the first error is the one to show
            return
