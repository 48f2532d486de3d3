# SPDX-License-Identifier: Apache-2.0
"""Writing trees, or what is selected of them, into one archive: entries in sorted order, none for the root."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from ladle.core.layers import errors
from ladle.core.layers.chain import DirChain
from ladle.core.layers.changes import ChangeWriter, Detail, Dir, attribute_records
from ladle.core.layers.entries import KEEP, Owner, open_beneath
from ladle.core.layers.export import WHOLE
from ladle.core.layers.selected import Walk
from ladle.core.layers.selection import Selection, missing, open_selection
from ladle.core.layers.tarwriter import DIRECTORY, TarWriter


def write_archive(
    parts: Iterable[tuple[str, str]],
    write: Callable[[bytes], object],
    *,
    selections: Sequence[Selection] = (),
    epoch: int | None = None,
    owner: Owner = KEEP,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, int]:
    """Write trees into one archive: pairs of a directory's name in it ("": none) and a tree.

    Returns how many entries and bytes were written. `owner`: "keep" (and None) as in the tree, or a user and a group.
    """
    tar = TarWriter(write, owner=None if isinstance(owner, str) else owner)
    for folder, tree in parts:
        prefix = os.fsencode(folder)
        if prefix:
            tar.add(prefix + b"/", DIRECTORY, 0o755, 0, 0, epoch or 0)
        with DirChain(tree) as root:
            _write_tree(tar, prefix, root.fd, selections, epoch, progress)
    tar.close()
    return tar.entries, tar.size


def _write_tree(
    tar: TarWriter,
    prefix: bytes,
    root_fd: int,
    selections: Sequence[Selection],
    epoch: int | None,
    progress: Callable[[int], None] | None,
) -> None:
    changes = ChangeWriter(tar, epoch=epoch, detail=Detail.USER)
    visitor = _TarVisitor(changes, tar, prefix, os.fstat(root_fd), progress, several=len(selections) > 1)
    for selection in selections or (WHOLE,):
        fd, matcher = open_selection(root_fd, selection)
        try:
            with DirChain(open_beneath(fd, b"")) as chain:
                walk = Walk(chain, matcher, visitor)
                walk.run()
        finally:
            os.close(fd)
        if not walk.found and not selection.named:
            raise missing(root_fd, selection)


class _TarVisitor:
    """A visitor that writes entries; with several selections it joins their directories and tells files apart."""

    def __init__(
        self,
        changes: ChangeWriter,
        tar: TarWriter,
        prefix: bytes,
        status: os.stat_result,
        progress: Callable[[int], None] | None,
        *,
        several: bool,
    ) -> None:
        self._changes = changes
        self._tar = tar
        self._progress = progress
        self._prefix = prefix + b"/" if prefix else b""
        self._stack = [Dir(None, prefix, status, None)]
        self._sources: dict[bytes, int] | None = {} if several else None

    def look(self, path: bytes, name: bytes, status: os.stat_result, fd: int) -> Dir:
        """Read what an entry of the directory would hold; its parents are those written last."""
        del name
        attributes = os.listxattr(fd)
        records = attribute_records(fd, Detail.USER, attributes) if attributes else None
        return Dir(None, self._prefix + path, status, records)

    def enter(self, folder: Dir) -> None:
        """Write a directory's entry, once."""
        folder.parent = self._stack[-1]
        folder.written = not self._new(folder.path, 0)
        self._changes.directory(folder)
        self._stack.append(folder)

    def leave(self) -> None:
        """Go back to the parent."""
        self._stack.pop()

    def entry(self, path: bytes, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        """Write anything but a directory, once."""
        if self._new(self._prefix + path, status.st_ino):
            self._changes.entry(self._stack[-1], name, status, dir_fd)
            if self._progress is not None:
                self._progress(self._tar.entries)

    def _new(self, path: bytes, source: int) -> bool:
        """Say whether nothing has come under this name; raises where something else has."""
        if self._sources is None:
            return True
        known = path in self._sources
        if self._sources.setdefault(path, source) != source:
            raise errors.selected_twice(path)
        return not known
