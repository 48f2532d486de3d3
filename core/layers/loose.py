# SPDX-License-Identifier: Apache-2.0
"""Layers that are to lie on others than those they were made on.

A layer directory may say more than the layer's blob: an opaque directory hides whatever lies below, also names that
the step never saw, and a file that was opened for writing and left as it was is there in full. Over its own parents
that makes no difference. Elsewhere it would: a step would run on another tree than the one that the image gives.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ladle.core.layers import errors
from ladle.core.layers.changes import Detail, Dir
from ladle.core.layers.differ import compare_upper
from ladle.core.layers.transfer import move_layer

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext


class _Unwritten:
    """Takes changes and writes none."""

    detail = Detail.LAYER

    def directory(self, folder: Dir) -> None:
        step: Dir | None = folder
        while step is not None and not step.written:
            step.written = True
            step = step.parent

    def delete(self, folder: Dir, name: bytes) -> None:
        del name
        self.directory(folder)

    def unmodified(self, folder: Dir, name: bytes, status: os.stat_result) -> None:
        """An unchanged name is none of the layer's."""

    def entry(self, folder: Dir, name: bytes, status: os.stat_result, dir_fd: int) -> None:
        del name, status, dir_fd
        self.directory(folder)


def is_loose(upper: str, lower: str | None) -> bool:
    """Say whether a layer directory holds its changes over `lower` and nothing else, and so does the same anywhere."""
    return compare_upper(upper, lower, _Unwritten())


def loosen(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """The job: make the snapshot `snapshot` of the changes of the layer `layer` over its `parents`, if need be."""
    from ladle.core.worker.job import checked_layers

    (layer,) = checked_layers([args["layer"]])
    upper = os.path.join(ctx.snapshots, layer)
    if not os.path.isdir(upper):
        raise errors.lost_snapshot(layer)
    lower = ctx.tree({"kind": "layers", "layers": args["parents"]}) if args["parents"] else None
    if is_loose(upper, lower):
        return {"made": False, "warnings": []}
    staging = ctx.staging([])
    try:
        applied = move_layer(lower, upper, staging.path, rootless=ctx.rootless, single_uid=ctx.single_uid)
        status = os.stat(upper)
        os.chown(staging.path, status.st_uid, status.st_gid)
        os.chmod(staging.path, status.st_mode & 0o7777)
        os.utime(staging.path, ns=(status.st_atime_ns, status.st_mtime_ns))
        staging.commit(args["snapshot"])
    except BaseException:
        staging.discard()
        raise
    return {"made": True, "warnings": applied.warnings}
