# SPDX-License-Identifier: Apache-2.0
"""Platform strings as containerd writes them: `linux/amd64`, `linux/arm/v7`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ladle.core.api.errors import UsageError

if TYPE_CHECKING:
    from ladle.llb.ops import Platform

_MACHINES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i386": ("386", ""),
    "i686": ("386", ""),
}
_ARCHES = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm",
    ],
)
_SYSTEMS = frozenset(
    [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "illumos",
        "ios",
        "js",
        "linux",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "wasip1",
        "windows",
    ],
)


def parse_platform(text: str) -> Platform:
    """Return the normalised platform of `os[/arch[/variant]]`, `arch` or `local`; raises `UsageError` for the rest.

    Follows containerd's `platforms.Parse`: `arm64/v8` has no variant, `arm` alone is `v7`.
    """
    from ladle.llb.ops import Platform

    if text == "local":
        return local_platform()
    parts = text.strip().lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(
        part and part.replace("_", "").replace("-", "").replace(".", "").isalnum() for part in parts
    ):
        raise UsageError(
            f"invalid platform {text!r}", code="LA0101", help="write it as os/arch[/variant], such as linux/amd64"
        )
    if len(parts) == 1:
        name = parts[0]
        if name in _SYSTEMS:
            host = local_platform()
            return Platform(os=name, architecture=host.architecture, variant=host.variant)
        parts = ["linux", name]
    system, arch = ("darwin" if parts[0] == "macos" else parts[0]), parts[1]
    arch, default_variant = _MACHINES.get(arch, (arch, ""))
    if len(parts) < 3 and (system not in _SYSTEMS or arch not in _ARCHES):
        raise UsageError(
            f"unknown platform {text!r}", code="LA0101", help="write it as os/arch[/variant], such as linux/amd64"
        )
    variant = parts[2] if len(parts) == 3 else default_variant
    if arch == "arm64" and variant in ("8", "v8"):
        variant = ""
    if arch == "arm":
        variant = {"": "v7", "5": "v5", "6": "v6", "7": "v7", "8": "v8"}.get(variant, variant)
    if arch == "amd64" and variant == "v1":
        variant = ""
    return Platform(os=system, architecture=arch, variant=variant)


def format_platform(platform: Platform) -> str:
    """Return `os/arch[/variant]`."""
    base = f"{platform.os}/{platform.architecture}"
    return f"{base}/{platform.variant}" if platform.variant else base


def local_platform() -> Platform:
    """Return the platform of this machine."""
    from ladle.llb.ops import Platform

    machine = os.uname().machine
    arch, variant = _MACHINES.get(machine, (machine, ""))
    return Platform(os="linux", architecture=arch, variant=variant)
