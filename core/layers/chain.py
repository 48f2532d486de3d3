# SPDX-License-Identifier: Apache-2.0
"""The open directories between a root and the place where a depth-first walk is.

Trees may be deeper than the limit of open files and than PATH_MAX, so only the nearest directories stay open;
one further up is reopened as `..` of its child when the walk comes back to it; should that be another
directory by then, because somebody moved the child, the walk fails.
"""

from __future__ import annotations

import errno
import os
import sys
from types import TracebackType

OPEN_LIMIT = 64
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENCODING = sys.getfilesystemencoding()
_PARKED = -1


class DirChain:
    """A stack of directory descriptors; `fd` is the innermost one."""

    def __init__(self, root: str | bytes | int) -> None:
        """`root` is a path, or an open descriptor that the chain then owns."""
        if not isinstance(root, int):
            root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._fds = [root]
        self._parked: dict[int, os.stat_result] = {}
        self.fd = root

    def push(self, name: bytes) -> int:
        """Enter the directory `name`, never through a link."""
        self.fd = os.open(name, DIRECTORY_FLAGS, dir_fd=self.fd)
        fds = self._fds
        fds.append(self.fd)
        far = len(fds) - OPEN_LIMIT
        if far >= 0 and fds[far] != _PARKED:
            self._parked[far] = os.fstat(fds[far])
            os.close(fds[far])
            fds[far] = _PARKED
        return self.fd

    def pop(self) -> None:
        """Go back to the parent."""
        fds = self._fds
        child = fds.pop()
        if fds and fds[-1] == _PARKED:
            fds[-1] = os.open("..", DIRECTORY_FLAGS, dir_fd=child)
            known = self._parked.pop(len(fds) - 1)
            if not os.path.samestat(os.fstat(fds[-1]), known):
                fds.append(child)
                raise OSError(errno.ESTALE, "a directory was moved while it was being walked")
        os.close(child)
        self.fd = fds[-1] if fds else _PARKED

    def names(self) -> list[bytes]:
        """The names in the current directory, in no order."""
        return [name.encode(_ENCODING, "surrogateescape") for name in os.listdir(self.fd)]

    def reach(self, name: bytes) -> bytes:
        """A path to `name` in the current directory for calls that take no directory descriptor."""
        return b"/proc/self/fd/%d/%b" % (self.fd, name)

    def close(self) -> None:
        """Close whatever is open."""
        for fd in self._fds:
            if fd != _PARKED:
                os.close(fd)
        self._fds.clear()

    def __enter__(self) -> DirChain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
