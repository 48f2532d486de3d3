# SPDX-License-Identifier: Apache-2.0
"""Trees that files are copied from: a view of snapshots on disk, or a local directory as it was scanned.

Paths are relative bytes. Whatever links a tree holds, nothing outside its root is ever opened: paths are resolved
here, against the tree, and opened component by component without following.
"""

from __future__ import annotations

import os
import stat
from typing import Protocol

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.content.disk import DiskTree
from ladle.core.content.entry import (
    CHANGED,
    MODE,
    MTIME,
    SIZE,
    TARGET,
    XATTRS,
    Entry,
    Xattrs,
    matches,
    read_xattrs,
    unreadable,
)
from ladle.core.content.follow import resolve
from ladle.core.content.table import Table

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Item:
    """One entry to copy: its name and metadata. `link_key` is the same for hard links to one file, else None."""

    __slots__ = ("entry", "gid", "link_key", "mode", "mtime_ns", "name", "rdev", "size", "uid")

    def __init__(self, name: bytes, status: os.stat_result | None, entry: Entry | None = None) -> None:
        self.name = name
        self.entry = entry
        self.uid = self.gid = self.rdev = 0
        self.link_key: tuple[int, int] | None = None
        if entry is not None:
            self.mode, self.size, self.mtime_ns = entry[MODE], entry[SIZE], entry[MTIME]
            if stat.S_ISCHR(self.mode) or stat.S_ISBLK(self.mode):
                major, _, minor = entry[TARGET].partition(b",")
                self.rdev = os.makedev(int(major), int(minor))
        elif status is not None:
            self.mode, self.size, self.mtime_ns = status.st_mode, status.st_size, status.st_mtime_ns
            self.uid, self.gid, self.rdev = status.st_uid, status.st_gid, status.st_rdev
            if status.st_nlink > 1 and stat.S_ISREG(status.st_mode):
                self.link_key = (status.st_dev, status.st_ino)


class Source(Protocol):
    """A tree to copy from; also a `ladle.core.content.digest.Tree` as far as `expand` and `below` need it."""

    def mode(self, path: bytes) -> int:
        """The st_mode at a path without links, 0 if there is nothing."""
        ...

    def link(self, path: bytes) -> bytes | None:
        """The target of the link at a path; None if there is none."""
        ...

    def names(self, path: bytes) -> list[bytes]:
        """The sorted names in a directory."""
        ...

    def own_digest(self, path: bytes) -> bytes:
        """The digest of an entry by itself."""
        ...

    def tree_digest(self, path: bytes) -> bytes:
        """The digest of a directory with all that is in it."""
        ...

    def resolve(self, path: bytes, *, follow_last: bool = True) -> bytes:
        """The path without links that a path leads to inside the tree."""
        ...

    def open_dir(self, path: bytes) -> int:
        """Open a directory."""
        ...

    def open_file(self, path: bytes) -> int:
        """Open a regular file."""
        ...

    def item(self, dir_fd: int, path: bytes) -> Item:
        """The entry at `path`, given the descriptor of its directory."""
        ...

    def check(self, fd: int, item: Item, path: bytes) -> None:
        """Raise `BuildError` if the open file is no longer what the item tells of."""
        ...

    def xattrs(self, item: Item, file: int | bytes) -> Xattrs:
        """The extended attributes to copy; `file` is the open file, or its path for what cannot be opened."""
        ...


def open_beneath(root_fd: int, path: bytes) -> int:
    """Open a directory by a path without links, component by component; links raise `NotADirectoryError` or `ELOOP`."""
    fd = os.open(b".", _DIR, dir_fd=root_fd)
    for part in path.split(b"/") if path else ():
        try:
            deeper = os.open(part, _DIR, dir_fd=fd)
        finally:
            os.close(fd)
        fd = deeper
    return fd


def shown(path: bytes) -> str:
    """How a path inside a tree is written in messages."""
    return "/" + os.fsdecode(path)


class _Rooted:
    """What both kinds of source share: a descriptor of the root."""

    def __init__(self, root: str) -> None:
        self._root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the tree."""
        if self._root_fd >= 0:
            os.close(self._root_fd)
            self._root_fd = -1

    def open_dir(self, path: bytes) -> int:
        """Open a directory."""
        try:
            return open_beneath(self._root_fd, path)
        except OSError as error:
            raise unreadable(shown(path), error) from error

    def open_file(self, path: bytes) -> int:
        """Open a regular file."""
        parent, _, name = path.rpartition(b"/")
        dir_fd = self.open_dir(parent)
        try:
            fd = os.open(name, _FILE, dir_fd=dir_fd)
        except OSError as error:
            raise unreadable(shown(path), error) from error
        finally:
            os.close(dir_fd)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise BuildError(f"{shown(path)} is not a regular file", code=CHANGED)
        return fd


class DiskSource(_Rooted, DiskTree):
    """A directory on disk that nobody changes: a read-only view of snapshots, or a staging."""

    def __init__(self, root: str) -> None:
        _Rooted.__init__(self, root)
        DiskTree.__init__(self, root)

    def resolve(self, path: bytes, *, follow_last: bool = True) -> bytes:
        """The path without links that a path leads to inside the tree."""
        return resolve(self.link, path, follow_last=follow_last)

    def item(self, dir_fd: int, path: bytes) -> Item:
        """The entry at `path`, given the descriptor of its directory."""
        name = path.rpartition(b"/")[2]
        try:
            return Item(name, os.stat(name or b".", dir_fd=dir_fd, follow_symlinks=False))
        except OSError as error:
            raise unreadable(shown(path), error) from error

    def check(self, fd: int, item: Item, path: bytes) -> None:
        """Accept any file: nobody changes the tree."""

    def xattrs(self, item: Item, file: int | bytes) -> Xattrs:  # noqa: ARG002
        """The extended attributes to copy."""
        return read_xattrs(file)


class LocalSource(_Rooted, Table):
    """A local directory as it was scanned: what the scan left out is not there; owners are 0:0."""

    def __init__(self, root: str, table: Table) -> None:
        _Rooted.__init__(self, root)
        Table.__init__(self, table.entries, dict(table.trees))

    def resolve(self, path: bytes, *, follow_last: bool = True) -> bytes:
        """The path without links that a path leads to inside the tree."""
        return resolve(self.link, path, follow_last=follow_last)

    def item(self, dir_fd: int, path: bytes) -> Item:
        """The entry at `path`, given the descriptor of its directory."""
        if not path:
            root = Item(b"", os.fstat(dir_fd))
            root.uid = root.gid = 0
            return root
        entry = self.entries.get(path)
        if entry is None:
            raise InternalError(f"not in the table of the scan: {shown(path)}")
        return Item(path.rpartition(b"/")[2], None, entry)

    def check(self, fd: int, item: Item, path: bytes) -> None:
        """Raise `BuildError` if the open file is no longer what was scanned."""
        if item.entry is not None and not matches(item.entry, os.fstat(fd)):
            raise _changed(path)

    def xattrs(self, item: Item, file: int | bytes) -> Xattrs:  # noqa: ARG002
        """The extended attributes to copy."""
        return () if item.entry is None else item.entry[XATTRS]


def _changed(path: bytes) -> BuildError:
    return BuildError(f"{shown(path)} changed during the build", code=CHANGED, help="build again")
