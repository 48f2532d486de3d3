# SPDX-License-Identifier: Apache-2.0
"""The guard of a step: pid 1 of a pid namespace, so that nothing of the step outlives it.

    job ──fork──> guard (pid 1; own mounts, ipc, uts, perhaps network; PDEATHSIG; control pipe) ──> executor ──> step

However the job dies, the guard dies with it (PDEATHSIG, and end-of-file on the control pipe as second line), and with
the guard the kernel kills every process of its namespace and drops its mounts. The guard reports by one msgpack map
on a pipe; the step's output comes on two more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux, wire

_CHUNK = 64 << 10
_TERMINATE = b"T"
_KILLED = 137
_TICK_MS = 10
_DEFAULT_SIGNALS = ("SIGPIPE", "SIGXFSZ", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGCHLD")
_MAX_FD = 1 << 20
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1

Work = Callable[[Callable[[int], int]], dict[str, Any]]
"""What runs in the guard: takes `wait(pid) -> exit code`, returns the report."""


class Guard:
    """A running guard, seen from the job."""

    def __init__(self, pid: int, control: int, report: int, output: Mapping[int, int]) -> None:
        self.pid = pid
        self._control = control
        self._report = report
        self._output = dict(output)
        self._data = bytearray()
        self.cancelled = False

    def cancel(self) -> None:
        """Ask the guard to end the step: SIGTERM, then SIGKILL after the grace period."""
        if not self.cancelled:
            self.cancelled = True
            try:
                os.write(self._control, _TERMINATE)
            except BrokenPipeError:
                return

    def follow(self, emit: Callable[[int, bytes], None], lifeline: int) -> dict[str, Any] | None:
        """Pass the output on until the guard has ended; returns its report, None if it was killed.

        End-of-file on `lifeline`, or an `emit` that fails, cancels the step.
        """
        poll = select.poll()
        streams = {fd: number for number, fd in self._output.items()}
        for fd in (*streams, self._report):
            poll.register(fd, select.POLLIN)
        poll.register(lifeline, select.POLLIN)
        open_fds = {*streams, self._report}
        while open_fds:
            for fd, _ in poll.poll():
                if fd == lifeline:
                    poll.unregister(lifeline)
                    self.cancel()
                elif not self._take(fd, streams.get(fd), emit):
                    poll.unregister(fd)
                    open_fds.discard(fd)
        return self._finish()

    def _take(self, fd: int, stream: int | None, emit: Callable[[int, bytes], None]) -> bool:
        data = os.read(fd, _CHUNK)
        if stream is None:
            self._data += data
        elif data and not self.cancelled:
            try:
                emit(stream, data)
            except OSError:
                self.cancel()
        return bool(data)

    def _finish(self) -> dict[str, Any] | None:
        os.waitpid(self.pid, 0)
        for fd in (self._control, self._report, *self._output.values()):
            os.close(fd)
        return wire.unpack(self._data) if self._data else None


def start(work: Work, *, own_network: bool, hostname: str, grace: float) -> Guard:
    """Fork a guard that does `work`. The calling process must be single-threaded."""
    control_r, control_w = os.pipe()
    report_r, report_w = os.pipe()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
    linux.unshare(linux.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        _guard(work, (control_r, report_w, out_w, err_w), own_network=own_network, hostname=hostname, grace=grace)
    with contextlib.suppress(PermissionError):  # in a user namespace: then this process starts no other guard
        linux.setns(own, linux.CLONE_NEWPID)
    for fd in (own, control_r, report_w, out_w, err_w):
        os.close(fd)
    return Guard(pid, control_w, report_r, {1: out_r, 2: err_r})


def _guard(work: Work, pipes: tuple[int, int, int, int], *, own_network: bool, hostname: str, grace: float) -> NoReturn:
    """The whole life of the guard process."""
    status = 1
    try:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        control, report = _arrange_descriptors(*pipes)
        if _lifeline_cut(control):
            os._exit(_KILLED)
        try:
            _isolate(own_network=own_network, hostname=hostname)
            answer = work(Supervisor(control, grace).wait)
        except BaseException as error:
            answer = wire.error_message(error)
        _write_all(report, wire.pack(answer))
        status = 0
    finally:
        os._exit(status)


def _lifeline_cut(control: int) -> bool:
    """Whether the job is gone already: closes the gap between fork and PDEATHSIG."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def _arrange_descriptors(control: int, report: int, out: int, err: int) -> tuple[int, int]:
    """Make 0 /dev/null, 1 and 2 the output; close everything else but the two pipes."""
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    kept = sorted((control, report))
    start = 3
    for fd in kept:
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, _MAX_FD)
    return control, report


def _isolate(*, own_network: bool, hostname: str) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    for name in _DEFAULT_SIGNALS:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
    linux.unshare(flags | (linux.CLONE_NEWNET if own_network else 0))
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
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


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


class Supervisor:
    """Waits for the executor's process, with an eye on the control pipe; inside the guard."""

    def __init__(self, control: int, grace: float) -> None:
        self._control = control
        self._grace = grace

    def wait(self, pid: int) -> int:
        """Return the exit code of the child `pid` (128 + n for signal n). Ends the guard if the step is cancelled."""
        poll = select.poll()
        process = os.pidfd_open(pid)
        poll.register(process, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll()}
                if process in ready:
                    break
                if self._control in ready:
                    self._obey(process)
        finally:
            os.close(process)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        return 128 - code if code < 0 else code

    def _obey(self, process: int) -> NoReturn:
        """End of file: the job is dead, so die at once. A command: end the step politely, then die."""
        if not os.read(self._control, 1):
            os._exit(_KILLED)
        deadline = time.monotonic() + self._grace
        try:
            os.kill(-1, signal.SIGTERM)
        except ProcessLookupError:
            os._exit(_KILLED)
        poll = select.poll()
        poll.register(process, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        while time.monotonic() < deadline and not poll.poll(_TICK_MS) and _someone_handles_termination():
            continue
        os._exit(_KILLED)


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


def report_or_error(report: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the report of a guard that was not cancelled, or raise what it failed with."""
    if report is None:
        raise BuildError(
            "the guard of a step was killed, and the step with it",
            code="EX0040",
            help="something killed it, perhaps for want of memory; run the build again",
        )
    if "error" in report:
        raise wire.error_from(report["error"])
    return report
