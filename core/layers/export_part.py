# SPDX-License-Identifier: Apache-2.0
"""Writing one selection of one tree below a directory: what the walk over it reports to."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from ladle.core.layers import errors
from ladle.core.layers.chain import DirChain
from ladle.core.layers.entries import EntryWriter, blocked, open_beneath

_PACE = 63
_WRITTEN = (stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO)

Folder = list[Any]
"""A directory of the destination: [mode, mtime_ns or None, owner or None, whether anything directly in it changed]."""
Wanted = tuple[bytes, bytes, os.stat_result]


class Tally:
    """What one process has written; plain values, so that processes can hand theirs over."""

    __slots__ = ("deferred", "files", "folders", "found", "linked", "skipped", "unchanged")

    def __init__(self) -> None:
        self.files = self.unchanged = self.skipped = self.found = 0
        self.folders: dict[bytes, Folder] = {}
        self.linked: set[bytes] = set()
        self.deferred: list[bytes] = []

    def state(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {name: getattr(self, name) for name in self.__slots__}

    def add(self, state: dict[str, Any]) -> None:
        """Take over what another process has written; both have found the same directories, but not the same files."""
        for name in ("files", "unchanged", "skipped", "found"):
            setattr(self, name, getattr(self, name) + state[name])
        for path, folder in state["folders"].items():
            folder[3] |= self.folders.get(path, folder)[3]
            self.folders[path] = folder
        self.linked |= state["linked"]
        self.deferred += state["deferred"]

    def touched(self, path: bytes) -> None:
        """Note that something directly in a directory changed; the root's own time is not ours to set."""
        if path in self.folders:
            self.folders[path][3] = True


class PartWriter:
    """A visitor that writes below the directory where `target` stands, called `prefix` as seen from `root_fd`.

    `sources`, if given, holds which file came under which name, to tell when a second selection brings another.
    With `defer`, hard-linked files wait in the tally for `write_deferred`.
    """

    def __init__(
        self,
        writer: EntryWriter,
        tally: Tally,
        target: DirChain,
        *,
        root_fd: int,
        prefix: bytes,
        place: str,
        sources: dict[bytes, int] | None = None,
        defer: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._writer = writer
        self._tally = tally
        self._target = target
        self._root = root_fd
        self._prefix = prefix + b"/" if prefix else b""
        self._place = place
        self._sources = sources
        self._defer = defer
        self._progress = progress
        self._links: dict[int, bytes] = {}
        self._here = [prefix]

    def look(self, path: bytes, name: bytes, status: os.stat_result, fd: int) -> Wanted:
        """Keep what `enter` needs."""
        del fd
        return path, name, status

    def enter(self, folder: Wanted) -> None:
        """Make a directory, in the place of whatever else is there."""
        path, name, status = folder
        path = self._prefix + path
        self._new(path, 0)
        try:
            created = make_folder(name, self._target.fd)
            self._target.push(name)
        except OSError as error:
            raise blocked(self._place, path, error) from error
        if created:
            self._tally.touched(self._here[-1])
        stamp = self._writer.stamp(status)
        before = self._tally.folders.get(path)
        changed = created or (before is not None and before[3])
        self._tally.folders[path] = [stat.S_IMODE(status.st_mode), stamp, self._writer.owner(status), changed]
        self._here.append(path)

    def leave(self) -> None:
        """Go back to the parent."""
        self._here.pop()
        self._target.pop()

    def entry(self, path: bytes, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        """Write anything but a directory."""
        path = self._prefix + path
        tally = self._tally
        if stat.S_IFMT(status.st_mode) not in _WRITTEN:
            tally.skipped += 1
            return
        if self._defer and status.st_nlink > 1:
            tally.deferred.append(path[len(self._prefix) :])
            return
        if not self._new(path, status.st_ino):
            return
        tally.files += 1
        if self._progress is not None and not tally.files & _PACE:
            self._progress(tally.files)
        try:
            if self._write(path, name, status, dir_fd):
                tally.touched(self._here[-1])
            else:
                tally.unchanged += 1
        except OSError as error:
            raise blocked(self._place, path, error) from error

    def write_deferred(self, source_fd: int) -> None:
        """Write the hard-linked files that waited, those of all processes."""
        self._defer = False
        self._here.append(b"")
        outer = self._target
        for path in sorted(self._tally.deferred):
            folder, _, name = path.rpartition(b"/")
            self._here[-1] = self._prefix + folder if folder else self._prefix[:-1]
            source = open_beneath(source_fd, folder)
            try:
                with DirChain(open_beneath(self._root, self._here[-1])) as self._target:
                    self.entry(path, name, os.lstat(name, dir_fd=source), source)
            finally:
                os.close(source)
        self._tally.deferred.clear()
        self._target = outer
        self._here.pop()

    def _write(self, path: bytes, name: bytes, status: os.stat_result, dir_fd: int) -> bool:
        """Write one entry, as a further link where it is one; False if it is there already."""
        if status.st_nlink > 1:
            first = self._links.setdefault(status.st_ino, path)
            if first != path:
                self._tally.linked.update((first, path))
                linked = self._writer.link(first, name, self._root, self._target.fd)
                if linked is not None:
                    return linked
        return self._writer.write(path, name, status, dir_fd, self._target.fd)

    def _new(self, path: bytes, source: int) -> bool:
        """Say whether nothing has come under this name; raises where another file has. Directories are all 0."""
        if self._sources is None:
            return True
        known = path in self._sources
        if self._sources.setdefault(path, source) != source:
            raise errors.selected_twice(path)
        return not known


def make_folder(name: bytes, dir_fd: int) -> bool:
    """Make a directory in an open one, in the place of anything else that is there; False if it is there already.

    Another process may be making the same one.
    """
    while True:
        try:
            os.mkdir(name, 0o700, dir_fd=dir_fd)
            return True
        except FileExistsError:
            if stat.S_ISDIR(os.lstat(name, dir_fd=dir_fd).st_mode):
                return False
        try:
            os.unlink(name, dir_fd=dir_fd)
        except (FileNotFoundError, IsADirectoryError):
            continue
