# SPDX-License-Identifier: Apache-2.0
"""The skeleton of `host://`: the few files outside `/usr` that programs from `/usr` want, none of them private."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from hashlib import sha256

from ladle.llb.values import dataclass
from ladle.plugins.sources.host_paths import COPIED, TOP_LINKS, is_public

_EMPTY = (
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
)
_LINKS = (("var/run", "/run"), ("var/lock", "/run/lock"))

_LARGEST = 4 << 20
_TAR_TYPES = {"directory": b"5", "file": b"0", "symlink": b"2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One entry: `kind` is directory, file or symlink; `data` a file's content or a link's target."""

    kind: str
    path: bytes
    mode: int = 0o777
    data: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skeleton:
    """The entries, parents before children, and which directories of the machine are mounted over it."""

    nodes: tuple[Node, ...]
    mounts: tuple[str, ...]
    digest: str

    def tar(self) -> bytes:
        """Return the entries as a layer, the same bytes for the same digest."""
        import io
        import tarfile

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for node in self.nodes:
                info = tarfile.TarInfo(os.fsdecode(node.path))
                info.type, info.mode = _TAR_TYPES[node.kind], node.mode
                if node.kind == "symlink":
                    info.linkname = os.fsdecode(node.data)
                info.size = len(node.data) if node.kind == "file" else 0
                archive.addfile(info, io.BytesIO(node.data) if node.kind == "file" else None)
        return buffer.getvalue()


def read_skeleton(machine: str = "") -> Skeleton:
    """Read the skeleton off a machine whose root is at `machine`."""
    nodes = [Node(kind="directory", path=path.encode(), mode=mode) for path, mode in _EMPTY]
    nodes += [Node(kind="symlink", path=path.encode(), data=target.encode()) for path, target in _LINKS]
    mounts = ["/usr"]
    for name in TOP_LINKS:
        path = f"{machine}/{name}"
        if os.path.islink(path):
            nodes.append(Node(kind="symlink", path=name.encode(), data=os.readlink(os.fsencode(path))))
        elif os.path.isdir(path):
            nodes.append(Node(kind="directory", path=name.encode(), mode=0o755))
            mounts.append(f"/{name}")
    seen = {node.path for node in nodes}
    for name in COPIED:
        for node in _with_parents(os.fsencode(machine), b"etc/" + name.encode()):
            if node.path not in seen:
                seen.add(node.path)
                nodes.append(node)
    return Skeleton(nodes=tuple(nodes), mounts=tuple(mounts), digest=_digest(nodes))


def _with_parents(machine: bytes, path: bytes) -> Iterator[Node]:
    """Yield what is at a path and below it, after the directories above it."""
    found = list(_tree(machine, path))
    if found:
        parts = path.split(b"/")
        for count in range(1, len(parts)):
            yield Node(kind="directory", path=b"/".join(parts[:count]), mode=0o755)
    yield from found


def _tree(machine: bytes, top: bytes) -> Iterator[Node]:
    """Yield what anyone may read at and below a path, sorted, parents first."""
    pending = [top]
    while pending:
        path = pending.pop()
        try:
            status = os.lstat(machine + b"/" + path)
            if stat.S_ISLNK(status.st_mode):
                yield Node(kind="symlink", path=path, data=os.readlink(machine + b"/" + path))
            elif stat.S_ISDIR(status.st_mode) and status.st_mode & 0o005 == 0o005:
                names = [name for name in os.listdir(machine + b"/" + path) if is_public(name)]
                yield Node(kind="directory", path=path, mode=stat.S_IMODE(status.st_mode) & 0o755)
                pending += [path + b"/" + name for name in sorted(names, reverse=True)]
            elif stat.S_ISREG(status.st_mode) and status.st_mode & 0o004 and status.st_size <= _LARGEST:
                with open(machine + b"/" + path, "rb") as file:
                    data = file.read(_LARGEST)
                yield Node(kind="file", path=path, mode=stat.S_IMODE(status.st_mode) & 0o755, data=data)
        except OSError:
            continue


def _digest(nodes: list[Node]) -> str:
    digest = sha256()
    for node in nodes:
        digest.update(
            b"%b %d %d %d\0%b%b" % (node.kind.encode(), node.mode, len(node.path), len(node.data), node.path, node.data)
        )
    return f"sha256:{digest.hexdigest()}"
