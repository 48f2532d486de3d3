# SPDX-License-Identifier: Apache-2.0
"""LegacyKeyValueFormat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ladle.core.api.diagnostics import Span
from ladle.frontends.dockerfile.ast import Env, Label, Pair
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, is_written

_BARE = re.compile(r"[^\s\"'\\`]+")
_QUOTED_BY_HAND = re.compile(r"\"[^\"\\`]*\"|'[^'\\`]*'")


def check(view: View) -> Iterator[Finding]:
    """Find `ENV name value` and `LABEL name value`."""
    for node in view.file.instructions:
        if isinstance(node, Env | Label):
            for pair in node.pairs:
                if pair.legacy:
                    name = node.name
                    message = f'"{name} key=value" should be used instead of legacy "{name} key value" format'
                    yield finding(node, message, edits=_modern(pair))


def _modern(pair: Pair) -> tuple[Edit, ...]:
    """Return how to write the pair today; nothing where its quotes or escapes would be read in another way."""
    value = pair.value
    if value is None or not is_written(value.span, value.text):
        return ()
    if _BARE.fullmatch(value.text) or _QUOTED_BY_HAND.fullmatch(value.text):
        text = value.text
    elif not any(character in value.text for character in "\"'\\`"):
        text = f'"{value.text}"'
    else:
        return ()
    return (Edit(Span(value.span.source, pair.name.span.end, value.span.end), f"={text}"),)


RULE = Rule(
    name="LegacyKeyValueFormat",
    description=("Legacy key/value format with whitespace separator should not be used"),
    why="The old form takes the whole rest of the line as one value, so that a second pair is silently a part of it.",
    bad="FROM busybox\nENV GREETING hello you\n",
    good='FROM busybox\nENV GREETING="hello you"\n',
    check=check,
    mends=True,
)
