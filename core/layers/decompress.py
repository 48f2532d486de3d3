# SPDX-License-Identifier: Apache-2.0
"""Reading a layer blob or archive: hashed, decompressed and hashed again on a thread of its own.

Hashing and inflating release the GIL, so they run beside the unpacking. Output comes in bounded pieces whatever
the ratio; sizes and digests are checked over the whole stream, with what follows the archive's end.
"""

from __future__ import annotations

import hashlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol

from ladle.core.api.errors import BuildError
from ladle.core.layers import errors

BLOCK = 1 << 20
_ZSTD_INPUT = 1 << 13
ZSTD_WINDOW = 1 << 27
"""Bytes that zstd may look back."""
XZ_MEMORY = 256 << 20
"""Bytes of memory that xz may ask for."""
MAX_TRAILING = 1 << 30
"""Bytes after the archive's end that are still read for the digest; honest ones are padding."""
MAX_UNRATED = 1 << 34
"""Bytes that data may become however small it was compressed."""
MAX_RATIO = 1000
"""How many times its size data may become beyond that; only long runs of one byte come near."""
_QUEUE = 4
_WAIT = 0.05
_MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
)
_ZSTD_SKIPPABLE = tuple(bytes([low]) + b"\x2a\x4d\x18" for low in range(0x50, 0x60))
_LAYER_MARKS = ("image.layer", "image.rootfs", "x-tar", "application/tar", "octet-stream")


def compression_of(head: bytes) -> str:
    """Tell by the first bytes how data is compressed: gzip, zstd, bz2, xz, or uncompressed."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    return "zstd" if head.startswith(_ZSTD_SKIPPABLE) else "uncompressed"


def check_media_type(media_type: str) -> None:
    """Refuse a media type that is not a layer's. What the bytes are is then told by the bytes."""
    if media_type and (media_type.endswith("+encrypted") or not any(mark in media_type for mark in _LAYER_MARKS)):
        raise errors.unknown_compression(media_type)


class _Decoder(Protocol):
    """The shape that bz2, lzma and isal share."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /, max_length: int = -1) -> bytes: ...


def _new_decoder(kind: str) -> _Decoder:
    decoder: _Decoder
    if kind == "gzip":
        from isal import igzip_lib

        decoder = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    elif kind == "bz2":
        import bz2

        decoder = bz2.BZ2Decompressor()
    else:
        import lzma

        decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    return decoder


def _decoded(kind: str, source: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress one or more concatenated streams; zero padding may follow, anything else is an error."""
    decoder = _new_decoder(kind)
    fresh = True
    for data in source:
        piece = data
        while True:
            if fresh:
                piece = piece.lstrip(b"\0") if decoder.eof else piece
                if not piece:
                    break
                if decoder.eof:
                    decoder = _new_decoder(kind)
                fresh = False
            output = decoder.decompress(piece, BLOCK)
            if output:
                yield output
            piece = b""
            if decoder.eof:
                piece = decoder.unused_data
                fresh = True
            elif decoder.needs_input:
                break
    if not decoder.eof:
        raise errors.bad_stream(kind, "it ends too early")


def _decoded_zstd(source: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard

    context = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    decoder: Any = context.decompressobj()
    complete = False
    for data in source:
        view = memoryview(data)
        for at in range(0, len(view), _ZSTD_INPUT):
            piece = bytes(view[at : at + _ZSTD_INPUT])
            while piece:
                if complete:
                    decoder = context.decompressobj()
                output = decoder.decompress(piece)
                complete = decoder.eof
                piece = decoder.unused_data if complete else b""
                if output:
                    yield output
    if not complete:
        raise errors.bad_stream("zstd", "it ends too early")


class BlobReader:
    """The uncompressed bytes of an open file, by `read_block`, from a thread that stays a few MiB ahead.

    `size` and `digest` are what the descriptor promises of the file, `diff_id` of the uncompressed bytes; each is
    checked by `finish` if it was given. `progress` is called in the reader's own thread with the bytes consumed.
    """

    def __init__(
        self,
        fd: int,
        *,
        size: int | None = None,
        digest: str | None = None,
        diff_id: str | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self._fd = fd
        self._size = size
        self._digest = digest
        self._expected_diff_id = diff_id
        self._progress = progress
        self._raw_hash = hashlib.sha256()
        self._hash = hashlib.sha256()
        self._consumed = 0
        self._queue: queue.Queue[bytes] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._running = True
        self._ended = False
        self.compression = ""
        self.uncompressed_size = 0
        self._thread = threading.Thread(target=self._pump, name="layer-read", daemon=True)
        self._thread.start()

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read_block(self) -> bytes:
        """The next piece, b"" at the end; raises what went wrong in the stream."""
        if self._ended:
            return b""
        block = self._queue.get()
        if not block:
            self._ended = True
            if self._error is not None:
                raise self._error
        elif self._progress is not None:
            self._progress(self._consumed)
        return block

    def finish(self) -> str:
        """Read to the end, check everything promised, and return the diff id."""
        trailing = 0
        while block := self.read_block():
            trailing += len(block)
            if trailing > MAX_TRAILING:
                raise errors.over_limit("number of bytes after the end", trailing, MAX_TRAILING)
        if self._size is not None and self._consumed != self._size:
            raise errors.wrong_size(self._size, self._consumed)
        found = "sha256:" + self._raw_hash.hexdigest()
        if self._digest and found != self._digest:
            raise errors.wrong_digest("the blob's digest", self._digest, found)
        diff_id = "sha256:" + self._hash.hexdigest()
        if self._expected_diff_id and diff_id != self._expected_diff_id:
            raise errors.wrong_digest("the layer's diff id", self._expected_diff_id, diff_id)
        return diff_id

    def close(self) -> None:
        """Stop the thread; the file stays open."""
        self._running = False
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=_WAIT)
            except queue.Empty:
                continue
        self._thread.join()

    def _raw(self) -> Iterator[bytes]:
        while self._running:
            data = os.read(self._fd, BLOCK)
            if not data:
                return
            self._consumed += len(data)
            if self._size is not None and self._consumed > self._size:
                raise errors.wrong_size(self._size, self._consumed)
            self._raw_hash.update(data)
            yield data

    def _blocks(self) -> Iterator[bytes]:
        raw = self._raw()
        first = next(raw, b"")
        self.compression = compression_of(first)

        def source() -> Iterator[bytes]:
            if first:
                yield first
            yield from raw

        if self.compression == "uncompressed":
            return source()
        return _decoded_zstd(source()) if self.compression == "zstd" else _decoded(self.compression, source())

    def _pump(self) -> None:
        try:
            for block in self._blocks():
                self._hash.update(block)
                self.uncompressed_size += len(block)
                limit = max(MAX_UNRATED, MAX_RATIO * self._consumed)
                if self.uncompressed_size > limit:
                    raise errors.over_limit("unpacked size of compressed data", self.uncompressed_size, limit)
                if not self._put(block):
                    return
        except BuildError as error:
            self._error = error
        except Exception as error:
            # each library has errors of its own for damaged data: isal's, LZMAError, ZstdError, OSError without errno
            from_disk = isinstance(error, OSError) and error.errno is not None
            self._error = error if from_disk else errors.bad_stream(self.compression, str(error))
        self._put(b"")

    def _put(self, block: bytes) -> bool:
        while self._running:
            try:
                self._queue.put(block, timeout=_WAIT)
                return True
            except queue.Full:
                continue
        return False
