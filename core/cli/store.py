# SPDX-License-Identifier: Apache-2.0
"""`ladle store`: looking after the store."""

from __future__ import annotations

import click


def run_check(root: str) -> int:
    """Check the store; returns 0 for a sound one, raises `BuildError` with all findings else."""
    from ladle.core.store.check import check
    from ladle.core.store.errors import store_unsound
    from ladle.core.store.store import default_root

    place = root or default_root()
    findings = check(place)
    if findings:
        raise store_unsound(place, findings)
    click.echo(f"the store {place} is sound")
    return 0
