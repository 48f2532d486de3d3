# SPDX-License-Identifier: Apache-2.0
"""JSONArgsRecommended."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.frontends.dockerfile.ast import Cmd, Entrypoint, Shell
from ladle.frontends.dockerfile.rules.base import Finding, Rule, View, finding


def check(view: View) -> Iterator[Finding]:
    """Find the shell form of CMD and ENTRYPOINT where nobody has chosen a shell."""
    for stage in view.reached:
        chosen = stage.index in view.with_shell
        for node in view.nodes(stage):
            if isinstance(node, Shell):
                chosen = True
            elif isinstance(node, Cmd | Entrypoint) and node.command.shell and not chosen:
                yield finding(
                    node,
                    f"JSON arguments recommended for {node.name} to prevent unintended behavior related to OS signals",
                )


RULE = Rule(
    name="JSONArgsRecommended",
    description=("JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"),
    why="The shell form runs `/bin/sh -c`, which is process 1 and passes no signals on: `docker stop` waits in vain, "
    "then kills. A file that wants a shell says so with SHELL.",
    bad="FROM busybox\nCMD httpd -f\n",
    good='FROM busybox\nCMD ["httpd", "-f"]\n',
    check=check,
)
