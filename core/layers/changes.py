# SPDX-License-Identifier: Apache-2.0
"""Turning changes of a tree into entries of a layer: parents first, hard links by inode, whiteouts.

The rules are those of BuildKit's layers: each entry follows entries of all its parent directories; the first
path of a hard-linked file carries the content; of the extended attributes only file capabilities are kept.
"""

from __future__ import annotations

import os
import stat
from enum import Enum
from typing import Protocol

from ladle.core.layers.errors import reserved_name
from ladle.core.layers.tarwriter import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARDLINK,
    SYMLINK,
    TarWriter,
)

CAPABILITY = "security.capability"
WHITEOUT_PREFIX = b".wh."
_XATTR_RECORD = b"SCHILY.xattr."
_KINDS = {
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARACTER,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}
_SECOND = 1_000_000_000
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Detail(Enum):
    """How much of a file's metadata the entries carry."""

    LAYER = "layer"
    """What image layers carry: whole seconds, file capabilities."""
    USER = "user"
    """The same and `user.*` attributes, for archives that people unpack."""
    EXACT = "exact"
    """The same and times with nanoseconds, for moving changes from snapshot to snapshot."""


class Dir:
    """A directory on the way to an entry; `written` once it has an entry of its own."""

    __slots__ = ("parent", "path", "prefix", "records", "status", "written")

    def __init__(
        self, parent: Dir | None, path: bytes, status: os.stat_result, records: dict[bytes, bytes] | None
    ) -> None:
        self.parent = parent
        self.path = path
        self.prefix = path + b"/" if path else b""
        self.status = status
        self.records = records
        self.written = parent is None


def _keep(name: str, detail: Detail) -> bool:
    if name == CAPABILITY:
        return True
    if detail is Detail.LAYER or name.startswith("user.overlay."):
        return False
    return name.startswith("user.")


def attribute_records(file: int | bytes, detail: Detail, names: list[str] | None = None) -> dict[bytes, bytes] | None:
    """The PAX records for the extended attributes of a file, given as descriptor or path; None if there are none."""
    follow = isinstance(file, int)
    if names is None:
        try:
            names = os.listxattr(file, follow_symlinks=follow)
        except OSError:
            return None
    records: dict[bytes, bytes] = {}
    for name in names:
        if not _keep(name, detail):
            continue
        value = os.getxattr(file, name, follow_symlinks=follow)
        if value or name != CAPABILITY:
            records[_XATTR_RECORD + os.fsencode(name)] = value
    return records or None


class Changes(Protocol):
    """What a differ reports to, parents first."""

    detail: Detail

    def directory(self, folder: Dir) -> None:
        """Take a directory, which is then `written`, as its parents are."""

    def delete(self, folder: Dir, name: bytes) -> None:
        """Take a removal."""

    def unmodified(self, folder: Dir, name: bytes, status: os.stat_result) -> None:
        """Take an unchanged file with several links, met where both sides are walked."""

    def entry(self, folder: Dir, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        """Take anything but a directory: `name` in the open directory `dir_fd`."""


class ChangeWriter:
    """Writes the changes of one tree, which must come parents first, to a tar writer."""

    def __init__(self, tar: TarWriter, *, epoch: int | None = None, detail: Detail = Detail.LAYER) -> None:
        self._tar = tar
        self._epoch = epoch
        self.detail = detail
        self._sources: dict[int, bytes] = {}
        self._unmodified: dict[int, list[tuple[Dir, bytes]]] = {}

    def directory(self, folder: Dir) -> None:
        """Write a directory's own entry, once, after its parents'."""
        waiting: list[Dir] = []
        step: Dir | None = folder
        while step is not None and not step.written:
            waiting.append(step)
            step = step.parent
        for item in reversed(waiting):
            item.written = True
            if item.path.rpartition(b"/")[2].startswith(WHITEOUT_PREFIX):
                self._reserved(item.path)
            status = item.status
            self._tar.add(
                item.prefix,
                DIRECTORY,
                status.st_mode & 0o7777,
                status.st_uid,
                status.st_gid,
                self._mtime(status),
                pax=self._exact(status, item.records),
            )

    def delete(self, folder: Dir, name: bytes) -> None:
        """Write a whiteout for `name` in `folder`."""
        self.directory(folder)
        self._tar.whiteout(folder.prefix + WHITEOUT_PREFIX + name)

    def unmodified(self, folder: Dir, name: bytes, status: os.stat_result) -> None:
        """Remember an unchanged file with several links: if another link of it is written, this one must be too."""
        path = folder.prefix + name
        source = self._sources.get(status.st_ino)
        if source is None:
            self._unmodified.setdefault(status.st_ino, []).append((folder, path))
        else:
            self._link(folder, path, source, status, None)

    def entry(self, folder: Dir, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        """Write anything but a directory: `name` in the open directory `dir_fd`. Sockets are left out."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFSOCK:
            return
        path = folder.prefix + name
        if name.startswith(WHITEOUT_PREFIX):
            self._reserved(path)
        if not folder.written:
            self.directory(folder)
        linked = status.st_nlink > 1
        if kind == stat.S_IFREG and not linked:
            self._file(path, name, status, dir_fd)
            return
        reach = b"/proc/self/fd/%d/%b" % (dir_fd, name)
        if not linked:
            self._other(path, name, kind, status, dir_fd, attribute_records(reach, self.detail))
            return
        source = self._sources.get(status.st_ino)
        records = attribute_records(reach, self.detail)
        if source is not None:
            self._link(folder, path, source, status, records)
            return
        self._sources[status.st_ino] = path
        if kind == stat.S_IFREG:
            self._file(path, name, status, dir_fd)
        else:
            self._other(path, name, kind, status, dir_fd, records)
        for other, other_path in self._unmodified.pop(status.st_ino, ()):
            self._link(other, other_path, path, status, records)

    def _reserved(self, path: bytes) -> None:
        """Refuse a name that would remove another one; BuildKit writes it, and who unpacks the layer loses a file."""
        if self.detail is not Detail.USER:
            raise reserved_name(path)

    def _file(self, path: bytes, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        fd = os.open(name, _FILE_FLAGS, dir_fd=dir_fd)
        try:
            names = os.listxattr(fd)
            records = attribute_records(fd, self.detail, names) if names else None
            if self.detail is Detail.EXACT:
                records = self._exact(status, records)
            self._tar.add_file(path, status, self._mtime(status), fd, records)
        finally:
            os.close(fd)

    def _other(
        self,
        path: bytes,
        name: bytes,
        kind: int,
        status: os.stat_result,
        dir_fd: int,
        records: dict[bytes, bytes] | None,
    ) -> None:
        device = kind in (stat.S_IFCHR, stat.S_IFBLK)
        self._tar.add(
            path,
            _KINDS[kind],
            status.st_mode & 0o7777,
            status.st_uid,
            status.st_gid,
            self._mtime(status),
            link=os.readlink(name, dir_fd=dir_fd) if kind == stat.S_IFLNK else b"",
            rdev=status.st_rdev if device else 0,
            pax=self._exact(status, records),
        )

    def _link(
        self, folder: Dir, path: bytes, source: bytes, status: os.stat_result, records: dict[bytes, bytes] | None
    ) -> None:
        self.directory(folder)
        self._tar.add(
            path,
            HARDLINK,
            status.st_mode & 0o7777,
            status.st_uid,
            status.st_gid,
            self._mtime(status),
            link=source,
            pax=self._exact(status, records),
        )

    def _mtime(self, status: os.stat_result) -> int:
        seconds = status.st_mtime_ns // _SECOND
        if self._epoch is not None and seconds > self._epoch:
            return self._epoch
        return seconds

    def _exact(self, status: os.stat_result, records: dict[bytes, bytes] | None) -> dict[bytes, bytes] | None:
        """With every detail wanted, add the time with nanoseconds."""
        if self.detail is not Detail.EXACT or not status.st_mtime_ns % _SECOND:
            return records
        stamp = b"%d.%09d" % divmod(status.st_mtime_ns, _SECOND)
        return {**(records or {}), b"mtime": stamp}
