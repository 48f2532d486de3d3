# SPDX-License-Identifier: Apache-2.0
"""ReservedStageName."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding

_RESERVED = ("context", "scratch")


def check(view: View) -> Iterator[Finding]:
    """Find stages that are called as something else already is."""
    for node in view.froms():
        if node.stage is not None and node.stage.text.lower() in _RESERVED:
            name = quote(node.stage.text.lower())
            yield finding(node, f"Stage name should not use the same name as reserved stage {name}", node.stage.span)


RULE = Rule(
    name="ReservedStageName",
    description="Reserved words should not be used as stage names",
    why="`scratch` is the empty base, `context` the build context: a stage with such a name cannot be meant by it.",
    bad="FROM scratch AS context\nCOPY a /\n",
    good="FROM scratch AS sources\nCOPY a /\n",
    check=check,
)
