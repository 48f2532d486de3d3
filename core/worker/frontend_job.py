# SPDX-License-Identifier: Apache-2.0
"""The `frontend` job: a program that came with a build, in a sandbox from which it sees nothing but its interpreter.

    job ──fork──> the frontend (pid 1; own mounts, pids, ipc, uts and an empty network; no capabilities; a user id
                  that nobody else has; limits on memory, processes, files and time)

The root is a small file system in memory, read-only but for /tmp, with the interpreter's files bound read-only; or an
image's tree for a frontend that is an image. The channel is its descriptor 3; 1 and 2 are a log. It dies with the job.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ladle.core.worker import interpreter, linux, seccomp

if TYPE_CHECKING:
    from ladle.core.worker.job import JobContext

CHANNEL = 3
FRONTEND_MEMORY_BYTES = 1 << 30
FRONTEND_CPU_SECONDS = 60
FRONTEND_PROCESSES = 64
FRONTEND_LOG_BYTES = 1 << 20
FRONTEND_FILE_BYTES = 64 << 20
_FILES = 256
_CHUNK = 64 << 10
_TICK_MS = 100
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LAST_CAPABILITY = 63
_MAX_FD = 1 << 20
_QUIET = linux.MS_NOSUID | linux.MS_NOEXEC | linux.MS_NODEV


def run(ctx: JobContext, args: dict[str, Any]) -> dict[str, Any]:
    """Run the program to its end; the descriptor of the channel comes with the request.

    `args`: `argv` (empty: the Python of this worker running `code`), `env`, `root` (layers of an image, None for none).
    The result has `exit_code` (128 + n for signal n) and `reason`: "" or `memory`.
    """
    (channel,) = ctx.fds
    root = ctx.staging(args["root"]).path if args.get("root") is not None else ctx.directory("f")
    program = interpreter.python(args["code"]) if not args["argv"] else list(args["argv"])
    life_r, life_w = os.pipe()
    out_r, out_w = os.pipe()
    pid = linux.fork(linux.CLONE_NEWPID)
    if pid == 0:
        os.close(life_w)
        _become(ctx, args, program, root, (channel, out_w, life_r))
    for fd in (channel, out_w, life_r):
        os.close(fd)
    reason = _follow(ctx, pid, out_r)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return {"exit_code": 128 - code if code < 0 else code, "reason": reason}


def _follow(ctx: JobContext, pid: int, output: int) -> str:
    """Pass the log on until the frontend has ended; end it if nobody wants it any more, or if it takes too much."""
    process = os.pidfd_open(pid)
    poll = select.poll()
    for fd in (process, output, ctx.lifeline):
        poll.register(fd, select.POLLIN)
    left = FRONTEND_LOG_BYTES
    reason = ""
    looked = time.monotonic()
    while True:
        ready = {fd for fd, _ in poll.poll(_TICK_MS)}
        if ctx.lifeline in ready:
            signal.pidfd_send_signal(process, signal.SIGKILL)
            poll.unregister(ctx.lifeline)
        if output in ready:
            data = os.read(output, _CHUNK)
            if not data:
                poll.unregister(output)
            elif left > 0:
                ctx.emit({"type": "log", "stream": 2, "data": data[:left]})
                left -= len(data)
        elif process in ready:
            return reason
        if time.monotonic() - looked > _TICK_MS / 1000:
            looked = time.monotonic()
            if _memory(pid) > FRONTEND_MEMORY_BYTES:
                reason = "memory"
                signal.pidfd_send_signal(process, signal.SIGKILL)


def _memory(pid: int) -> int:
    """Return the resident bytes of a process and all below it."""
    total = 0
    waiting = [pid]
    while waiting:
        each = waiting.pop()
        try:
            with open(f"/proc/{each}/statm", "rb") as file:
                total += int(file.read().split()[1]) * _PAGE
            for task in os.listdir(f"/proc/{each}/task"):
                with open(f"/proc/{each}/task/{task}/children", "rb") as file:
                    waiting.extend(int(child) for child in file.read().split())
        except (OSError, IndexError):
            continue
    return total


def _become(
    ctx: JobContext, args: Mapping[str, Any], program: Sequence[str], root: str, pipes: tuple[int, int, int]
) -> NoReturn:
    """The whole life of the forked process up to execve."""
    channel, output, life = pipes
    try:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        poll = select.poll()
        poll.register(life, select.POLLIN)
        if any(event & select.POLLHUP for _, event in poll.poll(0)):
            os._exit(1)
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        for number, fd in ((0, null), (1, output), (2, output)):
            os.dup2(fd, number)
        channel = os.dup2(os.dup(channel), CHANNEL)
        os.closerange(CHANNEL + 1, _MAX_FD)
        flags = linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS
        linux.unshare(flags)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
        _make_root(root, args)
        os.chdir(root)
        linux.pivot_root(".", ".")
        linux.umount(".", linux.MNT_DETACH)
        os.chdir("/tmp")
        _close(ctx)
        os.set_inheritable(CHANNEL, True)
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        environment |= dict(args.get("env") or {}) | {"LADLE_FRONTEND_FD": str(CHANNEL)}
        os.execvpe(program[0], list(program), environment)
    except BaseException as error:
        where = f" ({os.fsdecode(error.filename)})" if isinstance(error, OSError) and error.filename else ""
        os.write(2, f"cannot start the frontend: {getattr(error, 'strerror', None) or error}{where}\n".encode())
    finally:
        os._exit(127)


def _make_root(root: str, args: Mapping[str, Any]) -> None:
    if args.get("root") is None:
        linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=16m,mode=755")
        for source, target in (*interpreter.files(machine=bool(args.get("machine"))), *args.get("files", ())):
            _bind_into(root, source, target)
    for name in ("proc", "dev", "tmp"):
        os.makedirs(f"{root}/{name}", mode=0o755, exist_ok=True)
    linux.mount("proc", f"{root}/proc", "proc", _QUIET)
    linux.mount("tmpfs", f"{root}/dev", "tmpfs", linux.MS_NOSUID | linux.MS_NOEXEC, "mode=755,size=64k")
    for name in ("null", "zero", "urandom", "random"):
        os.close(os.open(f"{root}/dev/{name}", os.O_CREAT | os.O_WRONLY, 0o644))
        linux.mount(f"/dev/{name}", f"{root}/dev/{name}", None, linux.MS_BIND)
    linux.mount("tmpfs", f"{root}/tmp", "tmpfs", _QUIET, f"mode=1777,size={FRONTEND_FILE_BYTES}")
    linux.mount(None, f"{root}/dev", None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID)
    linux.mount(root, root, None, linux.MS_BIND | linux.MS_REC)
    linux.mount(None, root, None, linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.mount_flags(root))


def _bind_into(root: str, source: str, target: str) -> None:
    """Bind a file or directory read-only, or repeat a symbolic link of the machine's."""
    place = f"{root}{target}"
    os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), place)
        return
    if os.path.isdir(source):
        os.makedirs(place, mode=0o755, exist_ok=True)
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o755))
    linux.bind(source, place, read_only=True, nodev=True)


def _close(ctx: JobContext) -> None:
    """Give up everything: limits, capabilities, the user, and most system calls."""
    code = seccomp.program(frontend=True)
    limits = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _FILES),
        (resource.RLIMIT_FSIZE, FRONTEND_FILE_BYTES),
        (resource.RLIMIT_DATA, FRONTEND_MEMORY_BYTES),
        (resource.RLIMIT_CPU, FRONTEND_CPU_SECONDS),
        (resource.RLIMIT_NPROC, FRONTEND_PROCESSES),
    )
    for kind, limit in limits:
        resource.setrlimit(kind, (limit, limit))
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    for number in range(_LAST_CAPABILITY + 1):
        try:
            linux.prctl(linux.PR_CAPBSET_DROP, number)
        except OSError:
            break
    if not ctx.single_uid:
        user = 20_000 + int.from_bytes(os.urandom(4)) % (40_000 if ctx.rootless else 1 << 30)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    linux.capset(0, 0, 0)
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    linux.prctl(linux.PR_SET_DUMPABLE, 0)
    seccomp.install(code)
