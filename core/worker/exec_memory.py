# SPDX-License-Identifier: Apache-2.0
"""Whether memory ran out: the kernel's own count of the processes that it killed for that, on the whole machine."""

from __future__ import annotations

VMSTAT = "/proc/vmstat"


def kills(path: str = VMSTAT) -> int:
    """Return how many processes were killed so far; 0 where the kernel does not tell."""
    try:
        with open(path, "rb") as table:
            for line in table:
                name, _, number = line.partition(b" ")
                if name == b"oom_kill":
                    return int(number)
    except (OSError, ValueError):
        return 0
    return 0
