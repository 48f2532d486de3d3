# SPDX-License-Identifier: Apache-2.0
"""WorkdirRelativePath."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Workdir
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.dockerfile.stages import Stage


def check(view: View) -> Iterator[Finding]:
    """Find a relative WORKDIR before any other one of the file is in force."""
    for stage in view.reached:
        if stage.base is not None and _sets_one(stage.base):
            continue
        first = next((node for node in view.nodes(stage) if isinstance(node, Workdir)), None)
        if first is None:
            continue
        path = view.facts.text(first.path)
        if not path.startswith("/"):
            message = f"Relative workdir {quote(path)} can have unexpected results if the base image changes"
            yield finding(first, message, first.path.span)


def _sets_one(stage: Stage | None) -> bool:
    while stage is not None:
        if any(isinstance(node, Workdir) for node in stage.instructions):
            return True
        stage = stage.base
    return False


RULE = Rule(
    name="WorkdirRelativePath",
    description=(
        "Relative workdir without an absolute workdir declared within the build can have unexpected results "
        "if the base image changes"
    ),
    why="A relative WORKDIR is joined to that of the base image, which its makers may change.",
    bad="FROM busybox\nWORKDIR app\n",
    good="FROM busybox\nWORKDIR /app\n",
    check=check,
)
