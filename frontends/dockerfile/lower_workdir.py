# SPDX-License-Identifier: Apache-2.0
"""WORKDIR."""

from __future__ import annotations

from ladle.frontends.dockerfile import ast
from ladle.frontends.dockerfile.lower_metadata import record
from ladle.frontends.dockerfile.work import Work
from ladle.llb.paths import join


def lower_workdir(work: Work, node: ast.Workdir) -> None:
    """WORKDIR: the directory of what follows, made if it is not there."""
    path = join(work.config.text("WorkingDir") or "/", work.expand(node.path))
    work.config.config["WorkingDir"] = path
    work.state = work.state.dir(path)
    if path != "/":
        user = work.config.text("User")
        work.state = work.state.mkdir(
            path,
            mode=0o755,
            parents=True,
            owner=user or None,
            timestamp=work.build.timestamp,
            **work.options(node.source, *node.lines),
        )
    record(work, f"WORKDIR {path}", layer=path != "/")
