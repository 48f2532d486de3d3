# SPDX-License-Identifier: Apache-2.0
"""Source texts and locations as BuildKit's `pb.Source`."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_SOURCES
from ladle.llb.metadata import Location, Range, SourceInfo
from ladle.llb.protobuf.kinds import Raw, as_text, last_bytes, last_int, limited
from ladle.llb.protobuf.varint import read_fields, signed, write_field, write_number

Locations = Mapping[str, tuple[Location, ...]]


def encode_sources(locations: Locations) -> bytes:
    """Return the bytes; digests are those of the ops over there. Empty where nothing is located."""
    infos: dict[SourceInfo, int] = {}
    entries = []
    for digest, places in sorted(locations.items()):
        body = b"".join(
            write_field(1, _number(1, infos.setdefault(place.source, len(infos))) + _ranges(place)) for place in places
        )
        entries.append(write_field(1, write_field(1, digest.encode()) + write_field(2, body)))
    texts = [write_field(2, _info(info)) for info in infos]
    return b"".join([*entries, *texts])


def _number(number: int, value: int) -> bytes:
    return write_number(number, value) if value else b""


def _info(info: SourceInfo) -> bytes:
    parts = [(1, info.filename.encode()), (2, info.data), (4, info.language.encode())]
    return b"".join([write_field(number, data) for number, data in parts if data])


def _ranges(place: Location) -> bytes:
    out = []
    for item in place.ranges:
        start = _number(1, item.start_line) + _number(2, item.start_character)
        end = _number(1, item.end_line) + _number(2, item.end_character)
        out.append(write_field(2, write_field(1, start) + write_field(2, end)))
    return b"".join(out)


def decode_sources(data: bytes) -> dict[str, tuple[Location, ...]]:
    """Check and decode the bytes."""
    entries: list[tuple[str, bytes]] = []
    infos: list[SourceInfo] = []
    for number, raw in read_fields(data):
        if number == 1:
            halves = _fields(raw, 1, 2)
            entries.append((as_text(last_bytes(halves[1] or [b""])), last_bytes(halves[2] or [b""])))
        elif number == 2:
            fields = _fields(raw, 1, 2, 3, 4)  # 3 is a definition that the source was read from: it says nothing here
            infos.append(
                SourceInfo(
                    filename=as_text(last_bytes(fields[1] or [b""])),
                    data=last_bytes(fields[2] or [b""]),
                    language=as_text(last_bytes(fields[4] or [b""])),
                )
            )
        else:
            raise LLBError(f"protobuf: the source map has the unknown field {number}")
    if len(infos) > MAX_SOURCES:
        raise LLBError(f"{len(infos)} sources are beyond the limit of {MAX_SOURCES}")
    return {digest: tuple([_location(raw, infos) for raw in _fields(body, 1)[1]]) for digest, body in entries}


def _location(raw: Raw, infos: list[SourceInfo]) -> Location:
    fields = _fields(raw, 1, 2)
    index = last_int(fields[1] or [0])
    if index >= len(infos):
        raise LLBError(f"locations: {signed(index)} is not one of {len(infos)} sources")
    return Location(source=infos[index], ranges=tuple([_range(item) for item in limited(fields[2])]))


def _range(raw: Raw) -> Range:
    fields = _fields(raw, 1, 2)
    start, end = [_fields(last_bytes(fields[half] or [b""]), 1, 2) for half in (1, 2)]
    return Range(
        start_line=signed(last_int(start[1] or [0])),
        start_character=signed(last_int(start[2] or [0])),
        end_line=signed(last_int(end[1] or [0])),
        end_character=signed(last_int(end[2] or [0])),
    )


def _fields(raw: Raw, *known: int) -> dict[int, list[Raw]]:
    found: dict[int, list[Raw]] = {number: [] for number in known}
    for number, item in read_fields(last_bytes([raw])):
        if number not in found:
            raise LLBError(f"protobuf: a location has the unknown field {number}")
        found[number].append(item)
    return found
