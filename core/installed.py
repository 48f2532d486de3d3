# SPDX-License-Identifier: Apache-2.0
"""Where Python finds what is installed, and a text that changes when something is installed, upgraded or removed.

Light: it is on the path of a cached build, for those whose frontend is a stranger's.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def directories() -> tuple[str, ...]:
    """Return the directories of `sys.path`, but for the present one: what lies there is not installed."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    return tuple(dict.fromkeys(path for path in sys.path if path and path != here))


def fingerprint(places: Sequence[str] | None = None) -> str:
    """Return the identity of what is installed, by a stat a directory: installing changes the time of one of them."""
    parts = [(path, modified(path)) for path in (directories() if places is None else places)]
    return sha256(repr(parts).encode(errors="surrogateescape")).hexdigest()


def modified(path: str) -> int:
    """Return when a directory was changed, in nanoseconds; 0 for what is none."""
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def stamp(path: str) -> str:
    """Return what changes when a file is written; "" where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return ""
    return f"{status.st_mtime_ns} {status.st_size}"
