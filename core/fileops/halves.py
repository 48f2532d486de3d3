# SPDX-License-Identifier: Apache-2.0
"""Work done in two processes: threads do not help where each file is a few system calls and a little Python."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, NoReturn

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux, wire


def in_halves(here: Callable[[], None], there: Callable[[], None], warnings: list[str]) -> None:
    """Run `here` in this process and `there` in a forked child, at the same time; returns when both are done.

    What fails in the child is raised here as the same `OSError` or `BuildError`, and what it adds to `warnings` is
    added here. Where one side fails, the other is stopped or its outcome thrown away. The process must have one thread.
    """
    report_r, report_w = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_child(parent, there, report_w, warnings)
    os.close(report_w)
    try:
        with os.fdopen(report_r, "rb") as pipe:
            here()
            report = pipe.read()
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.waitpid(pid, 0)
    if not report:
        raise BuildError(
            "a process that copied files was killed",
            code="LA0317",
            help="something killed it, perhaps for want of memory; run the build again",
        )
    answer = wire.unpack(report)
    warnings += [text for text in answer.get("warnings", ()) if text not in warnings]
    if "errno" in answer:
        raise OSError(answer["errno"], answer["reason"], answer["path"])
    if "error" in answer:
        raise wire.error_from(answer["error"])


def _be_child(parent: int, work: Callable[[], None], report: int, warnings: list[str]) -> NoReturn:
    try:
        linux.die_with_parent(parent)
        try:
            work()
            answer: dict[str, Any] = {"warnings": warnings}
        except OSError as error:
            path = error.filename if isinstance(error.filename, (str, bytes)) else None
            answer = {"errno": error.errno or 0, "reason": error.strerror or str(error), "path": path}
        except BaseException as error:
            answer = wire.error_message(error)
        with os.fdopen(report, "wb") as pipe:
            pipe.write(wire.pack(answer))
    finally:
        os._exit(0)
