# SPDX-License-Identifier: Apache-2.0
"""What is known of one file system entry, and the digest of its metadata and content.

An entry is a plain tuple (marshal writes it, and a scan makes 50,000 of them), indexed by the names below.
Its digest is sha256 over a header and, for a regular file, its bytes. The header holds the kind, permission bits,
owner, size, link target or device numbers and the extended attributes that a copy keeps; every field that can vary in
length is preceded by its length. The name and the times are not in it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat

from ladle.core.api.errors import BuildError

TYPE_CHECKING = False  # not from typing: importing that takes longer than a small scan
if TYPE_CHECKING:
    from typing import Final

# st_mode, st_size, st_mtime_ns, st_ctime_ns, st_ino, digest, link target or `major,minor`, pairs of extended
# attributes, and whether the entry was so new when it was read that its times prove nothing.
MODE: Final = 0
SIZE: Final = 1
MTIME: Final = 2
CTIME: Final = 3
INO: Final = 4
DIGEST: Final = 5
TARGET: Final = 6
XATTRS: Final = 7
RACY: Final = 8

Xattrs = tuple[tuple[bytes, bytes], ...]
Entry = tuple[int, int, int, int, int, bytes, bytes, Xattrs, bool]

CHANGED = "LA0302"
UNREADABLE = "LA0303"

_TAG = b"ladle-entry-1\n"
_CHUNK = 1 << 20
_TRIES = 3
_NO_XATTRS = frozenset([errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENODATA, errno.ENOENT])


def header(mode: int, uid: int, gid: int, size: int, target: bytes, xattrs: Xattrs) -> bytes:
    """The bytes that stand for an entry's metadata; `size` counts for regular files only."""
    bits = 0o777 if stat.S_ISLNK(mode) else stat.S_IMODE(mode)
    length = size if stat.S_ISREG(mode) else 0
    out = b"%s%o %o %d %d %d %d:%b %d" % (
        _TAG, stat.S_IFMT(mode), bits, uid, gid, length, len(target), target, len(xattrs),
    )  # fmt: skip
    for name, value in xattrs:
        out += b" %d:%b%d:%b" % (len(name), name, len(value), value)
    return out + b"\n"


def kept_xattr(name: bytes) -> bool:
    """Whether an extended attribute belongs to the content: it is digested and copied."""
    if name.startswith(b"user."):
        return not name.startswith(b"user.overlay.")
    return name == b"security.capability"


def read_xattrs(file: bytes | int) -> Xattrs:
    """The extended attributes of a path (not followed) or descriptor that belong to the content, sorted."""
    try:
        names = os.listxattr(file) if isinstance(file, int) else os.listxattr(file, follow_symlinks=False)
    except OSError as error:
        if error.errno in _NO_XATTRS:
            return ()
        raise
    if not names:
        return ()
    pairs = []
    for name in sorted(map(os.fsencode, names)):
        if kept_xattr(name):
            pairs.append((name, _xattr(file, name)))
    return tuple(pairs)


def _xattr(file: bytes | int, name: bytes) -> bytes:
    if isinstance(file, int):
        return os.getxattr(file, name)
    return os.getxattr(file, name, follow_symlinks=False)


def read_entry(path: bytes, status: os.stat_result, *, owner: bool, racy_since: int, shown: str) -> Entry:
    """Read and digest the entry at `path`, whose lstat is `status`; `shown` is what errors call it.

    Without `owner` the user and group count as 0. Times at or after `racy_since` (ns) make the entry racy.
    """
    try:
        for _ in range(_TRIES):
            entry = _read(path, status, owner, racy_since)
            if entry is not None:
                return entry
            status = os.lstat(path)
    except OSError as error:
        raise unreadable(shown, error) from error
    raise BuildError(f"{shown} keeps changing while it is read", code=CHANGED)


def _read(path: bytes, status: os.stat_result, owner: bool, racy_since: int) -> Entry | None:
    """The entry, or None if a file changed while it was read."""
    mode = status.st_mode
    uid, gid = (status.st_uid, status.st_gid) if owner else (0, 0)
    target = b""
    if stat.S_ISREG(mode):
        read = _read_file(path, status, uid, gid)
        if read is None:
            return None
        digest, xattrs = read
    else:
        if stat.S_ISLNK(mode):
            target = os.readlink(path)
        elif stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            target = b"%d,%d" % (os.major(status.st_rdev), os.minor(status.st_rdev))
        xattrs = read_xattrs(path)
        digest = hashlib.sha256(header(mode, uid, gid, 0, target, xattrs)).digest()
    times = (status.st_mtime_ns, status.st_ctime_ns)
    racy = max(times) >= racy_since
    return (mode, status.st_size, *times, status.st_ino, digest, target, xattrs, racy)


def _read_file(path: bytes, status: os.stat_result, uid: int, gid: int) -> tuple[bytes, Xattrs] | None:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = status.st_size
        xattrs = read_xattrs(fd)
        hasher = hashlib.sha256(header(status.st_mode, uid, gid, size, b"", xattrs))
        left = size
        while left:
            data = os.read(fd, min(left, _CHUNK))
            if not data:
                return None
            hasher.update(data)
            left -= len(data)
        after = os.fstat(fd)
        if not same_file(after, status):
            return None
        return hasher.digest(), xattrs
    finally:
        os.close(fd)


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two stats are of one unchanged file."""
    return (
        one.st_ino == other.st_ino
        and one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_mode == other.st_mode
    )


def matches(entry: Entry, status: os.stat_result) -> bool:
    """Whether the file with this stat is still what the entry tells of."""
    return (
        entry[MTIME] == status.st_mtime_ns
        and entry[CTIME] == status.st_ctime_ns
        and entry[SIZE] == status.st_size
        and entry[INO] == status.st_ino
        and entry[MODE] == status.st_mode
    )


def unreadable(shown: str, error: OSError) -> BuildError:
    """The error for an entry that cannot be read, or is no longer there."""
    if isinstance(error, FileNotFoundError):
        return BuildError(f"{shown} vanished while it was read", code=CHANGED)
    return BuildError(f"cannot read {shown}: {error.strerror}", code=UNREADABLE)
