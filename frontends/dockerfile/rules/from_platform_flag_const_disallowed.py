# SPDX-License-Identifier: Apache-2.0
"""FromPlatformFlagConstDisallowed."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import parse_platform
from ladle.frontends.dockerfile.ast import From
from ladle.frontends.dockerfile.gotext import quote
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find `--platform` without a variable, unless the stage's name says which platform it is for."""
    for node in view.froms():
        flag = node.flag("platform")
        if flag is None or not flag.text or "$" in flag.text or _is_named_after(node, flag.text):
            continue
        yield finding(node, f"FROM --platform flag should not use constant value {quote(flag.text)}", flag.span)


def _is_named_after(node: From, text: str) -> bool:
    try:
        platform = parse_platform(text)
    except BuildError:
        return True  # that is an error of its own
    name = node.stage.text.lower() if node.stage else ""
    return platform.os in name or platform.architecture in name


RULE = Rule(
    name="FromPlatformFlagConstDisallowed",
    description="FROM --platform flag should not use a constant value",
    why="Who builds the file can no longer choose the platform. A stage that is for one platform is called after it.",
    bad="FROM --platform=linux/amd64 busybox AS files\nCOPY a /\n",
    good="FROM --platform=linux/amd64 busybox AS files-amd64\nCOPY a /\n",
    check=check,
)
