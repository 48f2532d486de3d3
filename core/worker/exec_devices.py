# SPDX-License-Identifier: Apache-2.0
"""The device cgroup of steps that run as real root: device nodes may be made, but only harmless ones opened.

One child cgroup of ours (v2, alone or beside v1) carries a BPF program; the worker's front joins it once and every
step inherits it. Limits that we are under stay in force, as it is a child of the cgroup that we are in. Inside a
user namespace none of this is needed: there the kernel opens no device node.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from ladle.core.worker import linux

_NAME = "ladle-steps"
_TRIES = 20

_NR_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_BPF_PROG_LOAD, _BPF_PROG_ATTACH = 5, 8
_PROG_TYPE_CGROUP_DEVICE, _ATTACH_CGROUP_DEVICE = 15, 6

_BLOCK_DEVICE, _CHARACTER_DEVICE, _MAKE_ONLY = 1, 2, 1
_ACCESS = {"m": 1, "r": 2, "w": 4}
_TERMINALS = 136
_ALLOWED = ((1, (3, 5, 7, 8, 9)), (5, (0, 1, 2)))
"""null zero full random urandom; tty console ptmx. Terminals (major 136) are allowed whole."""

_LOAD, _AND, _SHIFT, _COPY, _SET, _EQUAL, _UNEQUAL, _EXIT = 0x61, 0x54, 0x74, 0xBC, 0xB7, 0x15, 0x55, 0x95

_joined: bool | None = None


class Rule(NamedTuple):
    """A device that one step may open, beside those that all may; `access` is of r, w and m."""

    character: bool
    major: int
    minor: int
    access: str


def guarded() -> bool:
    """Put this process under the device program if it is not yet; says whether that could be done."""
    global _joined
    if _joined is None:
        try:
            _join()
            _joined = True
        except OSError:
            _joined = False
    return _joined


def _join() -> None:
    """Enter the cgroup; another process may remove an empty one at any moment, so try again then."""
    path = os.path.join(_current_cgroup(), _NAME)
    _enter(path, ())


def _enter(path: str, rules: Sequence[Rule]) -> None:
    for _ in range(_TRIES):
        try:
            os.mkdir(path, 0o755)
        except FileExistsError:
            pass
        try:
            _attach(path, rules)
            _move(path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise
    raise OSError(errno.EAGAIN, "the cgroup keeps vanishing", path)


def _move(path: str) -> None:
    with open(f"{path}/cgroup.procs", "w", encoding="ascii") as members:
        members.write("0")


@contextmanager
def other_cgroup(rules: Sequence[Rule] | None) -> Iterator[None]:
    """Put this process, which is guarded, under a program with more rules meanwhile; None: under none at all."""
    parent = _current_cgroup()
    usual = os.path.join(parent, _NAME)
    path = parent if rules is None else f"{usual}-{os.readlink('/proc/self')}"  # getpid() is 1 in every job
    if rules is None:
        _move(parent)
    else:
        _enter(path, rules)
    try:
        yield
    finally:
        _enter(usual, ())
        if rules is not None:
            _remove_unused(parent)


def remove_unused() -> None:
    """Remove what workers have left that ended or were killed; what is in use stays, and is made anew if need be."""
    with suppress(OSError):
        _remove_unused(_current_cgroup())


def _remove_unused(parent: str) -> None:
    """Remove the cgroups of steps that nobody is in: ours, and those of killed jobs."""
    for name in os.listdir(parent):
        if name.startswith(_NAME):
            with suppress(OSError):
                os.rmdir(f"{parent}/{name}")


def _current_cgroup() -> str:
    with open("/proc/self/cgroup", encoding="utf-8", errors="surrogateescape") as table:
        paths = [line.rstrip("\n").partition("::")[2] for line in table if line.startswith("0::")]
    for mount in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if (
            paths
            and os.path.exists(f"{mount}{paths[0]}/cgroup.procs")
            and os.path.exists(f"{mount}/cgroup.controllers")
        ):
            above, _, name = paths[0].rstrip("/").rpartition("/")
            return mount + (above if name.startswith(_NAME) else paths[0].rstrip("/"))
    raise OSError(errno.ENOENT, "no cgroup v2 hierarchy")


def program(rules: Sequence[Rule] = ()) -> bytes:
    """The eBPF program: r1 -> {access << 16 | type, major, minor}; returns 1 to allow."""
    code = [
        _instruction(_LOAD, 2, 1, 0),
        _instruction(_COPY, 3, 2),
        _instruction(_SHIFT, 3, operand=16),
        _instruction(_AND, 2, operand=0xFFFF),
        _instruction(_LOAD, 4, 1, 4),
        _instruction(_LOAD, 5, 1, 8),
        *_when(_UNEQUAL, 3, _MAKE_ONLY, 2),
        *_verdict(1),
        *(instruction for rule in rules for instruction in _rule(rule)),
        *_when(_EQUAL, 2, _CHARACTER_DEVICE, 2),
        *_verdict(0),
        *_when(_UNEQUAL, 4, _TERMINALS, 2),
        *_verdict(1),
    ]
    for major, minors in _ALLOWED:
        code += _when(_UNEQUAL, 4, major, 3 * len(minors))
        for minor in minors:
            code += [*_when(_UNEQUAL, 5, minor, 2), *_verdict(1)]
    return b"".join([*code, *_verdict(0)])


def _rule(rule: Rule) -> list[bytes]:
    """Allow one device, for no more than its kinds of access."""
    refused = 7 & ~sum(_ACCESS[letter] for letter in set(rule.access))
    return [
        *_when(_UNEQUAL, 2, _CHARACTER_DEVICE if rule.character else _BLOCK_DEVICE, 7),
        *_when(_UNEQUAL, 4, rule.major, 6),
        *_when(_UNEQUAL, 5, rule.minor, 5),
        _instruction(_COPY, 0, 3),
        _instruction(_AND, 0, operand=refused),
        *_when(_UNEQUAL, 0, 0, 2),
        *_verdict(1),
    ]


def _instruction(code: int, target: int, source: int = 0, offset: int = 0, operand: int = 0) -> bytes:
    return struct.pack("=BBhi", code, target | source << 4, offset, operand)


def _when(code: int, register: int, operand: int, skip: int) -> list[bytes]:
    """Skip the next instructions if the comparison holds."""
    return [_instruction(code, register, 0, skip, operand)]


def _verdict(value: int) -> list[bytes]:
    return [_instruction(_SET, 0, operand=value), _instruction(_EXIT, 0)]


def _attach(path: str, rules: Sequence[Rule]) -> None:
    code = ctypes.create_string_buffer(program(rules))
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    load = struct.pack(
        "=IIQQ", _PROG_TYPE_CGROUP_DEVICE, (len(code) - 1) // 8, ctypes.addressof(code), ctypes.addressof(licence)
    )
    loaded = _bpf(_BPF_PROG_LOAD, load)
    try:
        cgroup = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _bpf(_BPF_PROG_ATTACH, struct.pack("=IIII", cgroup, loaded, _ATTACH_CGROUP_DEVICE, 0))
        finally:
            os.close(cgroup)
    finally:
        os.close(loaded)


def _bpf(command: int, attributes: bytes) -> int:
    number = _NR_BPF.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "bpf: unknown machine type")
    record = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result: int = linux.libc().syscall(number, command, record, len(record))
    if result < 0:
        raise linux.failure()
    return result
