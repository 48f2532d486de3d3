# SPDX-License-Identifier: Apache-2.0
"""The worker job `digest`: the content digests of selectors in a tree that only the worker can read.

args: `{"ref": Ref, "selectors": [Selector, …]}`; result: `{"digests": ["sha256:…" | "", …]}`, where the empty string
says that the selected path is absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ladle.core.content.digest import NotFoundError, Tree, select

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext

ABSENT = ""


def run(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Digest what each selector selects."""
    tree = open_tree(ctx, args["ref"])
    digests = []
    for selector in args["selectors"]:
        try:
            digests.append(select(tree, selector))
        except NotFoundError:
            digests.append(ABSENT)
    return {"digests": digests}


def open_tree(ctx: JobContext, ref: dict[str, Any]) -> Tree:
    """The tree of a ref: a local directory as it was scanned, anything else as it is on disk."""
    if ref["kind"] == "local":
        from ladle.core.content.scan import load_table

        return load_table(ref["table"])
    from ladle.core.content.disk import DiskTree

    return DiskTree(ctx.tree(ref))
