# SPDX-License-Identifier: Apache-2.0
"""RedundantTargetPlatform."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.diagnostics import Span
from ladle.frontends.dockerfile.ast import From
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding

_WRITTEN = ("$TARGETPLATFORM", "${TARGETPLATFORM}")


def check(view: View) -> Iterator[Finding]:
    """Find `--platform=$TARGETPLATFORM`."""
    for node in view.froms():
        flag = node.flag("platform")
        if flag is not None and flag.text in _WRITTEN:
            message = (
                "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"
            )
            yield finding(node, message, flag.span, edits=_without(node))


def _without(node: From) -> tuple[Edit, ...]:
    span = next(flag.span for flag in node.flags if flag.name == "platform")
    text = span.source.text
    end = span.end
    while text[end : end + 1] in (" ", "\t") and end < len(text):
        end += 1
    return (Edit(Span(span.source, span.start, end), ""),)


RULE = Rule(
    name="RedundantTargetPlatform",
    description="Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
    why="A stage is built for the target platform unless it says otherwise.",
    bad="FROM --platform=$TARGETPLATFORM busybox\nCOPY a /\n",
    good="FROM busybox\nCOPY a /\n",
    check=check,
    mends=True,
)
