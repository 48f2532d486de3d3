# SPDX-License-Identifier: Apache-2.0
"""A graph in either form: ladle's own, or BuildKit's `pb.Definition`. The first byte tells which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.llb.errors import LLBError

if TYPE_CHECKING:
    from ladle.llb.definition import Definition

_PROTOBUF = (0x0A, 0x12, 0x1A)
"""Tags of the fields of a `pb.Definition`; ladle's own form begins with a map."""


def read_definition(data: bytes) -> Definition:
    """Return the checked definition of bytes from anywhere; raises `LLBError` for what is not valid, or empty."""
    if not data:
        raise LLBError("it is empty")
    if data[0] in _PROTOBUF:
        from ladle.llb.protobuf import from_protobuf

        return from_protobuf(data)
    from ladle.llb.definition import Definition

    return Definition.from_bytes(data)
