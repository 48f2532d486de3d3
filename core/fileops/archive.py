# SPDX-License-Identifier: Apache-2.0
"""ADD's unpacking: a local file that is a tar archive, compressed or not, is unpacked into the destination."""

from __future__ import annotations

import os
import stat

from ladle.core.fileops.dest import Dest, Owner
from ladle.core.fileops.source import Source
from ladle.core.layers.apply import apply_archive, is_archive
from ladle.core.layers.decompress import BlobReader
from ladle.core.layers.tarread import Entry, TarReader


class _OwnedReader(TarReader):
    """Gives every entry the same owner."""

    owner: Owner | None = None

    def next(self) -> Entry | None:
        """The next entry, None at the end of the archive."""
        entry = super().next()
        if entry is not None and self.owner is not None:
            entry.uid, entry.gid = self.owner
        return entry


def unpack_if_archive(
    source: Source, path: bytes, dest: Dest, dest_path: str, owner: Owner | None, utime: int | None
) -> bool:
    """Unpack the file at `path` into the directory `dest_path`; False, with nothing done, if it is no archive."""
    place = source.resolve(path)
    if not stat.S_ISREG(source.mode(place)):
        return False
    fd = source.open_file(place)
    try:
        if not is_archive(fd):
            return False
        parent = source.open_dir(place.rpartition(b"/")[0])
        try:
            item = source.item(parent, place)
        finally:
            os.close(parent)
        source.check(fd, item, place)
        _unpack(fd, dest, dest_path, owner, utime)
        source.check(fd, item, place)
        return True
    finally:
        os.close(fd)


def _unpack(fd: int, dest: Dest, dest_path: str, owner: Owner | None, utime: int | None) -> None:
    target = dest.resolve(dest_path)
    dest.make_dirs(target, 0o755, owner, utime)
    target_fd = dest.open_dir(target)
    try:
        with BlobReader(fd) as blob:
            reader = _OwnedReader(blob.read_block)
            reader.owner = owner
            root = f"/proc/self/fd/{target_fd}"
            applied = apply_archive(reader, root, layer=False, rootless=dest.rootless, single_uid=dest.single_uid)
            blob.finish()
        for warning in applied.warnings:
            dest.warn(warning)
    finally:
        os.close(target_fd)
