# SPDX-License-Identifier: Apache-2.0
"""A layer's blob with another compression: the same tar, byte for byte."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.layers.compress import LayerSink
from ladle.core.layers.decompress import BlobReader


def recompress(
    source: str, original: Mapping[str, Any], compression: str, level: int | None, out: str, stop: threading.Event
) -> dict[str, Any]:
    """Write the blob at `source`, described by `original`, to `out` with a compression; return its description."""
    read_fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    write_fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with BlobReader(read_fd, size=original["size"], digest=original["digest"], diff_id=original["diff_id"]) as blob:
            sink = LayerSink(write_fd, compression, level)
            try:
                while block := blob.read_block():
                    if stop.is_set():
                        raise BuildError("the compression of a layer was cancelled", code="LA0217")
                    sink.write(block)
                blob.finish()
            except BaseException:
                sink.abandon()
                raise
            digests = sink.close()
    finally:
        os.close(read_fd)
        os.close(write_fd)
    return {
        "digest": digests.digest,
        "size": digests.size,
        "media_type": digests.media_type,
        "diff_id": digests.diff_id,
    }
