# SPDX-License-Identifier: Apache-2.0
"""File trees and tars as tables to compare: `path type mode uid gid size link sha256`, as the golden data has them."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from pathlib import Path
from typing import IO

Row = tuple[str, str, str, int, int, int, str, str]


def tar_table(source: IO[bytes]) -> dict[str, Row]:
    """Return the entries of a tar by path."""
    rows: dict[str, Row] = {}
    with tarfile.open(fileobj=source, mode="r|*", errors="surrogateescape", encoding="utf-8") as tar:
        for member in tar:
            path = "/" + member.name.strip("/")
            kind, size, link, digest = "-", 0, "-", "-"
            if member.isdir():
                kind = "d"
            elif member.islnk():
                kind, link = "h", "/" + member.linkname.lstrip("/")
            elif member.issym():
                kind, link = "l", member.linkname
            elif member.isfile():
                file = tar.extractfile(member)
                assert file is not None
                kind, size, digest = "f", member.size, hashlib.sha256(file.read()).hexdigest()
            elif member.isfifo():
                kind = "p"
            rows[path] = (path, kind, f"{member.mode:04o}", member.uid, member.gid, size, link, digest)
    return rows


def read_golden(path: Path) -> dict[str, Row | None]:
    """Return a golden `tree.txt` by path; None for a path that the build removed."""
    rows: dict[str, Row | None] = {}
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split("\t")
        if fields[-1] == "deleted":
            rows[fields[0]] = None
            continue
        name, kind, mode, uid, gid, size, link, digest = fields
        rows[name] = (name, kind, mode, int(uid), int(gid), int(size), link, digest)
    return rows


def directory_table(root: Path, *, owners: bool = True) -> dict[str, Row]:
    """Return the entries of a directory by path; hard links are files, as each name has the bytes."""
    rows: dict[str, Row] = {}
    stack = [os.fsencode(root)]
    while stack:
        for entry in os.scandir(stack.pop()):
            status = entry.stat(follow_symlinks=False)
            path = "/" + os.path.relpath(os.fsdecode(entry.path), root)
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            kind, size, link, digest = "-", 0, "-", "-"
            if entry.is_symlink():
                kind, link, mode = "l", os.fsdecode(os.readlink(entry.path)), "0777"
            elif entry.is_dir(follow_symlinks=False):
                kind = "d"
                stack.append(entry.path)
            elif stat.S_ISFIFO(status.st_mode):
                kind = "p"
            elif entry.is_file(follow_symlinks=False):
                data = Path(os.fsdecode(entry.path)).read_bytes()
                kind, size, digest = "f", len(data), hashlib.sha256(data).hexdigest()
            uid, gid = (status.st_uid, status.st_gid) if owners else (0, 0)
            rows[path] = (path, kind, mode, uid, gid, size, link, digest)
    return rows
