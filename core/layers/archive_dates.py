# SPDX-License-Identifier: Apache-2.0
"""When an archive was made: the newest time in it (FEATURES DF-69)."""

from __future__ import annotations

from ladle.core.api.errors import BuildError

_SECOND = 1_000_000_000
_MAX_ENTRIES = 1_000_000


def newest_entry(path: str) -> int | None:
    """Return the newest time of an archive's entries in seconds, None for an empty one and for what is no archive."""
    from ladle.core.layers.decompress import BlobReader
    from ladle.core.layers.tarread import TarReader

    newest: int | None = None
    try:
        with open(path, "rb") as file, BlobReader(file.fileno()) as blob:
            reader = TarReader(blob.read_block)
            while (entry := reader.next()) is not None and reader.entries <= _MAX_ENTRIES:
                newest = max(newest or 0, entry.mtime_ns // _SECOND)
    except BuildError:
        return None
    return newest
