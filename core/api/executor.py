# SPDX-License-Identifier: Apache-2.0
"""The contract of an executor: how the process of a step is started in its sandbox.

An executor runs inside the step's guard: a process that is pid 1 of its own pid namespace, with mount, ipc and uts
namespaces (and a network namespace where asked) and `/proc` of its own, standard input from /dev/null and the
descriptors 1 and 2 leading to the step's log. The root is complete but for /proc, /dev and /sys: every mount of the
step lies in it, and the directories /proc, /dev and /sys exist and are real directories. When the guard ends, for
whatever reason, the kernel kills all that the executor started and drops all that it mounted.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ClassVar, Protocol

from ladle.llb.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """A resource limit; `name` without RLIMIT_, in lower case; -1 = unlimited."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMount:
    """A mount below /dev, to be bound from `source` (which has its final attributes) after /dev is made."""

    source: str
    dest: str
    read_only: bool
    node: bool = False
    """Whether it is a device node that is to be opened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is to run. `state` is a private directory in memory, for the executor's own files.

    `wait` waits for a child of the executor's, obeys cancelling meanwhile, and returns its exit code (128 + n when
    it died of signal n). `device_guard` says that a device cgroup or a user namespace keeps device nodes from being
    opened, so that CAP_MKNOD is harmless. `read_only_root` holds for the root's own file system.
    """

    root: str
    state: str
    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    ulimits: tuple[Ulimit, ...]
    insecure: bool
    own_network: bool
    rootless: bool
    single_uid: bool
    device_guard: bool
    read_only_root: bool
    device_mounts: tuple[DeviceMount, ...]
    wait: Callable[[int], int]


class Executor(Protocol):
    """A way to run steps; registered as a class, made once per step."""

    NAME: ClassVar[str]

    def __init__(self, name: str, *, rootless: bool, device_guard: bool) -> None:
        """Make an executor under the name that it was asked for by; `rootless`: inside a user namespace."""

    def probe(self) -> str | None:
        """Return why this executor cannot be used here, or None if it can; quick, and changes nothing."""

    def run(self, step: Step) -> int:
        """Run the step to its end and return its exit code; raises `BuildError` if it could not be started."""


CAPABILITIES: tuple[tuple[str, int], ...] = (
    ("CAP_CHOWN", 0),
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_FOWNER", 3),
    ("CAP_FSETID", 4),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_SETPCAP", 8),
    ("CAP_NET_BIND_SERVICE", 10),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_CHROOT", 18),
    ("CAP_MKNOD", 27),
    ("CAP_AUDIT_WRITE", 29),
    ("CAP_SETFCAP", 31),
)
"""What root in a step may do, with the numbers of the capabilities."""

MASKED_PATHS: tuple[str, ...] = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)
"""Paths that a step finds empty, if the kernel has them."""

READ_ONLY_PATHS: tuple[str, ...] = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
"""Paths that a step can only read."""


_INSECURE_DEVICES = ("kmsg", "fuse", "kvm", "cuse", "loop-control", "net/tun", *(f"loop{n}" for n in range(8)))


def insecure_devices() -> tuple[str, ...]:
    """Return the paths of this machine's devices that an insecure step gets beside the usual ones."""
    return tuple(f"/dev/{name}" for name in _INSECURE_DEVICES if os.path.exists(f"/dev/{name}"))


def capabilities(step: Step) -> tuple[tuple[str, int], ...]:
    """Return the capabilities of a step that is not insecure: without CAP_MKNOD where nothing guards the devices."""
    return tuple((name, number) for name, number in CAPABILITIES if step.device_guard or name != "CAP_MKNOD")
