# SPDX-License-Identifier: Apache-2.0
"""Opening paths inside a root directory, with every link resolved as if that directory were `/`.

`open_in_root` is openat2(2) with RESOLVE_IN_ROOT, which no image can escape from. Where the kernel (before
5.6) or a seccomp filter does not offer it, each component is opened without following and links are resolved
by hand; that walk gives the same answers for a tree that nobody renames meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
from collections import deque

from ladle.core.worker import linux

RESOLVE_NO_XDEV = 1
RESOLVE_NO_MAGICLINKS = 2
RESOLVE_NO_SYMLINKS = 4
RESOLVE_BENEATH = 8
RESOLVE_IN_ROOT = 16

MAX_LINKS = 40
_NR_OPENAT2 = 437
_AGAIN_LIMIT = 64
_supported: bool | None = None


def openat2(dir_fd: int, path: str | bytes, flags: int, mode: int = 0, resolve: int = 0) -> int:
    """openat2(2), close-on-exec; repeated while a concurrent rename makes the kernel say EAGAIN."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, resolve)
    name = os.fsencode(path)
    call = linux.libc().syscall
    for _ in range(_AGAIN_LIMIT):
        fd: int = call(_NR_OPENAT2, dir_fd, name, how, len(how))
        if fd >= 0:
            return fd
        error = linux.failure(path)
        if error.errno != errno.EAGAIN:
            raise error
    raise error


def _probe() -> bool:
    try:
        os.close(openat2(linux.AT_FDCWD, b"/", os.O_PATH, 0, RESOLVE_IN_ROOT))
    except OSError:
        return False
    return True


def open_in_root(root_fd: int, path: str | bytes, flags: int, mode: int = 0) -> int:
    """Open `path` under `root_fd` with absolute links and `..` clamped to it; magic links are refused.

    `mode` must be 0 unless `flags` has O_CREAT. `""`, `"/"` and `"."` all mean the root itself.
    """
    global _supported
    if _supported is None:
        _supported = _probe()
    name = os.fsencode(path) or b"."
    if _supported:
        return openat2(root_fd, name, flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    return walk_in_root(root_fd, name, flags, mode)


def walk_in_root(root_fd: int, path: str | bytes, flags: int, mode: int = 0) -> int:
    """The same without openat2: component by component, links resolved by hand."""
    try:
        return _walk(root_fd, os.fsencode(path), flags, mode)
    except OSError as error:
        number = error.errno or 0
        raise OSError(number, os.strerror(number), os.fsdecode(path)) from None


def _walk(root_fd: int, name: bytes, flags: int, mode: int) -> int:
    if b"\0" in name:
        raise OSError(errno.EINVAL, "")
    keep_last = flags & os.O_NOFOLLOW or (flags & os.O_CREAT and flags & os.O_EXCL)
    todo = deque(part for part in name.split(b"/") if part not in (b"", b"."))
    as_directory = name.endswith((b"/", b"/.")) or not todo
    dirs: list[int] = [os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root_fd)]
    links = 0
    try:
        while todo:
            part = todo.popleft()
            if part == b"..":
                if len(dirs) > 1:
                    os.close(dirs.pop())
                continue
            last = not todo
            if last and not as_directory and keep_last:
                break
            target = _link_target(dirs[-1], part)
            if target is None:
                if last:
                    break
                dirs.append(os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dirs[-1]))
                continue
            links += 1
            if links > MAX_LINKS:
                raise OSError(errno.ELOOP, "")
            if target.startswith(b"/"):
                while len(dirs) > 1:
                    os.close(dirs.pop())
            if last and target.endswith((b"/", b"/.")):
                as_directory = True
            todo.extendleft(reversed([step for step in target.split(b"/") if step not in (b"", b".")]))
            part = b"."
        else:
            part = b"."
        extra = os.O_DIRECTORY if as_directory and not flags & os.O_CREAT else 0
        return os.open(part, flags | extra | os.O_NOFOLLOW | os.O_CLOEXEC, mode or 0o777, dir_fd=dirs[-1])
    finally:
        for fd in dirs:
            os.close(fd)


def _link_target(dir_fd: int, name: bytes) -> bytes | None:
    try:
        status = os.lstat(name, dir_fd=dir_fd)
    except FileNotFoundError:
        return None
    if not stat.S_ISLNK(status.st_mode):
        return None
    return os.readlink(name, dir_fd=dir_fd)
