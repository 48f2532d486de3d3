# SPDX-License-Identifier: Apache-2.0
"""Steps for other machines: whether this kernel runs their programs, by itself or by an emulator in binfmt_misc.

The kernel picks an emulator by the first bytes of a program, so each entry is asked whether it would take the ELF
header of a program of the platform. (https://docs.kernel.org/admin-guide/binfmt-misc.html)
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladle.core.api.errors import BuildError
from ladle.core.api.platforms import local_platform

if TYPE_CHECKING:
    from ladle.llb.ops import Platform

BINFMT = "/proc/sys/fs/binfmt_misc"
_NATIVE = {"amd64": ("386",), "arm64": ("arm",)}
"""Which other architectures a kernel runs besides its own."""
_ELF = {
    "386": (1, "<", 3),
    "amd64": (2, "<", 62),
    "arm": (1, "<", 40),
    "arm64": (2, "<", 183),
    "loong64": (2, "<", 258),
    "mips": (1, ">", 8),
    "mips64": (2, ">", 8),
    "mips64le": (2, "<", 8),
    "mipsle": (1, "<", 8),
    "ppc64": (2, ">", 21),
    "ppc64le": (2, "<", 21),
    "riscv64": (2, "<", 243),
    "s390x": (2, ">", 22),
}
"""Class, byte order and machine number of each architecture's programs."""
_EXECUTABLE = 2
_REFUSAL = b"exec format error"
_MAX_ENTRY = 4096


@dataclass(frozen=True, slots=True)
class Emulator:
    """An entry of binfmt_misc that takes a platform's programs."""

    name: str
    interpreter: str
    fixed: bool
    """The kernel holds the interpreter open (flag F), so that steps need not have it in their own root."""


def is_native(platform: Platform) -> bool:
    """Say whether this machine runs the platform's programs by itself."""
    here = local_platform()
    if platform.os != here.os:
        return False
    return platform.architecture in (here.architecture, *_NATIVE.get(here.architecture, ()))


def emulator_of(platform: Platform, directory: str = BINFMT) -> Emulator | None:
    """Return what runs the platform's programs here, None if nothing does."""
    header = _header(platform.architecture)
    if platform.os != "linux" or header is None or _text(f"{directory}/status") != "enabled":
        return None
    found = []
    for name in sorted(os.listdir(directory)):
        entry = _fields(_text(f"{directory}/{name}")) if name not in ("register", "status") else {}
        if "enabled" in entry and _takes(entry, header):
            found.append(Emulator(name, entry.get("interpreter", ""), "F" in entry.get("flags", "")))
    return next((each for each in found if each.fixed), found[0] if found else None)


class Foreign:
    """A step of another platform: watches its output, and knows why it failed if that is for want of an emulator.

    It is not refused beforehand: what is called an image for another platform may hold programs of this one.
    """

    def __init__(self, platform: Platform, directory: str = BINFMT) -> None:
        self._platform = platform
        self._emulator = emulator_of(platform, directory)
        self._refused = False
        self._end = b""

    def see(self, data: bytes) -> None:
        """Look at output of the step for what the kernel says of programs that it cannot run."""
        text = self._end + data.lower()
        self._refused = self._refused or _REFUSAL in text
        self._end = text[-len(_REFUSAL) :]

    def failure(self, error: BuildError) -> BuildError:
        """Return a step's error, or the better one that says what is missing."""
        if self._emulator is None:
            return missing_emulator(self._platform) if self._refused else error
        if self._emulator.fixed:
            return error
        return BuildError(
            error.message, code=error.code, notes=[*error.notes, _unfixed(self._emulator)], help=error.help
        )


def foreign(platform: Platform | None) -> Foreign | None:
    """Return a watcher of a step of this platform, None where this machine runs such steps by itself."""
    return None if platform is None or is_native(platform) else Foreign(platform)


def missing_emulator(platform: Platform) -> BuildError:
    """Return: nothing here runs the platform's programs."""
    if platform.os != "linux":
        return BuildError(
            f"steps for {platform} cannot run on {local_platform()}",
            code="LA0407",
            help="only steps for linux can run here: COPY what they would make from a stage with "
            "FROM --platform=$BUILDPLATFORM",
        )
    return BuildError(
        f"steps for {platform} cannot run on {local_platform()}: no emulator is registered for them",
        code="LA0407",
        notes=[f"{BINFMT} has no enabled entry that takes programs for {platform.architecture}"],
        help="register one with `apt-get install qemu-user-static binfmt-support` (as root on this machine, not in the "
        "build), or run the step in a stage with FROM --platform=$BUILDPLATFORM and cross-compile there",
    )


def _unfixed(emulator: Emulator) -> str:
    """Return what to say of a failed step whose emulator has to be in the step's own root."""
    return (
        f"the emulator {emulator.interpreter} is registered as {emulator.name!r} without the flag F, so it is looked "
        "for in the step's own root: register it again with F (qemu-user-static does), or COPY it into the image"
    )


def _header(architecture: str) -> bytes | None:
    """Return how a program of an architecture begins."""
    known = _ELF.get(architecture)
    if known is None:
        return None
    width, order, machine = known
    ident = b"\x7fELF" + bytes([width, 1 if order == "<" else 2, 1]) + bytes(9)
    return ident + struct.pack(f"{order}HHI", _EXECUTABLE, machine, 1)


def _takes(entry: dict[str, str], header: bytes) -> bool:
    try:
        offset = int(entry.get("offset", "0"))
        magic = bytes.fromhex(entry["magic"])
        mask = bytes.fromhex(entry["mask"]) if "mask" in entry else b"\xff" * len(magic)
    except (KeyError, ValueError):
        return False
    part = header[offset : offset + len(magic)]
    if not magic or offset < 0 or len(part) < len(magic) or len(mask) != len(magic):
        return False
    return all(byte & keep == wanted & keep for byte, keep, wanted in zip(part, mask, magic, strict=True))


def _fields(text: str) -> dict[str, str]:
    """Return an entry's lines by their first word, without its colon (`flags: OCF`)."""
    pairs = (line.partition(" ") for line in text.splitlines())
    return {name.rstrip(":"): value.strip() for name, _, value in pairs}


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_ENTRY).decode("ascii", "replace").strip()
    except OSError:
        return ""
