# SPDX-License-Identifier: Apache-2.0
"""One vertex as BuildKit's `pb.Op`: the bytes that its digest is of, and the JSON that Go prints of it."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_OP_BYTES
from ladle.llb.protobuf.kinds import as_text, expect, last_bytes, limited
from ladle.llb.protobuf.tables import NUMBER, OPS, PLATFORM, TEXT, TEXTS
from ladle.llb.protobuf.varint import read_fields, write_field
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    from ladle.llb.ops import Op
    from ladle.llb.ops.platform import Platform

_INPUTS, _PLATFORM, _CONSTRAINTS = 1, 10, 11


@dataclass(frozen=True, slots=True, kw_only=True)
class PbOp:
    """A `pb.Op`: inputs are digests of other `pb.Op`s; the head, which only names the result, has no op."""

    op: Op | None = None
    inputs: tuple[tuple[str, int], ...] = ()
    platform: Platform | None = None
    constraints: tuple[str, ...] | None = None

    def to_bytes(self) -> bytes:
        """Return Go's deterministic bytes: fields by number, map keys sorted, the op itself last."""
        parts = [
            write_field(_INPUTS, TEXT.write(1, digest) + (NUMBER.write(2, index) if index else b""))
            for digest, index in self.inputs
        ]
        if self.platform is not None:
            parts.append(PLATFORM.write(_PLATFORM, self.platform))
        if self.constraints is not None:
            parts.append(write_field(_CONSTRAINTS, TEXTS.write(1, self.constraints)))
        if self.op is not None:
            parts.append(OPS.body(self.op))
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> PbOp:
        """Check and decode the bytes."""
        if len(data) > MAX_OP_BYTES:
            raise LLBError(f"op of {len(data)} bytes is beyond the limit of {MAX_OP_BYTES}")
        op: Any = None
        inputs: list[tuple[str, int]] = []
        platform = constraints = None
        for number, raw in read_fields(data):
            if number == _INPUTS:
                inputs.append(_input(last_bytes([raw])))
            elif number == _PLATFORM:
                platform = PLATFORM.read([raw])
            elif number == _CONSTRAINTS:
                constraints = _filters(last_bytes([raw]))
            elif op is not None or (op := OPS.pick(number, raw)) is None:
                raise LLBError(f"protobuf: op has the unknown or second field {number}")
        return cls(op=op, inputs=tuple(limited(inputs)), platform=platform, constraints=constraints)

    def to_json(self) -> dict[str, Any]:
        """Return the object that Go prints."""
        shown: dict[str, Any] = {}
        if self.inputs:
            shown["inputs"] = [
                {"digest": digest, "index": index} if index else {"digest": digest} for digest, index in self.inputs
            ]
        shown["Op"] = {} if self.op is None else OPS.to_json(self.op)["Op"]
        if self.platform is not None:
            shown["platform"] = PLATFORM.to_json(self.platform)
        if self.constraints is not None:
            shown["constraints"] = {"filter": list(self.constraints)} if self.constraints else {}
        return shown

    @classmethod
    def from_json(cls, data: Any) -> PbOp:
        """Check and decode the object that Go prints."""
        body = dict(expect(dict, data))
        inner = expect(dict, body.pop("Op", None))
        inputs = [
            (expect(str, item.get("digest", "")), expect(int, item.get("index", 0)))
            for item in expect(list, body.pop("inputs", []))
            if expect(dict, item) is item
        ]
        platform, constraints = body.pop("platform", None), body.pop("constraints", None)
        if body:
            raise LLBError(f"op has the unknown fields {', '.join(body)}")
        filters = None if constraints is None else TEXTS.from_json(expect(dict, constraints).get("filter", []))
        return cls(
            op=OPS.from_json({"Op": inner}) if inner else None,
            inputs=tuple(limited(inputs)),
            platform=None if platform is None else PLATFORM.from_json(platform),
            constraints=filters,
        )


def digest_of(data: bytes) -> str:
    """Return the digest of an op's bytes."""
    return "sha256:" + sha256(data).hexdigest()


def _input(data: bytes) -> tuple[str, int]:
    digest, index = "", 0
    for number, raw in read_fields(data):
        if number == 1:
            digest = as_text(last_bytes([raw]))
        elif number == 2:
            index = NUMBER.read([raw])
        else:
            raise LLBError(f"protobuf: an input has the unknown field {number}")
    return digest, index


def _filters(data: bytes) -> tuple[str, ...]:
    filters = []
    for number, raw in read_fields(data):
        if number != 1:
            raise LLBError(f"protobuf: constraints have the unknown field {number}")
        filters.append(TEXT.read([raw]))
    return tuple(limited(filters))
