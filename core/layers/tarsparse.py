# SPDX-License-Identifier: Apache-2.0
"""Where the data of sparse files lies, in each of the forms that GNU tar has used.

https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ladle.core.layers.errors import bad_archive

MAX_FRAGMENTS = 1 << 20
_OLD_SLOTS = 4
_EXTENDED_SLOTS = 21
_SLOT = 24

Fragments = list[tuple[int, int]]
"""(offset, length) in the file, in the order of the stored data."""


def checked(fragments: Fragments, size: int, stored: int, name: bytes) -> Fragments:
    """Return the map if it is in order, within the file, and accounts for all stored bytes."""
    end = total = 0
    for offset, length in fragments:
        if offset < end or length < 0 or offset + length > size:
            raise bad_archive("its sparse map does not fit its size", name)
        end = offset + length
        total += length
    if total != stored:
        raise bad_archive("its sparse map does not fit its data", name)
    return fragments


def old_gnu(header: bytes, read: Callable[[int], bytes], number: Callable[[bytes], int]) -> tuple[Fragments, int]:
    """The map of an `S` entry, from its header and the blocks that continue it; with the file's real size."""
    fragments: Fragments = []
    _slots(header[386 : 386 + _OLD_SLOTS * _SLOT], number, fragments)
    extended = header[482]
    while extended:
        block = read(512)
        _slots(block[: _EXTENDED_SLOTS * _SLOT], number, fragments)
        if len(fragments) > MAX_FRAGMENTS:
            raise bad_archive("its sparse map is too long")
        extended = block[504]
    return fragments, number(header[483:495])


def _slots(data: bytes, number: Callable[[bytes], int], fragments: Fragments) -> None:
    for at in range(0, len(data), _SLOT):
        slot = data[at : at + _SLOT]
        if slot.strip(b"\0 "):
            fragments.append((number(slot[:12]), number(slot[12:])))


def pax_map(records: Mapping[bytes, bytes], pairs: list[tuple[bytes, bytes]]) -> Fragments | None:
    """The map of PAX formats 0.0 (repeated records) and 0.1 (one list); None if the records hold none."""
    listed = records.get(b"GNU.sparse.map")
    if listed is not None:
        numbers = [_decimal(part) for part in listed.split(b",")] if listed else []
    else:
        numbers = [_decimal(value) for key, value in pairs if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes")]
        if not numbers:
            return None
    if len(numbers) % 2 or len(numbers) > 2 * MAX_FRAGMENTS:
        raise bad_archive("its sparse map is malformed")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def data_map(read: Callable[[int], bytes]) -> tuple[Fragments, int]:
    """The map of PAX format 1.0, which stands before the data; with the number of bytes that it took."""
    buffer = b""
    taken = 0
    wanted = 1
    numbers: list[int] = []
    while len(numbers) < wanted:
        line, newline, rest = buffer.partition(b"\n")
        if not newline:
            if len(buffer) > 512:
                raise bad_archive("its sparse map is malformed")
            buffer += read(512)
            taken += 512
            continue
        numbers.append(_decimal(line))
        buffer = rest
        if len(numbers) == 1:
            if numbers[0] > MAX_FRAGMENTS:
                raise bad_archive("its sparse map is too long")
            wanted += 2 * numbers[0]
    return list(zip(numbers[1::2], numbers[2::2], strict=True)), taken


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 18:
        raise bad_archive("its sparse map is malformed")
    return int(text)
