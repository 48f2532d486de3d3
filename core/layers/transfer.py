# SPDX-License-Identifier: Apache-2.0
"""Carrying changes of trees into a third place: a differ feeds the unpacker, in memory, with every detail."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from ladle.core.layers.apply import Applied, apply_archive
from ladle.core.layers.changes import Detail
from ladle.core.layers.differ import diff_upper
from ladle.core.layers.tarread import TarReader
from ladle.core.layers.tarwriter import TarWriter
from ladle.core.layers.walkdiff import diff_trees

_QUEUE = 4


class _AbandonedError(Exception):
    """The reading side has stopped."""


def move_changes(
    lower: str | None, upper: str, root: str, *, rootless: bool = False, single_uid: bool = False
) -> Applied:
    """Change the tree `root`, which looks like `lower`, so that it looks like `upper`: times and attributes exact."""

    def differ(tar: TarWriter) -> None:
        diff_trees(lower, upper, tar, detail=Detail.EXACT)

    return _carry(differ, root, rootless=rootless, single_uid=single_uid)


def move_layer(
    lower: str | None, upper: str, root: str, *, rootless: bool = False, single_uid: bool = False
) -> Applied:
    """Put the changes that the layer directory `upper` holds over the tree `lower` into an empty layer directory.

    The new one does the same wherever it is laid: it names each removal and holds nothing that is no change.
    """

    def differ(tar: TarWriter) -> None:
        diff_upper(upper, lower, tar, detail=Detail.EXACT)

    return _carry(differ, root, marks=True, rootless=rootless, single_uid=single_uid)


def _carry(
    differ: Callable[[TarWriter], None],
    root: str,
    *,
    marks: bool = False,
    rootless: bool,
    single_uid: bool,
) -> Applied:
    """Unpack in `root` what a differ writes, while it writes."""
    blocks: queue.Queue[bytes] = queue.Queue(_QUEUE)
    failure: list[BaseException] = []
    stopped = threading.Event()

    def put(block: bytes) -> None:
        while True:
            if stopped.is_set():
                raise _AbandonedError
            try:
                blocks.put(block, timeout=0.05)
                return
            except queue.Full:
                continue

    def produce() -> None:
        try:
            tar = TarWriter(put)
            differ(tar)
            tar.close()
            put(b"")
        except _AbandonedError:
            return
        except BaseException as error:
            failure.append(error)
            blocks.put(b"")

    def take() -> bytes:
        block = blocks.get()
        if failure:
            raise failure[0]
        return block

    thread = threading.Thread(target=produce, name="tree-diff", daemon=True)
    thread.start()
    try:
        return apply_archive(TarReader(take), root, layer=True, marks=marks, rootless=rootless, single_uid=single_uid)
    finally:
        stopped.set()
        thread.join()
