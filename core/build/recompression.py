# SPDX-License-Identifier: Apache-2.0
"""A layer's blob with another compression: the same tar, byte for byte."""

from __future__ import annotations

import gzip
import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import IO, Any

from ladle.core.api.errors import BuildError
from ladle.core.oci.errors import digest_mismatch
from ladle.core.oci.media import layer_compression, layer_media_type

_CHUNK = 1 << 20


def recompress(
    source: str, original: Mapping[str, Any], compression: str, level: int | None, out: str, stop: threading.Event
) -> dict[str, Any]:
    """Write the blob at `source`, described by `original`, to `out` with a compression; return its description."""
    tar_digest = sha256()
    with open(source, "rb") as packed, open(out, "wb") as file:
        counted = _Hashed(file)
        with (
            _reader(packed, layer_compression(original["media_type"])) as tar,
            _writer(counted, compression, level) as target,
        ):
            while part := tar.read(_CHUNK):
                if stop.is_set():
                    raise BuildError("the compression of a layer was cancelled", code="LA0217")
                tar_digest.update(part)
                target.write(part)
    diff_id = f"sha256:{tar_digest.hexdigest()}"
    if diff_id != original["diff_id"]:
        raise digest_mismatch(f"layer {original['digest']}, unpacked", diff_id, original["diff_id"])
    return {
        "digest": f"sha256:{counted.digest.hexdigest()}",
        "size": counted.size,
        "media_type": layer_media_type(compression),
        "diff_id": diff_id,
    }


class _Hashed(io.RawIOBase):
    """A file that hashes and counts what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = sha256()
        self.size = 0
        self._file = file

    def writable(self) -> bool:
        """Say yes: compressors ask."""
        return True

    def write(self, data: Any) -> int:
        """Write bytes."""
        self.digest.update(data)
        self.size += len(data)
        return self._file.write(data)


@contextmanager
def _reader(packed: IO[bytes], compression: str) -> Iterator[IO[bytes]]:
    if compression == "gzip":
        with gzip.GzipFile(fileobj=packed, mode="rb") as tar:
            yield tar  # type: ignore[misc]
    elif compression == "zstd":
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True, closefd=False) as tar:
            yield tar
    else:
        yield packed


@contextmanager
def _writer(file: _Hashed, compression: str, level: int | None) -> Iterator[Any]:
    if compression == "gzip":
        with gzip.GzipFile("", "wb", 6 if level is None else level, file, mtime=0) as target:
            yield target
    elif compression == "zstd":
        import zstandard

        with zstandard.ZstdCompressor(level=3 if level is None else level).stream_writer(file, closefd=False) as target:
            yield target
    else:
        yield file
