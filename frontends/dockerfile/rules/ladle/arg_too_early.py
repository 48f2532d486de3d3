# SPDX-License-Identifier: Apache-2.0
"""ladle/ArgTooEarly."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Arg, Instruction, Pair, Run
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding

_PREDEFINED = re.compile(
    r"(?:TARGET|BUILD)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)|.*_proxy|SOURCE_DATE_EPOCH", re.I
)

_WORD = re.compile(r"\w+")


def check(view: View) -> Iterator[Finding]:
    """Find ARGs that steps before their first use see too: another value makes those steps run again."""
    for stage in view.reached:
        nodes = view.nodes(stage)
        if any(isinstance(node, Arg) for node in nodes):
            yield from _in_stage(nodes)


def _in_stage(nodes: list[Instruction]) -> Iterator[Finding]:
    places: dict[str, list[int]] = {}
    """Where each word is used, in order."""
    runs = [0]
    """How many RUNs there are before each place."""
    for place, node in enumerate(nodes):
        runs.append(runs[-1] + isinstance(node, Run))
        for word in set(_WORD.findall(_text(node))):
            places.setdefault(word, []).append(place)
    for place, node in enumerate(nodes):
        if isinstance(node, Arg):
            for pair in node.pairs:
                used = places.get(pair.name.text, [])
                after = bisect_right(used, place)
                if after < len(used) and not _PREDEFINED.fullmatch(pair.name.text):
                    steps = runs[used[after]] - runs[place]
                    yield from _finding(pair, node, nodes[used[after]], steps)


def _finding(pair: Pair, node: Arg, first: Instruction, steps: int) -> Iterator[Finding]:
    if steps:
        yield finding(
            node,
            f"ARG {pair.name.text} is declared before {steps} RUN step{'s' * (steps > 1)} that do not use it",
            pair.name.span,
            label=f"first used on line {first.lines[0]}",
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
