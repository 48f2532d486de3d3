# SPDX-License-Identifier: Apache-2.0
"""MaintainerDeprecated."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Maintainer
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, is_written

_LABEL = "org.opencontainers.image.authors"


def check(view: View) -> Iterator[Finding]:
    """Find MAINTAINER."""
    for node in view.file.instructions:
        if isinstance(node, Maintainer):
            message = "Maintainer instruction is deprecated in favor of using label"
            yield finding(node, message, edits=_as_label(node))


def _as_label(node: Maintainer) -> tuple[Edit, ...]:
    author = node.author.text
    if any(character in author for character in "\"'\\`$") or not is_written(node.span, node.source):
        return ()
    keyword = "label" if node.keyword.islower() else "LABEL"
    return (Edit(node.span, f'{keyword} {_LABEL}="{author}"'),)


RULE = Rule(
    name="MaintainerDeprecated",
    description=("The MAINTAINER instruction is deprecated, use a label instead to define an image author"),
    why="The author field of an image is shown nowhere; labels are, and there is a standard one.",
    bad="FROM scratch\nMAINTAINER someone@example.org\nCOPY a /\n",
    good='FROM scratch\nLABEL org.opencontainers.image.authors="someone@example.org"\nCOPY a /\n',
    check=check,
    mends=True,
)
