# SPDX-License-Identifier: Apache-2.0
"""ConsistentInstructionCasing."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, keyword_span


def check(view: View) -> Iterator[Finding]:
    """Find the keywords that are not written as most are; those in mixed case never are."""
    keywords = [node.keyword for node in view.file.instructions]
    lower = sum(keyword.islower() for keyword in keywords) > sum(keyword.isupper() for keyword in keywords)
    majority = "lowercase" if lower else "uppercase"
    for node in view.file.instructions:
        wanted = node.keyword.lower() if lower else node.keyword.upper()
        if node.keyword != wanted:
            span = keyword_span(node)
            message = f"Command '{node.keyword}' should match the case of the command majority ({majority})"
            yield finding(node, message, span, edits=(Edit(span, wanted),) if span else ())


RULE = Rule(
    name="ConsistentInstructionCasing",
    description="All commands within the Dockerfile should use the same casing (either upper or lower)",
    why="Upper case is the custom; what matters more is that a file keeps to one of the two.",
    bad="FROM scratch\ncopy a /\nLABEL a=b\n",
    good="FROM scratch\nCOPY a /\nLABEL a=b\n",
    check=check,
    mends=True,
)
