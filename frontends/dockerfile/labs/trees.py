# SPDX-License-Identifier: Apache-2.0
"""What imported files copy from, where it is not the build context: the directory or repository that they are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladle.core.api.giturl import parse_git_url
from ladle.frontends.dockerfile.bases import local_context
from ladle.frontends.dockerfile.localcontext import Tree, WholeTree
from ladle.llb.sources import git

if TYPE_CHECKING:
    from ladle.core.api.frontend import NamedContext
    from ladle.frontends.dockerfile.ast import Dockerfile


def trees_of(file: Dockerfile) -> dict[str, Tree]:
    """Return the trees by name, each once however many files are in it."""
    found: dict[str, Tree] = {}
    todo = list(file.imports)
    while todo:
        each = todo.pop()
        todo += each.file.imports
        if each.tree is not None and each.tree.name not in found:
            found[each.tree.name] = local_context(each.tree) if each.tree.kind == "local" else _repository(each.tree)
    return found


def _repository(named: NamedContext) -> Tree:
    url = parse_git_url(named.value)
    state = git(
        url.remote,
        url.ref,
        subdir=url.subdir,
        checksum=url.checksum,
        skip_submodules=not url.submodules,
        name=f"[context {named.name}] load",
    )
    return WholeTree(state)
