# SPDX-License-Identifier: Apache-2.0
"""The bytes of protocol buffers: varints, tags and length-delimited fields."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.llb.errors import LLBError

VARINT = 0
BYTES = 2
_MASK = 2**64 - 1


def write_varint(value: int) -> bytes:
    """Encode a number; negative ones as 64-bit two's complement, as Go does."""
    value &= _MASK
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_field(number: int, data: bytes) -> bytes:
    """Encode a length-delimited field."""
    return write_varint(number << 3 | BYTES) + write_varint(len(data)) + data


def write_number(number: int, value: int) -> bytes:
    """Encode a varint field."""
    return write_varint(number << 3 | VARINT) + write_varint(value)


def signed(value: int) -> int:
    """Return a 64-bit two's complement number as it was meant."""
    return value - 2**64 if value >= 2**63 else value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode a number, return it and the place behind it."""
    value = shift = 0
    for place in range(at, min(at + 10, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value > _MASK:
                break
            return value, place + 1
        shift += 7
    raise LLBError(f"protobuf: the number at byte {at} is cut off or too long")


def read_fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: a number, then an integer or the bytes of a length-delimited field."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, at = read_varint(data, at)
            yield number, value
            continue
        if kind != BYTES:
            raise LLBError(f"protobuf: field {number} has the wire type {kind}, which no field of LLB has")
        size, at = read_varint(data, at)
        if size > len(data) - at:
            raise LLBError(f"protobuf: field {number} is cut off")
        yield number, data[at : at + size]
        at += size
