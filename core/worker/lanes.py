# SPDX-License-Identifier: Apache-2.0
"""Lanes: processes of the worker that do one job after another, since forking Python costs more than most jobs.

A job whose module says `REPEATABLE = True` runs in a lane. The first one is forked for it; when a job has answered
with a result, and the lane is as it was before, the lane tells the front, which hands it the next job of that name.
Each job has a mount namespace of its own, left behind at its end. A lane in which a job failed or was cancelled,
or which a job has changed in some way (a descriptor, child, thread or much memory left), ends as other jobs' do.
"""

from __future__ import annotations

import os
import resource
import select
import socket
from collections.abc import Callable, Sequence

from ladle.core.worker import linux, wire
from ladle.core.worker.child import heed_termination

ANSWERING, IDLE = b"a", b"i"
_MAX_IDLE = 32
_GROWTH_KIB = 64 << 10
_UMASK = 0o022
_ONE_THREAD = 3  # the links of /proc/self/task, with one directory in it


class Lane:
    """A lane as the front sees it: `channel` takes jobs to it, and brings a byte before and one after each answer."""

    __slots__ = ("channel", "name", "pid")

    def __init__(self, pid: int, name: str, channel: socket.socket) -> None:
        self.pid = pid
        self.name = name
        self.channel = channel


class Lanes:
    """The front's lanes, those that are busy and those that wait."""

    def __init__(self, poller: select.poll) -> None:
        self._poller = poller
        self._all: dict[int, Lane] = {}
        self._by_fd: dict[int, Lane] = {}
        self._idle: list[Lane] = []

    def __contains__(self, pid: object) -> bool:
        return pid in self._all

    def add(self, lane: Lane) -> None:
        """Take in a lane that was forked with its first job."""
        self._all[lane.pid] = self._by_fd[lane.channel.fileno()] = lane
        self._poller.register(lane.channel.fileno(), select.POLLIN)

    def at(self, fd: int) -> Lane | None:
        """The lane whose channel has this descriptor."""
        return self._by_fd.get(fd)

    def hand_over(self, name: str, fds: Sequence[int]) -> int:
        """Give a job with its descriptors to an idle lane; returns the lane's pid, 0 if there is none."""
        for lane in [lane for lane in reversed(self._idle) if lane.name == name]:
            self._idle.remove(lane)
            try:
                wire.send_control(lane.channel, {"job": name}, fds)
            except ConnectionError:
                self.forget(lane.pid)
            else:
                return lane.pid
        return 0

    def rest(self, lane: Lane) -> None:
        """Keep a lane that has ended a job for the next one, unless enough are kept."""
        if len(self._idle) < _MAX_IDLE:
            self._idle.append(lane)
        else:
            self.forget(lane.pid)

    def forget(self, pid: int) -> None:
        """Let go of a lane: it ends, if it has not yet."""
        lane = self._all.pop(pid, None)
        if lane is None:
            return
        if lane in self._idle:
            self._idle.remove(lane)
        del self._by_fd[lane.channel.fileno()]
        self._poller.unregister(lane.channel.fileno())
        lane.channel.close()

    def close_inherited(self) -> None:
        """In a forked child: close the front's ends of all channels."""
        for lane in self._all.values():
            lane.channel.close()


def hear(lane: Lane) -> bytes:
    """What a lane says: `ANSWERING`, `IDLE`, or nothing if it has ended."""
    try:
        return lane.channel.recv(1)
    except ConnectionError:
        return b""


def serve(
    channel: socket.socket,
    first: socket.socket,
    fds: Sequence[int],
    do: Callable[[socket.socket, list[int], Callable[[], object]], bool],
) -> None:
    """In a lane's process, with mounts of its own: `do` the first job, then those that come; returns when it is to end.

    `do` takes a job's socket and descriptors and what to call before it answers; it says whether there was a result.
    """
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    base = linux.descriptors() - {first.fileno(), *fds}
    network = os.readlink("/proc/self/ns/net")
    memory = _memory()
    job: tuple[socket.socket, list[int]] | None = (first, list(fds))
    while job is not None:
        linux.unshare(linux.CLONE_NEWNS)
        good = do(*job, lambda: channel.send(ANSWERING))
        job[0].close()
        job = None
        linux.setns(home, linux.CLONE_NEWNS)
        os.umask(_UMASK)
        if not good or _memory() > memory + _GROWTH_KIB or not (_is_alone(network) and linux.descriptors() == base):
            return
        heed_termination()
        channel.send(IDLE)
        message = wire.receive_control(channel)
        if message is not None:
            descriptors = message[1]
            job = socket.socket(fileno=descriptors[0]), descriptors[1:]


def _is_alone(network: str) -> bool:
    """Whether there is neither child nor thread, and this process and its children are in the namespaces of before."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        same = os.readlink("/proc/self/ns/pid") == os.readlink("/proc/self/ns/pid_for_children")
        same = same and network == os.readlink("/proc/self/ns/net")
        return same and os.stat("/proc/self/task").st_nlink == _ONE_THREAD
    return False


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
