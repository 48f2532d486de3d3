# SPDX-License-Identifier: Apache-2.0
"""Cache keys (DESIGN section 6): sha256 over a canonical, tagged, length-prefixed encoding of named parts.

The encoding is injective: a value's type, length and order are all in it, and a map is written sorted, so that
neither the order of insertion nor a hash seed shows. `VERSION` is in every key: raise it when what a key means changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

from ladle.core.api.errors import InternalError

VERSION = 1


def encode(value: object) -> bytes:
    """Return the canonical bytes of None, bool, int, str, bytes, a sequence or a map with str keys."""
    chunks: list[bytes] = []
    _encode(value, chunks)
    return b"".join(chunks)


def _encode(value: object, chunks: list[bytes]) -> None:
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        chunks.append(b"s%d:" % len(data))
        chunks.append(data)
    elif value is None:
        chunks.append(b"n")
    elif isinstance(value, bool):
        chunks.append(b"t" if value else b"f")
    elif isinstance(value, int):
        chunks.append(b"i%d;" % value)
    elif isinstance(value, bytes):
        chunks.append(b"b%d:" % len(value))
        chunks.append(value)
    elif isinstance(value, Mapping):
        chunks.append(b"m%d:" % len(value))
        for name in sorted(value, key=_name):
            _encode(name, chunks)
            _encode(value[name], chunks)
    elif isinstance(value, Sequence):
        chunks.append(b"l%d:" % len(value))
        for item in value:
            _encode(item, chunks)
    else:
        raise InternalError(f"a cache key cannot hold the {type(value).__name__} {value!r}")


def _name(name: object) -> bytes:
    if not isinstance(name, str):
        raise InternalError(f"a map in a cache key has the name {name!r}, which is not text")
    return name.encode("utf-8", "surrogatepass")


def _key(*parts: object) -> bytes:
    return sha256(encode((VERSION, *parts))).digest()


def op_digest(parts: Mapping[str, object]) -> bytes:
    """Return the digest of an op's own fields."""
    return _key("op", parts)


def root_key(identity: str, output: int) -> bytes:
    """Return the definition key of a root: its identity alone, however it was asked for."""
    return _key("root", identity, output)


def definition_key(op: bytes, inputs: Sequence[bytes], output: int) -> bytes:
    """Return H(o, definition keys of the inputs)."""
    return _key("definition", op, inputs, output)


def input_key(op: bytes, records: Sequence[int], output: int) -> bytes:
    """Return H(o, record ids of the inputs)."""
    return _key("input", op, records, output)


def content_key(op: bytes, inputs: Sequence[int | str], output: int) -> bytes:
    """Return H(o, for each input its record id, or the digest of the content that is used of it)."""
    return _key("content", op, inputs, output)
