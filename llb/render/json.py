# SPDX-License-Identifier: Apache-2.0
"""The JSON form: what the binary form holds, field for field, with bytes as base64. It can be read back."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from ladle.llb.codec import pack, unpack
from ladle.llb.definition import Definition
from ladle.llb.errors import LLBError
from ladle.llb.limits import MAX_DEFINITION_BYTES, MAX_ITEMS, MAX_OPS

_BYTES = "base64"
_HOLD_BYTES = ("data", "definition")
MAX_DEPTH = 64


def render_json(definition: Definition) -> str:
    """Return the JSON form, two spaces deep, with each op's digest beside it."""
    wire = unpack(definition.to_bytes(), MAX_OPS)
    wire["ops"] = [{"digest": vertex.digest} | _shown(unpack(vertex.data, MAX_ITEMS)) for vertex in definition.vertices]
    return json.dumps(_shown(wire), indent=2, ensure_ascii=False) + "\n"


def read_json(text: str | bytes) -> Definition:
    """Return the definition that the JSON form says. Digests of ops may be left out; wrong ones are refused."""
    if len(text) > 4 * MAX_DEFINITION_BYTES:
        raise LLBError(f"JSON of {len(text)} characters is beyond the limit of {4 * MAX_DEFINITION_BYTES}")
    try:
        wire = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LLBError(f"the JSON is not valid: {error}") from None
    if not isinstance(wire, dict) or not isinstance(wire.get("ops"), list):
        raise LLBError("the JSON is not a ladle definition: there is no list of ops")
    ops = []
    digests = []
    for op in wire["ops"]:
        if not isinstance(op, dict):
            raise LLBError(f"ops: {str(op)[:80]!r} is not an object")
        digests.append(op.pop("digest", None))
        ops.append(pack(_meant(op)))
    rest = _meant({name: value for name, value in wire.items() if name != "ops"})
    definition = Definition.from_bytes(pack({**rest, "ops": ops}))
    for vertex, digest in zip(definition.vertices, digests, strict=True):
        if digest not in (None, vertex.digest):
            raise LLBError(f"the op that the JSON calls {str(digest)[:80]} has the digest {vertex.digest}")
    return definition


def _shown(value: Any) -> Any:
    """Replace bytes by an object that says so."""
    if isinstance(value, bytes):
        return {_BYTES: b64encode(value).decode()}
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _meant(value: Any, depth: int = 0, name: str = "") -> Any:
    """Undo `_shown` for the fields that hold bytes; an attribute may well be called `base64`."""
    if depth > MAX_DEPTH:
        raise LLBError(f"the JSON is nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        if name in _HOLD_BYTES and value.keys() == {_BYTES} and isinstance(value[_BYTES], str):
            try:
                return b64decode(value[_BYTES], validate=True)
            except ValueError:
                raise LLBError(f"{value[_BYTES][:80]!r} is not base64") from None
        return {key: _meant(item, depth + 1, key) for key, item in value.items()}
    return [_meant(item, depth + 1) for item in value] if isinstance(value, list) else value
