# SPDX-License-Identifier: Apache-2.0
"""The system calls that a step may not make: one deny list, as a cBPF program and as the section of an OCI config.

Everything is allowed but: calls that reach the kernel's global state, other namespaces or new mounts (EPERM), `clone`
with a flag that makes a namespace (EPERM), and `clone3` (ENOSYS: its flags lie behind a pointer, libc falls back to
`clone`). The x32 interface answers ENOSYS; calls by an architecture without a table kill the process.

A frontend that came with a build may do less than a step: no sockets but of the family unix, no memory that its limits
do not count (memfd, System V), no look into other processes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from typing import Any

from ladle.core.api.errors import BuildError
from ladle.core.worker import linux

# (x86_64, i386, and the generic table of aarch64 and riscv64); -1 where it does not exist
_DENIED: dict[str, tuple[int, int, int]] = {
    "_sysctl": (156, 149, -1),
    "acct": (163, 51, 89),
    "add_key": (248, 286, 217),
    "bdflush": (-1, 134, -1),
    "bpf": (321, 357, 280),
    "clock_adjtime": (305, 343, 266),
    "clock_settime": (227, 264, 112),
    "clock_settime64": (-1, 404, 404),
    "create_module": (174, 127, -1),
    "delete_module": (176, 129, 106),
    "fanotify_init": (300, 338, 262),
    "finit_module": (313, 350, 273),
    "fsconfig": (431, 431, 431),
    "fsmount": (432, 432, 432),
    "fsopen": (430, 430, 430),
    "fspick": (433, 433, 433),
    "get_kernel_syms": (177, 130, -1),
    "init_module": (175, 128, 105),
    "io_uring_enter": (426, 426, 426),
    "io_uring_register": (427, 427, 427),
    "io_uring_setup": (425, 425, 425),
    "ioperm": (173, 101, -1),
    "iopl": (172, 110, -1),
    "kexec_file_load": (320, -1, 294),
    "kexec_load": (246, 283, 104),
    "keyctl": (250, 288, 219),
    "lookup_dcookie": (212, 253, 18),
    "mbind": (237, 274, 235),
    "migrate_pages": (256, 294, 238),
    "mount": (165, 21, 40),
    "mount_setattr": (442, 442, 442),
    "move_mount": (429, 429, 429),
    "move_pages": (279, 317, 239),
    "nfsservctl": (180, 169, 42),
    "open_by_handle_at": (304, 342, 265),
    "open_tree": (428, 428, 428),
    "open_tree_attr": (467, 467, 467),
    "perf_event_open": (298, 336, 241),
    "pivot_root": (155, 217, 41),
    "query_module": (178, 167, -1),
    "quotactl": (179, 131, 60),
    "quotactl_fd": (443, 443, 443),
    "reboot": (169, 88, 142),
    "request_key": (249, 287, 218),
    "set_mempolicy": (238, 276, 237),
    "set_mempolicy_home_node": (450, 450, 450),
    "setdomainname": (171, 121, 162),
    "sethostname": (170, 74, 161),
    "setns": (308, 346, 268),
    "settimeofday": (164, 79, 170),
    "stime": (-1, 25, -1),
    "swapoff": (168, 115, 225),
    "swapon": (167, 87, 224),
    "sysfs": (139, 135, -1),
    "syslog": (103, 103, 116),
    "umount": (-1, 22, -1),
    "umount2": (166, 52, 39),
    "unshare": (272, 310, 97),
    "uselib": (134, 86, -1),
    "userfaultfd": (323, 374, 282),
    "ustat": (136, 62, -1),
    "vhangup": (153, 111, 58),
    "vm86": (-1, 166, -1),
    "vm86old": (-1, 113, -1),
}
_DENIED_TO_FRONTENDS: dict[str, tuple[int, int, int]] = {
    "chroot": (161, 61, 51),
    "ipc": (-1, 117, -1),
    "kcmp": (312, 349, 272),
    "memfd_create": (319, 356, 279),
    "memfd_secret": (447, 447, 447),
    "mq_open": (240, 277, 180),
    "msgget": (68, 399, 186),
    "name_to_handle_at": (303, 341, 264),
    "pidfd_getfd": (438, 438, 438),
    "process_vm_readv": (310, 347, 270),
    "process_vm_writev": (311, 348, 271),
    "ptrace": (101, 26, 117),
    "semget": (64, 393, 190),
    "shmget": (29, 395, 194),
    "socketcall": (-1, 102, -1),
}
_SOCKETS = ((41, 359, 198), (53, 360, 199))  # socket and socketpair
_CLONE = (56, 120, 220)
_CLONE3 = (435, 435, 435)
_NAMESPACE_FLAGS = (
    linux.CLONE_NEWNS,
    linux.CLONE_NEWCGROUP,
    linux.CLONE_NEWUTS,
    linux.CLONE_NEWIPC,
    linux.CLONE_NEWUSER,
    linux.CLONE_NEWPID,
    linux.CLONE_NEWNET,
)

# machine -> (AUDIT_ARCH of the kernel's calls, column) of each interface that its processes can use
_INTERFACES: dict[str, tuple[tuple[int, int], ...]] = {
    "x86_64": ((0xC000003E, 0), (0x40000003, 1)),
    "aarch64": ((0xC00000B7, 2),),
    "riscv64": ((0xC00000F3, 2),),
}
_OCI_ARCHITECTURES: dict[str, list[str]] = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "riscv64": ["SCMP_ARCH_RISCV64"],
}
_AUDIT_ARCH_X86_64 = 0xC000003E
_X32_BIT = 0x40000000

_LOAD_WORD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_FIRST_ARGUMENT = 0, 4, 16
_SECCOMP_MODE_FILTER = 2


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def _equal_returns(number: int, verdict: int) -> bytes:
    return _instruction(_JUMP_EQUAL, number, 0, 1) + _instruction(_RETURN, verdict)


def _unix_only(number: int) -> list[bytes]:
    """Let a call through if its first argument is the family unix."""
    return [
        _instruction(_JUMP_EQUAL, number, 0, 4),
        _instruction(_LOAD_WORD, _OFFSET_FIRST_ARGUMENT),
        _instruction(_JUMP_EQUAL, socket.AF_UNIX, 0, 1),
        _instruction(_RETURN, _ALLOW),
        _instruction(_RETURN, _ERRNO | errno.EPERM),
    ]


def _section(arch: int, column: int, *, frontend: bool) -> bytes:
    """The checks for one architecture; ends in a verdict for every call."""
    not_permitted = _ERRNO | errno.EPERM
    code = [_instruction(_LOAD_WORD, _OFFSET_NUMBER)]
    if arch == _AUDIT_ARCH_X86_64:
        code += [
            _instruction(_JUMP_AT_LEAST, _X32_BIT, 0, 1),
            _instruction(_RETURN, _ERRNO | errno.ENOSYS),
        ]
    table = _DENIED | _DENIED_TO_FRONTENDS if frontend else _DENIED
    denied = sorted(numbers[column] for numbers in table.values() if numbers[column] >= 0)
    if frontend:
        code += [each for numbers in _SOCKETS for each in _unix_only(numbers[column])]
    code += [_equal_returns(number, not_permitted) for number in denied]
    code.append(_equal_returns(_CLONE3[column], _ERRNO | errno.ENOSYS))
    code += [
        _instruction(_JUMP_EQUAL, _CLONE[column], 0, 3),
        _instruction(_LOAD_WORD, _OFFSET_FIRST_ARGUMENT),
        _instruction(_JUMP_ANY_BIT, sum(_NAMESPACE_FLAGS), 0, 1),
        _instruction(_RETURN, not_permitted),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(code)


def program(machine: str | None = None, *, frontend: bool = False) -> bytes:
    """Return the cBPF program for this (or the named) machine: for steps, or the narrower one for frontends.

    Raises `BuildError` where there is no table.
    """
    name = machine or os.uname().machine
    interfaces = _INTERFACES.get(name)
    if interfaces is None:
        raise BuildError(
            f"the native executor has no system call filter for {name}",
            code="EX0020",
            help="install crun, and leave the choice of the executor to ladle",
        )
    code = [_instruction(_LOAD_WORD, _OFFSET_ARCH)]
    for arch, column in interfaces:
        section = _section(arch, column, frontend=frontend)
        # a section is longer than a conditional jump reaches: skip it by an unconditional one
        code.append(_instruction(_JUMP_EQUAL, arch, 1, 0))
        code.append(_instruction(0x05, len(section) // 8))
        code.append(section)
    code.append(_instruction(_RETURN, _KILL_PROCESS))
    return b"".join(code)


def install(code: bytes) -> None:
    """Put the filter on this thread, for good; needs CAP_SYS_ADMIN, so that no_new_privs can stay off."""
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    argument = ctypes.create_string_buffer(header, len(header))
    linux.prctl(linux.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(argument))


def oci_section(machine: str | None = None) -> dict[str, Any] | None:
    """Return the same rules as `linux.seccomp` of an OCI config; None where the architecture has no name there."""
    architectures = _OCI_ARCHITECTURES.get(machine or os.uname().machine)
    if architectures is None:
        return None
    clone = [
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": errno.EPERM,
            "args": [{"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}],
        }
        for flag in _NAMESPACE_FLAGS
    ]
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": architectures,
        "syscalls": [
            {"names": sorted(_DENIED), "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS},
            *clone,
        ],
    }
