# SPDX-License-Identifier: Apache-2.0
"""The Linux system calls that Python does not offer: mounts, namespaces, prctl, capabilities, file system sync.

Every function raises `OSError` with the errno and the path concerned; libc is loaded at the first call.
Resolving paths inside a root has its own module, `ladle.core.worker.inroot`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import select
import signal
import struct

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24

MNT_DETACH = 2

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_SECCOMP = 22
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

CAP_SETUID = 7
CAP_SYS_ADMIN = 21
CAP_MKNOD = 27

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000
MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4

_NR_MOUNT_SETATTR = 442
_NR_CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "ppc64le": 120, "s390x": 120, "armv7l": 120}
_NR_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217, "armv7l": 218}

_LINUX_CAPABILITY_VERSION_3 = 0x20080522

AnyPath = str | bytes
"""A path as text (surrogateescape) or bytes."""


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library, loaded once, with errno kept per call."""
    return ctypes.CDLL(None, use_errno=True)


def failure(path: AnyPath | None = None) -> OSError:
    """The `OSError` for the last failed libc call, with the path it was about."""
    number = ctypes.get_errno()
    if path is None:
        return OSError(number, os.strerror(number))
    return OSError(number, os.strerror(number), os.fsdecode(path))


def _bytes(path: AnyPath | None) -> bytes | None:
    return None if path is None else os.fsencode(path)


def mount(source: AnyPath | None, target: AnyPath, kind: str | None, flags: int = 0, data: str = "") -> None:
    """mount(2); `data` is the comma-separated option string of the file system."""
    options = os.fsencode(data)
    if len(options) >= os.sysconf("SC_PAGE_SIZE"):
        raise OSError(errno.E2BIG, "mount options exceed one page", os.fsdecode(target))
    kind_bytes = None if kind is None else kind.encode()
    if libc().mount(_bytes(source), _bytes(target), kind_bytes, ctypes.c_ulong(flags), options or None) != 0:
        raise failure(target)


def umount(target: AnyPath, flags: int = 0) -> None:
    """umount2(2)."""
    if libc().umount2(_bytes(target), flags) != 0:
        raise failure(target)


def mount_flags(path: AnyPath | int) -> int:
    """The MS_* flags of the mount that `path` lies on: a remount in a user namespace must repeat them."""
    status = os.statvfs(path).f_flag
    flags = status & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
    return flags | (MS_RELATIME if status & 4096 else 0)


def set_mount_attributes(target: AnyPath, attributes: int, *, recursive: bool = False) -> None:
    """mount_setattr(2): adds MOUNT_ATTR_* to a mount, and to all below it if `recursive` (Linux 5.12)."""
    record = struct.pack("QQQQ", attributes, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    if libc().syscall(_NR_MOUNT_SETATTR, AT_FDCWD, _bytes(target), flags, record, len(record)) != 0:
        raise failure(target)


def bind(
    source: AnyPath, target: AnyPath, *, read_only: bool = False, nodev: bool = False, recursive: bool = True
) -> None:
    """Bind `source` on `target`; `read_only` and `nodev` cover mounts below it too where the kernel can."""
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))
    attributes = (MOUNT_ATTR_RDONLY if read_only else 0) | (MOUNT_ATTR_NODEV if nodev else 0)
    if not attributes:
        return
    try:
        set_mount_attributes(target, attributes, recursive=recursive)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        flags = (MS_RDONLY if read_only else 0) | (MS_NODEV if nodev else 0)
        mount(None, target, None, MS_REMOUNT | MS_BIND | flags | mount_flags(target))


def pivot_root(new_root: AnyPath, put_old: AnyPath) -> None:
    """pivot_root(2)."""
    number = _NR_PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "pivot_root: unknown machine type", os.uname().machine)
    if libc().syscall(number, _bytes(new_root), _bytes(put_old)) != 0:
        raise failure(new_root)


def unshare(flags: int) -> None:
    """unshare(2)."""
    if libc().unshare(flags) != 0:
        raise failure()


def fork(flags: int) -> int:
    """fork(2) with the child in new namespaces; the caller must be single-threaded.

    After unshare(2) a process in a user namespace has no way back to the pid namespace that its later children
    should be born in; clone(2) changes nothing for the caller. Python's own steps around a fork are done here.
    """
    number = _NR_CLONE.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "clone: unknown machine type", os.uname().machine)
    call = ctypes.PyDLL(None, use_errno=True).syscall  # holds the interpreter's lock, as the child needs
    arguments = [0, flags | signal.SIGCHLD] if os.uname().machine == "s390x" else [flags | signal.SIGCHLD, 0]
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0)]
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = call(number, *words)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise failure()
    return pid


def setns(fd: int, kind: int = 0) -> None:
    """setns(2)."""
    if libc().setns(fd, kind) != 0:
        raise failure()


def prctl(option: int, first: int = 0, second: int = 0, third: int = 0, fourth: int = 0) -> int:
    """prctl(2) with integer arguments."""
    numbers = [ctypes.c_ulong(number) for number in (first, second, third, fourth)]
    result: int = libc().prctl(option, *numbers)
    if result < 0:
        raise failure()
    return result


def prctl_name(name: str) -> None:
    """Set the name that `ps` shows for this thread (15 bytes)."""
    if libc().prctl(PR_SET_NAME, os.fsencode(name)[:15], 0, 0, 0) != 0:
        raise failure()


def die_with_parent(parent: int, signal_number: int = 9) -> None:
    """Have the kernel send us `signal_number` when the thread that forked us ends; call again after any setuid.

    `parent` is the pid expected as our parent: if it is gone already, we end at once.
    """
    prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def die_with(parent: int) -> None:
    """The same for a child in another pid namespace: `parent` is a pidfd of our parent."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    poll = select.poll()
    poll.register(parent, select.POLLIN)
    if poll.poll(0):
        os._exit(128 + signal.SIGKILL)


def descriptors() -> set[int]:
    """The open descriptors of this process."""
    return {fd for fd in map(int, os.listdir("/proc/self/fd")) if _is_open(fd)}  # one was open for the list alone


def _is_open(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def capset(effective: int, permitted: int, inheritable: int = 0) -> None:
    """capset(2) for this thread, each set given as a bit mask."""
    header = struct.pack("=Ii", _LINUX_CAPABILITY_VERSION_3, 0)
    low, high = (1 << 32) - 1, 32
    sets = (effective, permitted, inheritable)
    data = struct.pack("=6I", *(bits & low for bits in sets), *(bits >> high for bits in sets))
    if libc().capset(header, data) != 0:
        raise failure()


def effective_capabilities() -> int:
    """The effective capability set of this process as a bit mask."""
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"CapEff:"):
                return int(line.split()[1], 16)
    return 0


def syncfs(fd: int) -> None:
    """Flush the file system that `fd` lies on."""
    if libc().syncfs(fd) != 0:
        raise failure()
