# SPDX-License-Identifier: Apache-2.0
"""The list of written files for `--metadata-file`: the key `ladle.export.files`, an item for each output of files."""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
from collections.abc import Mapping
from typing import Any

KEY = "ladle.export.files"
LIMIT = 10_000
"""How many files are listed, and hashed, at most; the item's `omitted` says how many are not."""
_KINDS = {stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFIFO: "fifo"}
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def directory_details(kind: str, dest: str, receipt: str, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the details of an output directory; `counts` go into its item."""
    with open(receipt, "rb") as file:
        table = marshal.load(file)
    paths = sorted(path for path, record in table.items() if not stat.S_ISDIR(record[0]))
    root = os.fsencode(dest)
    files = [_item(root + b"/" + path, path, table[path]) for path in paths[:LIMIT]]
    item = {"type": kind, "dest": dest, **counts, "files": files, "omitted": max(0, len(paths) - LIMIT)}
    return {KEY: [item]}


def archive_details(kind: str, path: str) -> dict[str, Any]:
    """Return the details of an output that is one file."""
    status = os.stat(path)
    name = os.fsencode(path)
    record = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns)
    return {KEY: [{"type": kind, "dest": path, "files": [_item(name, os.path.basename(name), record)], "omitted": 0}]}


def _item(full: bytes, path: bytes, record: tuple[int, ...]) -> dict[str, Any]:
    """Return one file; `sha256` only of one that is still as it was written."""
    kind = _KINDS.get(stat.S_IFMT(record[0]), "other")
    item: dict[str, Any] = {"path": path.decode(errors="backslashreplace"), "type": kind, "size": record[1]}
    if kind == "link":
        item["target"] = os.readlink(full).decode(errors="backslashreplace")
    if kind != "file":
        return item
    try:
        fd = os.open(full, _FLAGS)
    except OSError:
        return item
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if (status.st_size, status.st_mtime_ns, status.st_ino) == (record[1], record[2], record[3]):
            item["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
    return item
