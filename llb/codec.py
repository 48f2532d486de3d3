# SPDX-License-Identifier: Apache-2.0
"""The canonical bytes of one vertex: msgpack with fields in a fixed order, defaults left out, strict types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgpack

from ladle.llb.errors import LLBError
from ladle.llb.kinds import TEXTS
from ladle.llb.limits import MAX_INPUTS, MAX_ITEMS, MAX_OP_BYTES, MAX_TOTAL_ITEMS
from ladle.llb.schema import OPS, PLATFORM

if TYPE_CHECKING:
    from ladle.llb.ops import Op
    from ladle.llb.ops.platform import Platform
    from ladle.llb.vertex import Vertex

_SMALL = 64 * 1024
_FIELDS = frozenset(("op", "inputs", "platform", "constraints"))


def encode_vertex(op: Op, inputs: list[list[Any]], platform: Platform | None, constraints: tuple[str, ...]) -> bytes:
    """Return the canonical bytes; `inputs` are pairs of digest and output index."""
    wire: dict[str, Any] = {"op": OPS.encode(op)}
    if inputs:
        wire["inputs"] = inputs
    if platform is not None:
        wire["platform"] = PLATFORM.encode(platform)
    if constraints:
        wire["constraints"] = TEXTS.encode(constraints)
    data = pack(wire)
    if len(data) > MAX_OP_BYTES:
        raise LLBError(f"op of {len(data)} bytes is beyond the limit of {MAX_OP_BYTES}")
    return data


def op_bytes(vertex: Vertex) -> bytes:
    """Return the canonical bytes of a vertex without its inputs: what it does, whatever it does it to."""
    return encode_vertex(vertex.op, [], vertex.platform, vertex.constraints)


def decode_vertex(data: bytes) -> tuple[Op, list[tuple[str, int]], Platform | None, tuple[str, ...]]:
    """Check bytes and return what `encode_vertex` was given."""
    if len(data) > MAX_OP_BYTES:
        raise LLBError(f"op of {len(data)} bytes is beyond the limit of {MAX_OP_BYTES}")
    wire = unpack(data, MAX_ITEMS)
    if type(wire) is not dict or "op" not in wire or not wire.keys() <= _FIELDS:
        raise LLBError(f"an op must be a map of {', '.join(sorted(_FIELDS))}")
    platform = PLATFORM.decode(wire["platform"]) if "platform" in wire else None
    constraints = TEXTS.decode(wire["constraints"]) if "constraints" in wire else ()
    return OPS.decode(wire["op"]), _decode_inputs(wire.get("inputs", [])), platform, constraints


def _decode_inputs(wire: Any) -> list[tuple[str, int]]:
    if type(wire) is not list or len(wire) > MAX_INPUTS:
        raise LLBError(f"inputs: a list of at most {MAX_INPUTS} was expected")
    inputs = []
    for item in wire:
        if type(item) is not list or len(item) != 2 or type(item[0]) is not str or type(item[1]) is not int:
            raise LLBError(f"inputs: {item!r} is not a digest and an index")
        inputs.append((item[0], item[1]))
    return inputs


def pack(wire: Any) -> bytes:
    """Encode plain data; a text that is not UTF-8 is named in the error."""
    try:
        return msgpack.packb(wire, use_bin_type=True, strict_types=True)  # type: ignore[no-any-return]
    except UnicodeEncodeError as error:
        raise LLBError(f"the text {error.object!r} is not valid UTF-8") from None


def unpack(data: bytes, longest: int) -> Any:
    """Decode bytes from anywhere into plain data, within limits on every list and on all items together."""
    limits: dict[str, Any] = {"max_array_len": longest, "max_map_len": longest}
    if len(data) > _SMALL:
        counter = _Counter()
        limits |= {"object_hook": counter.count, "list_hook": counter.count}
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=True, **limits)
    except LLBError:
        raise
    except Exception as error:  # msgpack raises a dozen kinds, some of them plain ValueError and TypeError
        raise LLBError(f"the encoding is not valid msgpack: {error or type(error).__name__}") from None


class _Counter:
    """Counts decoded items as they appear, so that a few bytes cannot become gigabytes of empty maps."""

    def __init__(self) -> None:
        self.left = MAX_TOTAL_ITEMS

    def count(self, container: Any) -> Any:
        """Let a container pass while the limit is not reached."""
        self.left -= 1 + len(container)
        if self.left < 0:
            raise LLBError(f"more than {MAX_TOTAL_ITEMS} items")
        return container
