# SPDX-License-Identifier: Apache-2.0
"""The contract of a snapshotter: how layer directories become a tree that can be read or written.

Snapshotters run inside the worker, in a job's own mount namespace: whatever they mount is gone with the job. A
snapshot is one layer directory `snapshots/<id>` in overlayfs form: a character device 0/0 hides a name of the layers
below, an opaque attribute (`opaque_xattr`) on a directory hides all that they have in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol


class Snapshotter(Protocol):
    """A way to stack layers; registered as a class.

    Life cycle of a writable tree: `stage` mounts it, the job writes, `finish` takes it apart, after which `upper` is
    the new layer and nothing else refers to it. `layers` are ids, bottom first; `target`, `upper` and `work` are
    absolute paths of empty directories on the store's file system.
    """

    NAME: ClassVar[str]
    WRITES_IN_PLACE: ClassVar[bool]
    """Whether a step may write through to the files of a committed layer: then hard links to them are forbidden."""

    def __init__(self, snapshots: str, *, rootless: bool) -> None:
        """Make a snapshotter for the layer directories in `snapshots`; `rootless`: inside a user namespace."""

    def probe(self, scratch: str) -> None:
        """Check in the empty directory `scratch` that this works here; raises `BuildError` saying why not."""

    def view(self, layers: Sequence[str], target: str) -> None:
        """Mount the layers on `target`, read-only."""

    def stage(self, layers: Sequence[str], target: str, upper: str, work: str) -> None:
        """Mount the layers on `target`, writable; what is written lands in `upper`."""

    def finish(self, target: str, upper: str, work: str) -> None:
        """Take a staged tree apart so that `upper` can be renamed."""


def opaque_xattr(*, rootless: bool) -> str:
    """Return the name of the attribute (value `y`) that makes a directory of a layer opaque."""
    return "user.overlay.opaque" if rootless else "trusted.overlay.opaque"
