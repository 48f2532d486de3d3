# SPDX-License-Identifier: Apache-2.0
"""UndefinedArgInFrom."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import From
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding
from ladle.frontends.dockerfile.words import WordError, expansion
from ladle.frontends.suggest import nearest


def check(view: View) -> Iterator[Finding]:
    """Find variables of FROM lines that no ARG before the first FROM declares."""
    for node in view.froms():
        yield from _in_line(view, node)


def _in_line(view: View, node: From) -> Iterator[Finding]:
    flag = node.flag("platform")
    for word in (node.base, flag):
        if word is None or "$" not in word.text:
            continue
        try:
            unset = expansion(word.text, view.values, view.style).unset
        except WordError:
            continue
        for name in sorted(unset - set(view.declared)):
            near = nearest(name, [*view.declared, *view.values])
            meant = f" (did you mean {near}?)" if near else ""
            yield finding(node, f"FROM argument '{name}' is not declared{meant}", word.span)


RULE = Rule(
    name="UndefinedArgInFrom",
    description="FROM command must use declared ARGs",
    why="FROM sees only the ARGs before the first FROM, and the platform's. Anything else is an empty text.",
    bad="ARG VERSION=1\nFROM busybox:${VERSON:-1}\n",
    good="ARG VERSION=1\nFROM busybox:${VERSION:-1}\n",
    check=check,
)
