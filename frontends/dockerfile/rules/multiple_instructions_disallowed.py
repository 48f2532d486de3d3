# SPDX-License-Identifier: Apache-2.0
"""MultipleInstructionsDisallowed."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Cmd, Entrypoint, Healthcheck, Instruction
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find each CMD, ENTRYPOINT and HEALTHCHECK that a later one of its stage makes void."""
    for stage in view.reached:
        last: dict[str, Instruction] = {}
        for node in view.nodes(stage):
            if not isinstance(node, Cmd | Entrypoint | Healthcheck):
                continue
            void = last.get(node.name)
            if void is not None:
                yield finding(
                    void,
                    f"Multiple {node.name} instructions should not be used in the same stage "
                    "because only the last one will be used",
                )
            last[node.name] = node


RULE = Rule(
    name="MultipleInstructionsDisallowed",
    description="Multiple instructions of the same type should not be used in the same stage",
    why="An image has one command, one entrypoint and one health check: the last one counts, the others are left over.",
    bad='FROM busybox\nCMD ["a"]\nCMD ["b"]\n',
    good='FROM busybox\nCMD ["b"]\n',
    check=check,
)
