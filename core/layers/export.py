# SPDX-License-Identifier: Apache-2.0
"""Writing trees, or what is selected of them, into a directory of the caller's, which may hold other things.

Nothing is deleted but what a new entry takes the place of, unless the directory is to become a mirror. Links in the
destination are never followed. Directories get their mode and time last, when all below them is written.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from ladle.core.api.patterns import Matcher
from ladle.core.layers import errors
from ladle.core.layers.chain import DirChain
from ladle.core.layers.entries import EntryWriter, Owner, Record, blocked, open_beneath, record
from ladle.core.layers.export_part import PartWriter, Tally, make_folder
from ladle.core.layers.mirror import remove_others
from ladle.core.layers.selected import Walk
from ladle.core.layers.selection import Selection, missing, open_selection
from ladle.core.layers.sharing import Counters, Helper
from ladle.llb.values import dataclass

Receipt = dict[bytes, Record]
"""Relative path -> (mode, size, mtime_ns, ino, ctime_ns) of what the export answers for."""

WORTH_SHARING = 2000
"""With more entries than this the work is shared by processes."""
WHOLE = Selection(text="/", base="", pattern="", named=True)


@dataclass(slots=True, kw_only=True)
class Exported:
    """What was written; `files` counts everything but directories, `unchanged` those of them left alone."""

    files: int = 0
    bytes: int = 0
    unchanged: int = 0
    removed: int = 0
    warnings: list[str] = field(default_factory=list)
    receipt: Receipt = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """How to write: `mirror` deletes what is not written, `processes` share large trees, `progress` gets a count."""

    selections: Sequence[Selection] = ()
    epoch: int | None = None
    owner: Owner = None
    mirror: bool = False
    processes: int = 1
    progress: Callable[[int], None] | None = None


def export_tree(tree: str, dest: str, **options: Any) -> Exported:
    """Write the tree `tree` into the directory `dest`, made if missing; see `ExportOptions`."""
    return export_trees([("", tree)], dest, ExportOptions(**options))


def export_trees(parts: Iterable[tuple[str, str]], dest: str, options: ExportOptions) -> Exported:
    """Write trees into one directory: pairs of a directory's name below it ("": itself) and a tree."""
    try:
        os.makedirs(dest, exist_ok=True)
        root_fd = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileExistsError:
        raise errors.export_blocked(dest, "it exists and is not a directory") from None
    except OSError as error:
        raise errors.export_blocked(dest, error.strerror or str(error)) from error
    old_umask = os.umask(0)
    try:
        return _Export(root_fd, dest, options).run(parts)
    finally:
        os.umask(old_umask)
        os.close(root_fd)


class _Export:
    def __init__(self, root_fd: int, dest: str, options: ExportOptions) -> None:
        self._root = root_fd
        self._dest = dest
        self._options = options
        self._tally = Tally()
        self._writer = EntryWriter(epoch=options.epoch, owner=options.owner)

    def run(self, parts: Iterable[tuple[str, str]]) -> Exported:
        """Write everything, then what has to come last."""
        for folder, tree in parts:
            with DirChain(tree) as source:
                self._part(os.fsencode(folder), source.fd)
        tally, receipt = self._tally, self._writer.receipt
        removed = 0
        if self._options.mirror:
            keep = receipt.keys() | tally.folders.keys() | tally.linked
            removed = remove_others(self._root, keep, self._dest, tally.touched)
        self._settle_links()
        self._settle_folders()
        skipped = [f"{tally.skipped} × device or socket: left out"] if tally.skipped else []
        return Exported(
            files=tally.files,
            bytes=self._writer.bytes,
            unchanged=tally.unchanged,
            removed=removed,
            warnings=skipped,
            receipt=receipt,
        )

    def _part(self, folder: bytes, tree_fd: int) -> None:
        """Write all that is selected of one tree."""
        if folder:
            make_folder(folder, self._root)
            self._tally.folders[folder] = [0o755, None, None, False]
        selections = self._options.selections or (WHOLE,)
        sources: dict[bytes, int] | None = {} if len(selections) > 1 else None
        for selection in selections:
            fd, matcher = open_selection(tree_fd, selection)
            before = self._tally.found
            try:
                shares = self._shares(fd) if sources is None else 1
                self._write(fd, matcher, folder, sources, shares)
            finally:
                os.close(fd)
            if self._tally.found == before and not selection.named:
                raise missing(tree_fd, selection)

    def _write(
        self, fd: int, matcher: Matcher | None, folder: bytes, sources: dict[bytes, int] | None, shares: int
    ) -> None:
        """Write one selection, in `shares` processes of which this is one."""
        counters = Counters(shares)
        helpers: list[Helper] = []
        try:
            for share in range(1, shares):
                helpers.append(Helper(lambda share=share: self._help(fd, matcher, folder, counters, share, shares)))  # type: ignore[misc]
            with DirChain(open_beneath(self._root, folder)) as target:
                part = self._part_writer(target, folder, counters, 0, shares, sources)
                self._walk(fd, matcher, part, 0, shares)
                for helper in helpers:
                    state, receipt, size = helper.result()
                    self._tally.add(state)
                    self._writer.receipt.update(receipt)
                    self._writer.bytes += size
                part.write_deferred(fd)
        finally:
            for helper in helpers:
                helper.end()

    def _part_writer(
        self,
        target: DirChain,
        folder: bytes,
        counters: Counters,
        share: int,
        shares: int,
        sources: dict[bytes, int] | None = None,
    ) -> PartWriter:
        report = None if share else self._options.progress

        def progress(count: int) -> None:
            counters.put(share, count)
            if report is not None:
                report(counters.total())

        return PartWriter(
            self._writer,
            self._tally,
            target,
            root_fd=self._root,
            prefix=folder,
            place=self._dest,
            sources=sources,
            defer=shares > 1,
            progress=progress,
        )

    def _help(
        self, fd: int, matcher: Matcher | None, folder: bytes, counters: Counters, share: int, shares: int
    ) -> tuple[Any, ...]:
        """Write a share of a selection, in a process forked for it; return what was written."""
        mine = _Export(self._root, self._dest, self._options)
        with DirChain(open_beneath(self._root, folder)) as target:
            part = mine._part_writer(target, folder, counters, share, shares)
            mine._walk(fd, matcher, part, share, shares)
        return mine._tally.state(), mine._writer.receipt, mine._writer.bytes

    def _walk(self, fd: int, matcher: Matcher | None, part: PartWriter, share: int, shares: int) -> None:
        with DirChain(open_beneath(fd, b"")) as chain:
            walk = Walk(chain, matcher, part, share=share, shares=shares)
            walk.run()
        self._tally.found += walk.found

    def _shares(self, fd: int) -> int:
        """Return how many processes shall write: one where a first look says that the tree is small."""
        if self._options.processes > 1 and _larger_than(fd, WORTH_SHARING):
            return self._options.processes
        return 1

    def _settle_links(self) -> None:
        """Note hard-linked files last: each further link changes the ctime of all."""
        for path in self._tally.linked:
            folder, _, base = path.rpartition(b"/")
            fd = open_beneath(self._root, folder)
            try:
                self._writer.receipt[path] = record(os.lstat(base, dir_fd=fd))
            finally:
                os.close(fd)

    def _settle_folders(self) -> None:
        """Give directories their owner, mode and time, children first; the destination's own root keeps its own.

        In a mirror's receipt they are marked: anything that comes or goes in them is a change.
        """
        exact = (1,) if self._options.mirror else ()
        for path in sorted(self._tally.folders, reverse=True):
            try:
                fd = open_beneath(self._root, path)
                try:
                    _settle(fd, *self._tally.folders[path])
                    self._writer.receipt[path] = record(os.fstat(fd)) + exact
                finally:
                    os.close(fd)
            except OSError as error:
                raise blocked(self._dest, path, error) from error
        if exact:
            self._writer.receipt[b""] = record(os.fstat(self._root)) + exact


def _settle(fd: int, mode: int, stamp: int | None, owner: tuple[int, int] | None, changed: bool) -> None:
    status = os.fstat(fd)
    if owner is not None and (status.st_uid, status.st_gid) != owner:
        os.fchown(fd, *owner)
        status = os.fstat(fd)
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(fd, mode)
    if changed and stamp is not None:
        os.utime(fd, ns=(stamp, stamp))


def _larger_than(fd: int, limit: int) -> bool:
    """Say whether more than `limit` entries are below an open directory, looking at no more than these."""
    counted = 0
    pending = [b""]
    while pending:
        path = pending.pop()
        folder = open_beneath(fd, path)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    counted += 1
                    if counted > limit:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(os.path.join(path, os.fsencode(entry.name)))
        finally:
            os.close(folder)
    return False
