# SPDX-License-Identifier: Apache-2.0
"""The directories of a root while an archive is unpacked into it: found in the root, kept open, dated at the end."""

from __future__ import annotations

import errno
import os
import stat
from types import TracebackType

from ladle.core.layers import errors
from ladle.core.worker.inroot import open_in_root

_CACHE = 64
MAX_LINKS = 40
_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class Places:
    """Directories by their path in the archive.

    `own` holds every path that came from this archive, with its parents. Directories that were there before get
    back the modification time that they had.
    """

    def __init__(self, root: str) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[bytes, int] = {}
        self._stale: list[int] = []
        self._times: dict[bytes, int] = {}
        self._found: dict[int, tuple[bytes, int]] = {}
        self._last: tuple[bytes, int] | None = None
        self.own: set[bytes] = set()

    def __enter__(self) -> Places:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()
        self.settle()
        os.close(self._root)

    def settle(self) -> None:
        """Close the descriptors that were given out for the entry before and are not kept."""
        for fd in self._stale:
            os.close(fd)
        self._stale.clear()

    def free(self) -> int:
        """Bytes that can still be written to the file system."""
        status = os.fstatvfs(self._root)
        return status.f_bavail * status.f_frsize

    def enter(self, path: bytes, mtime_ns: int) -> int:
        """The open directory for new entries in `path`; missing ones are made, 0755, with the entry's time."""
        last = self._last
        if last is not None and last[0] == path:
            return last[1]
        fd = self._open.get(path)
        if fd is None:
            fd = self._lookup(path)
            if fd is None:
                fd = self._make(path, mtime_ns)
            self._keep(path, fd)
        step = path
        while step and step not in self.own:
            self.own.add(step)
            step = step.rpartition(b"/")[0]
        self.touch(path, fd)
        self._last = (path, fd)
        return fd

    def find(self, path: bytes) -> int | None:
        """The open directory `path`, None if there is none; nothing is made."""
        fd = self._open.get(path)
        if fd is None:
            try:
                fd = self._lookup(path)
            except NotADirectoryError:
                return None
            if fd is not None:
                self._keep(path, fd)
        return fd

    def touch(self, path: bytes, fd: int) -> None:
        """Remember the time of a directory that is about to be changed."""
        if path not in self._times:
            status = os.stat(fd)
            self._found.setdefault(status.st_ino, (path, status.st_mtime_ns))

    def remember_time(self, path: bytes, mtime_ns: int) -> None:
        """Set the time that a directory is to have at the end."""
        self._times[path] = mtime_ns

    def forget(self, path: bytes) -> None:
        """Something at or below `path` goes away: what is open is not to be found again by its path."""
        self._drop()
        if path:
            self._times.pop(path, None)

    def set_times(self) -> None:
        """Give every directory its time, innermost first."""
        self._drop()
        self.settle()
        for path, stamp in [*self._found.values(), *sorted(self._times.items(), reverse=True)]:
            try:
                fd = open_in_root(self._root, path or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                os.utime(fd, ns=(stamp, stamp))
            finally:
                os.close(fd)

    def _lookup(self, path: bytes) -> int | None:
        try:
            return open_in_root(self._root, path or b".", _FLAGS)
        except FileNotFoundError:
            return None

    def _keep(self, path: bytes, fd: int) -> None:
        if len(self._open) >= _CACHE:
            oldest = next(iter(self._open))
            self._stale.append(self._open.pop(oldest))
            self._last = None
        self._open[path] = fd

    def _drop(self) -> None:
        self._stale.extend(self._open.values())
        self._open.clear()
        self._last = None

    def _make(self, path: bytes, mtime_ns: int) -> int:
        """Make the missing directories of `path`, following links of the tree, dangling ones included."""
        links = 0
        done: list[bytes] = []
        todo = path.split(b"/")
        while todo:
            name = todo.pop(0)
            here = b"/".join([*done, name])
            fd = self._lookup(here)
            if fd is None:
                target = self._make_one(b"/".join(done), name, mtime_ns)
                if target is not None:
                    links += 1
                    if links > MAX_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                    if target.startswith(b"/"):
                        done = []
                    todo = _steps(path, target) + todo
                    continue
            else:
                os.close(fd)
            done.append(name)
        fd = self._lookup(b"/".join(done))
        if fd is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return fd

    def _make_one(self, folder: bytes, name: bytes, mtime_ns: int) -> bytes | None:
        """Make one directory; if a dangling link is in its place, return where that points."""
        fd = self._lookup(folder)
        if fd is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        try:
            self.touch(folder, fd)
            try:
                os.mkdir(name, 0o755, dir_fd=fd)
            except FileExistsError:
                if not stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode):
                    raise
                return os.readlink(name, dir_fd=fd)
        finally:
            os.close(fd)
        self.remember_time(folder + b"/" + name if folder else name, mtime_ns)
        return None


def _steps(path: bytes, target: bytes) -> list[bytes]:
    parts = [part for part in target.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise errors.unsafe_entry(path, "it goes through a dangling link that holds `..`")
    return parts
