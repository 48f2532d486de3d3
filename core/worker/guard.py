# SPDX-License-Identifier: Apache-2.0
"""The guard of a step: the job's process itself, as pid 1 of a pid namespace, so that nothing of the step outlives it.

    front ──clone──> job (pid 1; for the step: own mounts, ipc, uts, perhaps network; PDEATHSIG) ──> executor ──> step

However the job dies, the kernel kills every process of its namespace with it and drops its mounts; and it dies with
the front. When a step ends, the job kills whatever is left in the namespace, and waits for it, before it goes on.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

from ladle.core.api.errors import BuildError, InternalError
from ladle.core.worker import linux

_CHUNK = 64 << 10
_TICK_MS = 10
_FREE_FD = 3
_DEFAULT_SIGNALS = ("SIGPIPE", "SIGXFSZ", "SIGINT", "SIGHUP", "SIGQUIT", "SIGCHLD")
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

Answer = TypeVar("Answer")
Work = Callable[[Callable[[int], int]], Answer]
"""What is done in the guard: takes `wait(pid) -> exit code`; all that it forks, mounts or opens is gone after it."""

Emit = Callable[[int, bytes], None]
"""Takes a stream's number (1 or 2) and what came on it."""


def run(work: Work[Answer], *, emit: Emit, lifeline: int, own_network: bool, hostname: str, grace: float) -> Answer:
    """Do `work` with its output passed to `emit`; ends all that it started, and raises what it raises.

    End-of-file on `lifeline`, or an `emit` that fails, cancels it: its processes get SIGTERM, and SIGKILL after
    `grace` seconds. This process must be single-threaded and pid 1 of a namespace of its own.
    """
    if os.getpid() != 1:
        raise InternalError("a guard ends all processes that it sees: it must be pid 1")
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    signal.signal(signal.SIGTERM, _note)  # who sends it shuts the lifeline
    for name in _DEFAULT_SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    output = _Output()
    watch = _Watch(output, emit, lifeline, grace)
    held = linux.descriptors()
    try:
        try:
            _isolate(own_network=own_network, hostname=hostname)
            answer = work(watch.wait)
            for fd in linux.descriptors() - held:
                os.close(fd)
        finally:
            _end_all()
            output.restore()
            linux.setns(home, linux.CLONE_NEWNS)
            os.close(home)
        watch.drain()
        return answer
    finally:
        output.close()


def _note(_number: int, _frame: object) -> None:
    """Let SIGTERM interrupt nothing."""


class _Output:
    """Standard input, output and error of this process turned to /dev/null and two pipes, for those it starts."""

    def __init__(self) -> None:
        self._saved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FREE_FD) for fd in range(_FREE_FD)]
        self.streams: dict[int, int] = {}
        os.close(_put(os.open(os.devnull, os.O_RDONLY), 0))
        for number in (1, 2):
            reader, writer = os.pipe()
            os.set_blocking(reader, False)
            self.streams[reader] = number
            os.close(_put(writer, number))

    def restore(self) -> None:
        """Put back what was there before."""
        for number, fd in enumerate(self._saved):
            os.close(_put(fd, number))

    def close(self) -> None:
        """Close the ends that are read."""
        for fd in self.streams:
            os.close(fd)


def _put(fd: int, number: int) -> int:
    os.dup2(fd, number)
    return fd


def _isolate(*, own_network: bool, hostname: str) -> None:
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    linux.unshare(flags | (linux.CLONE_NEWNET if own_network else 0))
    try:
        linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    except OSError as error:
        raise BuildError(
            f"cannot mount /proc for a step: {error.strerror}",
            code="EX0010",
            help="ladle seems to run in a container with a masked /proc: start that one with an unmasked /proc",
        ) from error
    socket.sethostname(hostname)
    if own_network:
        _loopback_up()


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _end_all() -> None:
    """Kill all that is left in our namespace, and wait for it."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


class _Watch:
    """Waits for the executor's process, passes its output on, and ends it when nobody wants it any more."""

    def __init__(self, output: _Output, emit: Emit, lifeline: int, grace: float) -> None:
        self._streams = output.streams
        self._emit = emit
        self._lifeline = lifeline
        self._grace = grace

    def wait(self, pid: int) -> int:
        """Return the exit code of the child `pid` (128 + n for signal n); raises `BuildError` if it is cancelled."""
        poll = select.poll()
        process = os.pidfd_open(pid)
        for fd in (process, self._lifeline, *self._streams):
            poll.register(fd, select.POLLIN)
        try:
            ready: set[int] = set()
            while process not in ready:
                ready = {fd for fd, _ in poll.poll()}
                if self._lifeline in ready or not self._pass_on(ready):
                    self._cancel(process)
        finally:
            os.close(process)
        self.drain()
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code

    def drain(self) -> None:
        """Pass on what lies in the pipes."""
        waiting = set(self._streams)
        while waiting:
            waiting = {fd for fd in waiting if (data := _read(fd)) and self._send(fd, data)}

    def _pass_on(self, ready: set[int]) -> bool:
        """Pass on one piece of each stream that has one; says whether all is well."""
        return all(self._send(fd, _read(fd)) for fd in self._streams if fd in ready)

    def _send(self, fd: int, data: bytes) -> bool:
        try:
            if data:
                self._emit(self._streams[fd], data)
        except OSError:
            return False
        return True

    def _cancel(self, process: int) -> NoReturn:
        """End the step politely, reading its output for as long as it writes any; the rest is killed after."""
        deadline = time.monotonic() + self._grace
        try:
            os.kill(-1, signal.SIGTERM)
        except ProcessLookupError:
            deadline = 0.0
        poll = select.poll()
        poll.register(process, select.POLLIN)
        while time.monotonic() < deadline and not poll.poll(_TICK_MS) and _someone_handles_termination():
            for fd in self._streams:
                _read(fd)
        raise BuildError("the step was cancelled", code="EX0009")


def _read(fd: int) -> bytes:
    """A piece of what lies in a pipe, empty if there is nothing."""
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return b""


def _someone_handles_termination() -> bool:
    """Whether a process of the step catches or blocks SIGTERM, and so may be cleaning up.

    Who ignores it, or is pid 1 of the step without a handler, would never react: nobody waits for those.
    """
    return any(_handles_termination(name) for name in os.listdir("/proc") if name.isdigit())


def _handles_termination(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            fields = dict(line.split(b":", 1) for line in file if b":" in line)
    except OSError:
        return False
    if b"Z" in fields[b"State"][:3] or len(fields.get(b"NSpid", b"").split()) < 2:
        return False
    bit = 1 << (signal.SIGTERM - 1)
    return bool((int(fields[b"SigCgt"], 16) | int(fields[b"SigBlk"], 16)) & bit)
