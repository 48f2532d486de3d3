# SPDX-License-Identifier: Apache-2.0
"""Small answers of registries and token servers: read whole, within a size and a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ladle.core.oci.errors import too_large
from ladle.plugins.registry.errors import too_slow

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 120.0
"""How long the body of a small answer may take; one that trickles in never meets the time-out of a single read."""


def bounded(response: httpx.Response, limit: int, what: str) -> bytes:
    """Return the body of an open answer; raises `BuildError` for more than `limit` bytes or `ANSWER_SECONDS`."""
    ends = time.monotonic() + ANSWER_SECONDS
    data = bytearray()
    for part in response.iter_raw():
        data += part
        if len(data) > limit:
            raise too_large(what, len(data), limit)
        if time.monotonic() > ends:
            raise too_slow(what, ANSWER_SECONDS)
    return bytes(data)
