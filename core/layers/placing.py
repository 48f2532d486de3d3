# SPDX-License-Identifier: Apache-2.0
"""Files that get their name when they are whole: whoever looks, at whatever moment, sees no file or all of it.

They are made without any name (O_TMPFILE), so one whose writer is killed is gone with it. File systems that cannot do
that get a temporary name.
"""

from __future__ import annotations

import errno
import os

_UNNAMED = os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC
_NAMED = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOSYS, errno.ENOENT)


def open_unnamed(dir_fd: int, mode: int) -> int:
    """Return a new file without a name in a directory, open for writing; -1 where the file system has none."""
    try:
        return os.open(".", _UNNAMED, mode, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _CANNOT:
            return -1
        raise


def open_named(name: bytes, dir_fd: int, mode: int) -> int:
    """Return a new file under a name that is not its last."""
    return os.open(name, _NAMED, mode, dir_fd=dir_fd)


def set_mode(name: bytes, dir_fd: int, mode: int) -> None:
    """Give a fifo or a device a mode, set-id bits included, which a change of owner takes away; no link is followed."""
    fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        os.chmod(f"/proc/self/fd/{fd}", mode)
    finally:
        os.close(fd)


def give_name(fd: int, name: str | bytes, dir_fd: int) -> None:
    """Give an unnamed file its name; raises `FileExistsError` where that is taken."""
    # with dir_fd Python calls linkat(2) and so follows the link in /proc; without, it calls link(2), which does not
    os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=dir_fd, follow_symlinks=True)
