# SPDX-License-Identifier: Apache-2.0
"""The walking differ: whole trees compared, where there is no single overlayfs layer to read the change from."""

from __future__ import annotations

from ladle.core.layers.chain import DirChain
from ladle.core.layers.changes import ChangeWriter, Detail
from ladle.core.layers.differ import TreeDiffer
from ladle.core.layers.tarwriter import TarWriter


def diff_trees(
    lower: str | None, upper: str, tar: TarWriter, *, epoch: int | None = None, detail: Detail = Detail.LAYER
) -> None:
    """Write the layer that turns the tree `lower` (None: an empty one) into the tree `upper`.

    The trees are mounted views or plain directories; opaque marks mean nothing in them.
    """
    changes = ChangeWriter(tar, epoch=epoch, detail=detail)
    with DirChain(upper) as above:
        if lower is None:
            TreeDiffer(changes, above, None, overlay=False).run(merged=False)
            return
        with DirChain(lower) as below:
            TreeDiffer(changes, above, below, overlay=False).run(merged=True)


def write_tree(tree: str, tar: TarWriter, *, epoch: int | None = None, detail: Detail = Detail.USER) -> None:
    """Write a whole tree as a flat archive: every entry in sorted order, no entry for the root."""
    diff_trees(None, tree, tar, epoch=epoch, detail=detail)
