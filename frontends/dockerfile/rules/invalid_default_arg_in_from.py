# SPDX-License-Identifier: Apache-2.0
"""InvalidDefaultArgInFrom."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.reference import parse_reference
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.dockerfile.words import WordError, expand


def check(view: View) -> Iterator[Finding]:
    """Find FROM lines that name no image unless build arguments are given."""
    for node in view.froms():
        if "$" not in node.base.text:
            continue
        try:
            name = expand(node.base.text, view.defaults, view.style)
        except WordError:
            continue
        if not _is_name(name):
            message = f"Default value for ARG {node.base.text} results in empty or invalid base image name"
            yield finding(node, message, node.base.span)


def _is_name(text: str) -> bool:
    if "://" in text:
        return True
    try:
        parse_reference(text)
    except ValueError:
        return False
    return True


RULE = Rule(
    name="InvalidDefaultArgInFrom",
    description="Default value for global ARG results in an empty or invalid base image name",
    why="Whoever builds the file without that build argument gets an error about a name that nobody wrote.",
    bad="ARG TAG\nFROM busybox:${TAG}\n",
    good="ARG TAG=latest\nFROM busybox:${TAG}\n",
    check=check,
    build_args={"TAG": "1.36"},
)
