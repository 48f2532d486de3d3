# SPDX-License-Identifier: Apache-2.0
"""UndefinedVar."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.suggest import nearest


def check(view: View) -> Iterator[Finding]:
    """Find variables that are neither set nor declared where a word uses them."""
    nodes = view.file.instructions
    for fact in view.facts.undefined:
        span = fact.word.span
        node = nodes[max(bisect_right(nodes, span.start, key=lambda node: node.span.start) - 1, 0)]
        if span.source is not view.file.source:
            continue  # in a trigger that the base brings along
        near = nearest(fact.name, fact.known)
        meant = f" (did you mean ${near}?)" if near else ""
        yield finding(node, f"Usage of undefined variable '${fact.name}'{meant}", span)


RULE = Rule(
    name="UndefinedVar",
    description="Variables should be defined before their use",
    why="A variable that is not set is an empty text: mostly a slip of the pen, or an ARG that is declared in another "
    "stage. RUN is not looked at: its variables are the shell's.",
    bad="FROM busybox\nENV PATH=$PAHT:/opt/bin\n",
    good="FROM busybox\nENV PATH=$PATH:/opt/bin\n",
    check=check,
)
