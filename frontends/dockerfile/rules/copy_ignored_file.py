# SPDX-License-Identifier: Apache-2.0
"""CopyIgnoredFile."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.patterns import Matcher, clean
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find sources that the ignore file leaves out. As BuildKit does, it says nothing where any pattern has a `!`."""
    if not view.ignored or any(pattern.startswith("!") for pattern in view.ignored):
        return
    matcher = Matcher(view.ignored)
    for node, word, written in view.copied():
        path = clean("/" + written).lstrip("/")
        if path and matcher.matches(path) is not None:
            verb = "Add" if node.add else "Copy"
            message = f"Attempting to {verb} file {quote(path)} that is excluded by .dockerignore"
            yield finding(node, message, word.span)


RULE = Rule(
    name="CopyIgnoredFile",
    description="Attempting to Copy file that is excluded by .dockerignore",
    why="What the ignore file leaves out is not there for COPY either: the step will fail.",
    bad="FROM scratch\nCOPY tmp/a /\n",
    good="FROM scratch\nCOPY a /\n",
    check=check,
    files={".dockerignore": "tmp\n"},
)
