# SPDX-License-Identifier: Apache-2.0
"""Where benchmarks run: a fresh file system of their own, made and removed here.

Creating many files soon after deleting many is 5-15 times slower on an ext4 without a journal, and a store that lies on
the machine's root shares its disk with everything else; so nothing is measured there if that can be helped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOP_GIGABYTES = 40
_PIECE = 1 << 20


@contextmanager
def place(kind: str, *, gigabytes: int = 0) -> Iterator[tuple[Path, str]]:
    """Give an empty directory on a fresh `tmpfs` or `loop` (ext4) mount, and what it is; `plain`: in $TMPDIR.

    So much memory is touched before: a virtual machine's is slow (here 3 s for a GiB) until its host has found it.
    """
    outer = Path(tempfile.mkdtemp(prefix="ladle-bench-"))
    inner = outer / "place"
    inner.mkdir()
    shown = _mount(kind if os.geteuid() == 0 else "plain", outer, inner)
    try:
        _touch(inner / "touched", gigabytes)
        yield inner, shown
    finally:
        if os.path.ismount(inner):
            subprocess.run(["umount", "--lazy", str(inner)], check=True)
        shutil.rmtree(outer)


def _touch(path: Path, gigabytes: int) -> None:
    zeros = bytes(_PIECE)
    with path.open("wb", buffering=0) as file:
        for _ in range(gigabytes << 10):
            file.write(zeros)
    path.unlink()


def _mount(kind: str, outer: Path, inner: Path) -> str:
    if kind == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90%,nr_inodes=0", "bench", str(inner)], check=True)
    elif kind == "loop":
        image = outer / "image"
        with image.open("wb") as file:
            file.truncate(LOOP_GIGABYTES << 30)
        subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(inner)], check=True)
    return kind
