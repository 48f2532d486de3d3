# SPDX-License-Identifier: Apache-2.0
"""Where an exporter's bytes go: standard output, a device, or a file that appears whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ladle.core.api.errors import BuildError
from ladle.core.layers.placing import give_name, open_unnamed
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """An open descriptor to write to; `regular`: it is a file that stays."""

    fd: int
    regular: bool


@contextmanager
def open_output(dest: str) -> Iterator[Output]:
    """Open a destination; a regular file is written under another name beside it and renamed at the end."""
    try:
        if dest == "-":
            with _closing(os.dup(1)) as fd:
                yield Output(fd=fd, regular=False)
        elif _is_special(dest):
            with _closing(os.open(dest, os.O_WRONLY | os.O_CLOEXEC)) as fd:
                yield Output(fd=fd, regular=False)
        else:
            with _replacing(os.path.realpath(dest)) as fd:
                yield Output(fd=fd, regular=True)
    except OSError as error:
        raise BuildError(f"cannot write {dest}: {error.strerror}", code="LA0224") from error


def stat_record(path: str) -> list[int]:
    """Return what an `ExportReport` keeps of a written file."""
    status = os.stat(path)
    return [status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]


def _is_special(dest: str) -> bool:
    try:
        mode = os.stat(dest).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise BuildError(f"cannot write {dest}: it is a directory", code="LA0256", help="name a file in it")
    return not stat.S_ISREG(mode)


@contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _replacing(dest: str) -> Iterator[int]:
    """Open a file that gets its name when it is whole; what a killed build had written of it is gone with it."""
    folder, name = os.path.split(dest)
    os.makedirs(folder, exist_ok=True)
    temporary = f".{name[:200]}.{os.getpid()}.{os.urandom(4).hex()}.part"
    with (
        _closing(os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)) as place,
        _closing(_open_new(temporary, place)) as fd,
    ):
        try:
            yield fd
            if not os.fstat(fd).st_nlink:
                give_name(fd, temporary, place)
            os.rename(temporary, name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            if os.fstat(fd).st_nlink:
                os.unlink(temporary, dir_fd=place)
            raise


def _open_new(temporary: str, place: int) -> int:
    fd = open_unnamed(place, 0o666)
    if fd >= 0:
        return fd
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=place)
