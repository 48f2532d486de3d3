# SPDX-License-Identifier: Apache-2.0
"""Chain ids: the identity of a layer together with all below it (OCI image spec, `config.md`)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256


def chain_ids(diff_ids: Sequence[str]) -> list[str]:
    """Return the chain id of each layer, bottom first."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(f"sha256:{sha256(f'{chain[-1]} {diff_id}'.encode()).hexdigest()}" if chain else diff_id)
    return chain
