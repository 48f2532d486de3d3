# SPDX-License-Identifier: Apache-2.0
"""Making a directory hold nothing but what was written into it (`mode=delete`).

Confined by descriptors: no link is followed, nothing mounted below the directory is entered.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterator

from ladle.core.layers.chain import DirChain
from ladle.core.layers.entries import blocked, open_beneath


def remove_others(root_fd: int, keep: Container[bytes], place: str, changed: Callable[[bytes], None]) -> int:
    """Remove what is below an open directory and not in `keep`, which has parents too; return how many files went.

    `changed` is told each kept directory that lost something.
    """
    return _Mirror(keep, place, changed).run(root_fd)


class _Folder:
    __slots__ = ("kept", "name", "names", "prefix")

    def __init__(self, prefix: bytes, name: bytes, names: list[bytes], *, kept: bool) -> None:
        self.prefix = prefix
        self.name = name
        self.names: Iterator[bytes] = iter(names)
        self.kept = kept


class _Mirror:
    def __init__(self, keep: Container[bytes], place: str, changed: Callable[[bytes], None]) -> None:
        self._keep = keep
        self._place = place
        self._changed = changed
        self._removed = 0

    def run(self, root_fd: int) -> int:
        with DirChain(open_beneath(root_fd, b"")) as chain:
            folders = [_Folder(b"", b"", chain.names(), kept=True)]
            while folders:
                folder = folders[-1]
                for name in folder.names:
                    path = folder.prefix + name
                    try:
                        entered = self._visit(chain, folder, path, name)
                    except OSError as error:
                        raise blocked(self._place, path, error) from error
                    if entered is not None:
                        folders.append(entered)
                        break
                else:
                    self._leave(chain, folders)
        return self._removed

    def _visit(self, chain: DirChain, folder: _Folder, path: bytes, name: bytes) -> _Folder | None:
        kept = path in self._keep
        if stat.S_ISDIR(os.lstat(name, dir_fd=chain.fd).st_mode):
            if not kept:
                os.close(open_beneath(chain.fd, name, mounts=False))
            chain.push(name)
            return _Folder(path + b"/", name, chain.names(), kept=kept)
        if not kept:
            os.unlink(name, dir_fd=chain.fd)
            self._removed += 1
            if folder.kept:
                self._changed(folder.prefix[:-1])
        return None

    def _leave(self, chain: DirChain, folders: list[_Folder]) -> None:
        folder = folders.pop()
        if not folders:
            return
        chain.pop()
        if not folder.kept:
            os.rmdir(folder.name, dir_fd=chain.fd)
            if folders[-1].kept:
                self._changed(folders[-1].prefix[:-1])
