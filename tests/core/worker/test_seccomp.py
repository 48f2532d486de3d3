# SPDX-License-Identifier: Apache-2.0
"""The system call filter: its tables, its program run by the kernel, and its OCI form."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path

import pytest

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux, seccomp

CLONE3, UNSHARE, CLONE, X32_GETPID = 435, 272, 56, 0x40000000 + 39
HEADERS = {0: "x86_64-linux-gnu/asm/unistd_64.h", 1: "x86_64-linux-gnu/asm/unistd_32.h", 2: "asm-generic/unistd.h"}


def _filtered(*call: int, frontend: bool = False) -> int:
    """Make a system call in a forked process under the filter; returns its errno, 0 for success."""
    pid = os.fork()
    if pid == 0:
        seccomp.install(seccomp.program(frontend=frontend))
        libc = linux.libc()
        result = libc.syscall(*(ctypes.c_long(number) for number in call))
        if result == 0 and call[0] == CLONE:
            os._exit(0)
        os._exit(ctypes.get_errno() if result == -1 else 0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.root
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ((UNSHARE, linux.CLONE_NEWNS), errno.EPERM),
        ((CLONE3, 0, 0), errno.ENOSYS),
        ((CLONE, linux.CLONE_NEWUSER | 17, 0, 0, 0, 0), errno.EPERM),
        ((CLONE, linux.CLONE_NEWNET | 17, 0, 0, 0, 0), errno.EPERM),
        ((X32_GETPID,), errno.ENOSYS),
        ((165, 0, 0, 0, 0, 0), errno.EPERM),
        ((425, 1, 0), errno.EPERM),
        ((39,), 0),
        ((CLONE, 17, 0, 0, 0, 0), 0),
    ],
)
def test_the_kernel_obeys_the_program(call: tuple[int, ...], expected: int) -> None:
    if os.uname().machine != "x86_64":
        assert seccomp.program()
        return
    assert _filtered(*call) == expected


@pytest.mark.root
@pytest.mark.parametrize(
    ("call", "expected"),
    [((41, 2, 1, 0), errno.EPERM), ((41, 40, 1, 0), errno.EPERM), ((41, 1, 1, 0), 0), ((319, 0, 9), errno.EPERM)],
)
def test_frontends_have_no_sockets_and_no_uncounted_memory(call: tuple[int, ...], expected: int) -> None:
    if os.uname().machine != "x86_64":
        assert len(seccomp.program(frontend=True)) > len(seccomp.program())
        return
    assert _filtered(*call, frontend=True) == expected
    if call[0] == 41 and call[1] == 2:
        assert _filtered(*call) != errno.EPERM


@pytest.mark.parametrize("frontend", [False, True])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64", "riscv64"])
def test_programs_are_well_formed(machine: str, frontend: bool) -> None:
    code = seccomp.program(machine, frontend=frontend)
    steps = list(struct.iter_unpack("=HBBI", code))
    assert len(steps) < 4096
    for index, (kind, if_true, if_false, operand) in enumerate(steps):
        jumps = [operand] if kind == 0x05 else [if_true, if_false]
        assert all(index + 1 + jump < len(steps) or kind == 0x06 for jump in jumps)
    assert steps[-1] == (0x06, 0, 0, 0x80000000)


def test_an_unknown_machine_is_the_users_error() -> None:
    with pytest.raises(BuildError, match="no system call filter for vax"):
        seccomp.program("vax")
    assert seccomp.oci_section("vax") is None


def test_numbers_are_the_kernels() -> None:
    import re

    denied = seccomp._DENIED | seccomp._DENIED_TO_FRONTENDS
    for column, name in HEADERS.items():
        header = Path("/usr/include") / name
        if header.exists():
            defined = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
            table = {call: numbers[column] for call, numbers in denied.items()}
            assert {call: number for call, number in table.items() if call in defined} == {
                call: int(defined[call]) for call in table if call in defined
            }


def test_the_oci_section_has_the_same_rules() -> None:
    section = seccomp.oci_section("x86_64")
    assert section is not None
    first, third, *clones = section["syscalls"]
    assert set(first["names"]) == set(seccomp._DENIED)
    assert (third["names"], third["errnoRet"]) == (["clone3"], errno.ENOSYS)
    assert {rule["args"][0]["value"] for rule in clones} == set(seccomp._NAMESPACE_FLAGS)
