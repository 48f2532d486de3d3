# SPDX-License-Identifier: Apache-2.0
"""The directories behind cache mounts: made on need from their base, and locked by their way of sharing.

`shared` steps use one directory at the same time; `locked` ones wait for each other; `private` ones take another
directory if theirs is in use. The locks are flocks held by the job: they end with it, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker.removal import remove_tree

_WAIT_MS = 50
_MAX_PRIVATE = 1000


class CacheLocks:
    """The cache directories that one job has taken."""

    def __init__(self, root: str, lifeline: int) -> None:
        self._root = os.path.realpath(root)
        self._poll = select.poll()
        self._poll.register(lifeline, select.POLLIN)
        self._taken: dict[str, str] = {}

    def take(self, path: str, sharing: str, base: str | None) -> str:
        """Return the directory to use for the cache at `path`, locked; a new one is a copy of the tree `base`."""
        real = os.path.realpath(path)
        if not real.startswith(self._root + "/"):
            raise InternalError(f"a cache directory outside of the store: {path}")
        if real not in self._taken:
            os.makedirs(os.path.dirname(real), mode=0o711, exist_ok=True)
            chosen = self._private(real) if sharing == "private" else self._wait(real, sharing)
            _make(chosen, base)
            os.utime(f"{chosen}.lock")  # its last use
            self._taken[real] = chosen
        return self._taken[real]

    def _wait(self, path: str, sharing: str) -> str:
        operation = fcntl.LOCK_SH if sharing == "shared" else fcntl.LOCK_EX
        fd = _lock_file(path)
        while not _try(fd, operation):
            if self._poll.poll(_WAIT_MS):
                raise BuildError("cancelled while waiting for a cache mount", code="EX0009")
        return path

    @staticmethod
    def _private(path: str) -> str:
        for number in range(_MAX_PRIVATE):
            candidate = f"{path}-{number}" if number else path
            fd = _lock_file(candidate)
            if _try(fd, fcntl.LOCK_EX):
                return candidate
            os.close(fd)
        raise BuildError(f"more than {_MAX_PRIVATE} steps use one private cache mount", code="EX0012")


def _lock_file(path: str) -> int:
    return os.open(path + ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _try(fd: int, operation: int) -> bool:
    try:
        fcntl.flock(fd, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(path: str, base: str | None) -> None:
    """Make the directory if it is not there; complete or not at all, since shared locks let two do this at once."""
    if os.path.isdir(path):
        return
    fresh = f"{path}.new-{os.getpid()}-{os.urandom(4).hex()}"
    os.mkdir(fresh, 0o755)
    os.chmod(fresh, 0o755)
    if base is not None:
        _copy(base, fresh)
    try:
        os.rename(fresh, path)
    except OSError:
        if not os.path.isdir(path):
            raise
        remove_tree(fresh)


def _copy(source: str, target: str) -> None:
    program = shutil.which("cp", path="/usr/bin:/bin")
    if program is None:
        raise BuildError("cannot fill a cache mount: there is no `cp` on this machine", code="EX0013")
    pid = os.posix_spawn(program, [program, "-a", "--", f"{source}/.", target], {})
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise BuildError(f"cannot fill a cache mount from its base {source}", code="EX0013")
