# SPDX-License-Identifier: Apache-2.0
"""Devices that a step was given: which device cgroup it runs in, and its nodes and mounts."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.worker import exec_devices
from ladle.core.worker.exec_mounts import ATTR_NODEV, ATTR_NOSUID, ATTR_RDONLY, BindMount, Mount, NodeMount

_KINDS = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK}


def given_mounts(given: Mapping[str, Any]) -> list[Mount]:
    """Return the mounts of a step's devices, whose nodes are as the host's where nothing else is said."""
    mounts: list[Mount] = [_node(entry) for entry in given.get("nodes", ())]
    for entry in given.get("mounts", ()):
        if not os.path.exists(entry["source"]):
            raise BuildError(
                f"the device's mount {entry['source']} does not exist on this machine",
                code="EX0017",
                help="correct the device's CDI spec, or leave the device out",
            )
        attributes = ATTR_NOSUID | ATTR_NODEV | (ATTR_RDONLY if entry["readonly"] else 0)
        mounts.append(BindMount(dest=entry["dest"], source=entry["source"], attributes=attributes))
    return mounts


def _node(entry: Mapping[str, Any]) -> NodeMount:
    try:
        status = os.stat(entry["host"])
        found = status.st_mode, os.major(status.st_rdev), os.minor(status.st_rdev), status.st_uid, status.st_gid
    except OSError as error:
        raise BuildError(
            f"the device node {entry['host']} cannot be used: {error.strerror}",
            code="EX0017",
            help="correct the device's CDI spec, or leave the device out",
        ) from error
    kind = _KINDS.get(entry["kind"], stat.S_IFMT(found[0]))
    if kind not in (stat.S_IFCHR, stat.S_IFBLK):
        raise BuildError(f"{entry['host']} is no device node", code="EX0017", help="correct the device's CDI spec")
    said = [entry[name] for name in ("major", "minor", "uid", "gid", "fileMode")]
    mode = found[0] & 0o7777 if said[4] is None else said[4] & 0o7777
    major, minor, uid, gid = (here if value is None else value for here, value in zip(found[1:], said, strict=False))
    return NodeMount(dest=entry["path"], host=entry["host"], mode=kind | mode, device=(major, minor), uid=uid, gid=gid)


@contextmanager
def device_cgroup(given: Mapping[str, Any], *, insecure: bool, rootless: bool) -> Iterator[None]:
    """Have this process, and what it forks, in the cgroup that lets a step's devices be opened."""
    if rootless or not (insecure or given.get("nodes")) or not exec_devices.guarded():
        yield
        return
    rules = []
    for entry in given.get("nodes", ()):
        node = _node(entry)
        rules.append(exec_devices.Rule(stat.S_ISCHR(node.mode), *node.device, entry["access"]))
    with exec_devices.other_cgroup(None if insecure else rules):
        yield
