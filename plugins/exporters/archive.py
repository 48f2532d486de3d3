# SPDX-License-Identifier: Apache-2.0
"""A tar of a few blobs, the same bytes every time: fixed owner, mode and time, members in the order of their names."""

from __future__ import annotations

import os
import tarfile
import threading

from ladle.core.api.errors import BuildError

_CHUNK = 8 << 20
_BLOCK = 512


class ArchiveWriter:
    """Writes members to a descriptor one after the other; blob data goes by `sendfile`."""

    def __init__(self, fd: int, stop: threading.Event | None = None) -> None:
        self._fd = fd
        self._stop = stop

    def add_directory(self, name: str) -> None:
        """Add a directory."""
        self._header(name, tarfile.DIRTYPE, 0o755, 0)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Add a file from memory."""
        self._header(name, tarfile.REGTYPE, 0o644, len(data))
        self._write(data)
        self._pad(len(data))

    def add_file(self, name: str, path: str, size: int) -> None:
        """Add a file from disk, which must have the stated size."""
        self._header(name, tarfile.REGTYPE, 0o444, size)
        with open(path, "rb") as source:
            if os.fstat(source.fileno()).st_size != size:
                raise BuildError(f"blob {os.path.basename(path)} in the store is damaged", code="LA0226")
            copy_data(source.fileno(), self._fd, size, self._stop)
        self._pad(size)

    def close(self) -> None:
        """Write the end of the archive."""
        self._write(bytes(2 * _BLOCK))

    def _header(self, name: str, kind: bytes, mode: int, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size = kind, mode, size
        self._write(info.tobuf(tarfile.PAX_FORMAT))

    def _pad(self, size: int) -> None:
        self._write(bytes(-size % _BLOCK))

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]


def copy_data(source: int, target: int, size: int, stop: threading.Event | None = None) -> None:
    """Copy bytes between descriptors within the kernel."""
    left = size
    while left:
        if stop is not None and stop.is_set():
            raise BuildError("the export was cancelled", code="LA0226")
        done = os.sendfile(target, source, None, min(left, _CHUNK))
        if not done:
            raise BuildError("a blob became shorter while it was copied", code="LA0226")
        left -= done
