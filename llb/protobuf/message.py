# SPDX-License-Identifier: Apache-2.0
"""Messages of BuildKit's that are dataclasses of ours: a table of fields does all four directions."""

from __future__ import annotations

from typing import Any

from ladle.llb.errors import LLBError
from ladle.llb.protobuf.kinds import PbKind, Raw, expect, last_bytes
from ladle.llb.protobuf.varint import read_fields, write_field
from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True)
class PbField:
    """One field: its number, its name here and in Go's JSON; `shown` ones are in the JSON even when zero."""

    number: int
    name: str
    json: str
    kind: PbKind
    shown: bool = False


class Message:
    """A message that is a dataclass here. As a field's kind, None is its zero."""

    zero = None

    def __init__(self, cls: type[Any], fields: list[PbField]) -> None:
        self.cls = cls
        self.fields = sorted(fields, key=lambda field: field.number)
        self._by_number = {field.number: field for field in fields}
        self._by_json = {field.json: field for field in fields}

    def encode(self, value: Any) -> bytes:
        """Return the bytes, fields by number."""
        if type(value) is not self.cls:
            raise LLBError(f"{value!r} is not a {self.cls.__name__}")
        parts = []
        for field in self.fields:
            item = getattr(value, field.name)
            if item != field.kind.zero:
                parts.append(field.kind.write(field.number, item))
        return b"".join(parts)

    def decode(self, data: bytes) -> Any:
        """Check bytes and return the instance; a field that is not known would change the meaning, and is refused."""
        found: dict[int, list[Raw]] = {}
        for number, raw in read_fields(data):
            if number not in self._by_number:
                raise LLBError(f"{self.cls.__name__} has no protobuf field {number}")
            found.setdefault(number, []).append(raw)
        values = {field.name: field.kind.zero for field in self.fields}
        for number, raws in found.items():
            field = self._by_number[number]
            try:
                values[field.name] = field.kind.read(raws)
            except LLBError as error:
                raise LLBError(f"{self.cls.__name__}.{field.name}: {error.message}") from None
        return self.build(values)

    def build(self, values: dict[str, Any]) -> Any:
        """Make the instance."""
        if None in values.values():
            missing = [name for name, value in values.items() if value is None and name in _REQUIRED]
            if missing:
                raise LLBError(f"{self.cls.__name__}: {missing[0]} is missing")
        return self.cls(**values)

    def write(self, number: int, value: Any) -> bytes:
        """Encode as a field."""
        return write_field(number, self.encode(value))

    def read(self, raw: list[Raw]) -> Any:
        """Decode as a field; occurrences of one message merge, as protobuf has it."""
        return self.decode(last_bytes(raw) if len(raw) == 1 else b"".join([last_bytes([item]) for item in raw]))

    def to_json(self, value: Any) -> dict[str, Any]:
        """Return the object that Go prints."""
        shown: dict[str, Any] = {}
        for field in self.fields:
            item = getattr(value, field.name)
            if field.shown or item != field.kind.zero:
                shown[field.json] = field.kind.to_json(item)
        return shown

    def from_json(self, data: Any) -> Any:
        """Check the object that Go prints and return the instance."""
        values = {field.name: field.kind.zero for field in self.fields}
        for name, item in expect(dict, data).items():
            field = self._by_json.get(name)
            if field is None:
                raise LLBError(f"{self.cls.__name__} has no JSON field {name!r}")
            try:
                values[field.name] = field.kind.from_json(item)
            except LLBError as error:
                raise LLBError(f"{self.cls.__name__}.{field.name}: {error.message}") from None
        return self.build(values)


_REQUIRED = frozenset(("action", "meta"))


class Variant:
    """A `oneof` on its own, as the message that holds it: `UserOpt`."""

    zero = None

    def __init__(self, wrapper: str, cases: dict[str, tuple[int, type[Any], PbKind]]) -> None:
        self.wrapper = wrapper
        self.cases = cases

    def _case(self, value: Any) -> tuple[str, int, PbKind]:
        for json, (number, cls, kind) in self.cases.items():
            if type(value) is cls:
                return json, number, kind
        raise LLBError(f"{value!r} is none of {', '.join(self.cases)}")

    def body(self, value: Any) -> bytes:
        """Encode the case alone; it is written even if it is zero."""
        _, number, kind = self._case(value)
        return kind.write(number, value)

    def pick(self, number: int, raw: Raw) -> Any:
        """Decode a case by its number; None if there is none."""
        for case, _, kind in self.cases.values():
            if case == number:
                return kind.read([raw])
        return None

    def write(self, number: int, value: Any) -> bytes:
        """Encode as a field."""
        return write_field(number, self.body(value))

    def read(self, raw: list[Raw]) -> Any:
        """Decode as a field."""
        value = None
        for number, item in read_fields(last_bytes(raw)):
            value = self.pick(number, item)
            if value is None:
                raise LLBError(f"protobuf: {self.wrapper} has no field {number}")
        return value

    def to_json(self, value: Any) -> dict[str, Any]:
        """Return the object that Go prints: the case inside the oneof's name."""
        json, _, kind = self._case(value)
        return {self.wrapper: {json: kind.to_json(value)}}

    def from_json(self, data: Any) -> Any:
        """Check the object that Go prints."""
        body = expect(dict, expect(dict, data).get(self.wrapper))
        if len(data) != 1 or len(body) != 1:
            raise LLBError(f"{data!r} is not one of {', '.join(self.cases)}")
        ((json, item),) = body.items()
        if json not in self.cases:
            raise LLBError(f"{json!r} is none of {', '.join(self.cases)}")
        return self.cases[json][2].from_json(item)


class OneofMessage(Message):
    """A message with a `oneof` beside its other fields; its cases have the highest numbers."""

    def __init__(self, cls: type[Any], fields: list[PbField], name: str, variant: Variant) -> None:
        super().__init__(cls, fields)
        self.name = name
        self.variant = variant

    def encode(self, value: Any) -> bytes:
        """Return the bytes, the case last."""
        return super().encode(value) + self.variant.body(getattr(value, self.name))

    def decode(self, data: bytes) -> Any:
        """Check bytes and return the instance."""
        values = {field.name: field.kind.zero for field in self.fields} | {self.name: None}
        for number, raw in read_fields(data):
            field = self._by_number.get(number)
            name = self.name if field is None else field.name
            values[name] = self.variant.pick(number, raw) if field is None else field.kind.read([raw])
            if values[name] is None:
                raise LLBError(f"{self.cls.__name__} has no protobuf field {number}")
        return self.build(values)

    def to_json(self, value: Any) -> dict[str, Any]:
        """Return the object that Go prints."""
        return super().to_json(value) | self.variant.to_json(getattr(value, self.name))

    def from_json(self, data: Any) -> Any:
        """Check the object that Go prints and return the instance."""
        body = dict(expect(dict, data))
        wrapper = self.variant.wrapper
        values = {field.name: field.kind.zero for field in self.fields}
        values[self.name] = self.variant.from_json({wrapper: body.pop(wrapper, None)})
        for name, item in body.items():
            field = self._by_json.get(name)
            if field is None:
                raise LLBError(f"{self.cls.__name__} has no JSON field {name!r}")
            values[field.name] = field.kind.from_json(item)
        return self.build(values)
