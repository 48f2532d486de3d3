# SPDX-License-Identifier: Apache-2.0
"""FromAsCasing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.core.api.diagnostics import Span
from ladle.frontends.dockerfile.ast import From
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding

_AS = re.compile(r"(?<!\S)as(?!\S)", re.IGNORECASE)


def check(view: View) -> Iterator[Finding]:
    """Find `FROM` and `AS` in different cases."""
    for node in view.froms():
        span = _as_span(node)
        if span is None:
            continue
        word = span.source.text[span.start : span.end]
        if word != (word.upper() if node.keyword.isupper() else word.lower()):
            yield finding(
                node,
                f"'{word}' and '{node.keyword}' keywords' casing do not match",
                span,
                edits=(Edit(span, "AS" if node.keyword.isupper() else "as"),),
            )


def _as_span(node: From) -> Span | None:
    if node.stage is None:
        return None
    source = node.span.source
    found = list(_AS.finditer(source.text, node.base.span.end, node.stage.span.start))
    # The last one: a remark between the lines may hold the word too.
    return Span(source, *found[-1].span()) if found else None


RULE = Rule(
    name="FromAsCasing",
    description="The 'as' keyword should match the case of the 'from' keyword",
    why="The two keywords belong to one instruction. In different cases they are harder to see.",
    bad="FROM scratch as build\nCOPY a /\n",
    good="FROM scratch AS build\nCOPY a /\n",
    check=check,
    mends=True,
)
