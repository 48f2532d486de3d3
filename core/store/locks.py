# SPDX-License-Identifier: Apache-2.0
"""Locks across processes: `flock` on files below `locks/`. The kernel lets go of them when their owner dies.

The file is removed by whoever holds the lock, so who gets one looks whether its file is still the one under that name.
Python restarts an interrupted `flock` after the signal's handler: Ctrl-C ends the wait by the exception that it raises.
"""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256

from ladle.core.api.errors import InternalError
from ladle.core.store.errors import from_os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def take(path: str, *, wait: bool) -> int:
    """Return a descriptor that holds the lock of a path, -1 if another holds it and `wait` is not set."""
    while True:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return -1
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _opened(path: str) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return os.open(path, flags, 0o600)


def let_go(descriptor: int, path: str) -> None:
    """Remove the file of a lock that is held, and let go of it."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    finally:
        os.close(descriptor)


def is_held(path: str) -> bool:
    """Say whether some process holds a lock; removes the file of one that nobody holds."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_at(descriptor, path):
            os.unlink(path)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def is_locked(path: str) -> bool:
    """Say whether some process holds a lock, shared or alone; changes nothing."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_at(descriptor: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


class FileFlight:
    """The lock of one key: a context that waits to enter, or `try_enter` and `leave` for whoever must not wait."""

    def __init__(self, root: str, key: str) -> None:
        self._root = root
        self._path = f"{root}/locks/{sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
        self._descriptor = -1

    def try_enter(self) -> bool:
        """Enter if nobody is inside; never waits."""
        return self._enter(wait=False)

    def leave(self) -> None:
        """Let the next one enter."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            raise InternalError("a lock is left that was not entered")
        let_go(descriptor, self._path)

    def _enter(self, *, wait: bool) -> bool:
        if self._descriptor >= 0:
            raise InternalError("a lock is entered twice")
        try:
            self._descriptor = take(self._path, wait=wait)
        except OSError as error:
            raise from_os(self._root, error) from error
        return self._descriptor >= 0

    def __enter__(self) -> None:
        self._enter(wait=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


class Lease:
    """A name that shows that this process lives: a lock that it holds until it ends, taken when first needed."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._pid = 0
        self._name = ""
        self._descriptor = -1

    @property
    def name(self) -> str:
        """The name, held from now on. A forked child gets one of its own."""
        if self._pid != os.getpid():
            try:
                self._name = f"lease-{os.getpid()}-{os.urandom(6).hex()}"
                self._descriptor = take(lease_path(self._root, self._name), wait=True)
            except OSError as error:
                raise from_os(self._root, error) from error
            self._pid = os.getpid()
        return self._name

    @property
    def taken(self) -> str:
        """The name if this process has taken it, else ""."""
        return self._name if self._pid == os.getpid() else ""

    def end(self) -> None:
        """Let go of it."""
        if self._pid == os.getpid():
            let_go(self._descriptor, lease_path(self._root, self._name))
            self._pid = 0


def lease_path(root: str, name: str) -> str:
    """Return the lock file of a lease."""
    return f"{root}/locks/{name}"


def sweep(root: str) -> None:
    """Remove the lock files that the dead have left."""
    for name in os.listdir(f"{root}/locks"):
        is_held(f"{root}/locks/{name}")


def is_alive(root: str, name: str) -> bool:
    """Say whether the owner of a lease lives."""
    return is_held(lease_path(root, name))
