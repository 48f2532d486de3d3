# SPDX-License-Identifier: Apache-2.0
"""A job that may be repeated, and that can change its process in each way that forbids it."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux
from ladle.core.worker.job import JobContext

REPEATABLE = True
_process = ""
_kept: list[object] = []


def visit(context: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Say which process this is, and change it as asked."""
    global _process
    _process = _process or os.urandom(8).hex()
    context.emit({"process": _process})
    mask = os.umask(0o022)
    before = {"mounted": os.path.ismount("/mnt"), "umask": mask, "cwd": os.getcwd()}
    change = args.get("change", "")
    if change:
        globals()[f"_{change}"](context)
    return {"process": _process, "pid": os.getpid(), "before": before}


def _surroundings(_context: JobContext) -> None:
    linux.mount("left", "/mnt", "tmpfs")
    os.umask(0o077)
    os.chdir("/mnt")


def _descriptor(_context: JobContext) -> None:
    os.open("/", os.O_RDONLY)


def _closed(_context: JobContext) -> None:
    os.close(0)


def _child(_context: JobContext) -> None:
    if os.fork() == 0:
        time.sleep(600)


def _thread(_context: JobContext) -> None:
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def _memory(_context: JobContext) -> None:
    _kept.append(b"x" * (80 << 20))


def _network(_context: JobContext) -> None:
    linux.unshare(linux.CLONE_NEWNET)


def _fail(_context: JobContext) -> None:
    raise BuildError("no luck")


def _wait(_context: JobContext) -> None:
    time.sleep(600)


def _pause(_context: JobContext) -> None:
    time.sleep(0.2)
