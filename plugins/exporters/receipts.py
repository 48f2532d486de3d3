# SPDX-License-Identifier: Apache-2.0
"""Receipts of directories: a marshal table of the files as they were when written."""

from __future__ import annotations

import marshal
import os
import stat
from collections.abc import Mapping
from hashlib import sha256


def receipt_path(root: str, key: str) -> str:
    """Return where the receipt of an output is kept: one for each set of options, destination included."""
    folder = f"{root}/receipts"
    os.makedirs(folder, exist_ok=True)
    return f"{folder}/{sha256(key.encode(errors='surrogateescape')).hexdigest()[:32]}"


def join_receipts(parts: Mapping[str, str], receipt: str) -> None:
    """Make one receipt of those of a directory's parts (folder to receipt); the parts are gone afterwards."""
    if list(parts) == [""]:
        os.rename(parts[""], receipt)
        return
    table: dict[bytes, object] = {}
    for folder, part in parts.items():
        with open(part, "rb") as file:
            found = marshal.load(file)
        table |= {os.fsencode(folder) + b"/" + path: record for path, record in found.items()}
    temporary = f"{receipt}.joined"
    with open(temporary, "wb") as file:
        marshal.dump(table, file)
    os.rename(temporary, receipt)
    for part in parts.values():
        os.unlink(part)


def remove_extras(receipt: str, dest: str) -> int:
    """Remove what is in a directory and not in its receipt (`mode=delete`); return how many files went."""
    with open(receipt, "rb") as file:
        table = marshal.load(file)
    keep = set(table)
    for path in table:
        parent = path.rpartition(b"/")[0]
        while parent and parent not in keep:
            keep.add(parent)
            parent = parent.rpartition(b"/")[0]
    root = os.fsencode(dest)
    pending = [b""]
    folders = []
    removed = 0
    while pending:
        folder = pending.pop()
        for name in os.listdir(root + b"/" + folder):
            path = folder + b"/" + name if folder else name
            if stat.S_ISDIR(os.lstat(root + b"/" + path).st_mode):
                pending.append(path)
                if path not in keep:
                    folders.append(path)
            elif path not in keep:
                os.unlink(root + b"/" + path)
                removed += 1
    for path in reversed(folders):
        os.rmdir(root + b"/" + path)
    return removed
