# SPDX-License-Identifier: Apache-2.0
"""The tree that actions write to: resolving paths in it, making directories, removing, and setting metadata.

Every path given to the kernel is a name in a directory that was opened component by component without following
links, so nothing outside the root can be touched. Times of directories are set at the end, by `finish`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

from ladle.core.api.errors import BuildError
from ladle.core.content.entry import Xattrs
from ladle.core.content.follow import resolve
from ladle.core.fileops.source import open_beneath, shown

CONFLICT = "LA0313"
_IGNORED_XATTR = frozenset([errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENODATA, errno.ERANGE, errno.ENOSPC])

Owner = tuple[int, int]


class Dest:
    """A writable root. `rootless` and `single_uid`: what the user namespace cannot do; `warn` tells what was lost."""

    def __init__(
        self,
        root: str,
        *,
        rootless: bool = False,
        single_uid: bool = False,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._root_fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.rootless = rootless
        self.single_uid = single_uid
        self.warn = warn
        self._has_warned = False
        self._times: dict[bytes, int] = {}

    def close(self) -> None:
        """Let go of the root."""
        os.close(self._root_fd)

    def link(self, path: bytes) -> bytes | None:
        """The target of the link at a path without links in its parents; None if there is none."""
        status = self.stat(path)
        if status is None or not stat.S_ISLNK(status.st_mode):
            return None
        return os.readlink(path, dir_fd=self._root_fd)

    def resolve(self, path: str | bytes, *, follow_last: bool = True) -> bytes:
        """The path without links that a path leads to inside the root, whether it exists or not."""
        return resolve(self.link, os.fsencode(path), follow_last=follow_last)

    def stat(self, path: bytes) -> os.stat_result | None:
        """The lstat of a path without links in its parents; None if absent."""
        parent, _, name = path.rpartition(b"/")
        try:
            fd = open_beneath(self._root_fd, parent)
        except (FileNotFoundError, NotADirectoryError):
            return None
        try:
            return os.stat(name or b".", dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        finally:
            os.close(fd)

    def open_dir(self, path: bytes) -> int:
        """Open a directory; raises `BuildError` if it is not one."""
        try:
            return open_beneath(self._root_fd, path)
        except (NotADirectoryError, FileNotFoundError) as error:
            raise BuildError(f"{shown(path)}: {(error.strerror or '').lower()}", code=CONFLICT) from error

    def make_dirs(self, path: bytes, mode: int, owner: Owner | None, utime: int | None) -> None:
        """Make a directory and what is missing above it. What exists is left as it is."""
        fd = self.open_dir(b"")
        try:
            done = b""
            for part in path.split(b"/") if path else ():
                done = done + b"/" + part if done else part
                try:
                    os.mkdir(part, 0o700, dir_fd=fd)
                except FileExistsError:
                    made = False
                else:
                    made = True
                try:
                    deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                except OSError as error:
                    raise BuildError(f"mkdir {shown(done)}: not a directory", code=CONFLICT) from error
                os.close(fd)
                fd = deeper
                if made:
                    self.chown(fd, owner or (0, 0))
                    os.fchmod(fd, mode & 0o777)
                    self.later(done, utime)
        finally:
            os.close(fd)

    def later(self, directory: bytes, utime: int | None) -> None:
        """Set the time of a directory once everything is in it; None leaves it to the clock."""
        if utime is not None:
            self._times[directory] = utime

    def finish(self) -> None:
        """Set the times of the directories that were made."""
        for path, mtime in self._times.items():
            try:
                fd = open_beneath(self._root_fd, path)
            except (NotADirectoryError, FileNotFoundError):
                continue  # removed or replaced by a later action
            try:
                os.utime(fd, ns=(mtime, mtime))
            finally:
                os.close(fd)
        self._times.clear()

    def chown(self, fd: int, owner: Owner) -> None:
        """Give an open file its owner."""
        try:
            os.fchown(fd, *owner)
        except OSError as error:
            self._forgive(error, owner)

    def chown_name(self, dir_fd: int, name: bytes, owner: Owner) -> None:
        """Give a name in a directory its owner; links are not followed."""
        try:
            os.chown(name, *owner, dir_fd=dir_fd, follow_symlinks=False)
        except OSError as error:
            self._forgive(error, owner)

    def _forgive(self, error: OSError, owner: Owner) -> None:
        if not (self.single_uid and error.errno in (errno.EINVAL, errno.EPERM)):
            raise error
        if not self._has_warned:
            self._has_warned = True
            self.warn(f"the owner {owner[0]}:{owner[1]} is lost: only one user id exists here")

    def remove(self, path: bytes) -> None:
        """Remove whatever is at a path without links in its parents, with all below it; absent is fine."""
        parent, _, name = path.rpartition(b"/")
        fd = self.open_dir(parent)
        try:
            remove_at(fd, name)
        finally:
            os.close(fd)


def remove_at(dir_fd: int, name: bytes) -> None:
    """Remove a name in a directory with all below it, iteratively; absent is fine."""
    try:
        os.unlink(name, dir_fd=dir_fd)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        top = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        paths = [b""]
        for path in paths:  # grows while we walk: parents before children
            paths += _unlink_files(top, path)
        for path in reversed(paths[1:]):
            parent, _, last = path.rpartition(b"/")
            fd = open_beneath(top, parent)
            try:
                os.rmdir(last, dir_fd=fd)
            finally:
                os.close(fd)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=dir_fd)


def _unlink_files(top: int, path: bytes) -> list[bytes]:
    """Unlink all but directories in a directory; returns the paths of these."""
    fd = open_beneath(top, path)
    below = []
    try:
        with os.scandir(fd) as listing:
            for item in listing:
                name = os.fsencode(item.name)
                if item.is_dir(follow_symlinks=False):
                    below.append(path + b"/" + name if path else name)
                else:
                    os.unlink(name, dir_fd=fd)
    finally:
        os.close(fd)
    return below


def set_xattrs(file: int | bytes, xattrs: Xattrs) -> None:
    """Set extended attributes on an open file or an unfollowed path; what the file system refuses is left out."""
    for name, value in xattrs:
        try:
            if isinstance(file, int):
                os.setxattr(file, name, value)
            else:
                os.setxattr(file, name, value, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _IGNORED_XATTR:
                raise
