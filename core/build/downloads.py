# SPDX-License-Identifier: Apache-2.0
"""Trees from outside, kept as plain directories: `downloads/KEY` below the store, never changed once there."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ladle.core.api.refs import Ref
    from ladle.core.api.services import Services

_LEFTOVER_SECONDS = 3600


def kept_tree(services: Services, key: str, make: Callable[[str], None]) -> Ref:
    """Return the tree of a key as a ref; `make` fills a fresh directory with it if it is not there yet."""
    from ladle.core.content.scan import scan

    found = scan(kept_directory(services, key, make), cache_dir=f"{services.root}/scans")
    return {"kind": "local", "root": found.root, "table": found.table_path}


def kept_directory(services: Services, key: str, make: Callable[[str], None]) -> str:
    """Return the directory of a key; it is made under a temporary name and renamed, so that none is ever half there."""
    folder = f"{services.root}/downloads"
    place = f"{folder}/{key}"
    while not services.hold([f"downloads/{key}"]):  # a collection may take one that was made a moment ago
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with services.single_flight(f"download {key}"):
            if not os.path.isdir(place):
                _make(folder, place, make)
    os.utime(place, ns=(time.time_ns(), os.stat(place).st_mtime_ns))  # its last use, for the collection
    return place


def _clean(folder: str) -> None:
    """Remove what killed builds left an hour ago or earlier."""
    for name in os.listdir(folder):
        path = f"{folder}/{name}"
        if name.startswith((".new-", ".git-", ".gone-")) and os.lstat(path).st_mtime < time.time() - _LEFTOVER_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def _make(folder: str, place: str, make: Callable[[str], None]) -> None:
    _clean(folder)
    temporary = tempfile.mkdtemp(prefix=".new-", dir=folder)
    try:
        make(temporary)
        os.chmod(temporary, 0o755)
        os.rename(temporary, place)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
