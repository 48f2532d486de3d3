# SPDX-License-Identifier: Apache-2.0
"""Receipts of directories: a marshal table of the files as they were when written."""

from __future__ import annotations

import os
from hashlib import sha256


def receipt_path(root: str, key: str) -> str:
    """Return where the receipt of an output is kept: one for each set of options, destination included."""
    folder = f"{root}/receipts"
    os.makedirs(folder, exist_ok=True)
    return f"{folder}/{sha256(key.encode(errors='surrogateescape')).hexdigest()[:32]}"
