# SPDX-License-Identifier: Apache-2.0
"""One constructor for each thing that can be wrong with a store."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Sequence

from ladle.core.api.errors import BuildError

_CHOOSE_ROOT = "set LADLE_ROOT (or --root) to a directory that you can write to"
_CORRUPT = ("malformed", "not a database", "corrupt")


def store_newer(root: str, found: str, known: int) -> BuildError:
    """Return the error for a store that a newer ladle has made."""
    return BuildError(
        f"the store {root} was made by a newer ladle (version {found}, this one knows {known})",
        code="ST0001",
        help="use that ladle, or another store: " + _CHOOSE_ROOT,
    )


def store_busy(root: str, seconds: float) -> BuildError:
    """Return the error for a database that another process has locked for too long."""
    return BuildError(
        f"the database of the store {root} has been locked by another process for {seconds:.0f} seconds",
        code="ST0002",
        help="look for a stopped ladle process that uses this store",
    )


def store_unwritable(root: str, why: str) -> BuildError:
    """Return the error for a store that cannot be written to or made."""
    return BuildError(f"cannot write to the store {root}: {why}", code="ST0003", help=_CHOOSE_ROOT)


def store_full(root: str) -> BuildError:
    """Return the error for a full disk."""
    return BuildError(
        f"no space is left for the store {root}",
        code="ST0004",
        help="free some space, or use another disk: " + _CHOOSE_ROOT,
    )


def store_damaged(root: str, why: str) -> BuildError:
    """Return the error for a database that turned out to be damaged while in use."""
    return BuildError(
        f"the database of the store {root} is damaged ({why}); it has been set aside",
        code="ST0005",
        help="run ladle again: it starts with an empty cache",
    )


def store_unsound(root: str, findings: Sequence[str]) -> BuildError:
    """Return the error for a store in which a check has found something."""
    return BuildError(
        f"the store {root} is not sound: {len(findings)} findings",
        code="ST0006",
        notes=findings,
        help="builds are right all the same, and make again what is missing; to start anew, remove the store",
    )


def bad_digest(digest: str) -> BuildError:
    """Return the error for a blob's address that is none."""
    return BuildError(f"{digest!r} is not a digest: it must be sha256: and 64 hexadecimal digits", code="ST0010")


def blob_absent(digest: str) -> BuildError:
    """Return the error for a blob that is not in the store."""
    return BuildError(f"the store does not have the blob {digest}", code="ST0011")


def blob_large(digest: str, size: int, limit: int) -> BuildError:
    """Return the error for a blob that is too large to be read at once."""
    return BuildError(f"the blob {digest} has {size} bytes, more than the limit of {limit}", code="ST0012")


def blob_damaged(digest: str) -> BuildError:
    """Return the error for a blob that is not what its digest says."""
    return BuildError(
        f"the blob {digest} in the store is damaged; it was removed",
        code="ST0013",
        help="build again: it is made or fetched again",
    )


def from_os(root: str, error: OSError) -> BuildError:
    """Return the error for a failed system call on the store."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return store_full(root)
    return store_unwritable(root, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))


def from_sqlite(root: str, error: sqlite3.Error) -> BuildError:
    """Return the error for a failed statement that is neither a lock nor damage."""
    text = str(error)
    if "full" in text:
        return store_full(root)
    return store_unwritable(root, f"{text} (the file system is read-only)" if _is_read_only(root) else text)


def _is_read_only(root: str) -> bool:
    try:
        return bool(os.statvfs(root).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def is_locked(error: sqlite3.Error) -> bool:
    """Say whether another process was in the way."""
    return isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error))


def is_damage(error: sqlite3.Error) -> bool:
    """Say whether the database is damaged."""
    return isinstance(error, sqlite3.DatabaseError) and any(word in str(error) for word in _CORRUPT)
