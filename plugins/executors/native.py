# SPDX-License-Identifier: Apache-2.0
"""Running steps with nothing installed: the sandbox made by system calls, in the order that keeps it closed.

All mount targets are directories that we made in a fresh tmpfs or that the guard checked; the root is left behind by
pivot_root before anything of the image is looked at. The system call filter is set while CAP_SYS_ADMIN is still
held, so that no_new_privs can stay off and setuid programs work.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import stat
from typing import ClassVar, NoReturn

from ladle.core.api.errors import BuildError
from ladle.core.api.executor import MASKED_PATHS, READ_ONLY_PATHS, Step, capabilities, insecure_devices
from ladle.core.worker import linux, seccomp

_QUIET = linux.MS_NOSUID | linux.MS_NOEXEC | linux.MS_NODEV
_NODES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("core", "/proc/kcore"),
    ("ptmx", "pts/ptmx"),
)
_NR_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219}
_KEYCTL_JOIN_SESSION_KEYRING = 1
_LAST_CAPABILITY = 63
_MAX_FD = 1 << 20
_EXIT_NOT_FOUND = 127
_EXIT_NOT_EXECUTABLE = 126
_EXIT_NOT_STARTED = 1


class NativeExecutor:
    """Starts a step by fork, mounts, pivot_root, seccomp, capabilities and execve."""

    NAME: ClassVar[str] = "native"

    def __init__(self, name: str, *, rootless: bool, device_guard: bool) -> None:
        self._asked_for = (name, rootless, device_guard)

    def probe(self) -> str | None:
        """Return why this machine cannot do it: only where there is no system call filter for it."""
        try:
            seccomp.program()
        except BuildError as error:
            return error.message
        return None

    def run(self, step: Step) -> int:
        """Fork the step's pid 1 and wait for it."""
        code = b"" if step.insecure else seccomp.program()
        failure_r, failure_w = os.pipe()
        pid = linux.fork(linux.CLONE_NEWPID)
        if pid == 0:
            _become_step(step, code, failure_w)
        os.close(failure_w)
        status = step.wait(pid)
        with os.fdopen(failure_r, "rb") as pipe:
            failure = pipe.read().decode(errors="surrogateescape")
        if failure:
            raise BuildError(failure, code="EX0008")
        return status


def _become_step(step: Step, code: bytes, failure: int) -> NoReturn:
    """The whole life of the forked process up to execve."""
    doing = "start"
    try:
        doing = "make the sandbox of"
        os.setsid()
        flags = linux.CLONE_NEWNS | (linux.CLONE_NEWCGROUP if _pure_cgroup2() else 0)
        linux.unshare(flags)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        _mount_all(step)
        _enter_root(step.root)
        doing = f"enter the working directory {step.cwd} of"
        os.chdir(step.cwd)
        doing = "close the sandbox of"
        os.closerange(3, failure)
        os.closerange(failure + 1, _MAX_FD)
        _set_limits(step)
        _drop_privileges(step, code)
        _execute(step)
    except BaseException as error:
        reason = getattr(error, "strerror", None) or str(error)
        where = getattr(error, "filename", None)
        place = f" ({where})" if where and "working directory" not in doing else ""
        os.write(failure, f"cannot {doing} the step: {reason}{place}".encode(errors="surrogateescape"))
    finally:
        os._exit(_EXIT_NOT_STARTED)


def _pure_cgroup2() -> bool:
    return os.path.exists("/sys/fs/cgroup/cgroup.subtree_control")


def _mount_all(step: Step) -> None:
    root = step.root
    linux.mount("proc", f"{root}/proc", "proc", _QUIET)
    _mount_dev(step)
    _mount_sys(step)
    if not step.insecure:
        for path in MASKED_PATHS:
            _mask(root + path)
        for path in READ_ONLY_PATHS:
            _make_read_only(root + path)
    if step.read_only_root:
        linux.mount(None, root, None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.mount_flags(root))


def _mount_dev(step: Step) -> None:
    dev = f"{step.root}/dev"
    linux.mount("tmpfs", dev, "tmpfs", linux.MS_NOSUID | linux.MS_STRICTATIME, "mode=755,size=65536k")
    before = os.umask(0)
    for name, major, minor in _NODES:
        _node(dev, name, major, minor, rootless=step.rootless)
    for name, target in _LINKS:
        os.symlink(target, f"{dev}/{name}")
    for name in ("pts", "shm", "mqueue"):
        os.mkdir(f"{dev}/{name}", 0o755)
    options = "newinstance,ptmxmode=0666,mode=0620" + ("" if step.single_uid else ",gid=5")
    linux.mount("devpts", f"{dev}/pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, options)
    linux.mount("shm", f"{dev}/shm", "tmpfs", _QUIET, "mode=1777,size=65536k")
    linux.mount("mqueue", f"{dev}/mqueue", "mqueue", _QUIET)
    if step.insecure:
        covered = {device.dest for device in step.device_mounts}
        for path in insecure_devices():
            if path not in covered:
                os.makedirs(os.path.dirname(step.root + path), exist_ok=True)
                _bind_file(path, step.root + path)
    for device in step.device_mounts:
        _mount_device(step.root, device.source, device.dest)
    os.umask(before)


def _node(dev: str, name: str, major: int, minor: int, *, rootless: bool) -> None:
    path = f"{dev}/{name}"
    if not rootless:
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        except PermissionError:
            _bind_file(f"/dev/{name}", path)
        return
    _bind_file(f"/dev/{name}", path)


def _bind_file(source: str, target: str) -> None:
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o644))
    linux.mount(source, target, None, linux.MS_BIND)


def _mount_device(root: str, source: str, dest: str) -> None:
    """Bind a mount of the step's below /dev: all there is our own, but for other such mounts."""
    target = root + dest
    if os.path.isdir(source):
        os.makedirs(target, mode=0o755, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o644))
    linux.mount(source, target, None, linux.MS_BIND | linux.MS_REC)


def _mount_sys(step: Step) -> None:
    target = f"{step.root}/sys"
    access = 0 if step.insecure else linux.MS_RDONLY
    if not step.rootless or step.own_network:
        linux.mount("sysfs", target, "sysfs", _QUIET | access)
    else:
        # sysfs belongs to the network namespace: an ordinary user cannot mount the host's anew
        linux.bind("/sys", target, read_only=not step.insecure)
        linux.mount("tmpfs", f"{target}/fs/cgroup", "tmpfs", _QUIET | linux.MS_RDONLY, "mode=755")
        return
    if _pure_cgroup2():
        linux.mount("cgroup", f"{target}/fs/cgroup", "cgroup2", _QUIET | access)


def _mask(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if stat.S_ISDIR(mode):
        linux.mount("tmpfs", path, "tmpfs", _QUIET | linux.MS_RDONLY, "size=0k")
    else:
        linux.mount("/dev/null", path, None, linux.MS_BIND)


def _make_read_only(path: str) -> None:
    if os.path.lexists(path):
        linux.mount(path, path, None, linux.MS_BIND | linux.MS_REC)
        linux.mount(None, path, None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | _QUIET)


def _enter_root(root: str) -> None:
    os.chdir(root)
    linux.pivot_root(".", ".")
    linux.umount(".", linux.MNT_DETACH)
    os.chdir("/")


def _set_limits(step: Step) -> None:
    for limit in step.ulimits:
        number = getattr(resource, f"RLIMIT_{limit.name.upper()}", None)
        if number is None:
            raise BuildError(f"unknown ulimit {limit.name}", code="EX0011")
        resource.setrlimit(number, (limit.soft, limit.hard))


def _drop_privileges(step: Step, code: bytes) -> None:
    """Filter first, then capabilities, then the user: each needs what the next one takes away."""
    keyctl = _NR_KEYCTL.get(os.uname().machine)
    if keyctl is not None:
        linux.libc().syscall(keyctl, _KEYCTL_JOIN_SESSION_KEYRING, ctypes.c_void_p())
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    os.umask(0o022)
    kept = (1 << _LAST_CAPABILITY + 1) - 1 if step.insecure else sum(1 << number for _, number in capabilities(step))
    if code:
        seccomp.install(code)
    for number in range(_LAST_CAPABILITY + 1):
        if not kept >> number & 1:
            _drop_bounding(number)
    if not step.single_uid:
        os.setgroups(step.groups)
    os.setresgid(step.gid, step.gid, step.gid)
    os.setresuid(step.uid, step.uid, step.uid)
    if not step.insecure:
        held = kept if step.uid == 0 else 0
        linux.capset(held, held, 0)


def _drop_bounding(number: int) -> None:
    try:
        linux.prctl(linux.PR_CAPBSET_DROP, number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # beyond the last one that this kernel knows
            raise


def _execute(step: Step) -> NoReturn:
    """Replace this process; complains on the step's own standard error if there is nothing to run."""
    environment = dict(entry.partition("=")[::2] for entry in step.env)
    name = step.args[0]
    if "/" in name:
        candidates = [name]
    else:
        candidates = [f"{folder or '.'}/{name}" for folder in environment.get("PATH", "").split(":")]
    refusal: OSError | None = None
    for path in candidates:
        try:
            os.execve(path, step.args, environment)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                refusal = refusal or error
    if refusal is None:
        _quit(f'exec: "{name}": executable file not found in $PATH\n', _EXIT_NOT_FOUND)
    _quit(f'exec: "{name}": {(refusal.strerror or "").lower()}\n', _EXIT_NOT_EXECUTABLE)


def _quit(message: str, status: int) -> NoReturn:
    os.write(2, message.encode(errors="surrogateescape"))
    os._exit(status)
