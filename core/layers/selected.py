# SPDX-License-Identifier: Apache-2.0
"""The walk over what was selected of a tree, parents first, in sorted order; iterative, so any depth works.

Directories on the way to something selected are announced to the visitor only once there is something in them. A walk
may be shared by several processes: each walks everything and sees each directory, but only its share of the rest.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Protocol

from ladle.core.api.patterns import Matcher
from ladle.core.layers.chain import DirChain
from ladle.core.layers.differ import present

_CHUNK = 256


class Visitor(Protocol):
    """What a walk reports to; `path` is relative to where names begin."""

    def look(self, path: bytes, name: bytes, status: os.stat_result, fd: int) -> object:
        """A directory, opened as `fd`, may turn out to be wanted; what is returned is what `enter` gets then."""

    def enter(self, folder: Any) -> None:
        """A directory is wanted: a tree's parents are entered first."""

    def entry(self, path: bytes, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        """Anything else, to be found as `name` in the open directory `dir_fd`."""

    def leave(self) -> None:
        """The directory entered last ends."""


class _Frame:
    """A directory being walked; `step` is None once everything below is selected."""

    __slots__ = ("announced", "folder", "names", "prefix", "step")

    def __init__(self, prefix: bytes, folder: object, step: int | None, names: list[bytes]) -> None:
        self.prefix = prefix
        self.folder = folder
        self.step = step
        self.names: Iterator[bytes] = iter(names)
        self.announced = False


class Walk:
    """One walk; `share` and `shares` say which part of the entries of directories is reported."""

    def __init__(
        self, chain: DirChain, matcher: Matcher | None, visitor: Visitor, *, share: int = 0, shares: int = 1
    ) -> None:
        self._chain = chain
        self._matcher = matcher
        self._visitor = visitor
        self._share = share
        self._shares = shares
        self._folders = 0
        self._frames: list[_Frame] = []
        self.found = 0
        """How many entries, directories among them, were selected."""

    def run(self) -> None:
        """Walk everything below the directory that the chain stands in."""
        frames = self._frames
        root = _Frame(b"", None, -1 if self._matcher is not None else None, self._names())
        root.announced = True
        frames.append(root)
        while frames:
            frame = frames[-1]
            for name in frame.names:
                if self._visit(frame, name):
                    break
            else:
                frames.pop()
                if frames:
                    self._chain.pop()
                    if frame.announced:
                        self._visitor.leave()

    def _names(self) -> list[bytes]:
        """The names in the current directory that this walk is to look at, sorted."""
        if self._shares == 1:
            return sorted(self._chain.names())
        files: list[bytes] = []
        folders: list[bytes] = []
        with os.scandir(self._chain.fd) as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else files).append(os.fsencode(entry.name))
        files.sort()
        first = self._folders
        self._folders += 1
        for start in range(0, len(files), _CHUNK):
            if (first + start // _CHUNK) % self._shares == self._share:
                folders += files[start : start + _CHUNK]
        return sorted(folders)

    def _visit(self, frame: _Frame, name: bytes) -> bool:
        """Look at one name; True if its directory was entered and is to be walked next."""
        status = present(name, self._chain.fd)
        if status is None:
            return False
        path = frame.prefix + name
        step = frame.step
        selected = True
        if step is not None and self._matcher is not None:
            text = os.fsdecode(path)
            step = self._matcher.step(text, step)
            selected = self._matcher.verdict(step) is not None
            if not selected and stat.S_ISDIR(status.st_mode) and not self._matcher.could_change_below(text, step):
                return False
        if stat.S_ISDIR(status.st_mode):
            self._enter(path, name, status, None if selected else step)
            if selected:
                self.found += 1
                self._announce()
            return True
        if selected:
            self.found += 1
            if not frame.announced:
                self._announce()
            self._visitor.entry(path, name, status, self._chain.fd)
        return False

    def _enter(self, path: bytes, name: bytes, status: os.stat_result, step: int | None) -> None:
        fd = self._chain.push(name)
        self._frames.append(_Frame(path + b"/", self._visitor.look(path, name, status, fd), step, self._names()))

    def _announce(self) -> None:
        """Tell the visitor of all directories down to here that it does not know yet."""
        for frame in self._frames:
            if not frame.announced:
                frame.announced = True
                self._visitor.enter(frame.folder)
