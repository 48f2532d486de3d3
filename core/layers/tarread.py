# SPDX-License-Identifier: Apache-2.0
"""Reading tar archives that nobody vouches for: ustar, PAX, GNU long names, sparse files; every length bounded.

Takes blocks from a callable and gives entries in order; the content of the latest one comes by `pieces`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zlib import adler32

from ladle.core.api.errors import BuildError
from ladle.core.layers import errors, tarsparse
from ladle.core.layers.tarwriter import (
    BLOCK_DEVICE,
    CHARACTER,
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
)

META_LIMIT = 1 << 20
"""Bytes of one extended header or GNU long name."""
MAX_META = 64
"""Headers that belong to one entry, global ones included."""
_MAX_TIME = 1 << 40
_XATTR_RECORD = b"SCHILY.xattr."
_ZERO_BLOCK = bytes(512)
_KINDS = {
    b"0": REGULAR,
    b"\0": REGULAR,
    b"7": REGULAR,
    b"S": REGULAR,
    b"1": HARDLINK,
    b"2": SYMLINK,
    b"3": CHARACTER,
    b"4": BLOCK_DEVICE,
    b"5": DIRECTORY,
    b"6": FIFO,
}
_SECOND = 1_000_000_000


class Entry:
    """One member of an archive. `fragments` is the map of a sparse file whose length is `size`."""

    __slots__ = (
        "fragments",
        "gid",
        "kind",
        "link",
        "major",
        "minor",
        "mode",
        "mtime_ns",
        "name",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(self, name: bytes, kind: bytes, mode: int, uid: int, gid: int, size: int, mtime_ns: int) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.mtime_ns = mtime_ns
        self.link = b""
        self.major = 0
        self.minor = 0
        self.xattrs: dict[str, bytes] | None = None
        self.fragments: tarsparse.Fragments | None = None


def _number(field: bytes) -> int:
    """A numeric field: octal text, or GNU's base 256."""
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=False) & ((1 << (8 * len(field) - 1)) - 1)
        return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
    text = field.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if text.translate(None, b"01234567"):
        raise errors.bad_archive(f"not an octal number: {field!r}")
    return int(text, 8)


def _checksum_fits(header: bytes) -> bool:
    try:
        stated = _number(header[148:156])
    except BuildError:
        return False
    rest = header[:148] + b"        " + header[156:]
    if (adler32(rest) - 1 - stated) & 0xFFFF == 0:
        return True
    unsigned = sum(rest)
    return stated in (unsigned, unsigned - 256 * sum(byte > 127 for byte in rest))


def parse_records(body: bytes) -> list[tuple[bytes, bytes]]:
    """The records of an extended header, in order."""
    pairs: list[tuple[bytes, bytes]] = []
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 20)
        digits = body[at:space]
        if space < 0 or not digits.isdigit():
            if not body[at:].strip(b"\0"):
                break
            raise errors.bad_archive("malformed extended header")
        end = at + int(digits)
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if end > len(body) or end <= space or body[end - 1 : end] != b"\n" or not equals or not key or b"\0" in key:
            raise errors.bad_archive("malformed extended header")
        pairs.append((key, value))
        at = end
    return pairs


def _decimal(records: dict[bytes, bytes], key: bytes) -> int | None:
    value = records.get(key)
    if not value:
        return None
    if not value.isdigit() or len(value) > 18:
        raise errors.bad_archive(f"extended header: bad {key.decode()} {value[:40]!r}")
    return int(value)


def _time(value: bytes) -> int:
    """A PAX time, decimal seconds with an optional fraction, in nanoseconds."""
    negative = value.startswith(b"-")
    whole, _, fraction = value.lstrip(b"-").partition(b".")
    if not whole.isdigit() or len(whole) > 18 or (fraction and not fraction.isdigit()):
        raise errors.bad_archive(f"extended header: bad mtime {value[:40]!r}")
    stamp = int(whole) * _SECOND + int(fraction[:9].ljust(9, b"0") or b"0")
    return -stamp if negative else stamp


class TarReader:
    """Reads an archive from `next_block`, a callable that returns bytes, b"" at the end of the stream."""

    def __init__(self, next_block: Callable[[], bytes]) -> None:
        self._next_block = next_block
        self._block = b""
        self._at = 0
        self._left = 0
        self._padding = 0
        self._long: dict[bytes, bytes] = {}
        self._records: dict[bytes, bytes] = {}
        self._pairs: list[tuple[bytes, bytes]] = []
        self.entries = 0

    def next(self) -> Entry | None:
        """The next entry, None at the end of the archive; what was not read of the one before is skipped."""
        headers = 0
        while True:
            self._skip(self._left + self._padding)
            self._left = self._padding = 0
            header = self._header()
            if header is None:
                if self._records or self._long:
                    raise errors.bad_archive("it ends after an extended header")
                return None
            kind = header[156:157]
            if kind in b"xgLK":
                headers += 1
                if headers > MAX_META:
                    raise errors.over_limit("number of headers of one entry", headers, MAX_META)
                self._extend(kind, header)
                continue
            entry = self._entry(header, kind)
            self._records, self._pairs, self._long = {}, [], {}
            self.entries += 1
            return entry

    def pieces(self) -> Iterator[memoryview]:
        """The stored content of the latest entry, piece by piece."""
        while self._left:
            if self._at >= len(self._block):
                self._refill()
            view = memoryview(self._block)[self._at : self._at + self._left]
            self._at += len(view)
            self._left -= len(view)
            yield view

    def _refill(self) -> None:
        block = self._next_block()
        if not block:
            raise errors.bad_archive("it ends too early")
        self._block = block
        self._at = 0

    def _take(self, size: int) -> bytes:
        """Exactly `size` bytes, which must be few."""
        at = self._at
        piece = self._block[at : at + size]
        self._at = at + len(piece)
        while len(piece) < size:
            self._refill()
            more = self._block[: size - len(piece)]
            self._at = len(more)
            piece += more
        return piece

    def _skip(self, size: int) -> None:
        while size:
            if self._at >= len(self._block):
                self._refill()
            step = min(size, len(self._block) - self._at)
            self._at += step
            size -= step

    def _header(self) -> bytes | None:
        if self._at >= len(self._block):
            self._block = self._next_block()
            self._at = 0
            if not self._block:
                return None
        header = self._take(512)
        if header == _ZERO_BLOCK:
            return None
        if not _checksum_fits(header):
            raise errors.bad_archive("wrong header checksum" if self.entries else "this is not a tar archive")
        return header

    def _extend(self, kind: bytes, header: bytes) -> None:
        """Read an extended header or GNU long name that belongs to the next entry; global headers are ignored."""
        size = _number(header[124:136])
        if not 0 <= size <= META_LIMIT:
            raise errors.over_limit("header size", size, META_LIMIT)
        body = self._take(size)
        self._padding = -size & 511
        if kind == b"x":
            self._pairs = parse_records(body)
            self._records = dict(self._pairs)
        elif kind in b"LK":
            self._long[kind] = body.partition(b"\0")[0]

    def _entry(self, header: bytes, kind: bytes) -> Entry:
        known = _KINDS.get(kind)
        name = header[:100].partition(b"\0")[0]
        if known is None:
            raise errors.bad_archive(f"unknown entry type {kind!r}", name)
        if header[345] and header[257:263] == b"ustar\0":
            name = header[345:500].partition(b"\0")[0] + b"/" + name
        entry = Entry(
            name,
            known,
            _number(header[100:108]) & 0o7777,
            _number(header[108:116]),
            _number(header[116:124]),
            _number(header[124:136]),
            _number(header[136:148]) * _SECOND,
        )
        if known in (HARDLINK, SYMLINK):
            entry.link = header[157:257].partition(b"\0")[0]
        elif known in (CHARACTER, BLOCK_DEVICE):
            entry.major, entry.minor = _number(header[329:337]), _number(header[337:345])
        if self._long:
            entry.name = self._long.get(b"L", entry.name)
            entry.link = self._long.get(b"K", entry.link)
        if self._records:
            self._amend(entry)
        if known == REGULAR:
            self._content(entry, header, kind)
        else:
            entry.size = 0
        self._check(entry)
        return entry

    def _amend(self, entry: Entry) -> None:
        """Let the extended header override the fixed one; an empty value leaves it alone."""
        records = self._records
        entry.name = records.get(b"path") or entry.name
        entry.link = records.get(b"linkpath") or entry.link
        size, uid, gid = (_decimal(records, key) for key in (b"size", b"uid", b"gid"))
        entry.size = entry.size if size is None else size
        entry.uid = entry.uid if uid is None else uid
        entry.gid = entry.gid if gid is None else gid
        if records.get(b"mtime"):
            entry.mtime_ns = _time(records[b"mtime"])
        xattrs = {
            key[len(_XATTR_RECORD) :].decode("utf-8", "surrogateescape"): value
            for key, value in records.items()
            if key.startswith(_XATTR_RECORD)
        }
        entry.xattrs = xattrs or None

    def _content(self, entry: Entry, header: bytes, kind: bytes) -> None:
        """Set how much content follows, and the map of a sparse file."""
        if entry.size < 0:
            raise errors.bad_archive("negative size", entry.name)
        if entry.name.endswith(b"/") and kind in b"0\0":
            entry.kind = DIRECTORY
        stored = entry.size
        self._left = stored
        self._padding = -stored & 511
        if kind == b"S":
            fragments, entry.size = tarsparse.old_gnu(header, self._take, _number)
            entry.fragments = tarsparse.checked(fragments, entry.size, stored, entry.name)
            return
        records = self._records
        if not any(key.startswith(b"GNU.sparse.") for key in records):
            return
        entry.name = records.get(b"GNU.sparse.name") or entry.name
        size = _decimal(records, b"GNU.sparse.realsize")
        size = _decimal(records, b"GNU.sparse.size") if size is None else size
        if records.get(b"GNU.sparse.major") == b"1":
            found, taken = tarsparse.data_map(self._within)
            stored -= taken
            self._left = stored
        else:
            mapped = tarsparse.pax_map(records, self._pairs)
            if mapped is None:
                return
            found = mapped
        if size is None:
            raise errors.bad_archive("a sparse file without its size", entry.name)
        entry.size = size
        entry.fragments = tarsparse.checked(found, size, stored, entry.name)

    def _within(self, size: int) -> bytes:
        """Bytes of the current entry's content."""
        if size > self._left:
            raise errors.bad_archive("its sparse map is cut short")
        self._left -= size
        return self._take(size)

    def _check(self, entry: Entry) -> None:
        if b"\0" in entry.name or b"\0" in entry.link:
            raise errors.unsafe_entry(entry.name, "a name holds a NUL byte")
        if not (0 <= entry.uid < 1 << 32 and 0 <= entry.gid < 1 << 32):
            raise errors.bad_archive(f"owner {entry.uid}:{entry.gid} is out of range", entry.name)
        if abs(entry.mtime_ns) > _MAX_TIME * _SECOND:
            entry.mtime_ns = 0
