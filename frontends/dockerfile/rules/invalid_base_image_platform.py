# SPDX-License-Identifier: Apache-2.0
"""InvalidBaseImagePlatform."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.platforms import format_platform
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find bases that are made for another system or architecture than the stage."""
    for pulled in view.facts.pulled:
        node = pulled.stage.source
        actual, expected = pulled.actual, pulled.expected
        if node is None or (actual.os, actual.architecture) == (expected.os, expected.architecture):
            continue
        yield finding(
            node,
            f"Base image {pulled.stage.base_name} was pulled with platform {quote(format_platform(actual))}, "
            f"expected {quote(format_platform(expected))} for current build",
            node.base.span,
        )


RULE = Rule(
    name="InvalidBaseImagePlatform",
    description="Base image platform does not match expected target platform",
    why="The image says that it is made for one machine, the build is for another: its programs will not run there. "
    "Old images that were pushed for one platform only are the usual cause.",
    bad="FROM busybox\nCOPY a /\n",
    good="FROM --platform=linux/$BUILDARCH busybox\nCOPY a /\n",
    check=check,
    has_url=False,
    platform="linux/arm64",
)
