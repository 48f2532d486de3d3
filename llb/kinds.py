# SPDX-License-Identifier: Apache-2.0
"""How one field is written down: each kind turns a value into plain data, and checks plain data back into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from enum import IntEnum
from operator import attrgetter
from typing import Any, Protocol

from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_ATTR_CHARS, MAX_ATTRS, MAX_ITEMS, MAX_TEXT_CHARS

Wire = Any
"""What msgpack and JSON know: None, bool, int, str, bytes, list, dict."""


class Kind(Protocol):
    """One way to write a value down. Both directions refuse what is not exactly of the kind."""

    def encode(self, value: Any) -> Wire:
        """Turn a value into plain data."""

    def decode(self, wire: Wire) -> Any:
        """Check plain data and turn it into a value."""


class Plain:
    """A text, number, flag or bytes: written as it is."""

    def __init__(self, kind: type[Any], name: str, limit: int = 0) -> None:
        self.kind = kind
        self.name = name
        self.limit = limit

    def encode(self, value: Any) -> Wire:
        """Return the value itself."""
        if type(value) is not self.kind:
            raise LLBError(f"{_short(value)} is not {self.name}")
        if self.limit and len(value) > self.limit:
            raise LLBError(f"{self.name} of {len(value)} characters is beyond the limit of {self.limit}")
        return value

    decode = encode


class Integer:
    """A number that fits into 64 bits."""

    def encode(self, value: Any) -> Wire:
        """Return the value itself."""
        if type(value) is not int or not -(2**63) <= value < 2**63:
            raise LLBError(f"{value!r} is not a 64-bit number")
        return value

    decode = encode


class Choice:
    """A member of an enumeration, written as its number."""

    def __init__(self, kind: type[IntEnum]) -> None:
        self.kind = kind
        self.members = {int(member): member for member in kind}

    def encode(self, value: Any) -> Wire:
        """Return the number."""
        if type(value) is not self.kind:
            raise LLBError(f"{value!r} is not a {self.kind.__name__}")
        return int(value)

    def decode(self, wire: Wire) -> Any:
        """Return the member."""
        if type(wire) is not int or wire not in self.members:
            raise LLBError(f"{wire!r} is not a {self.kind.__name__}")
        return self.members[wire]


class Many:
    """A tuple of one kind, written as a list."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def encode(self, value: Any) -> Wire:
        """Return a list."""
        if type(value) is not tuple:
            raise LLBError(f"{value!r} is not a tuple")
        encode = self.kind.encode
        return [encode(item) for item in value]

    def decode(self, wire: Wire) -> Any:
        """Return a tuple."""
        if type(wire) is not list or len(wire) > MAX_ITEMS:
            raise LLBError(f"a list of at most {MAX_ITEMS} was expected, not {_short(wire)}")
        decode = self.kind.decode
        return tuple([decode(item) for item in wire])


class Mapped:
    """Sorted pairs, written as a map with sorted names."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def encode(self, value: Any) -> Wire:
        """Return a map."""
        wire: dict[str, Wire] = {}
        before = None
        for name, item in value:
            TEXT.encode(name)
            if before is not None and name <= before:
                raise LLBError(f"names must be sorted and unique, {name!r} follows {before!r}")
            before = name
            wire[name] = self.kind.encode(item)
        return wire

    def decode(self, wire: Wire) -> Any:
        """Return sorted pairs."""
        if type(wire) is not dict or len(wire) > MAX_ATTRS:
            raise LLBError(f"a map of at most {MAX_ATTRS} was expected, not {_short(wire)}")
        return tuple(sorted([(TEXT.decode(name), self.kind.decode(item)) for name, item in wire.items()]))


class Record:
    """A dataclass, written as a map: fields in their order, defaults left out, `compare=False` never written."""

    def __init__(self, cls: type, kinds: dict[str, Kind]) -> None:
        self.cls = cls
        self.kinds = kinds
        own = [item for item in fields(cls) if item.compare and item.init]
        names = tuple(item.name for item in own)
        if names != tuple(kinds):
            raise LLBError(f"{cls.__name__}: the schema names {tuple(kinds)}, the class has {names}")
        self._get: Callable[[Any], tuple[Any, ...]] = attrgetter(*names) if len(names) > 1 else _single(names[0])
        self._plan = [(item.name, item.default, kinds[item.name].encode) for item in own]
        self._required = frozenset(item.name for item in own if item.default is MISSING)

    def encode(self, value: Any) -> dict[str, Wire]:
        """Return a map of what is not the default."""
        if type(value) is not self.cls:
            raise LLBError(f"{value!r} is not a {self.cls.__name__}")
        wire: dict[str, Wire] = {}
        for (name, default, encode), item in zip(self._plan, self._get(value), strict=True):
            if item is default or item == default:
                if type(item) is not type(default):
                    raise LLBError(f"{self.cls.__name__}.{name}: {item!r} is not a {type(default).__name__}")
                continue
            try:
                wire[name] = encode(item)
            except LLBError as error:
                raise LLBError(f"{self.cls.__name__}.{name}: {error.message}") from None
        return wire

    def decode(self, wire: Wire) -> Any:
        """Return an instance."""
        if type(wire) is not dict:
            raise LLBError(f"a map of {self.cls.__name__} was expected, not {_short(wire)}")
        values: dict[str, Any] = {}
        kinds = self.kinds
        for name, item in wire.items():
            kind = kinds.get(name)
            if kind is None:
                raise LLBError(f"{self.cls.__name__} has no field {name!r}")
            try:
                values[name] = kind.decode(item)
            except LLBError as error:
                raise LLBError(f"{self.cls.__name__}.{name}: {error.message}") from None
        if not self._required <= values.keys():
            missing = sorted(self._required - values.keys())
            raise LLBError(f"{self.cls.__name__}: {', '.join(missing)} is missing")
        return self.cls(**values)


class OneOf:
    """One of several records, written as a map with one entry: its tag."""

    def __init__(self, records: dict[str, Record]) -> None:
        self.records = records
        self.tags = {record.cls: (tag, record) for tag, record in records.items()}

    def encode(self, value: Any) -> Wire:
        """Return the map of one entry."""
        found = self.tags.get(type(value))
        if found is None:
            raise LLBError(f"{value!r} is none of {', '.join(self.records)}")
        tag, record = found
        return {tag: record.encode(value)}

    def decode(self, wire: Wire) -> Any:
        """Return the instance."""
        if type(wire) is not dict or len(wire) != 1:
            raise LLBError(f"a map with one of {', '.join(self.records)} was expected, not {_short(wire)}")
        ((tag, body),) = wire.items()
        record = self.records.get(tag)
        if record is None:
            raise LLBError(f"kind {tag!r} is unknown, known are {', '.join(self.records)}")
        return record.decode(body)


TEXT = Plain(str, "a text", MAX_TEXT_CHARS)
ATTR = Plain(str, "a text", MAX_ATTR_CHARS)
BYTES = Plain(bytes, "bytes")
FLAG = Plain(bool, "a flag")
NUMBER = Integer()
TEXTS = Many(TEXT)
ATTRS = Mapped(ATTR)


def _single(name: str) -> Callable[[Any], tuple[Any, ...]]:
    get = attrgetter(name)
    return lambda value: (get(value),)


def _short(wire: Wire) -> str:
    return f"a {type(wire).__name__} of {len(wire)}" if isinstance(wire, (list, dict)) else repr(wire)[:80]
