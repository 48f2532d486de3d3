# SPDX-License-Identifier: Apache-2.0
"""ladle/ArgTooEarly."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Arg, Instruction, Pair, Run
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding

_PREDEFINED = re.compile(
    r"(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)|.*_proxy|SOURCE_DATE_EPOCH", re.I
)


def check(view: View) -> Iterator[Finding]:
    """Find ARGs that steps before their first use see too: another value makes those steps run again."""
    for stage in view.reached:
        nodes = view.nodes(stage)
        for place, node in enumerate(nodes):
            if isinstance(node, Arg):
                for pair in node.pairs:
                    if not _PREDEFINED.fullmatch(pair.name.text):
                        yield from _about(pair, node, nodes[place + 1 :])


def _about(pair: Pair, node: Arg, after: list[Instruction]) -> Iterator[Finding]:
    name = re.compile(rf"\b{re.escape(pair.name.text)}\b")
    first = next((index for index, each in enumerate(after) if name.search(_text(each))), None)
    if first is None:
        return  # a script may want it: nobody can say
    steps = sum(isinstance(each, Run) for each in after[:first])
    if steps:
        yield finding(
            node,
            f"ARG {pair.name.text} is declared before {steps} RUN step{'s' * (steps > 1)} that do not use it",
            pair.name.span,
            label=f"first used on line {after[first].lines[0]}",
        )


def _text(node: Instruction) -> str:
    return "\n".join([node.source, *(heredoc.body for heredoc in node.heredocs)])


RULE = Rule(
    name="ladle/ArgTooEarly",
    description="ARG should be declared just before its first use",
    why="Every RUN after an ARG has its value in its environment, used or not. A build with another value runs all of "
    "them again.",
    bad="FROM busybox\nARG REVISION\nRUN make-everything\nLABEL revision=$REVISION\n",
    good="FROM busybox\nRUN make-everything\nARG REVISION\nLABEL revision=$REVISION\n",
    check=check,
    help="declare it after them",
)
