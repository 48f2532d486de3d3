# SPDX-License-Identifier: Apache-2.0
"""DuplicateStageName."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find the second and later stages of a name."""
    seen: set[str] = set()
    for node in view.froms():
        if node.stage is None:
            continue
        name = node.stage.text.lower()
        if name in seen:
            yield finding(node, f"Duplicate stage name {quote(name)}, stage names should be unique", node.stage.span)
        seen.add(name)


RULE = Rule(
    name="DuplicateStageName",
    description="Stage names should be unique",
    why="The name leads to the last stage that has it: the earlier one can only be reached by its number.",
    bad="FROM scratch AS files\nCOPY a /\nFROM scratch AS files\nCOPY b /\n",
    good="FROM scratch AS files\nCOPY a /\nFROM scratch AS others\nCOPY b /\n",
    check=check,
)
