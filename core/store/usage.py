# SPDX-License-Identifier: Apache-2.0
"""What a store takes on its disk, item by item: layers, cache mounts, downloads, blobs, and what is about them.

Sizes are those of the disk (`st_blocks`), not of the contents, so that their sum is what `du` says of the directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ladle.core.store.locks import is_locked
from ladle.core.store.snapshots import base36
from ladle.llb.values import dataclass

if TYPE_CHECKING:
    import sqlite3

    from ladle.core.store.store import Store

_DOWNLOADS = {"git": "source.git.checkout", "context": "source.git.checkout", "http": "source.http"}
_SCRATCH = ("locks", "tmp", "logs")


@dataclass(slots=True, kw_only=True)
class Item:
    """Something that can be removed by itself. Sizes in bytes, times in seconds since the epoch.

    `type`: `regular` (a layer), `exec.cachemount`, `source.local`, `source.http`, `source.git.checkout`, `blob`, or
    `internal`. `parents` are the ids of what it stands on: they cannot go before it.
    """

    id: str
    type: str
    path: str
    size: int = 0
    inodes: int = 1
    created: float = 0.0
    used: float = 0.0
    count: int = 0
    description: str = ""
    in_use: bool = False
    parents: set[str] = field(default_factory=set)
    children: int = 0

    def field(self, name: str) -> str:
        """Return a field as filters see it."""
        if name in ("inuse", "shared"):
            return "true" if (self.in_use if name == "inuse" else self.children > 0) else "false"
        return str(getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """All items of a store, and what else is in it: bytes by what for. `disk` and `free` are the file system's."""

    items: tuple[Item, ...]
    fixed: Mapping[str, int]
    disk: int
    free: int

    @property
    def total(self) -> int:
        """Bytes of all of it."""
        return sum(item.size for item in self.items) + sum(self.fixed.values())


def made_since(store: Store, moment: float) -> int:
    """Return the bytes of the layers and blobs that were made since a moment, as far as layers were measured."""
    select = "SELECT coalesce(sum(size), 0) FROM snapshot WHERE lease = '' AND size > 0 AND created >= ?"
    (layers,) = store.database.one(select, (moment,))
    blobs = [status for _, status in _listing(f"{store.root}/blobs/sha256") if status.st_ctime >= moment]
    return int(layers) + sum(status.st_blocks * 512 for status in blobs)


def list_usage(store: Store, connection: sqlite3.Connection) -> Usage:
    """Return what is in a store now, in a transaction that is going on: nobody begins to use anything meanwhile."""
    held = store.pins.living(connection)
    items = [*_layers(connection), *_mounts(store.root), *_downloads(store.root)]
    items += [*_blobs(store.root), *_internal(store.root, connection, held)]
    for item in items:
        item.in_use = item.in_use or item.path in held
    space = os.statvfs(store.root)
    return Usage(
        items=tuple(items),
        fixed=_fixed(store.root),
        disk=space.f_blocks * space.f_frsize,
        free=space.f_bavail * space.f_frsize,
    )


def _layers(connection: sqlite3.Connection) -> Iterator[Item]:
    """Yield the committed snapshots, with what the records say of them."""
    select = "SELECT id, size, inodes, created, used FROM snapshot WHERE lease = ''"
    items = {}
    for number, size, inodes, created, used in connection.execute(select):
        name = base36(number)
        items[name] = Item(
            id=name,
            type="regular",
            path=f"snapshots/{name}",
            size=max(size, 0),
            inodes=max(inodes, 1),
            created=created,
            used=max(used, created),
        )
    for layers, parts, used, count in _records(connection):
        for below, above in pairwise(layers):
            if above in items and below in items and below not in items[above].parents:
                items[above].parents.add(below)
                items[below].children += 1
        if layers and (top := items.get(layers[-1])) is not None:
            top.used = max(top.used, used)
            top.count += count
            top.description = top.description or _name(parts)
    yield from items.values()


def _records(connection: sqlite3.Connection) -> Iterator[tuple[list[str], bytes, float, int]]:
    from msgpack import unpackb

    for packed, parts, used, count in connection.execute("SELECT result, parts, used, count FROM record ORDER BY id"):
        yield list(unpackb(packed).get("layers", ())), parts, used, count


def _name(parts: bytes) -> str:
    from msgpack import unpackb

    found: Any = unpackb(parts, unicode_errors="surrogatepass")
    return str(found.get("name", "")) if isinstance(found, dict) else ""


def _mounts(root: str) -> Iterator[Item]:
    """Yield the directories of cache mounts; they are in use while a step holds their lock."""
    for name, status in _listing(f"{root}/cachemounts"):
        if not stat.S_ISDIR(status.st_mode):
            continue
        path = f"cachemounts/{name}"
        lock = f"{root}/{path}.lock"
        yield Item(
            id=f"m-{name}",
            type="exec.cachemount",
            path=path,
            created=status.st_mtime,
            used=_last_use(lock, status),
            in_use=is_locked(lock),
        )


def _last_use(lock: str, status: os.stat_result) -> float:
    try:
        return max(os.lstat(lock).st_mtime, status.st_mtime)
    except OSError:
        return status.st_mtime


def _downloads(root: str) -> Iterator[Item]:
    """Yield what sources have fetched; the access time of each directory is set when it is used."""
    for name, status in _listing(f"{root}/downloads"):
        if name.startswith("."):
            continue
        path = f"downloads/{name}"
        kind = _DOWNLOADS.get(name.partition("-")[0], "source.http")
        size, inodes = tree_usage(f"{root}/{path}")
        used = max(status.st_atime, status.st_mtime)
        yield Item(id=name, type=kind, path=path, size=size, inodes=inodes, created=status.st_mtime, used=used)


def _blobs(root: str) -> Iterator[Item]:
    """Yield the blobs; their modification time is a seal, their access time the last use."""
    for name, status in _listing(f"{root}/blobs/sha256"):
        used = max(status.st_atime, status.st_ctime)
        size = status.st_blocks * 512
        yield Item(
            id=f"sha256:{name}", type="blob", path=f"blobs/sha256/{name}", size=size, created=status.st_ctime, used=used
        )


def _internal(root: str, connection: sqlite3.Connection, held: set[str]) -> Iterator[Item]:
    """Yield the tables of scanned directories and the receipts of exports: all can be made again."""
    tables = _tables_in_use(connection, held)
    for folder in ("scans", "receipts", "stat"):
        for name, status in _listing(f"{root}/{folder}"):
            if not stat.S_ISREG(status.st_mode):
                continue
            used = max(status.st_atime, status.st_mtime)
            yield Item(
                id=f"{folder}/{name}",
                type="internal",
                path=f"{folder}/{name}",
                size=status.st_blocks * 512,
                created=status.st_mtime,
                used=used,
                in_use=f"{root}/{folder}/{name}" in tables,
            )


def _tables_in_use(connection: sqlite3.Connection, held: set[str]) -> set[str]:
    """Return the tables that records refer to which a living build uses."""
    from msgpack import unpackb

    numbers = [int(path[8:]) for path in held if path.startswith("records/")]
    found = set()
    for number in numbers:
        row = connection.execute("SELECT result FROM record WHERE id = ?", (number,)).fetchone()
        if row is not None:
            found.add(str(unpackb(row[0]).get("table", "")))
    return found


def _fixed(root: str) -> dict[str, int]:
    """Return what no collection takes: the database, logs (they have bounds of their own), locks, temporary files."""
    top = _listing(root)
    found = {"database": sum(status.st_blocks * 512 for _, status in top if stat.S_ISREG(status.st_mode))}
    for folder in _SCRATCH:
        found[folder] = tree_usage(f"{root}/{folder}")[0]
    own = [status for name, status in top if stat.S_ISDIR(status.st_mode) and name not in _SCRATCH]
    found["directories"] = sum(status.st_blocks * 512 for status in own)
    return found


def _listing(folder: str) -> list[tuple[str, os.stat_result]]:
    """Return the entries of a directory by name, none if it is not there; what vanishes meanwhile is left out."""
    found = []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    for name in names:
        try:
            found.append((name, os.lstat(f"{folder}/{name}")))
        except FileNotFoundError:
            continue
    return found


def tree_usage(top: str) -> tuple[int, int]:
    """Return the bytes and inodes of a tree, each inode once; what vanishes or cannot be read is left out."""
    total = inodes = 0
    seen: set[tuple[int, int]] = set()
    pending = [top]
    while pending:
        path = pending.pop()
        try:
            status = os.lstat(path)
            if stat.S_ISDIR(status.st_mode):
                pending += [f"{path}/{name}" for name in os.listdir(path)]
        except OSError:
            continue
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
            inode = (status.st_dev, status.st_ino)
            if inode in seen:
                continue
            seen.add(inode)
        total += status.st_blocks * 512
        inodes += 1
    return total, inodes
