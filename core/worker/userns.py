# SPDX-License-Identifier: Apache-2.0
"""Becoming root where we are not: the user namespace of an ordinary user's worker, and why it may not work.

With `newuidmap` and ranges in /etc/subuid and /etc/subgid the namespace has many ids; without, exactly one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux

_SEARCH = os.pathsep.join(["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
_DONE = "done"
_INITIAL_MAP = ["0", "0", "4294967295"]


class Standing(NamedTuple):
    """What this process is to the kernel: `rootless` in a user namespace, `single_uid` with one id only.

    `reason` says why there is only one, for people.
    """

    rootless: bool
    single_uid: bool
    reason: str = ""


class Range(NamedTuple):
    """`length` ids from `start` on, as a line of /etc/subuid grants them."""

    start: int
    length: int


def enter() -> Standing:
    """Make this single-threaded process root of a user namespace unless it is root, with mounts of its own, private.

    Raises `BuildError` saying what forbids it and what to do.
    """
    standing = _as_root() if os.geteuid() == 0 else _as_user()
    _own_mounts(rootless=standing.rootless)
    return standing


def _as_root() -> Standing:
    if not linux.effective_capabilities() & 1 << linux.CAP_SYS_ADMIN:
        raise BuildError(
            "root without CAP_SYS_ADMIN cannot build: this looks like a container without privileges",
            code="WK0001",
            notes=["steps run in namespaces with mounts of their own, which needs this capability"],
            help="start the container with --privileged (or --cap-add SYS_ADMIN and without seccomp and AppArmor), "
            "or run ladle as an ordinary user",
        )
    with open("/proc/self/uid_map", encoding="ascii") as table:
        lines = [line.split() for line in table]
    if lines == [_INITIAL_MAP]:
        return Standing(rootless=False, single_uid=False)
    single = sum(int(line[2]) for line in lines) == 1
    return Standing(
        rootless=True, single_uid=single, reason="the surrounding user namespace has one id" if single else ""
    )


def _as_user() -> Standing:
    uid, gid = os.getuid(), os.getgid()
    commands, reason = plan(uid, gid)
    mapper = _Mapper(commands, os.getpid()) if commands else None
    try:
        linux.unshare(linux.CLONE_NEWUSER)
    except OSError as error:
        if mapper is not None:
            mapper.abandon()
        raise forbidden(error) from error
    if mapper is not None:
        reason = mapper.map()
    if reason:
        _map_single(uid, gid)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    if not reason:
        os.setgroups([])
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    return Standing(rootless=True, single_uid=bool(reason), reason=reason)


class _Mapper:
    """A process left in the outer user namespace, which runs newuidmap and newgidmap for us once we have ours."""

    def __init__(self, commands: Sequence[list[str]], target: int) -> None:
        go_read, self._go = os.pipe()
        self._answer, answer_write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._go)
                os.close(self._answer)
                linux.die_with_parent(target)
                if os.read(go_read, 1):
                    os.write(answer_write, _run_all(commands).encode(errors="replace"))
            finally:
                os._exit(0)
        os.close(go_read)
        os.close(answer_write)

    def map(self) -> str:
        """Have the maps written; returns why not, "" if they are."""
        os.write(self._go, b"1")
        answer = b""
        while part := os.read(self._answer, 4096):
            answer += part
        self.abandon()
        text = answer.decode(errors="replace")
        return "" if text == _DONE else text or "newuidmap did not answer"

    def abandon(self) -> None:
        """End the helper."""
        os.close(self._go)
        os.close(self._answer)
        os.waitpid(self._pid, 0)


def _run_all(commands: Sequence[list[str]]) -> str:
    """Run the commands in order; returns `_DONE`, or what the first that failed says."""
    for command in commands:
        reader, writer = os.pipe()
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
        pid = os.posix_spawn(command[0], command, {"PATH": _SEARCH, "LC_ALL": "C"}, file_actions=actions)
        os.close(writer)
        os.close(null)
        said = b""
        while part := os.read(reader, 4096):
            said += part
        os.close(reader)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if status != 0:
            return said.decode(errors="replace").strip() or f"{command[0]} ended with status {status}"
    return _DONE


def plan(uid: int, gid: int) -> tuple[list[list[str]], str]:
    """Return the newuidmap and newgidmap commands for this process, or none and why there can be none."""
    names = [str(uid)]
    try:
        import pwd

        names.append(pwd.getpwuid(uid).pw_name)
    except KeyError:
        pass
    commands: list[list[str]] = []
    for tool, table, own in (("newuidmap", "/etc/subuid", uid), ("newgidmap", "/etc/subgid", gid)):
        program = _find(tool)
        if program is None:
            return [], f"{tool} is not installed (Debian: apt-get install uidmap)"
        ranges = read_ranges(table, names)
        if not ranges:
            grant = f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {names[-1]}"
            return [], f"{table} has no line for {names[-1]} (as root: {grant})"
        commands.append([program, str(os.getpid()), *map_arguments(own, ranges)])
    return commands, ""


def _find(tool: str) -> str | None:
    """Return the path of a program, None if it is not there. (`shutil` takes 3 ms to import.)"""
    paths = (os.path.join(directory, tool) for directory in _SEARCH.split(os.pathsep))
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def read_ranges(table: str, names: Sequence[str]) -> list[Range]:
    """Return all ranges that a table such as /etc/subuid grants to any of the names."""
    ranges: list[Range] = []
    try:
        with open(table, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                fields = line.strip().split(":")
                if len(fields) == 3 and fields[0] in names and fields[1].isdecimal() and fields[2].isdecimal():
                    granted = Range(int(fields[1]), int(fields[2]))
                    if granted.length > 0 and granted not in ranges:
                        ranges.append(granted)
    except OSError:
        return []
    return ranges


def map_arguments(own: int, ranges: Sequence[Range]) -> list[str]:
    """Return the arguments of newuidmap: our own id becomes 0, the ranges follow from 1 on."""
    arguments = ["0", str(own), "1"]
    inside = 1
    for granted in ranges:
        arguments += [str(inside), str(granted.start), str(granted.length)]
        inside += granted.length
    return arguments


def _map_single(uid: int, gid: int) -> None:
    """Map our own ids alone; whatever half of the maps was written before stays."""
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        try:
            fd = os.open(f"/proc/self/{path}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(fd, text.encode())
            finally:
                os.close(fd)
        except OSError as error:
            if path == "setgroups" or error.errno == errno.EPERM:
                continue
            raise forbidden(error) from error


def _own_mounts(*, rootless: bool) -> None:
    """Leave the surrounding mount namespace and cut all propagation."""
    try:
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    except OSError as error:
        if not rootless:
            raise BuildError(
                f"this root may not make a mount namespace: {error.strerror}",
                code="WK0001",
                help="in a container: run it with --privileged, or without its seccomp and AppArmor profiles",
            ) from error
        raise BuildError(
            f"an ordinary user may not mount in a user namespace here: {error.strerror}",
            code="WK0003",
            notes=["Ubuntu 23.10 and newer forbid it unless an AppArmor profile allows it"],
            help="as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, "
            "or install an AppArmor profile with `userns,` for this Python; or run ladle as root",
        ) from error


def forbidden(error: OSError) -> BuildError:
    """Explain why a user namespace could not be made."""
    notes = [f"making a user namespace failed: {os.strerror(error.errno or 0)}"]
    if error.errno in (errno.ENOSPC, errno.EUSERS):
        notes.append("the limit user.max_user_namespaces is reached or 0")
        advice = "as root: sysctl -w user.max_user_namespaces=15000"
    else:
        notes.append("a seccomp filter (Docker, Kubernetes) or kernel.unprivileged_userns_clone=0 forbids it")
        advice = (
            "as root: sysctl -w kernel.unprivileged_userns_clone=1; in a container: --security-opt seccomp=unconfined"
        )
    return BuildError("an ordinary user cannot run steps on this machine", code="WK0002", notes=notes, help=advice)
