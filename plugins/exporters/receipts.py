# SPDX-License-Identifier: Apache-2.0
"""Receipts of directories: a marshal table of the files as they were when written."""

from __future__ import annotations

import marshal
import os
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
