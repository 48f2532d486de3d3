# SPDX-License-Identifier: Apache-2.0
"""NoEmptyContinuation."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.diagnostics import Span
from ladle.core.api.snippets import line_starts
from ladle.frontends.dockerfile.ast import Instruction
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View


def check(view: View) -> Iterator[Finding]:
    """Find instructions that go on after an empty line. As BuildKit does, it names the instruction's last line."""
    starts = line_starts(view.file.source.text)
    for node in view.file.instructions:
        if node.empty_continuations:
            yield _finding(node, starts)


def _finding(node: Instruction, starts: list[int]) -> Finding:
    source = node.span.source
    edits = []
    for number in node.empty_continuations:
        start = starts[number - 1]
        end = starts[number] if number < len(starts) else len(source.text)
        edits.append(Edit(Span(source, start, end), ""))
    last = node.lines[1]
    return Finding(
        message="Empty continuation line",
        node=node,
        span=Span(source, edits[0].span.start, edits[0].span.start),
        lines=(last, last),
        edits=tuple(edits),
    )


RULE = Rule(
    name="NoEmptyContinuation",
    description="Empty continuation lines will become errors in a future release",
    why="An instruction that goes on after an empty line looks like two; Docker has said for years that this will "
    "become an error.",
    bad="FROM busybox\nRUN echo a \\\n\n  && echo b\n",
    good="FROM busybox\nRUN echo a \\\n  && echo b\n",
    check=check,
    mends=True,
)
