# SPDX-License-Identifier: Apache-2.0
"""Several platforms' trees in one tar, each below a directory of its own."""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Mapping
from typing import IO, TYPE_CHECKING

from ladle.core.build.threads import in_thread

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services


async def write_joined(services: Services, folders: Mapping[str, Ref], fd: int, epoch: int | None) -> None:
    """Write one tar; each tree comes from the worker by way of an unnamed temporary file."""
    with (
        os.fdopen(os.dup(fd), "wb") as file,
        tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as joined,
    ):
        for folder, ref in folders.items():
            with tempfile.TemporaryFile(dir=os.path.dirname(services.blobs.temporary())) as part:
                await services.worker.run("export_tar", {"ref": ref, "fd": 0, "epoch": epoch}, fds=[part.fileno()])
                await in_thread(lambda part=part, folder=folder: _append(joined, part, folder, epoch))  # type: ignore[misc]


def _append(joined: tarfile.TarFile, part: IO[bytes], folder: str, epoch: int | None) -> None:
    """Add every member of a tar below a directory."""
    root = tarfile.TarInfo(folder)
    root.type, root.mode, root.mtime = tarfile.DIRTYPE, 0o755, epoch or 0
    joined.addfile(root)
    part.seek(0)
    with tarfile.open(fileobj=part, mode="r:") as tree:
        for member in tree:
            member.name = f"{folder}/{member.name}"
            member.pax_headers = {key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.")}
            if member.islnk():
                member.linkname = f"{folder}/{member.linkname}"
            joined.addfile(member, tree.extractfile(member) if member.isreg() else None)
