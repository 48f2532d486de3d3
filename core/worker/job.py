# SPDX-License-Identifier: Apache-2.0
"""What a job function gets: trees to read, trees to write, a scratch directory, and a way to report.

A job runs in a child process of its own, in a mount namespace of its own: its mounts need no undoing. Its scratch
directory `snapshots/.new/<unique>` is locked (flock) for as long as the job or anything forked from it lives, so that
`sweep` can tell the leftovers of killed jobs.
"""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError, InternalError

if TYPE_CHECKING:
    from ladle.core.api.snapshotter import Snapshotter

SNAPSHOTS = "snapshots"
NEW = ".new"

JobFunction = Callable[["JobContext", dict[str, Any]], dict[str, Any]]


class JobContext:
    """The world of one job.

    `root` is the store; `fds` the descriptors that came with the request; `rootless` says that the worker is in a
    user namespace, `single_uid` that only one user id exists in it. `options` is what the worker was started with
    (`snapshotter`, `executors`, … as `module:attribute`).

    Cancelling: `lifeline` becomes readable (end of file) and SIGTERM arrives, which by default ends the process and,
    by PDEATHSIG, what hangs on it; a job that wants to end things in order handles SIGTERM, and is killed ten seconds
    later.
    """

    def __init__(
        self,
        root: str,
        sock: socket.socket,
        *,
        fds: Sequence[int] = (),
        rootless: bool = False,
        single_uid: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.root = os.path.abspath(root)
        self.snapshots = os.path.join(self.root, SNAPSHOTS)
        self.fds = list(fds)
        self.rootless = rootless
        self.single_uid = single_uid
        self.options = dict(options or {})
        self._sock = sock
        self._snapshotter: Snapshotter | None = None
        self._scratch = ""
        self._lock_fd = -1
        self._trees: dict[tuple[object, ...], str] = {}
        self._mounts: list[str] = []
        self._stagings: list[Staging] = []
        self._counter = 0

    @property
    def lifeline(self) -> int:
        """A descriptor that reads end-of-file once nobody wants the job's result any more."""
        return self._sock.fileno()

    @property
    def snapshotter(self) -> Snapshotter:
        """The snapshotter named in the options, made at first use."""
        if self._snapshotter is None:
            cls = load(self.options["snapshotter"])
            self._snapshotter = cls(self.snapshots, rootless=self.rootless)
        return self._snapshotter

    def emit(self, event: Mapping[str, Any]) -> None:
        """Send an event, such as `{"type": "log", "stream": 1, "data": b"…"}`; waits while the reader is slow."""
        from ladle.core.worker import wire

        wire.send_frame(self._sock, {"event": event})

    def scratch(self) -> str:
        """The job's own directory on the store's file system, made at first use and removed at the job's end."""
        if not self._scratch:
            self._scratch, self._lock_fd = _locked_directory(os.path.join(self.snapshots, NEW))
        return self._scratch

    def directory(self, prefix: str) -> str:
        """A fresh empty directory in the scratch directory."""
        self._counter += 1
        path = os.path.join(self.scratch(), f"{prefix}{self._counter}")
        os.mkdir(path, 0o755)
        return path

    def tree(self, ref: Mapping[str, Any]) -> str:
        """The path of a read-only view of a ref (see `ladle.core.api.refs`); the same path for the same ref."""
        kind = ref.get("kind")
        if kind == "layers":
            layers = checked_layers(ref["layers"])
            key: tuple[object, ...] = ("layers", *layers)
        elif kind in ("local", "host"):
            source = ref["root"] if kind == "local" else ref["path"]
            key = (kind, source)
        else:
            raise InternalError(f"unknown kind of ref: {kind!r}")
        if key not in self._trees:
            target = self.directory("t")
            if kind == "layers":
                self.snapshotter.view(layers, target)
            else:
                _bind_host(source, target)
            self._mounts.append(target)
            self._trees[key] = target
        return self._trees[key]

    def staging(self, layers: Sequence[str]) -> Staging:
        """A new writable tree over `layers` (ids, bottom first; none = scratch)."""
        staging = Staging(self, checked_layers(layers), self.directory("s"))
        self._stagings.append(staging)
        return staging

    def close(self) -> None:
        """Discard what was not committed, unmount, and remove the scratch directory."""
        from ladle.core.worker import linux
        from ladle.core.worker.removal import remove_tree

        for staging in self._stagings:
            staging.discard()
        for target in reversed(self._mounts):
            try:
                linux.umount(target, linux.MNT_DETACH)
            except OSError:
                continue
        self._mounts.clear()
        self._trees.clear()
        if self._scratch:
            remove_tree(self._scratch)
            os.close(self._lock_fd)
            self._scratch = ""


class Staging:
    """A writable tree: `path` is its root, `upper` holds what is new in it. Ends by `commit` or `discard`."""

    def __init__(self, context: JobContext, layers: Sequence[str], base: str) -> None:
        self._context = context
        self._base = base
        self.path = os.path.join(base, "m")
        self.upper = os.path.join(base, "u")
        self._work = os.path.join(base, "w")
        for path in (self.path, self.upper, self._work):
            os.mkdir(path)
            os.chmod(path, 0o755)
        context.snapshotter.stage(layers, self.path, self.upper, self._work)
        self._open = True

    def finish(self) -> None:
        """Unmount the tree; `upper` stays, and can be read until `commit` or `discard`."""
        if self._open:
            self._open = False
            self._context.snapshotter.finish(self.path, self.upper, self._work)

    def commit(self, snapshot: str) -> None:
        """Make what was written the snapshot with this id."""
        self.finish()
        (name,) = checked_layers([snapshot])
        target = os.path.join(self._context.snapshots, name)
        if os.path.lexists(target):
            raise InternalError(f"snapshot {name} exists already")
        os.rename(self.upper, target)
        self.discard()

    def discard(self) -> None:
        """Forget the tree and what was written; nothing happens after a commit."""
        from ladle.core.worker.removal import remove_tree

        self.finish()
        remove_tree(self._base)


def checked_layers(layers: Sequence[str]) -> list[str]:
    """Return the ids as a list if each is a short word of ASCII letters and digits; raises `InternalError` else."""
    for name in layers:
        if not (isinstance(name, str) and name.isascii() and name.isalnum() and len(name) <= 32):
            raise InternalError(f"not a snapshot id: {name!r}")
    return list(layers)


def load(path: str) -> Any:
    """Return what a `module:attribute` string names."""
    import importlib

    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _bind_host(source: str, target: str) -> None:
    from ladle.core.worker import linux

    try:
        linux.bind(source, target, read_only=True)
    except OSError as error:
        raise BuildError(f"cannot open the directory {source}: {error.strerror}", code="WK0013") from error


def lock_directory(path: str) -> int:
    """Take the lock of an existing scratch directory without waiting; raises `OSError` if it is in use or gone."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino != os.lstat(path).st_ino:
            raise FileNotFoundError(path)
    except OSError:
        os.close(fd)
        raise
    return fd


def _locked_directory(parent: str) -> tuple[str, int]:
    """Make a directory with an unused name and lock it; a sweep that comes in between makes us take another."""
    os.makedirs(parent, mode=0o755, exist_ok=True)
    while True:
        path = os.path.join(parent, f"{os.getpid():x}-{os.urandom(4).hex()}")
        try:
            os.mkdir(path, 0o755)
            return path, lock_directory(path)
        except OSError as error:
            if not isinstance(error, (FileExistsError, FileNotFoundError, BlockingIOError)):
                raise
