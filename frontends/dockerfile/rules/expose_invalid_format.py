# SPDX-License-Identifier: Apache-2.0
"""ExposeInvalidFormat."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Expose
from ladle.frontends.dockerfile.rules.base import Edit, Finding, Rule, View, finding, is_written


def check(view: View) -> Iterator[Finding]:
    """Find addresses and ports of the host."""
    for node in view.built():
        if not isinstance(node, Expose):
            continue
        for word in node.words:
            if ":" in word.text and "$" not in word.text:
                message = (
                    f"EXPOSE instruction should not define an IP address or host-port mapping, found '{word.text}'"
                )
                better = Edit(word.span, word.text.rpartition(":")[2])
                yield finding(node, message, word.span, edits=(better,) * is_written(word.span, word.text))


RULE = Rule(
    name="ExposeInvalidFormat",
    description="IP address and host-port mapping should not be used in EXPOSE instruction. "
    "This will become an error in a future release",
    why="EXPOSE says which ports the container listens on; where they appear on the host is said when it is run. "
    "Only the container's port is kept.",
    bad="FROM scratch\nEXPOSE 127.0.0.1:80:80\nCOPY a /\n",
    good="FROM scratch\nEXPOSE 80\nCOPY a /\n",
    check=check,
    mends=True,
)
