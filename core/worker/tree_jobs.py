# SPDX-License-Identifier: Apache-2.0
"""The worker's jobs `read_file` and `list_directory`: looking into a tree, with every link resolved inside of it."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

from ladle.core.api.errors import BuildError
from ladle.core.worker.inroot import open_in_root

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext

_ABSENT = (errno.ENOENT, errno.ENOTDIR)


def read_file(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Return `{"data": bytes}` of a regular file, None where there is none.

    `args`: `ref`, `path`, `limit` in bytes.
    """
    descriptor = _opened(ctx, args, os.O_RDONLY | os.O_NONBLOCK)
    if descriptor is None:
        return {"data": None}
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return {"data": None}
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(args["limit"] + 1)
    finally:
        os.close(descriptor)
    if len(data) > args["limit"]:
        raise BuildError(
            f"{args['path']!r} is larger than {args['limit']} bytes", code="LA0171", help="read a smaller file"
        )
    return {"data": data}


def list_directory(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Return `{"names": […]}` of a directory, sorted, those of directories with a `/`; None where there is none.

    `args`: `ref`, `path`, `limit` in names.
    """
    descriptor = _opened(ctx, args, os.O_RDONLY | os.O_DIRECTORY)
    if descriptor is None:
        return {"names": None}
    try:
        with os.scandir(descriptor) as entries:
            names = sorted(entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in entries)
    finally:
        os.close(descriptor)
    if len(names) > args["limit"]:
        raise BuildError(
            f"{args['path']!r} has more than {args['limit']} names", code="LA0172", help="list a smaller directory"
        )
    return {"names": names}


def _opened(ctx: JobContext, args: dict[str, Any], flags: int) -> int | None:
    root = os.open(ctx.tree(args["ref"]), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return open_in_root(root, args["path"].encode(errors="surrogateescape"), flags | os.O_NOCTTY)
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise BuildError(
            f"cannot open {args['path']!r} in the tree: {os.strerror(error.errno or 0)}",
            code="LA0173",
            help="read files and list directories only",
        ) from None
    finally:
        os.close(root)
