# SPDX-License-Identifier: Apache-2.0
"""The worker's own jobs: removing snapshots, sweeping up after killed jobs, disk usage, sync, and what works here."""

from __future__ import annotations

import fcntl
import os
from typing import Any

from ladle.core.api.errors import InternalError
from ladle.core.worker import linux
from ladle.core.worker.job import NEW, JobContext, checked_layers, load, lock_directory
from ladle.core.worker.removal import remove_tree


def remove(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Remove `snapshots` (ids), each atomically; absent ones are fine. Returns those that were there as `removed`."""
    removed: list[str] = []
    for name in checked_layers(args["snapshots"]):
        doomed = os.path.join(context.scratch(), f"x{len(removed)}")
        try:
            os.rename(os.path.join(context.snapshots, name), doomed)
        except FileNotFoundError:
            continue
        removed.append(name)
        remove_tree(doomed)
    return {"removed": removed}


def sweep(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Remove the scratch directories of jobs that are dead, told by their locks. Returns how many were `swept`."""
    parent = os.path.join(context.snapshots, NEW)
    try:
        names = os.listdir(parent)
    except FileNotFoundError:
        return {"swept": 0}
    swept = 0
    for name in names:
        path = os.path.join(parent, name)
        try:
            lock = lock_directory(path)
        except OSError:
            continue
        try:
            remove_tree(path)
            swept += 1
        finally:
            os.close(lock)
    return {"swept": swept}


def probe(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Say what this worker is, after trying the snapshotter; raises its `BuildError` where it does not work.

    `executors` (pairs of name and `module:attribute`) are asked too: the result's `executors` says of each why it
    cannot be used here, "" where it can.
    """
    os.makedirs(context.snapshots, exist_ok=True)
    snapshotter = context.snapshotter
    snapshotter.probe(context.directory("p"))
    return {
        "rootless": context.rootless,
        "single_uid": context.single_uid,
        "reason": str(context.options.get("standing_reason", "")),
        "snapshotter": snapshotter.NAME,
        "writes_in_place": snapshotter.WRITES_IN_PLACE,
        "kernel": os.uname().release,
        "executors": {name: _executor_trouble(context, name, target) for name, target in args.get("executors", ())},
    }


def _executor_trouble(context: JobContext, name: str, target: str) -> str:
    from ladle.core.worker import exec_devices

    guarded = context.rootless or exec_devices.guarded()
    return load(target)(name, rootless=context.rootless, device_guard=guarded).probe() or ""


def measure(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Return the disk use of `paths` (`snapshots/ID` or `cachemounts/NAME`) as `usage`: `[bytes, inodes]` of each.

    Each inode counts once, in the path where it is met first; what is not there is left out.
    """
    usage: dict[str, list[int]] = {}
    seen: set[tuple[int, int]] = set()
    for path in args["paths"]:
        top = _own(context, path)
        if os.path.isdir(top):
            usage[path] = _directory_usage(os.fsencode(top), seen)
    return {"usage": usage}


def discard(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Remove cache mounts (`names`) that no step uses; returns those `removed`."""
    removed: list[str] = []
    for name in args["names"]:
        path = _own(context, f"cachemounts/{name}")
        lock = f"{path}.lock"
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            doomed = os.path.join(context.scratch(), f"m{len(removed)}")
            os.rename(path, doomed)
        except (BlockingIOError, FileNotFoundError):
            continue
        finally:
            os.close(fd)
        removed.append(name)
        remove_tree(doomed)
    return {"removed": removed}


def _own(context: JobContext, path: str) -> str:
    folder, _, name = path.partition("/")
    if folder not in ("snapshots", "cachemounts") or not name or "/" in name or name.startswith("."):
        raise InternalError(f"no directory of the store: {path!r}")
    return os.path.join(context.root, folder, name)


def _directory_usage(top: bytes, seen: set[tuple[int, int]]) -> list[int]:
    total, inodes = os.lstat(top).st_blocks * 512, 1
    pending = [top]
    while pending:
        try:
            entries = os.scandir(pending.pop())
        except FileNotFoundError:  # a step may be at work in a cache mount
            continue
        with entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif status.st_nlink > 1:
                    inode = (status.st_dev, status.st_ino)
                    if inode in seen:
                        continue
                    seen.add(inode)
                total += status.st_blocks * 512
                inodes += 1
    return [total, inodes]


def sync(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Flush the store's file system: what was committed before survives a power cut after."""
    fd = os.open(context.snapshots, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        linux.syncfs(fd)
    finally:
        os.close(fd)
    return {}
