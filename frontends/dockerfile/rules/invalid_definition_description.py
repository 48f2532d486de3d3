# SPDX-License-Identifier: Apache-2.0
"""InvalidDefinitionDescription."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Arg, From, Instruction
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, arg_names, finding

_DIRECTIVE = re.compile(r"(?:syntax|escape|check)\s*=")


def check(view: View) -> Iterator[Finding]:
    """Find remarks above ARG and FROM that begin with another word than the name."""
    for node in view.file.instructions:
        names = _names(node)
        comments = [comment for comment in node.comments if not _DIRECTIVE.match(comment)]
        if names and comments and comments[-1].split(" ")[0] not in names:
            example = names[0] if len(names) == 1 else "<arg_key>"
            yield finding(node, f"Comment for {node.name} should follow the format: `# {example} <description>`")


def _names(node: Instruction) -> list[str]:
    if isinstance(node, Arg):
        return arg_names(node)
    if isinstance(node, From) and node.stage is not None:
        return [node.stage.text]
    return []


RULE = Rule(
    name="InvalidDefinitionDescription",
    description="Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. "
    "If this is not intended to be a description comment, add an empty line or comment between the "
    "instruction and the comment.",
    why="`--call=outline` and `--call=targets` show such remarks as the descriptions of arguments and stages.",
    bad="# the version to build\nARG VERSION=1\nFROM scratch\nCOPY a /\n",
    good="# VERSION the version to build\nARG VERSION=1\nFROM scratch\nCOPY a /\n",
    check=check,
    by_default=False,
    experimental=True,
)
