# SPDX-License-Identifier: Apache-2.0
"""The open directories between a root and the place where a depth-first walk is.

Trees may be deeper than the limit of open files and than PATH_MAX, so only the nearest directories stay open;
one further up is reopened as `..` of its child when the walk comes back to it. For trees that nobody renames
directories of meanwhile: committed snapshots, read-only mounts.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType

OPEN_LIMIT = 64
DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ENCODING = sys.getfilesystemencoding()
_PARKED = -1


class DirChain:
    """A stack of directory descriptors; `fd` is the innermost one."""

    def __init__(self, root: str | bytes) -> None:
        self._fds = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
        self.fd = self._fds[0]

    def push(self, name: bytes) -> int:
        """Enter the directory `name`, never through a link."""
        self.fd = os.open(name, DIRECTORY_FLAGS, dir_fd=self.fd)
        fds = self._fds
        fds.append(self.fd)
        far = len(fds) - OPEN_LIMIT
        if far >= 0 and fds[far] != _PARKED:
            os.close(fds[far])
            fds[far] = _PARKED
        return self.fd

    def pop(self) -> None:
        """Go back to the parent."""
        fds = self._fds
        child = fds.pop()
        if fds and fds[-1] == _PARKED:
            fds[-1] = os.open("..", DIRECTORY_FLAGS, dir_fd=child)
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
