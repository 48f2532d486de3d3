# SPDX-License-Identifier: Apache-2.0
"""The front of the worker process: one thread that forks a child for every job and sees each one to its end.

It holds the control socket to ladle. A message on it brings a job's name and descriptors, the first of which is the
job's own socket; the front keeps that open until the child *and all it left behind* are reaped, so end-of-file on
the other side means that the job is gone. When the other side is shut, the job is cancelled; when the control socket
ends, ladle has died: every job is killed and the front exits. As a subreaper it inherits the orphans of its jobs.
"""

from __future__ import annotations

import functools
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from ladle.core.api.errors import BuildError
from ladle.core.worker import child, lanes, linux, userns, wire
from ladle.core.worker.job import NEW, SNAPSHOTS, JobContext, JobFunction, load
from ladle.core.worker.jobs import JOBS

GRACE = 10.0
"""Seconds between SIGTERM and SIGKILL for a job that is not wanted any more."""

LAST_RESORT = 30
"""Seconds after SIGTERM (which the kernel sends when ladle dies) in which the front must have ended, or be ended."""

_NONE = (None, None)
_CANCEL_EVENTS = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class _Job:
    """A running job; `sock` is None for the front's own. (Not a dataclass: their import takes 12 ms.)"""

    __slots__ = ("answering", "cancelled", "deadline", "name", "pid", "sock", "status", "watched")

    def __init__(self, pid: int, name: str, sock: socket.socket | None) -> None:
        self.pid = pid
        self.name = name
        self.sock = sock
        self.watched = sock is not None
        self.answering = False
        self.cancelled = False
        self.deadline = float("inf")
        self.status = 0


class Front:
    """The event loop of the worker process."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._poller = select.poll()
        self._jobs: dict[int, _Job] = {}
        self._by_fd: dict[int, _Job] = {}
        self._ended: list[_Job] = []
        self._lanes = lanes.Lanes(self._poller)
        self._repeatable: set[str] = set()
        self._functions: dict[str, JobFunction] = {}
        self._options: dict[str, Any] = {}
        self._root = ""
        self._myself = os.pidfd_open(os.getpid())
        self._standing: userns.Standing | None = None
        self._broken: BaseException | None = None
        self._stop = False
        self._wake, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _note_signal)

    def run(self) -> None:
        """Set up, serve until the control socket ends or SIGTERM comes, then end everything."""
        self._set_up()
        hello = wire.receive_control(self._control)
        if hello is None:
            return
        self._root, self._options = hello[0]["root"], hello[0]["options"]
        sys.path.extend(self._options.get("path", ()))
        if self._standing is not None:
            self._options["standing_reason"] = self._standing.reason
            self._sweep()
        gc.freeze()
        self._poller.register(self._control.fileno(), select.POLLIN)
        self._poller.register(self._wake, select.POLLIN)
        while not self._stop:
            ready = self._poller.poll(self._timeout())
            ready.sort(key=lambda event: self._precedence(event[0]))
            for fd, events in ready:
                self._handle(fd, events)
            self._kill_overdue()
        self._end_all()

    def _set_up(self) -> None:
        os.chdir("/")
        os.umask(0o022)
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
        linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        try:
            self._standing = userns.enter()
        except (BuildError, OSError) as error:
            self._broken = error
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)

    def _timeout(self) -> int | None:
        deadline = min((job.deadline for job in self._jobs.values()), default=float("inf"))
        return None if deadline == float("inf") else max(0, int((deadline - time.monotonic()) * 1000) + 1)

    def _precedence(self, fd: int) -> int:
        """Lanes first: they tell whether a job has answered and so is not cancelled, and who is free for a new one."""
        return 0 if self._lanes.at(fd) is not None else 2 if fd == self._control.fileno() else 1

    def _handle(self, fd: int, events: int) -> None:
        if fd == self._wake:
            caught = os.read(self._wake, 512)
            self._stop = self._stop or any(number != signal.SIGCHLD for number in caught)
            self._reap()
        elif fd == self._control.fileno():
            message = wire.receive_control(self._control)
            if message is None:
                self._stop = True
            else:
                self._start(message[0], message[1])
        elif fd in self._by_fd:
            if events & _CANCEL_EVENTS:
                self._cancel(self._by_fd[fd])
        else:
            self._hear(self._lanes.at(fd))

    def _hear(self, lane: lanes.Lane | None) -> None:
        """End the job that a lane has done; one whose job was cancelled meanwhile is not used again."""
        if lane is None:
            return
        said = lanes.hear(lane)
        if said == lanes.ANSWERING:
            self._jobs[lane.pid].answering = True
            return
        if said != lanes.IDLE:
            self._lanes.forget(lane.pid)
            return
        job = self._jobs.pop(lane.pid)
        self._ended.append(job)
        if job.cancelled:
            self._lanes.forget(lane.pid)
        else:
            self._lanes.rest(lane)
        self._settle()

    def _start(self, message: dict[str, Any], fds: list[int]) -> None:
        """Fork the child of a job, or answer for it why that cannot be."""
        sock = socket.socket(fileno=fds[0])
        try:
            if self._broken is not None:
                raise self._broken
            name = message["job"]
            function = self._function(name)
            pid = self._lanes.hand_over(name, fds) or self._fork(name, function, sock, fds[1:])
        except Exception as error:
            _send_if_possible(sock, wire.error_message(error))
            sock.close()
        else:
            job = _Job(pid, name, sock)
            self._jobs[pid] = self._by_fd[sock.fileno()] = job
            self._poller.register(sock.fileno(), select.POLLRDHUP)
        finally:
            for fd in fds[1:]:
                os.close(fd)

    def _function(self, name: str) -> JobFunction:
        if name not in self._functions:
            function: JobFunction = load(self._options.get("jobs", {}).get(name) or JOBS[name])
            prepare = getattr(sys.modules.get(function.__module__), "prepare", None)
            if prepare is not None:
                prepare(self._options, rootless=self._standing is not None and self._standing.rootless)
            self._functions[name] = function
            if getattr(sys.modules.get(function.__module__), "REPEATABLE", False):
                self._repeatable.add(name)
            gc.freeze()
        return self._functions[name]

    def _fork(self, name: str, function: JobFunction, sock: socket.socket | None, fds: list[int]) -> int:
        """Fork the process of a job: a lane, if the job is one that may be repeated."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) if self._is_lane(name, sock) else _NONE
        pid = child.fork(function)
        if pid == 0:
            if ours is not None:
                ours.close()
            self._be_child(name, function, sock, fds, theirs)
        if ours is not None and theirs is not None:
            theirs.close()
            self._lanes.add(lanes.Lane(pid, name, ours))
        return pid

    def _is_lane(self, name: str, sock: socket.socket | None) -> bool:
        return sock is not None and name in self._repeatable

    def _be_child(
        self,
        name: str,
        function: JobFunction,
        sock: socket.socket | None,
        fds: list[int],
        channel: socket.socket | None,
    ) -> NoReturn:
        """Everything that a job's process does."""
        status = 1
        try:
            child.become_job(self._myself)
            linux.prctl_name(f"ladle:{name}")
            self._close_inherited()
            if sock is None:
                context = self._context(socket.socketpair()[0], [])
                function(context, {})
                context.close()
            elif channel is None:
                child.serve(self._context(sock, fds), sock, function)
            else:
                lanes.serve(channel, sock, fds, functools.partial(self._do, function))
            status = 0
        except BaseException as error:
            if sock is not None and channel is None:
                _send_if_possible(sock, wire.error_message(error))
                status = 0
        finally:
            child.end(status)

    def _do(self, function: JobFunction, sock: socket.socket, fds: list[int], answering: Callable[[], object]) -> bool:
        return child.serve(self._context(sock, fds), sock, function, answering)

    def _context(self, sock: socket.socket, fds: list[int]) -> JobContext:
        standing = self._standing or userns.Standing(rootless=False, single_uid=False)
        return JobContext(
            self._root,
            sock,
            fds=fds,
            rootless=standing.rootless,
            single_uid=standing.single_uid,
            options=self._options,
        )

    def _close_inherited(self) -> None:
        """In a child: close what belongs to the front and to other jobs."""
        self._control.close()
        os.close(self._wake)
        os.close(self._wake_write)
        os.close(self._myself)
        for job in (*self._jobs.values(), *self._ended):
            if job.sock is not None:
                job.sock.close()
        self._lanes.close_inherited()

    def _sweep(self) -> None:
        """Have the leftovers of killed jobs removed, if there are any."""
        try:
            with os.scandir(os.path.join(self._root, SNAPSHOTS, NEW)) as entries:
                found = any(True for _ in entries)
        except OSError:
            return
        if found:
            pid = self._fork("sweep", self._function("sweep"), None, [])
            self._jobs[pid] = _Job(pid, "sweep", None)

    def _cancel(self, job: _Job) -> None:
        """Nobody listens to a job any more: end it, unless that is because it has answered."""
        if job.sock is None:
            return
        self._poller.unregister(job.sock.fileno())
        job.watched = False
        if self._jobs.get(job.pid) is not job:  # its process has ended it, and may have the next one
            return
        job.deadline = time.monotonic() + GRACE
        if not job.answering:
            job.cancelled = True
            _kill(job.pid, signal.SIGTERM)

    def _kill_overdue(self) -> None:
        now = time.monotonic()
        for job in self._jobs.values():
            if job.deadline <= now:
                job.deadline = float("inf")
                _kill(job.pid, signal.SIGKILL)

    def _reap(self) -> None:
        """Collect dead children."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            self._lanes.forget(pid)
            job = self._jobs.pop(pid, None)
            if job is not None:
                job.status = os.waitstatus_to_exitcode(status)
                self._ended.append(job)
        self._settle()

    def _settle(self) -> None:
        """Let go of ended jobs, once no orphan of any of them is left."""
        if self._ended and not self._kill_orphans():
            for job in self._ended:
                self._let_go(job)
            unclean = any(job.sock is not None and job.status for job in self._ended)
            self._ended.clear()
            if unclean and not self._stop:
                self._sweep()

    def _kill_orphans(self) -> bool:
        """Kill processes that we inherited from dead jobs; says whether there were any."""
        orphans = [pid for pid in _children() if pid not in self._jobs and pid not in self._lanes]
        for pid in orphans:
            _kill(pid, signal.SIGKILL)
        return bool(orphans)

    def _let_go(self, job: _Job) -> None:
        if job.sock is None:
            return
        self._by_fd.pop(job.sock.fileno(), None)
        if job.watched:
            self._poller.unregister(job.sock.fileno())
            if job.status != 0:
                _send_if_possible(job.sock, wire.error_message(_died(job)))
        job.sock.close()

    def _end_all(self) -> None:
        """Kill every job and orphan and wait until none is left."""
        while True:
            for pid in {*self._jobs, *_children()}:
                _kill(pid, signal.SIGKILL)
            try:
                pid, _ = os.waitpid(-1, 0)
            except ChildProcessError:
                return
            self._jobs.pop(pid, None)


def _note_signal(number: int, _frame: object) -> None:
    """Leave the work to the event loop, which the wakeup descriptor rouses."""
    if number != signal.SIGCHLD:
        signal.alarm(LAST_RESORT)


def _died(job: _Job) -> BuildError:
    if job.status < 0:
        how = f"was killed by signal {-job.status}"
        notes = ["the machine may be short of memory"] if job.status == -signal.SIGKILL else []
    else:
        how, notes = f"ended with status {job.status}", []
    return BuildError(f"the worker's process for the job `{job.name}` {how}", code="WK0005", notes=notes)


def _children() -> list[int]:
    """The pids of our children, zombies included; empty where the kernel does not tell."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as listing:
            return [int(pid) for pid in listing.read().split()]
    except OSError:
        return []


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _send_if_possible(sock: socket.socket, message: dict[str, Any]) -> None:
    try:
        sock.send(wire.frame(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
    except OSError:
        return
