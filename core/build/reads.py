# SPDX-License-Identifier: Apache-2.0
"""What a compile read, and whether it would read the same again. Light: it is on the path of a cached build.

A read is a tuple: `("file", absolute path, sha256 hex or "")` where "" says that it was absent, `("git", address, key
of its tree)`, `("tag", reference, platform, host, path, tag, digest in the reference or "", digest)`, `("image",
scheme, reference, platform, digest)` where a stranger's source has it, `("host", identity)`, `("stamp", path, time and
size or "")` for the files of a frontend, or `("installed", fingerprint)` where it matters which plugins there are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from hashlib import sha256

Read = tuple[str, ...]
MAX_FILE_BYTES = 16 << 20


def read_bounded(path: str) -> bytes | None:
    """Return a regular file's bytes, None where there is none; raises `OSError` for an unreadable or too large one."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        status = os.fstat(descriptor)
        if status.st_size > MAX_FILE_BYTES:
            raise OSError(27, f"larger than {MAX_FILE_BYTES} bytes", path)
        if status.st_mode & 0o170000 != 0o100000:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_FILE_BYTES:
        raise OSError(27, f"larger than {MAX_FILE_BYTES} bytes", path)
    return data


def file_read(path: str, data: bytes | None) -> Read:
    """Return the read of a file that had these bytes, or that was absent."""
    return ("file", path, "" if data is None else sha256(data).hexdigest())


def read_names(path: str) -> tuple[str, ...] | None:
    """Return the sorted names in a directory, those of directories with a `/`; None where there is none."""
    try:
        with os.scandir(path) as entries:
            return tuple(sorted([entry.name + ("/" if entry.is_dir() else "") for entry in entries]))
    except OSError:
        return None


def names_read(path: str, names: tuple[str, ...] | None) -> Read:
    """Return the read of a directory that had these names, or that was absent."""
    text = "" if names is None else "\0".join(names) + "\0"
    return ("names", path, "" if names is None else sha256(text.encode(errors="surrogateescape")).hexdigest())


def stamp_read(path: str) -> Read:
    """Return the read of a file that is known by its time and size."""
    from ladle.core.installed import stamp

    return ("stamp", path, stamp(path))


def installed_read() -> Read:
    """Return the read of what is installed beside ladle."""
    from ladle.core.installed import fingerprint

    return ("installed", fingerprint())


def unchanged(reads: Iterable[Read], resolve: Callable[[Read], str]) -> bool:
    """Say whether every read would give the same; `resolve` returns the present digest or identity of other kinds."""
    for read in reads:
        if read[0] == "file":
            try:
                now = file_read(read[1], read_bounded(read[1]))
            except OSError:
                return False
            if now != tuple(read):
                return False
        elif read[0] == "names":
            if names_read(read[1], read_names(read[1])) != tuple(read):
                return False
        elif read[0] == "stamp":
            if stamp_read(read[1]) != tuple(read):
                return False
        elif read[0] == "installed":
            if installed_read() != tuple(read):
                return False
        elif resolve(read) != read[-1]:
            return False
    return True
