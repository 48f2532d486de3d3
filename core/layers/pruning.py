# SPDX-License-Identifier: Apache-2.0
"""Removing things below an open directory, never through a link, at any depth."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator

from ladle.core.layers.chain import DIRECTORY_FLAGS, DirChain


def remove_entry(dir_fd: int, name: bytes) -> bool:
    """Remove `name`, whatever it is, with all below it; False if it was not there."""
    try:
        os.unlink(name, dir_fd=dir_fd)
        return True
    except FileNotFoundError:
        return False
    except (IsADirectoryError, PermissionError):
        if not stat.S_ISDIR(os.lstat(name, dir_fd=dir_fd).st_mode):
            raise
    empty_directory(dir_fd, name)
    os.rmdir(name, dir_fd=dir_fd)
    return True


def empty_directory(dir_fd: int, name: bytes, path: bytes = b"", keep: Collection[bytes] = ()) -> None:
    """Remove what is in the directory `name`, except the paths in `keep`; `path` is what it is called there.

    A directory in `keep` stays with what is kept below it: all ancestors of a kept path must be kept too.
    """
    prefix = path + b"/" if path else b""
    with DirChain(os.open(name, DIRECTORY_FLAGS, dir_fd=dir_fd)) as chain:
        stack: list[tuple[bytes, bytes, Iterator[bytes]]] = [(b"", prefix, iter(chain.names()))]
        while stack:
            _, prefix, names = stack[-1]
            for child in names:
                kept = prefix + child in keep
                if stat.S_ISDIR(os.lstat(child, dir_fd=chain.fd).st_mode):
                    chain.push(child)
                    stack.append((child, prefix + child + b"/", iter(chain.names())))
                    break
                if not kept:
                    os.unlink(child, dir_fd=chain.fd)
            else:
                own_name, own_prefix, _ = stack.pop()
                if stack:
                    chain.pop()
                    if own_prefix[:-1] not in keep:
                        os.rmdir(own_name, dir_fd=chain.fd)
