# SPDX-License-Identifier: Apache-2.0
"""What identifies the machine as a base: its release, its packages, and what was installed beside them.

Packages are known by the package manager's database; `/usr/local`, which no package manager knows, by names, sizes and
times. Files changed under `/usr` behind the package manager's back are not noticed: `host://` does not promise that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.services import Facts

_RELEASE = ("/usr/lib/os-release", "/etc/os-release")
_CONTENT_DATABASES = ("/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_STAT_DATABASES = (
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages",
    "/var/lib/rpm/Packages.db",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/var/lib/pacman/local",
    "/var/db/pkg",
    "/nix/var/nix/db/db.sqlite",
)
_ENTRY_LIMIT = 10_000
_FACT = "package-database"


def machine_key(facts: Facts, machine: str = "") -> str:
    """Return the key; `machine` is where the machine's root is."""
    digest = sha256()
    for path in _RELEASE:
        digest.update(_content(machine + path))
    for path in _CONTENT_DATABASES:
        digest.update(_database(facts, machine + path).encode())
    for path in _STAT_DATABASES:
        digest.update(_stat(machine + path))
    digest.update(b"".join(tree_records(os.fsencode(machine + "/usr/local"), _ENTRY_LIMIT)))
    return digest.hexdigest()[:32]


def tree_records(top: bytes, limit: int) -> Iterator[bytes]:
    """Yield a record for each entry of a tree: name, kind, size, time.

    After `limit` entries only directories below are looked at, by their own times, so that a huge tree stays quick.
    """
    pending = [top]
    count = 0
    while pending:
        path = pending.pop()
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            count += 1
            try:
                status = entry.stat(follow_symlinks=False)
                is_dir = entry.is_dir(follow_symlinks=False)
            except OSError:
                continue
            size = 0 if is_dir else status.st_size
            yield b"%b/%b\0%o %d %d\n" % (path, entry.name, status.st_mode, size, status.st_mtime_ns)
            if is_dir and count < limit:
                pending.append(entry.path)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return b"%b\0" % file.read(1 << 20)
    except OSError:
        return b"-\0"


def _stat(path: str) -> bytes:
    try:
        status = os.stat(path)
    except OSError:
        return b"-\0"
    return b"%d %d %d\0" % (status.st_size, status.st_mtime_ns, status.st_ino)


def _database(facts: Facts, path: str) -> str:
    """Return a database's content digest, read anew only when its stat has changed."""
    stat = _stat(path)
    if stat == b"-\0":
        return "-"
    known = facts.get(_FACT, path)
    if known is not None and known.startswith(stat):
        return known[len(stat) :].decode()
    with open(path, "rb") as file:
        digest = sha256(file.read()).hexdigest()
    facts.put(_FACT, path, stat + digest.encode())
    return digest
