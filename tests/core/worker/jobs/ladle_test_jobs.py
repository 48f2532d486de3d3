# SPDX-License-Identifier: Apache-2.0
"""Jobs that the worker's tests run: imported by the worker through PYTHONPATH, by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux
from ladle.core.worker.job import JobContext
from ladle.plugins.snapshotters.overlay import Overlay, unusable


def echo(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Answer with the arguments, one event for each of `events`, and what the descriptors hold."""
    for event in args.get("events", []):
        context.emit(event)
    return {"args": args, "read": [os.pread(fd, 100, 0) for fd in context.fds], "pid": os.getpid()}


def fail(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Raise the error asked for."""
    if args["kind"] == "build":
        raise BuildError("no such thing", code="XX0001", notes=["one", "two"], help="do that")
    if args["kind"] == "full":
        raise OSError(28, "No space left on device", "/somewhere")
    raise ValueError("a bug")


def die(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """End without an answer."""
    if args.get("signal"):
        os.kill(os.getpid(), args["signal"])
    os._exit(args.get("status", 3))


def processes(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Start children and grandchildren that ignore SIGTERM and have sessions of their own, then wait for ever."""
    staging = context.staging([])
    (Path(staging.path) / "file").write_text("x")
    for _ in range(2):
        if os.fork() == 0:
            _stubborn(context, tied=args.get("tied", False))
    context.emit({"pid": os.getpid()})
    context.emit({"ready": True})
    time.sleep(600)
    return {}


def stubborn(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    context.emit({"pid": os.getpid(), "ready": True})
    time.sleep(600)
    return {}


def orphans(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """End well but leave a process behind."""
    if os.fork() == 0:
        _stubborn(context)
    return {"done": True}


def tree(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Write a file over `layers`, commit it as `commit`, and answer with what the whole tree then holds."""
    staging = context.staging(args["layers"])
    (Path(staging.path) / f"file-{args['commit']}").write_text("x")
    for name, owner in args.get("owners", {}).items():
        path = Path(staging.path) / name
        path.write_text("x")
        os.chown(path, owner, owner)
    for name in args.get("remove", []):
        (Path(staging.path) / name).unlink()
    staging.commit(args["commit"])
    view = context.tree({"kind": "layers", "layers": [*args["layers"], args["commit"]]})
    return {
        "names": sorted(os.listdir(view)),
        "uids": [os.stat(f"{view}/{n}").st_uid for n in sorted(os.listdir(view))],
    }


def ids(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Say who we are."""
    maps = Path("/proc/self/uid_map").read_text().split()
    return {"uid": os.getuid(), "map": maps, "groups": os.getgroups(), "rootless": context.rootless}


def _stubborn(context: JobContext, *, tied: bool = False) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
    if tied:
        linux.die_with_parent(os.getppid())
    context.emit({"pid": os.getpid()})
    time.sleep(600)
    os._exit(0)


class Refusing(Overlay):
    """An overlay that the kernel refuses."""

    def probe(self, scratch: str) -> None:
        """Fail as mount(2) does over an overlay."""
        raise unusable(OSError(22, "Invalid argument"), scratch, rootless=True)
