# SPDX-License-Identifier: Apache-2.0
"""StageNameCasing."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find names with upper case."""
    for node in view.froms():
        if node.stage is not None and node.stage.text != node.stage.text.lower():
            name, span = node.stage.text, node.stage.span
            yield finding(
                node,
                f"Stage name '{name}' should be lowercase",
                span,
                edits=(Edit(span, name.lower()),),
            )


RULE = Rule(
    name="StageNameCasing",
    description="Stage names should be lowercase",
    why="Names of stages are compared without regard to case; writing all of them in lower case makes plain which "
    "words are instructions and which are names.",
    bad="FROM scratch AS Build\nCOPY a /\n",
    good="FROM scratch AS build\nCOPY a /\n",
    check=check,
    mends=True,
)
