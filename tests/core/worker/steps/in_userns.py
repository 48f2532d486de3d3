# SPDX-License-Identifier: Apache-2.0
"""Become root of a user namespace, or an ordinary user, then run a command: `in_userns.py many|single|user COMMAND…`.

`many` is what newuidmap gives (ids 0 to 65535 are 100000 and on), `single` maps root alone to the user 65534, and
`user` is that user without any namespace. Started by root, which may write the maps.
"""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
MAPS = {"many": "0 100000 65536\n", "single": "0 65534 1\n"}


def map_ids(pid: int, ids: str) -> None:
    """Write the maps of a process that has just unshared."""
    for name in ("gid_map", "uid_map"):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as table:
            table.write(ids)


def enter(ids: str) -> None:
    """Unshare the user namespace; a child that stayed outside writes the maps."""
    ready, mapped = os.pipe(), os.pipe()
    parent = os.getpid()
    if os.fork() == 0:
        os.read(ready[0], 1)
        map_ids(parent, ids)
        os.write(mapped[1], b"x")
        os._exit(0)
    ctypes.CDLL(None).unshare(CLONE_NEWUSER)
    os.write(ready[1], b"x")
    os.read(mapped[0], 1)
    os.wait()
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


mode, command = sys.argv[1], sys.argv[2:]
if mode == "user":
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
else:
    os.setgroups([])
    enter(MAPS[mode])
os.execvp(command[0], command)
