# SPDX-License-Identifier: Apache-2.0
"""The process of one job: forked, given a mount namespace, it reads a request, runs the job function and answers."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux, wire
from ladle.core.worker.job import JobContext, JobFunction

_USER_ERRNOS = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE])
_RESET_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


def serve(
    context: JobContext, sock: socket.socket, function: JobFunction, answering: Callable[[], object] | None = None
) -> bool:
    """Read the request from `sock`, run the function and send its result or error; never raises.

    Calls `answering` once the job is done, and says whether there was a result, and somebody to send it to.
    """
    try:
        request = wire.receive_frame(sock)
        if request is None:
            return False
        try:
            answer: dict[str, Any] = {"result": function(context, request["args"])}
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            context.close()
    except BaseException as error:
        answer = wire.error_message(_for_user(error))
    try:
        if answering is not None:
            answering()
        wire.send_frame(sock, answer)
    except OSError:
        return False
    return "result" in answer


def _for_user(error: BaseException) -> BaseException:
    """Turn the failures of a full, read-only or broken disk into a `BuildError`."""
    if not isinstance(error, OSError) or error.errno not in _USER_ERRNOS:
        return error
    place = f" ({error.filename})" if error.filename else ""
    return BuildError(f"{os.strerror(error.errno or 0)}{place}", code="WK0014")


def fork(function: JobFunction) -> int:
    """Fork the process of a job: as pid 1 of a pid namespace if its module says `OWN_PROCESSES = True`."""
    module = sys.modules.get(function.__module__)
    return linux.fork(linux.CLONE_NEWPID) if getattr(module, "OWN_PROCESSES", False) else os.fork()


def become_job(parent: int) -> None:
    """Set up a freshly forked process: tied to its parent's life, own session, default signals, own mounts.

    `parent` is a pidfd of the parent.
    """
    linux.die_with(parent)
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _RESET_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    heed_termination()
    linux.unshare(linux.CLONE_NEWNS)


def heed_termination() -> None:
    """Have SIGTERM end this process: pid 1 of a namespace would ignore it by default."""
    signal.signal(signal.SIGTERM, _terminated if os.getpid() == 1 else signal.SIG_DFL)


def _terminated(number: int, _frame: object) -> NoReturn:
    os._exit(128 + number)


def end(status: int) -> NoReturn:
    """Leave a forked process at once, without the parent's exit handlers."""
    os._exit(status)


def run_in_child(
    root: str,
    function: JobFunction,
    args: dict[str, Any],
    *,
    options: Mapping[str, Any],
    fds: Sequence[int] = (),
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run a job function as root in a forked child with mounts of its own, as the front does; for tests and tools.

    Returns the function's result or raises its error. `options` must name the `snapshotter` if the job uses one.
    """
    ours, theirs = socket.socketpair()
    parent = os.pidfd_open(os.getpid())
    pid = fork(function)
    if pid == 0:
        try:
            ours.close()
            become_job(parent)
            os.close(parent)
            linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
            serve(JobContext(root, theirs, fds=fds, options=options), theirs, function)
        finally:
            end(0)
    theirs.close()
    os.close(parent)
    try:
        with ours:
            wire.send_frame(ours, {"args": args})
            return read_answer(lambda: wire.receive_frame(ours), on_event)
    finally:
        os.waitpid(pid, 0)


def read_answer(
    receive: Callable[[], dict[str, Any] | None], on_event: Callable[[dict[str, Any]], None] | None
) -> dict[str, Any]:
    """Take events until the result comes; raises the job's error, or `WireError` if it ended without an answer."""
    while True:
        message = receive()
        if message is None:
            raise wire.WireError("the job ended without an answer")
        if "event" in message:
            if on_event is not None:
                on_event(message["event"])
        elif "error" in message:
            raise wire.error_from(message["error"])
        else:
            result: dict[str, Any] = message["result"]
            return result
