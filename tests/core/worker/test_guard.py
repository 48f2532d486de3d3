# SPDX-License-Identifier: Apache-2.0
"""The guard alone: what it reports, what it isolates, and that it takes everything with it."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker import guard

pytestmark = pytest.mark.root


def _in_job(function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call a function in a forked process, as a job does: starting a guard changes its caller's pid namespace."""
    import msgpack

    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(read)
            try:
                answer = function()
            except (BuildError, InternalError) as error:
                answer = {"raised": str(error), "kind": type(error).__name__}
            os.write(write, msgpack.packb(answer))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    found: dict[str, Any] = msgpack.unpackb(data)
    return found


def _guarded(work: guard.Work, *, cancel_after: float | None = None, **options: Any) -> dict[str, Any]:
    """Run `work` in a guard in a job; returns the report and the output."""

    def job() -> dict[str, Any]:
        ours, theirs = socket.socketpair()
        output: dict[int, bytes] = {1: b"", 2: b""}

        def emit(stream: int, data: bytes) -> None:
            output[stream] += data

        started = guard.start(work, **{"own_network": False, "hostname": "guarded", "grace": 0.5, **options})
        if cancel_after is not None:
            select.select([], [], [], cancel_after)
            ours.close()
        begin = time.monotonic()
        report = started.follow(emit, theirs.fileno())
        took = time.monotonic() - begin
        if not started.cancelled:
            report = dict(guard.report_or_error(report))
        return {"report": report, "output": output[1] + output[2], "cancelled": started.cancelled, "took": took}

    return _in_job(job)


def _spawn(script: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], {"PATH": "/usr/bin:/bin"})


def test_the_report_and_the_output_come_back() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("echo out; echo err >&2; exit 5"))})
    assert done["report"] == {"code": 5}
    assert sorted(done["output"].split()) == [b"err", b"out"]


def test_a_signal_is_an_exit_code() -> None:
    assert _guarded(lambda wait: {"code": wait(_spawn("kill -9 $$"))})["report"] == {"code": 137}


def test_it_is_pid_1_with_names_of_its_own() -> None:
    def work(wait: Any) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()],
            "input": os.readlink("/proc/self/fd/0"),
            "fds": len(os.listdir("/proc/self/fd")),
        }

    report = _guarded(work)["report"]
    assert {**report, "fds": 0} == {"pid": 1, "host": "guarded", "processes": [1], "input": "/dev/null", "fds": 0}
    assert report["fds"] <= 6
    assert socket.gethostname() != "guarded"


def test_an_own_network_has_loopback_up() -> None:
    def work(wait: Any) -> dict[str, Any]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        return {"interfaces": [name for _, name in socket.if_nameindex()]}

    assert "lo" in _guarded(work, own_network=True)["report"]["interfaces"]


def test_errors_of_the_work_are_raised_in_the_job() -> None:
    def user(wait: Any) -> dict[str, Any]:
        raise BuildError("mend this")

    def ours(wait: Any) -> dict[str, Any]:
        raise ValueError("a bug")

    assert _guarded(user) == {"raised": "mend this", "kind": "BuildError"}
    assert _guarded(ours) == {"raised": "ValueError: a bug", "kind": "InternalError"}
    assert _guarded(lambda wait: os._exit(3))["raised"] == "the guard of a step was killed, and the step with it"


def test_its_end_ends_what_it_started() -> None:
    def work(wait: Any) -> dict[str, Any]:
        _spawn("setsid sleep 1000 & sleep 1000")
        return {}

    begin = time.monotonic()
    assert _guarded(work)["report"] == {}
    assert time.monotonic() - begin < 5


def test_cancelling_terminates_then_kills() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("trap '' TERM; sleep 1000 & sleep 1000"))}, cancel_after=0.3)
    assert (done["cancelled"], done["report"]) == (True, None)
    assert done["took"] < 2


def test_end_of_the_job_ends_the_guard() -> None:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        started = guard.start(
            lambda wait: {"code": wait(_spawn("sleep 1000"))}, own_network=False, hostname="x", grace=9
        )
        os.write(write, str(started.pid).encode())
        signal.pause()
        os._exit(0)
    guard_pid = int(os.read(read, 20))
    pidfd = os.pidfd_open(guard_pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    ended, _, _ = select.select([pidfd], [], [], 5)
    for fd in (read, write, pidfd):
        os.close(fd)
    assert ended
