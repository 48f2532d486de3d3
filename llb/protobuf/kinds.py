# SPDX-License-Identifier: Apache-2.0
"""How one field of BuildKit's messages is written, as protocol buffer bytes and as the JSON that Go prints."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol, TypeVar

from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_ITEMS
from ladle.llb.protobuf.varint import read_fields, read_varint, signed, write_field, write_number, write_varint

Raw = int | bytes
T = TypeVar("T")


class PbKind(Protocol):
    """One kind of field. `zero` is the value that an absent field has, and that is not written."""

    zero: Any

    def write(self, number: int, value: Any) -> bytes:
        """Encode a value that is not zero, with its tag."""

    def read(self, raw: list[Raw]) -> Any:
        """Check and decode all occurrences of the field."""

    def to_json(self, value: Any) -> Any:
        """Return what Go's JSON shows."""

    def from_json(self, data: Any) -> Any:
        """Check and decode what Go's JSON shows."""


class Text:
    """A string."""

    zero = ""

    def write(self, number: int, value: str) -> bytes:
        """Encode."""
        return write_field(number, utf8(value))

    def read(self, raw: list[Raw]) -> str:
        """Decode."""
        return as_text(last_bytes(raw))

    def to_json(self, value: str) -> str:
        """Return it."""
        return value

    def from_json(self, data: Any) -> str:
        """Check it."""
        return expect(str, data)


class Blob:
    """Bytes; base64 in JSON."""

    zero = b""

    def write(self, number: int, value: bytes) -> bytes:
        """Encode."""
        return write_field(number, value)

    def read(self, raw: list[Raw]) -> bytes:
        """Decode."""
        return last_bytes(raw)

    def to_json(self, value: bytes) -> str:
        """Return base64."""
        return b64encode(value).decode()

    def from_json(self, data: Any) -> bytes:
        """Decode base64."""
        try:
            return b64decode(expect(str, data), validate=True)
        except ValueError:
            raise LLBError(f"{data!r} is not base64") from None


class Number:
    """An integer: signed ones as two's complement."""

    zero = 0

    def write(self, number: int, value: int) -> bytes:
        """Encode."""
        return write_number(number, int(value))

    def read(self, raw: list[Raw]) -> Any:
        """Decode."""
        return signed(last_int(raw))

    def to_json(self, value: int) -> Any:
        """Return it."""
        return int(value)

    def from_json(self, data: Any) -> Any:
        """Check it."""
        return expect(int, data)


class Flag(Number):
    """A boolean."""

    zero = False

    def read(self, raw: list[Raw]) -> bool:
        """Decode."""
        return bool(last_int(raw))

    def to_json(self, value: int) -> bool:
        """Return it."""
        return bool(value)

    def from_json(self, data: Any) -> bool:
        """Check it."""
        return expect(bool, data)


class Choice(Number):
    """An enumeration, by number in both forms."""

    def __init__(self, kind: type[IntEnum]) -> None:
        self.kind = kind
        self.zero = kind(0)

    def read(self, raw: list[Raw]) -> Any:
        """Decode."""
        return self.from_json(signed(last_int(raw)))

    def from_json(self, data: Any) -> Any:
        """Check it."""
        try:
            return self.kind(expect(int, data))
        except ValueError:
            raise LLBError(f"{data!r} is not a {self.kind.__name__}") from None


class Wrapped:
    """A message with a single field: an index, a flag. There or not (None), even when what it holds is zero."""

    zero = None

    def __init__(self, json: str, kind: PbKind) -> None:
        self.json = json
        self.kind = kind

    def write(self, number: int, value: Any) -> bytes:
        """Encode."""
        return write_field(number, self.kind.write(1, value) if value else b"")

    def read(self, raw: list[Raw]) -> Any:
        """Decode."""
        value = self.kind.zero
        for number, item in read_fields(last_bytes(raw)):
            if number != 1:
                raise LLBError(f"protobuf: a message of {self.json} alone has the field {number}")
            value = self.kind.read([item])
        return value

    def to_json(self, value: Any) -> dict[str, Any]:
        """Return an object."""
        return {self.json: self.kind.to_json(value)} if value else {}

    def from_json(self, data: Any) -> Any:
        """Check an object."""
        body = expect(dict, data)
        if not body.keys() <= {self.json}:
            raise LLBError(f"{data!r} has other fields than {self.json}")
        return self.kind.from_json(body[self.json]) if body else self.kind.zero


class Repeated:
    """A tuple of texts or messages: one field each."""

    zero = ()

    def __init__(self, kind: PbKind) -> None:
        self.kind = kind

    def write(self, number: int, value: tuple[Any, ...]) -> bytes:
        """Encode."""
        return b"".join([self.kind.write(number, item) for item in value])

    def read(self, raw: list[Raw]) -> tuple[Any, ...]:
        """Decode."""
        return tuple([self.kind.read([item]) for item in limited(raw)])

    def to_json(self, value: tuple[Any, ...]) -> list[Any]:
        """Return a list."""
        return [self.kind.to_json(item) for item in value]

    def from_json(self, data: Any) -> tuple[Any, ...]:
        """Check a list."""
        return tuple([self.kind.from_json(item) for item in limited(expect(list, data))])


class Numbers(Repeated):
    """A tuple of integers: one field for all of them ("packed"), the other form is read too."""

    def __init__(self) -> None:
        super().__init__(Number())

    def write(self, number: int, value: tuple[int, ...]) -> bytes:
        """Encode."""
        return write_field(number, b"".join([write_varint(item) for item in value]))

    def read(self, raw: list[Raw]) -> tuple[int, ...]:
        """Decode."""
        values: list[Raw] = []
        for item in raw:
            if isinstance(item, int):
                values.append(signed(item))
                continue
            at = 0
            while at < len(item):
                value, at = read_varint(item, at)
                values.append(signed(value))
        return tuple([value for value in limited(values) if isinstance(value, int)])


class Map:
    """A map with text keys: sorted pairs here, sorted entries there."""

    zero = ()

    def __init__(self, kind: PbKind) -> None:
        self.kind = kind

    def write(self, number: int, value: tuple[tuple[str, Any], ...]) -> bytes:
        """Encode; Go writes both halves of an entry even if they are zero."""
        entries = [write_field(1, utf8(name)) + self.kind.write(2, item) for name, item in sorted(value)]
        return b"".join([write_field(number, entry) for entry in entries])

    def read(self, raw: list[Raw]) -> tuple[tuple[str, Any], ...]:
        """Decode; of two entries with one key the later counts."""
        found: dict[str, Any] = {}
        for item in limited(raw):
            halves: dict[int, list[Raw]] = {1: [], 2: []}
            for number, half in read_fields(last_bytes([item])):
                if number not in halves:
                    raise LLBError(f"protobuf: a map entry has the field {number}")
                halves[number].append(half)
            name = as_text(last_bytes(halves[1])) if halves[1] else ""
            found[name] = self.kind.read(halves[2] or [b"" if self.kind.zero in ("", None) else 0])
        return tuple(sorted(found.items()))

    def to_json(self, value: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
        """Return an object."""
        return {name: self.kind.to_json(item) for name, item in sorted(value)}

    def from_json(self, data: Any) -> tuple[tuple[str, Any], ...]:
        """Check an object."""
        return tuple(sorted((name, self.kind.from_json(item)) for name, item in expect(dict, data).items()))


class Converted:
    """A kind whose value here has another form: `there` and `here` convert."""

    def __init__(self, kind: PbKind, zero: Any, there: Callable[[Any], Any], here: Callable[[Any], Any]) -> None:
        self.kind = kind
        self.zero = zero
        self.there = there
        self.here = here

    def write(self, number: int, value: Any) -> bytes:
        """Encode."""
        return self.kind.write(number, self.there(value))

    def read(self, raw: list[Raw]) -> Any:
        """Decode."""
        return self.here(self.kind.read(raw))

    def to_json(self, value: Any) -> Any:
        """Return the JSON of the other form."""
        return self.kind.to_json(self.there(value))

    def from_json(self, data: Any) -> Any:
        """Check the JSON of the other form."""
        return self.here(self.kind.from_json(data))


def expect(kind: type[T], data: Any) -> T:
    """Return JSON data of exactly this type."""
    if type(data) is not kind:
        raise LLBError(f"{data!r} is not a {kind.__name__}")
    return data


def limited(items: list[Any]) -> list[Any]:
    """Refuse more items than a field may have."""
    if len(items) > MAX_ITEMS:
        raise LLBError(f"{len(items)} items are beyond the limit of {MAX_ITEMS}")
    return items


def last_bytes(raw: list[Raw]) -> bytes:
    """Return the last occurrence of a length-delimited field."""
    if not isinstance(raw[-1], bytes):
        raise LLBError("protobuf: a number stands where bytes are expected")
    return raw[-1]


def last_int(raw: list[Raw]) -> int:
    """Return the last occurrence of a varint field."""
    if not isinstance(raw[-1], int):
        raise LLBError("protobuf: bytes stand where a number is expected")
    return raw[-1]


def as_text(data: bytes) -> str:
    """Decode UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise LLBError(f"protobuf: the text {data[:80]!r} is not valid UTF-8") from None


def utf8(text: str) -> bytes:
    """Encode UTF-8."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LLBError(f"the text {text!r} is not valid UTF-8") from None
