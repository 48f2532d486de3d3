# SPDX-License-Identifier: Apache-2.0
"""The logs of earlier builds: a store keeps so many directories of them, and so many bytes; the oldest go first.

A directory is called after the moment and the process of its build (`20260131-235959-4711`), so that their names in
order are their ages. A build that still runs keeps its logs.
"""

from __future__ import annotations

import os

MAX_BUILDS = 1000
"""Builds whose logs are kept."""
MAX_BYTES = 2 << 30
"""Bytes of all logs of earlier builds that are kept."""


def remove_old_logs(folder: str) -> None:
    """Remove what is too much in a directory of logs; what cannot be removed stays."""
    try:
        names = sorted(os.listdir(folder), reverse=True)
    except OSError:
        return
    total = 0
    for number, name in enumerate(names):
        path = f"{folder}/{name}"
        if number < MAX_BUILDS and total <= MAX_BYTES:
            total += _size(path)
        if (number >= MAX_BUILDS or total > MAX_BYTES) and not _runs(name):
            _remove(path)


def _remove(path: str) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _size(path: str) -> int:
    """Return the bytes of the files in a directory; 0 for anything else."""
    try:
        with os.scandir(path) as listing:
            return sum(entry.stat(follow_symlinks=False).st_size for entry in listing)
    except OSError:
        return 0


def _runs(name: str) -> bool:
    """Say whether the process of a build's directory lives; anything else in the place counts as ours to keep."""
    process = name.rpartition("-")[2]
    return not process.isdecimal() or os.path.exists(f"/proc/{process}")
