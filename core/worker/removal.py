# SPDX-License-Identifier: Apache-2.0
"""Removing whole trees of any depth, iteratively."""

from __future__ import annotations

import os

_LONGEST = 2048


def remove_tree(path: str | bytes) -> None:
    """Remove a directory and all below it; absent is fine. Nobody else may write in the tree meanwhile.

    Directories that lie so deep that their path comes near PATH_MAX are first moved up beside the top.
    """
    top = os.fsencode(path)
    try:
        pending = [top]
        hoisted = 0
        dirs: list[bytes] = []
        while pending:
            directory = pending.pop()
            dirs.append(directory)
            for name in _unlink_files(directory):
                child = directory + b"/" + name
                if len(child) > len(top) + _LONGEST:
                    hoisted += 1
                    moved = b"%s/.ladle-deep-%d" % (top, hoisted)
                    os.rename(child, moved)
                    child = moved
                pending.append(child)
        for directory in reversed(dirs):
            os.rmdir(directory)
    except FileNotFoundError:
        if os.path.lexists(top):
            raise


def _unlink_files(directory: bytes) -> list[bytes]:
    """Unlink everything in a directory but its subdirectories, whose names are returned."""
    subdirs: list[bytes] = []
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    subdirs.append(os.fsencode(entry.name))
                else:
                    os.unlink(entry.name, dir_fd=fd)
    finally:
        os.close(fd)
    return subdirs
