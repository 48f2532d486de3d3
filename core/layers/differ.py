# SPDX-License-Identifier: Apache-2.0
"""Two trees compared into a layer: an overlayfs upper directory against what it lies on, or any tree against any.

An upper directory holds only what a step touched, so its walk costs as much as the change; names that overlayfs
marks as removed or opaque become whiteouts. In *merged* mode both sides are walked name by name. The rule for
"unchanged" is the same: owner, mode, device, capability, size and time; bytes only where times have no fraction.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from ladle.core.layers.chain import DirChain
from ladle.core.layers.changes import CAPABILITY, Changes, ChangeWriter, Detail, Dir, attribute_records
from ladle.core.layers.errors import redirected_directory
from ladle.core.layers.tarwriter import TarWriter

_SECOND = 1_000_000_000
_COMPARE_BLOCK = 1 << 20
_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")
_REDIRECT = ("trusted.overlay.redirect", "user.overlay.redirect")
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def diff_upper(
    upper: str, lower: str | None, tar: TarWriter, *, epoch: int | None = None, detail: Detail = Detail.LAYER
) -> None:
    """Write the changes held by the overlayfs layer directory `upper` over the tree `lower` (None: nothing below).

    `epoch` is the latest modification time that an entry may carry. The tar writer is not closed.
    """
    compare_upper(upper, lower, ChangeWriter(tar, epoch=epoch, detail=detail))


def compare_upper(upper: str, lower: str | None, changes: Changes) -> bool:
    """Report the changes of an upper directory; False if there is more in it than they say (see `TreeDiffer.all`)."""
    with DirChain(upper) as above:
        if lower is None:
            differ = TreeDiffer(changes, above, None, overlay=True)
            differ.run(merged=False)
        else:
            with DirChain(lower) as below:
                differ = TreeDiffer(changes, above, below, overlay=True)
                differ.run(merged=False)
        return differ.all


def diff_loose(upper: str, tar: TarWriter, *, epoch: int | None = None) -> None:
    """Write everything that is in a layer directory, marks of removed names too, wherever it lies."""
    with DirChain(upper) as above:
        TreeDiffer(ChangeWriter(tar, epoch=epoch), above, None, overlay=True, loose=True).run(merged=False)


def is_whiteout(status: os.stat_result) -> bool:
    """Tell whether this is overlayfs's mark for a removed name: a character device 0/0."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def present(name: bytes, dir_fd: int) -> os.stat_result | None:
    """The status of `name`; None if it is not there or only as overlayfs's mark for a removed name.

    A layer seen through a mount of itself alone shows its marks; a directory that only one layer of several has
    may even list names that cannot be found.
    """
    try:
        status = os.lstat(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    return None if is_whiteout(status) else status


class _Frame:
    """A directory being walked: the names to come, and which sides have it."""

    __slots__ = ("folder", "lower", "lower_names", "merged", "names", "upper_names")

    def __init__(self, folder: Dir, *, lower: bool, merged: bool) -> None:
        self.folder = folder
        self.lower = lower
        self.merged = merged and lower
        self.names: Iterator[bytes] = iter(())
        self.upper_names: frozenset[bytes] = frozenset()
        self.lower_names: frozenset[bytes] = frozenset()


class TreeDiffer:
    """One walk over an upper and a lower tree, reporting changes; iterative, so any depth works.

    `all` says afterwards that each name of the upper side was a change, and that no directory was opaque: what was
    reported is all that the upper side does. `loose`: there is no lower side, and each removed name is a change.
    """

    def __init__(
        self, changes: Changes, upper: DirChain, lower: DirChain | None, *, overlay: bool, loose: bool = False
    ) -> None:
        self.all = True
        self._loose = loose
        self._changes = changes
        self._upper = upper
        self._lower = lower
        self._overlay = overlay
        self._frames: list[_Frame] = []

    def run(self, *, merged: bool) -> None:
        """Walk everything; `merged` compares both sides in full, else only what the upper side names."""
        root = Dir(None, b"", os.fstat(self._upper.fd), None)
        frames = self._frames
        frames.append(self._listed(_Frame(root, lower=self._lower is not None, merged=merged)))
        while frames:
            frame = frames[-1]
            for name in frame.names:
                if self._visit(frame, name):
                    break
            else:
                frames.pop()
                self.all = self.all and frame.folder.written
                self._upper.pop()
                if frame.lower and self._lower is not None:
                    self._lower.pop()

    def _listed(self, frame: _Frame) -> _Frame:
        names = self._upper.names()
        if frame.merged and self._lower is not None:
            frame.upper_names = frozenset(names)
            frame.lower_names = frozenset(self._lower.names())
            names = list(frame.upper_names | frame.lower_names)
        names.sort()
        frame.names = iter(names)
        return frame

    def _visit(self, frame: _Frame, name: bytes) -> bool:
        """Report one name; True if its directory was entered and is to be walked next."""
        folder = frame.folder
        status: os.stat_result | None = None
        if not frame.merged or name in frame.upper_names:
            status = present(name, self._upper.fd)
        below = self._below(frame, name)
        if status is None:
            if below is not None or self._loose:
                self._changes.delete(folder, name)
            else:
                self.all = False
            return False
        if stat.S_ISDIR(status.st_mode):
            self._enter(frame, name, status, below)
            return True
        if below is None or not self._same(name, status, below):
            self._changes.entry(folder, name, status, self._upper.fd)
            return False
        self.all = False
        if frame.merged and status.st_nlink > 1:
            self._changes.unmodified(folder, name, status)
        return False

    def _below(self, frame: _Frame, name: bytes) -> os.stat_result | None:
        if not frame.lower or self._lower is None or (frame.merged and name not in frame.lower_names):
            return None
        return present(name, self._lower.fd)

    def _enter(self, frame: _Frame, name: bytes, status: os.stat_result, below: os.stat_result | None) -> None:
        same = below is not None and self._same(name, status, below)
        fd = self._upper.push(name)
        attributes = os.listxattr(fd)
        records = attribute_records(fd, self._changes.detail, attributes) if attributes else None
        folder = Dir(frame.folder, frame.folder.prefix + name, status, records)
        if not same:
            self._changes.directory(folder)
        lower = below is not None and stat.S_ISDIR(below.st_mode)
        if lower and self._lower is not None:
            self._lower.push(name)
        opaque = self._overlay and self._opaque(folder, fd, attributes)
        self.all = self.all and not opaque
        self._frames.append(self._listed(_Frame(folder, lower=lower, merged=frame.merged or opaque)))

    def _opaque(self, folder: Dir, fd: int, attributes: list[str]) -> bool:
        for name in _REDIRECT:
            if name in attributes:
                raise redirected_directory(folder.path)
        return any(name in attributes and os.getxattr(fd, name) == b"y" for name in _OPAQUE)

    def _same(self, name: bytes, status: os.stat_result, below: os.stat_result) -> bool:
        """Decide as BuildKit does whether a name present on both sides is unchanged."""
        if (status.st_ino, status.st_dev) == (below.st_ino, below.st_dev):
            return True
        mode = status.st_mode
        if (mode, status.st_uid, status.st_gid, status.st_rdev) != (
            below.st_mode,
            below.st_uid,
            below.st_gid,
            below.st_rdev,
        ):
            return False
        if stat.S_ISDIR(mode):
            return self._same_capability(name)
        if status.st_size != below.st_size or status.st_mtime_ns != below.st_mtime_ns:
            return False
        if not self._same_capability(name):
            return False
        if status.st_mtime_ns % _SECOND or not status.st_size:
            return True
        lower = self._lower
        if lower is None:
            return False
        if stat.S_ISLNK(mode):
            return os.readlink(name, dir_fd=self._upper.fd) == os.readlink(name, dir_fd=lower.fd)
        return not stat.S_ISREG(mode) or same_content(name, self._upper.fd, lower.fd)

    def _same_capability(self, name: bytes) -> bool:
        lower = self._lower
        return lower is None or _capability(self._upper.reach(name)) == _capability(lower.reach(name))


def _capability(path: bytes) -> bytes:
    try:
        if CAPABILITY in os.listxattr(path, follow_symlinks=False):
            return os.getxattr(path, CAPABILITY, follow_symlinks=False)
    except OSError:
        pass
    return b""


def same_content(name: bytes, first_dir: int, second_dir: int) -> bool:
    """Compare the bytes of the regular files called `name` in two open directories."""
    first = os.open(name, _OPEN_FLAGS, dir_fd=first_dir)
    try:
        second = os.open(name, _OPEN_FLAGS, dir_fd=second_dir)
        try:
            return same_bytes(first, second)
        finally:
            os.close(second)
    finally:
        os.close(first)


def same_bytes(first: int, second: int) -> bool:
    """Compare what is left to read of two open regular files."""
    while True:
        piece = os.read(first, _COMPARE_BLOCK)
        if piece != os.read(second, _COMPARE_BLOCK):
            return False
        if not piece:
            return True
