# SPDX-License-Identifier: Apache-2.0
"""ExposeProtoCasing."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Expose
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, is_written


def check(view: View) -> Iterator[Finding]:
    """Find protocols with upper case."""
    for node in view.built():
        if not isinstance(node, Expose):
            continue
        for word in node.words:
            port, slash, protocol = word.text.rpartition("/")
            if slash and "$" not in protocol and protocol != protocol.lower():
                message = f"Defined protocol '{word.text}' in EXPOSE instruction should be lowercase"
                better = Edit(word.span, f"{port}/{protocol.lower()}")
                yield finding(node, message, word.span, edits=(better,) * is_written(word.span, word.text))


RULE = Rule(
    name="ExposeProtoCasing",
    description="Protocol in EXPOSE instruction should be lowercase",
    why="Protocols are written in lower case in image configs; both spellings mean the same.",
    bad="FROM scratch\nEXPOSE 80/TCP\nCOPY a /\n",
    good="FROM scratch\nEXPOSE 80/tcp\nCOPY a /\n",
    check=check,
    mends=True,
)
