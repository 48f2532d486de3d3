# SPDX-License-Identifier: Apache-2.0
"""A tar writer whose bytes are those of Go's archive/tar as BuildKit drives it.

A layer's identity is the digest of these bytes, so each detail counts: PAX format with an extended header only
where a value does not fit, octal numbers padded with zeros, names cut and stripped to ASCII in the fixed header.
Whiteouts alone are written in plain ustar where they fit, as BuildKit leaves their format open.
The format: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html#tag_20_92_13_01
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from zlib import adler32

from ladle.core.layers import errors

REGULAR = b"0"
HARDLINK = b"1"
SYMLINK = b"2"
CHARACTER = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"

BLOCK = 1 << 20
PAX_LIMIT = 1 << 20
_NAME_SIZE = 100
_PREFIX_SIZE = 155
_ID_LIMIT = 1 << 21
_SIZE_LIMIT = 1 << 33
_ZEROS = bytes(1024)
_NO_NAMES = bytes(64)
_END = bytes(_PREFIX_SIZE + 12)
_TAIL = b"ustar\x0000" + _NO_NAMES + b"0000000\0" * 2 + _END
_PAX_TAIL = b"ustar\x0000" + _NO_NAMES + bytes(16) + _END
_NOT_ASCII = b"\0" + bytes(range(128, 256))
_BLANK_SUM = 8 * 0x20


def _byte_sum(data: bytes) -> int:
    """The sum of a header part's bytes: Adler-32's low half, exact since ASCII never reaches its modulus."""
    return (adler32(data) & 0xFFFF) - 1


_PLAIN_REST = {kind: kind + bytes(100) + _TAIL for kind in (REGULAR, HARDLINK, SYMLINK, DIRECTORY, FIFO)}
_PLAIN_SUM = {kind: _byte_sum(rest) + _BLANK_SUM for kind, rest in _PLAIN_REST.items()}


def pax_record(key: bytes, value: bytes) -> bytes:
    """One `LENGTH KEY=VALUE` record, where LENGTH counts its own digits."""
    size = len(key) + len(value) + 3
    size += len(str(size))
    record = b"%d %b=%b\n" % (size, key, value)
    if len(record) != size:
        record = b"%d %b=%b\n" % (len(record), key, value)
    return record


def _text_field(value: bytes, size: int) -> bytes:
    """A text field of the fixed header: ASCII only, cut, and never ending in a cut directory's slash."""
    value = value.translate(None, _NOT_ASCII)
    if len(value) <= size:
        return value.ljust(size, b"\0")
    value = value[:size]
    if value.endswith(b"/"):
        stem = len(value[:-1].rstrip(b"/"))
        value = value[:stem] + b"\0" + value[stem + 1 :]
    return value


def _fits(value: bytes) -> bool:
    return len(value) <= _NAME_SIZE and value.isascii() and b"\0" not in value


def _split_ustar(name: bytes) -> tuple[bytes, bytes] | None:
    """Split a long name at a slash into ustar's prefix and name, the way Go does; None if it cannot be."""
    length = len(name)
    if length <= _NAME_SIZE or not name.isascii():
        return None
    length = min(length, _PREFIX_SIZE + 1)
    at = name.rfind(b"/", 0, length)
    rest = len(name) - at - 1
    if at <= 0 or not 0 < rest <= _NAME_SIZE:
        return None
    return name[:at], name[at + 1 :]


def _pax_name(name: bytes) -> bytes:
    """The name of an extended header's own entry: `DIR/PaxHeaders.0/BASE`, ASCII, cut to 100 bytes."""
    folder, slash, base = name.rpartition(b"/")
    parts = [folder.rstrip(b"/")] if folder else []
    parts.append(b"PaxHeaders.0")
    if base:
        parts.append(base)
    joined = (b"/" if slash and not folder else b"") + b"/".join(parts)
    return joined.translate(None, _NOT_ASCII)[:_NAME_SIZE].rstrip(b"/")


def _sealed(head: bytes, rest: bytes, total: int) -> bytes:
    """A header from its parts before and after the checksum field."""
    return b"%b%06o\0 %b" % (head, total, rest)


class TarWriter:
    """Writes entries in order and hands the archive to `write` in pieces of about one MiB.

    `entries` and `size` count what was written so far. The bytes depend on nothing but the arguments. `owner`: a user
    and a group that everything is given to, whatever `add` says.
    """

    def __init__(
        self, write: Callable[[bytes], object], *, block: int = BLOCK, owner: tuple[int, int] | None = None
    ) -> None:
        self._write = write
        self._block = block
        self._owner = owner
        self._parts: list[bytes] = []
        self._pending = 0
        self.entries = 0
        self.size = 0

    def add(
        self,
        name: bytes,
        kind: bytes,
        mode: int,
        uid: int,
        gid: int,
        mtime: int,
        *,
        size: int = 0,
        link: bytes = b"",
        rdev: int = 0,
        pax: Mapping[bytes, bytes] | None = None,
    ) -> None:
        """Write a header (a directory's name ends in a slash); a regular file's `size` bytes must follow."""
        if self._owner is not None:
            uid, gid = self._owner
        plain = (
            not link
            and not pax
            and not rdev
            and len(name) <= _NAME_SIZE
            and 0 <= uid < _ID_LIMIT
            and 0 <= gid < _ID_LIMIT
            and 0 <= size < _SIZE_LIMIT
            and 0 <= mtime < _SIZE_LIMIT
            and kind in _PLAIN_REST
            and name.isascii()
        )
        self.entries += 1
        if not plain:
            self._add_general(name, kind, (mode, uid, gid, size, mtime), link, rdev, pax)
            return
        numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, mtime)
        head = name.ljust(_NAME_SIZE, b"\0") + numbers
        total = (adler32(head) & 0xFFFF) - 1 + _PLAIN_SUM[kind]
        self._push(b"%b%06o\0 %b" % (head, total, _PLAIN_REST[kind]))

    def add_file(
        self, name: bytes, status: os.stat_result, mtime: int, fd: int, pax: Mapping[bytes, bytes] | None = None
    ) -> None:
        """Write a regular file with its content, read from `fd`; its size must be what `status` says."""
        size = status.st_size
        self.add(name, REGULAR, status.st_mode & 0o7777, status.st_uid, status.st_gid, mtime, size=size, pax=pax)
        left = size
        while left:
            piece = os.read(fd, min(left, BLOCK))
            if not piece:
                raise errors.file_shrank(name, left)
            left -= len(piece)
            self._push(piece)
        if size & 511:
            self._push(_ZEROS[: -size & 511])

    def data(self, content: bytes) -> None:
        """Write the whole content of the regular file whose header was just added."""
        self._push(content)
        self._push(_ZEROS[: -len(content) & 511])

    def whiteout(self, name: bytes) -> None:
        """Write an empty `.wh.` entry; `name` already holds the prefix."""
        self.entries += 1
        split = _split_ustar(name)
        if split is not None:
            prefix, base = split
            self._header(base, REGULAR, (0, 0, 0, 0, 0), b"", 0, prefix)
        else:
            self.entries -= 1
            self.add(name, REGULAR, 0, 0, 0, 0)

    def close(self) -> None:
        """Write the two zero blocks of the end and hand over what is left."""
        self._push(_ZEROS)
        self.flush()

    def flush(self) -> None:
        """Hand over what is buffered."""
        if self._parts:
            self._write(b"".join(self._parts))
            self._parts.clear()
            self._pending = 0

    def _push(self, piece: bytes) -> None:
        length = len(piece)
        self._parts.append(piece)
        self._pending += length
        self.size += length
        if self._pending >= self._block:
            self.flush()

    def _add_general(
        self,
        name: bytes,
        kind: bytes,
        numbers: tuple[int, int, int, int, int],
        link: bytes,
        rdev: int,
        pax: Mapping[bytes, bytes] | None,
    ) -> None:
        mode, uid, gid, size, mtime = numbers
        records = dict(pax) if pax else {}
        if not _fits(name):
            records[b"path"] = name
        if not _fits(link):
            records[b"linkpath"] = link
        for key, value, limit in (
            (b"uid", uid, _ID_LIMIT),
            (b"gid", gid, _ID_LIMIT),
            (b"size", size, _SIZE_LIMIT),
            (b"mtime", mtime, _SIZE_LIMIT),
        ):
            if not 0 <= value < limit:
                records.setdefault(key, b"%d" % value)
        if records:
            self._add_records(name, records)
        uid, gid = (value if 0 <= value < _ID_LIMIT else 0 for value in (uid, gid))
        size, mtime = (value if 0 <= value < _SIZE_LIMIT else 0 for value in (size, mtime))
        self._header(name, kind, (mode, uid, gid, size, mtime), link, rdev, b"")

    def _add_records(self, name: bytes, records: Mapping[bytes, bytes]) -> None:
        body = b"".join(pax_record(key, records[key]) for key in sorted(records))
        if len(body) > PAX_LIMIT:
            raise errors.attributes_too_large(name, len(body), PAX_LIMIT)
        numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (0, 0, 0, len(body), 0)
        head = _pax_name(name).ljust(_NAME_SIZE, b"\0") + numbers
        rest = b"x" + bytes(_NAME_SIZE) + _PAX_TAIL
        self._push(_sealed(head, rest, _byte_sum(head) + _BLANK_SUM + _byte_sum(rest)))
        self.data(body)

    def _header(
        self,
        name: bytes,
        kind: bytes,
        numbers: tuple[int, int, int, int, int],
        link: bytes,
        rdev: int,
        prefix: bytes,
    ) -> None:
        head = _text_field(name, _NAME_SIZE) + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % numbers
        device = b"%07o\0%07o\0" % (os.major(rdev), os.minor(rdev))
        rest = b"".join(
            (kind, _text_field(link, _NAME_SIZE), b"ustar\x0000", _NO_NAMES, device, prefix.ljust(167, b"\0"))
        )
        self._push(_sealed(head, rest, _byte_sum(head) + _BLANK_SUM + _byte_sum(rest)))
