# SPDX-License-Identifier: Apache-2.0
"""What runs on this machine, as `/proc` says it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path


def processes_with(text: str) -> list[int]:
    """Return the processes whose command line or root mentions a text."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                mounts = Path(f"/proc/{name}/mounts").read_text(errors="replace")
            except OSError:
                continue
            if text in line or text in mounts:
                found.append(int(name))
    return found


def eventually(check: Callable[[], bool], seconds: float = 15) -> bool:
    """Say whether something becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.05)
    return check()


def descendants(pid: int) -> list[int]:
    """Return all processes below one."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(name))
    found, pending = [], [pid]
    while pending:
        below = parents.get(pending.pop(), [])
        found += below
        pending += below
    return found


def alive(pids: list[int]) -> list[int]:
    """Return which of some processes are still running."""
    running = []
    for pid in pids:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.append(pid)
        except OSError:
            continue
    return running
