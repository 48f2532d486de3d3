# SPDX-License-Identifier: Apache-2.0
"""Trees written down as text, and the digest of a layer made from them."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladle.core.layers.apply import Applied, apply_archive
from ladle.core.layers.differ import diff_upper
from ladle.core.layers.tarread import TarReader
from ladle.core.layers.tarwriter import TarWriter
from ladle.core.layers.walkdiff import diff_trees
from ladle.core.worker.child import run_in_child
from tests.support.userns import USER, InUserNamespace, run_as_user

EPOCH = 1_700_000_000


def plant(root: Path, spec: str) -> Path:
    """Make a tree: a line is `PATH TYPE [MODE [UID:GID [CONTENT or LINK]]]`.

    `\\s` in a path is a space. Types: d f l p, h (hard link to CONTENT), w (whiteout), o (opaque directory).
    """
    root.mkdir(parents=True, exist_ok=True)
    for line in spec.strip().splitlines():
        words = [*line.split(maxsplit=4), "", "", "", ""]
        name, kind = words[0].replace("\\s", " "), words[1]
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


@pytest.fixture
def upper_layer() -> Callable[..., bytes]:
    """The tar that an upper directory makes over a lower one."""
    return layer_bytes


@pytest.fixture
def walk_layer() -> Callable[..., bytes]:
    """The tar that turns one tree into another."""

    def layer(lower: Path | None, upper: Path, **options: Any) -> bytes:
        pieces: list[bytes] = []
        tar = TarWriter(pieces.append)
        diff_trees(str(lower) if lower else None, str(upper), tar, **options)
        tar.close()
        return b"".join(pieces)

    return layer


@pytest.fixture
def listing() -> Callable[[bytes], list[str]]:
    """`NAME TYPE` of each member of a tar, in order."""

    def members(data: bytes) -> list[str]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [f"{info.name} {_letter(info)}" for info in tar]

    return members


def _letter(info: tarfile.TarInfo) -> str:
    letters = {tarfile.DIRTYPE: "d", tarfile.SYMTYPE: "l", tarfile.LNKTYPE: "h", tarfile.FIFOTYPE: "p"}
    return letters.get(info.type, "f" if info.isreg() else "c")


@pytest.fixture
def unpack() -> Callable[..., Applied]:
    """Unpack a tar given as bytes into a directory."""

    def apply(data: bytes, root: Path, *, layer: bool = True, piece: int = 1 << 20, **options: Any) -> Applied:
        root.mkdir(exist_ok=True)
        blocks = iter([data[at : at + piece] for at in range(0, len(data), piece)])
        return apply_archive(TarReader(lambda: next(blocks, b"")), str(root), layer=layer, **options)

    return apply


@pytest.fixture
def look() -> Callable[[Path], dict[str, tuple[object, ...]]]:
    """Everything that a tree consists of, but for the times of directories."""
    return describe


def describe(root: Path) -> dict[str, tuple[object, ...]]:
    """Describe a tree: path -> type, mode, owner, time, content, first name of the same inode, attributes."""
    found: dict[str, tuple[object, ...]] = {}
    first: dict[int, str] = {}
    for folder, folders, files in os.walk(os.fsencode(root)):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            shown = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            kind = stat.S_IFMT(status.st_mode)
            content: object = None
            if kind == stat.S_IFREG:
                content = hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            elif kind in (stat.S_IFCHR, stat.S_IFBLK):
                content = status.st_rdev
            is_folder = kind == stat.S_IFDIR
            link = shown if is_folder else first.setdefault(status.st_ino, shown)
            time = 0 if is_folder else status.st_mtime_ns // 1_000_000_000
            attributes = (
                []
                if kind == stat.S_IFLNK
                else [
                    (key, os.getxattr(path, key))
                    for key in sorted(os.listxattr(path, follow_symlinks=False))
                    if ".overlay." not in key
                ]
            )
            owner = (status.st_uid, status.st_gid)
            found[shown] = (oct(status.st_mode), owner, time, content, link, tuple(attributes))
    return found


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store for jobs."""
    root = tmp_path / "store"
    (root / "snapshots").mkdir(parents=True)
    return root


@pytest.fixture
def run_job(store: Path) -> Callable[..., dict[str, Any]]:
    """Run a worker's job in a child with mounts of its own."""

    def run(function: Callable[..., dict[str, Any]], fds: tuple[int, ...] = (), **args: Any) -> dict[str, Any]:
        options = {"snapshotter": "ladle.plugins.snapshotters.overlay:Overlay"}
        return run_in_child(str(store), function, args, options=options, fds=fds)

    return run


@pytest.fixture
def archive() -> Callable[..., bytes]:
    """Write a tar with Python's own module: members are dicts of TarInfo's attributes, `data` is content."""

    def make(*members: dict[str, Any], format: int = tarfile.PAX_FORMAT) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=format) as tar:
            for member in members:
                info = tarfile.TarInfo(member["name"])
                data = member.get("data")
                for key, value in member.items():
                    if key != "data":
                        setattr(info, key, value)
                if data is not None:
                    info.size = len(data)
                tar.addfile(info, io.BytesIO(data) if data is not None else None)
        return buffer.getvalue()

    return make


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of an ordinary user's."""
    made = Path(tempfile.mkdtemp(prefix="ladle-user-"))
    (made / "store/snapshots").mkdir(parents=True)
    for path in (made, made / "store", made / "store/snapshots"):
        os.chown(path, USER, USER)
        path.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def as_user(place: Path) -> InUserNamespace:
    """Run a job as an ordinary user who is root in a user namespace with the given id map."""
    return lambda function, id_map, **args: run_as_user(place / "store", function, id_map, args)
