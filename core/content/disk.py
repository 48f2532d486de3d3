# SPDX-License-Identifier: Apache-2.0
"""A directory on disk as a tree to take digests of: entries are read as they are asked for, and kept.

For trees that nobody changes meanwhile: committed snapshots behind a read-only mount. Links are never followed by
the kernel: every path given is without links in its parents.
"""

from __future__ import annotations

import os
import stat

from ladle.core.content.entry import DIGEST, read_entry, unreadable
from ladle.core.content.table import Table
from ladle.core.content.walk import Walk

_NEVER = 1 << 63


class DiskTree:
    """The tree below a directory, with the real owners."""

    def __init__(self, top: str) -> None:
        self._top = os.fsencode(top)
        self._stats: dict[bytes, os.stat_result | None] = {}
        self._names: dict[bytes, list[bytes]] = {}
        self._own: dict[bytes, bytes] = {}
        self._whole: dict[bytes, bytes] = {}

    def mode(self, path: bytes) -> int:
        """The st_mode of the entry at a path, 0 if there is none."""
        status = self._stat(path)
        return 0 if status is None else status.st_mode

    def link(self, path: bytes) -> bytes | None:
        """The target of the link at a path; None if there is none."""
        return os.readlink(self._place(path)) if stat.S_ISLNK(self.mode(path)) else None

    def names(self, path: bytes) -> list[bytes]:
        """The sorted names in a directory; sockets are left out."""
        if path not in self._names:
            self._names[path] = self._list(path)
        return self._names[path]

    def own_digest(self, path: bytes) -> bytes:
        """The digest of an entry by itself."""
        if path not in self._own:
            status = self._stat(path)
            if status is None:
                raise KeyError(path)
            entry = read_entry(self._place(path), status, owner=True, racy_since=_NEVER, shown=self._shown(path))
            self._own[path] = entry[DIGEST]
        return self._own[path]

    def tree_digest(self, path: bytes) -> bytes:
        """The digest of a directory with all that is in it."""
        if path not in self._whole:
            found = Walk(os.fsdecode(self._top), known={}, owner=True, racy_since=_NEVER, shown="/").run(path)
            skip = len(path) + 1 if path else 0
            entries = {place[skip:]: entry for place, entry in found.items()}
            trees = Table(entries, own=self.own_digest(path)).trees
            self._whole[path] = trees[b""]
        return self._whole[path]

    def _place(self, path: bytes) -> bytes:
        return self._top + b"/" + path if path else self._top

    def _shown(self, path: bytes) -> str:
        return "/" + os.fsdecode(path)

    def _stat(self, path: bytes) -> os.stat_result | None:
        if path not in self._stats:
            try:
                status = os.lstat(self._place(path))
                self._stats[path] = None if stat.S_ISSOCK(status.st_mode) else status
            except (FileNotFoundError, NotADirectoryError):
                self._stats[path] = None
            except OSError as error:
                raise unreadable(self._shown(path), error) from error
        return self._stats[path]

    def _list(self, path: bytes) -> list[bytes]:
        try:
            with os.scandir(self._place(path)) as listing:
                return sorted(item.name for item in listing if not _is_socket(item))
        except OSError as error:
            raise unreadable(self._shown(path), error) from error


def _is_socket(item: os.DirEntry[bytes]) -> bool:
    if item.is_file(follow_symlinks=False) or item.is_dir(follow_symlinks=False) or item.is_symlink():
        return False
    return stat.S_ISSOCK(item.stat(follow_symlinks=False).st_mode)
