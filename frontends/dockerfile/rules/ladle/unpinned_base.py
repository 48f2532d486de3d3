# SPDX-License-Identifier: Apache-2.0
"""ladle/UnpinnedBase."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.diagnostics import Severity
from ladle.core.api.reference import parse_reference
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.dockerfile.stages import SCRATCH


def check(view: View) -> Iterator[Finding]:
    """Find bases without a digest."""
    for stage in view.reached:
        node = stage.source
        if node is None or stage.base is not None or stage.base_name == SCRATCH or "://" in stage.base_name:
            continue
        try:
            digest = parse_reference(stage.base_name).digest
        except ValueError:
            continue
        if not digest:
            yield finding(node, f"Base image {quote(stage.base_name)} is not pinned to a digest", node.base.span)


RULE = Rule(
    name="ladle/UnpinnedBase",
    description="Base images should be pinned to a digest",
    why="A tag can be moved: the same file builds something else tomorrow. Off unless it is asked for with "
    "`# check=experimental=ladle/UnpinnedBase`, for many want exactly that.",
    bad="FROM busybox:1.36\nCOPY a /\n",
    good="FROM busybox:1.36@sha256:" + "5" * 64 + "\nCOPY a /\n",
    check=check,
    by_default=False,
    experimental=True,
    severity=Severity.INFO,
    help="write it as NAME:TAG@sha256:…",
)
