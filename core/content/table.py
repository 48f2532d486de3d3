# SPDX-License-Identifier: Apache-2.0
"""A tree held as a table of entries, and the Merkle digests of its directories.

A directory's digest is sha256 over the digest of its own header and, sorted by name, each child's name and digest: a
file's entry digest, a directory's tree digest. The directory's own name is not in it, so a renamed tree keeps it.
"""

from __future__ import annotations

import hashlib
import stat

from ladle.core.content.entry import DIGEST, MODE, TARGET, Entry, header

TYPE_CHECKING = False  # not from typing: importing that takes longer than a small scan
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TAG = b"ladle-tree-1\n"
ROOT_MODE = stat.S_IFDIR | 0o755
ROOT_DIGEST = hashlib.sha256(header(ROOT_MODE, 0, 0, 0, b"", ())).digest()
"""The header digest of the root of a local directory, whose own metadata counts for nothing."""


def tree_digest(own: bytes, children: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The digest of a directory from its header digest and its children's (name, digest), sorted by name."""
    hasher = hashlib.sha256(_TAG + own)
    for name, digest in children:
        hasher.update(b"%d:%b%b" % (len(name), name, digest))
    return hasher.digest()


class Table:
    """A tree whose entries are all known, by path relative to the root; a directory comes before what is in it."""

    def __init__(
        self, entries: dict[bytes, Entry], trees: dict[bytes, bytes] | None = None, own: bytes = ROOT_DIGEST
    ) -> None:
        self.entries = entries
        self._own = own
        self._names: dict[bytes, list[bytes]] | None = None
        self._trees = self._digest_trees() if trees is None else trees

    @property
    def trees(self) -> Mapping[bytes, bytes]:
        """The tree digests of all directories; the root's path is empty."""
        return self._trees

    def mode(self, path: bytes) -> int:
        """The st_mode of the entry at a path without links, 0 if there is none; the root is a directory."""
        entry = self.entries.get(path)
        if entry is None:
            return 0 if path else ROOT_MODE
        return entry[MODE]

    def link(self, path: bytes) -> bytes | None:
        """The target of the link at a path; None if there is none."""
        entry = self.entries.get(path)
        return entry[TARGET] if entry is not None and stat.S_ISLNK(entry[MODE]) else None

    def names(self, path: bytes) -> list[bytes]:
        """The sorted names in a directory."""
        if self._names is None:
            self._names = self._index()
        return self._names.get(path, [])

    def own_digest(self, path: bytes) -> bytes:
        """The digest of an entry by itself; of a directory: of its header only."""
        return self.entries[path][DIGEST] if path else self._own

    def tree_digest(self, path: bytes) -> bytes:
        """The digest of all of a directory."""
        return self._trees[path]

    def _index(self) -> dict[bytes, list[bytes]]:
        names: dict[bytes, list[bytes]] = {}
        for path in self.entries:
            parent, _, name = path.rpartition(b"/")
            try:
                names[parent].append(name)
            except KeyError:
                names[parent] = [name]
        for listed in names.values():
            listed.sort()
        return names

    def _digest_trees(self) -> dict[bytes, bytes]:
        entries = self.entries
        trees: dict[bytes, bytes] = {}
        directories = [path for path, entry in entries.items() if stat.S_ISDIR(entry[MODE])]
        for path in (*reversed(directories), b""):
            start = path + b"/" if path else b""
            children = []
            for name in self.names(path):
                child = start + name
                children.append((name, trees.get(child) or entries[child][DIGEST]))
            trees[path] = tree_digest(self.own_digest(path), children)
        return trees
