# SPDX-License-Identifier: Apache-2.0
"""Refs: the trees that steps make and use, as the worker is told of them (plain msgpack-able maps).

`{"kind": "layers", "layers": ["3", "7"]}`   snapshots, bottom first; an empty list is scratch
`{"kind": "local", "root": "/dir", "table": "/file"}`   a scanned directory of the session
`{"kind": "host", "path": "/usr"}`   a directory of the machine, read-only, never copied from
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Ref = dict[str, Any]


def layers_ref(layers: Sequence[str]) -> Ref:
    """Return the ref of a chain of snapshots, bottom first."""
    return {"kind": "layers", "layers": list(layers)}


SCRATCH: Ref = layers_ref(())
