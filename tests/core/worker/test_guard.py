# SPDX-License-Identifier: Apache-2.0
"""The guard alone: what it passes on, what it isolates, and that it takes everything with it."""

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
from ladle.core.worker import guard, linux

pytestmark = pytest.mark.root

Work = Callable[[Callable[[int], int]], dict[str, Any]]


def _in_job(function: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Call a function in a forked process that is pid 1, with mounts of its own, as a job is."""
    import msgpack

    read, write = os.pipe()
    pid = linux.fork(linux.CLONE_NEWPID)
    if pid == 0:
        try:
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.close(read)
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
            try:
                answer = function()
            except (BuildError, ValueError) as error:
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


def _guarded(work: Work, *, cancel_after: float | None = None, **options: Any) -> dict[str, Any]:
    """Run `work` in a guard in a job; returns its answer and the output, and what the job holds before and after."""

    def job() -> dict[str, Any]:
        ours, theirs = socket.socketpair()
        output: dict[int, bytes] = {1: b"", 2: b""}

        def emit(stream: int, data: bytes) -> None:
            output[stream] += data

        if cancel_after is not None:
            signal.signal(signal.SIGALRM, lambda *_: ours.close())
            signal.setitimer(signal.ITIMER_REAL, cancel_after)
        before = linux.descriptors(), os.readlink("/proc/self/ns/mnt")
        begin = time.monotonic()
        given: dict[str, Any] = {"own_network": False, "hostname": "guarded", "grace": 0.5, **options}
        try:
            answer = guard.run(work, emit=emit, lifeline=theirs.fileno(), **given)
        except BuildError as error:
            answer = {"raised": error.message}
        took = time.monotonic() - begin
        after = linux.descriptors(), os.readlink("/proc/self/ns/mnt")
        return {"answer": answer, "output": output[1] + output[2], "took": took, "restored": after == before}

    return _in_job(job)


def _spawn(script: str) -> int:
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], {"PATH": "/usr/bin:/bin"})


def test_the_answer_and_the_output_come_back() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("echo out; echo err >&2; exit 5"))})
    assert done["answer"] == {"code": 5}
    assert sorted(done["output"].split()) == [b"err", b"out"]


def test_all_of_a_long_output_comes() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("yes | head -c 300000; yes no | head -c 300000 >&2"))})
    assert (done["answer"], len(done["output"])) == ({"code": 0}, 600000)


def test_a_signal_is_an_exit_code() -> None:
    assert _guarded(lambda wait: {"code": wait(_spawn("kill -9 $$"))})["answer"] == {"code": 137}


def test_the_work_has_names_and_processes_of_its_own() -> None:
    def work(wait: Any) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()],
            "input": os.readlink("/proc/self/fd/0"),
        }

    assert _guarded(work)["answer"] == {"pid": 1, "host": "guarded", "processes": [1], "input": "/dev/null"}
    assert socket.gethostname() != "guarded"


def test_what_it_starts_inherits_nothing_else() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("ls /proc/self/fd; trap | wc -l"))})
    assert done["output"].split() == [b"0", b"1", b"2", b"3", b"0"]  # 3: the directory that ls lists


def test_an_own_network_has_loopback_up() -> None:
    def work(wait: Any) -> dict[str, Any]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname()).close()
        return {"interfaces": [name for _, name in socket.if_nameindex()]}

    assert "lo" in _guarded(work, own_network=True)["answer"]["interfaces"]


def test_errors_of_the_work_are_raised() -> None:
    def user(wait: Any) -> dict[str, Any]:
        raise BuildError("mend this")

    def ours(wait: Any) -> dict[str, Any]:
        raise ValueError("a bug")

    assert _guarded(user)["answer"] == {"raised": "mend this"}
    assert _guarded(ours) == {"raised": "a bug", "kind": "ValueError"}


def test_a_guard_that_is_not_pid_1_would_kill_everything_and_refuses() -> None:
    with pytest.raises(InternalError, match="must be pid 1"):
        guard.run(lambda wait: None, emit=lambda *_: None, lifeline=0, own_network=False, hostname="x", grace=1)


def test_its_end_ends_what_it_started_mounted_and_opened() -> None:
    def work(wait: Any) -> dict[str, Any]:
        linux.mount("left", "/mnt", "tmpfs")
        os.open("/mnt", os.O_RDONLY)
        _spawn("setsid sleep 1000 & sleep 1000")
        return {"pid": _spawn("sleep 1000")}

    def job() -> dict[str, Any]:
        ours, theirs = socket.socketpair()
        for _ in range(2):
            guard.run(
                work,
                emit=lambda *_: None,
                lifeline=theirs.fileno(),
                own_network=False,
                hostname="guarded",
                grace=1,
            )
        ours.close()
        with pytest.raises(ProcessLookupError):
            os.kill(-1, 0)  # there is nobody but us
        return {"mounted": os.path.ismount("/mnt")}

    begin = time.monotonic()
    assert _guarded(work)["restored"]
    assert _in_job(job) == {"mounted": False}
    assert time.monotonic() - begin < 5


def test_cancelling_terminates_then_kills() -> None:
    done = _guarded(lambda wait: {"code": wait(_spawn("trap '' TERM; sleep 1000 & sleep 1000"))}, cancel_after=0.3)
    assert done["answer"] == {"raised": "the step was cancelled"}
    assert done["took"] < 2


def test_the_end_of_pid_1_ends_what_it_started() -> None:
    read, write = os.pipe()
    pid = linux.fork(linux.CLONE_NEWPID)
    if pid == 0:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(write, 9)  # a shell knows descriptors of one digit
        _spawn("setsid sleep 1000 & echo started >&9; sleep 1000")
        signal.pause()
        os._exit(0)
    os.close(write)
    assert os.read(read, 20) == b"started\n"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    ended, _, _ = select.select([read], [], [], 5)
    assert ended
    assert os.read(read, 20) == b""
    os.close(read)
