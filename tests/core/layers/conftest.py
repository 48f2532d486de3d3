# SPDX-License-Identifier: Apache-2.0
"""Trees written down as text, and the digest of a layer made from them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from ladle.core.layers.differ import diff_upper
from ladle.core.layers.tarwriter import TarWriter

EPOCH = 1_700_000_000


def plant(root: Path, spec: str) -> Path:
    """Make a tree: a line is `PATH TYPE [MODE [UID:GID [CONTENT or LINK]]]`.

    Types: d f l p, h (hard link to CONTENT), w (whiteout), o (opaque directory).
    """
    root.mkdir(parents=True, exist_ok=True)
    for line in spec.strip().splitlines():
        words = [*line.split(maxsplit=4), "", "", "", ""]
        name, kind = words[0], words[1]
        path = root / name
        mode = int(words[2] or ("0755" if kind in "do" else "0644"), 8)
        uid, gid = (int(part) for part in (words[3] or "0:0").split(":"))
        text = words[4].encode().decode("unicode_escape").encode()
        if kind in "do":
            path.mkdir(exist_ok=True)
            if kind == "o":
                os.setxattr(path, "trusted.overlay.opaque", b"y")
        elif kind == "f":
            path.write_bytes(text)
        elif kind == "l":
            os.symlink(text, path)
        elif kind == "p":
            os.mkfifo(path)
        elif kind == "h":
            os.link(root / text.decode(), path)
        elif kind == "w":
            os.mknod(path, stat.S_IFCHR, 0)
        if kind in "dofp":
            os.chown(path, uid, gid)
            os.chmod(path, mode)
        elif kind == "l":
            os.chown(path, uid, gid, follow_symlinks=False)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[str, str], Path]:
    """`tree(name, spec)` makes a directory from text."""
    return lambda name, spec: plant(tmp_path / name, spec)


@pytest.fixture
def upper_digest() -> Callable[..., str]:
    """The sha256 of the layer that an upper directory makes over a lower one."""

    def digest(upper: Path, lower: Path | None) -> str:
        return hashlib.sha256(layer_bytes(upper, lower)).hexdigest()

    return digest


def layer_bytes(upper: Path, lower: Path | None) -> bytes:
    """The tar of an upper directory, all times cut to the epoch."""
    pieces: list[bytes] = []
    tar = TarWriter(pieces.append)
    diff_upper(str(upper), str(lower) if lower else None, tar, epoch=EPOCH)
    tar.close()
    return b"".join(pieces)
