# SPDX-License-Identifier: Apache-2.0
"""What of the machine `host://` takes, and the identity of all of it by stat alone (on the path of a cached build)."""

from __future__ import annotations

import os
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ladle.core.api.services import Facts

TOP_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Links into `/usr` on a merged machine, directories to mount on another."""

COPIED = (
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "group",
    "host.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "machine-info",
    "mime.types",
    "mtab",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "pki/ca-trust",
    "pki/tls",
    "protocols",
    "services",
    "shells",
    "ssl",
    "timezone",
)
"""What is taken of `/etc`, where it is there and anyone may read it."""

_NEVER = frozenset([b"private", b"shadow", b"gshadow"])
_KEY_SUFFIXES = (b".key", b"-key.pem")


def is_public(name: bytes) -> bool:
    """Say whether a file of this name may be taken at all."""
    return name not in _NEVER and not name.endswith(_KEY_SUFFIXES)


def host_identity(facts: Facts, machine: str = "") -> str:
    """Return what identifies the machine as a base without reading a file: its key and the stat of what is taken.

    It changes at least as often as the machine's key and the skeleton's digest do.
    """
    from ladle.plugins.sources.host_key import machine_key

    records: list[str] = []
    for name in TOP_LINKS:
        _record(f"{machine}/{name}", records)
    for name in COPIED:
        _walk(f"{machine}/etc/{name}", records)
    digest = sha256("\0".join(records).encode(errors="surrogateescape")).hexdigest()
    return f"{machine_key(facts, machine)} {digest[:32]}"


def _record(path: str, records: list[str]) -> bool:
    """Record a path's stat; returns whether it is a directory."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    mode = status.st_mode
    records.append(f"{path} {mode} {status.st_size} {status.st_mtime_ns} {status.st_ino}")
    return mode & 0o170000 == 0o040000


def _walk(top: str, records: list[str]) -> None:
    pending = [top] if _record(top, records) else []
    while pending:
        path = pending.pop()
        try:
            names = sorted(os.listdir(path))
        except OSError:
            continue
        pending += [child for child in (f"{path}/{name}" for name in names) if _record(child, records)]
